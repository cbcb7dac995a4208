/** What a rule of sharding sees and says: layouts that an operation wants of its inputs, the layout of its result, and how a rank computes its part. */

import { isZeros } from "../identities.ts";
import type { OpKind } from "../ops.ts";
import type { Tensor } from "../tensor.ts";
import { axesOfDimension, type DimensionLayout, keepingAxes, type ShardLayout, splitDimension } from "./layout.ts";
import type { Mesh, MeshAxis } from "./mesh.ts";
import type { RankBuilder } from "./rank-builder.ts";

export interface RuleContext<K extends OpKind = OpKind> {
  readonly node: Tensor<K>;
  /** Of the inputs; partial only where `keptPartial` let them. */
  readonly layouts: readonly ShardLayout[];
  readonly mesh: Mesh;
  /** The layout that what reads the result would like best. */
  readonly hint: ShardLayout | undefined;
  /** Is an input there before the program runs, as parameters are? */
  isGiven(input: number): boolean;
}

export interface PlacementPlan {
  readonly inputs: readonly ShardLayout[];
  readonly output: ShardLayout;
  /** The rank's part of the result of its parts of the inputs; the operation itself where absent. */
  readonly make?: (local: readonly Tensor[], rank: RankBuilder) => Tensor;
  /** Inputs are gathered because there is nothing better. */
  readonly isFallback?: true;
}
export type ShardRule<K extends OpKind> = (c: RuleContext<K>) => PlacementPlan;

/** Zeros are zeros in any layout, and as any summand. */
export const isZeroInput = (c: RuleContext, input: number): boolean => isZeros(c.node.inputs[input]!);

/** A dimension without some axes. */
export const droppingAxes = (d: DimensionLayout, axes: readonly MeshAxis[]): DimensionLayout =>
  keepingAxes(
    d,
    axesOfDimension(d).filter(a => !axes.includes(a)),
  );

/** A dimension parted over the axes that it has, each rank's part in one piece; whole where that cannot be. */
export function inOnePiece(d: DimensionLayout, size: number, mesh: Mesh): DimensionLayout {
  const axes = axesOfDimension(d);
  return splitDimension(size, axes, mesh) ?? keepingAxes(d, []);
}

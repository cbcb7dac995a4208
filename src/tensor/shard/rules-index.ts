/**
 * Rules of looking up and writing by number. Along a parted axis a rank looks up what it has and gives zeros for the rest, so the ranks' results are
 * summands: the embedding and the loss over a parted vocabulary (Shoeybi et al. 2019, "Megatron-LM", section 3). Writing is the transpose of that.
 */
import * as f from "../functions.ts";
import { Tensor } from "../tensor.ts";
import {
  axesOfDimension,
  type DimensionLayout,
  isSplit,
  localSize,
  type ShardLayout,
  shardOffsets,
  unionLayout,
  wholeLayout,
  withDimension,
  withPartial,
} from "./layout.ts";
import type { MeshAxis } from "./mesh.ts";
import type { RankBuilder } from "./rank-builder.ts";
import { droppingAxes, inOnePiece, isZeroInput, type RuleContext, type ShardRule } from "./rule.ts";

/** Numbers of a parted dimension as a rank counts them: those that it has not are 0, and are told by `isOwn`. */
function ownNumbers(index: Tensor, parted: DimensionLayout, rank: RankBuilder): { readonly at: Tensor; readonly isOwn: Tensor } {
  const first = shardOffsets({ dimensions: [parted], partial: [] }, rank.mesh, rank.at)[0]!;
  const local = f.sub(index, first);
  const isOwn = f.and(f.lessEqual(0, local), f.less(local, localSize(parted, rank.mesh)));
  return { at: f.select(isOwn, local, 0), isOwn };
}

const wholeDimension = (size: number): DimensionLayout => wholeLayout([size]).dimensions[0]!;
const axesOf = (dimensions: readonly DimensionLayout[]): MeshAxis[] => dimensions.flatMap(axesOfDimension);
/** Dimensions without axes that others have. */
const without = (dimensions: readonly DimensionLayout[], axes: readonly MeshAxis[]): DimensionLayout[] =>
  dimensions.map(d => droppingAxes(d, axes));

export const looked: ShardRule<"gather"> = ({ node, layouts: [lx, li], mesh }) => {
  const { axis } = node.attributes;
  const [x, index] = node.inputs as [Tensor, Tensor];
  const parted = inOnePiece(lx!.dimensions[axis]!, x.shape[axis]!, mesh);
  const from = withDimension(lx!, axis, parted);
  const numbers = without(li!.dimensions, axesOf(from.dimensions));
  const dimensions = [...from.dimensions.slice(0, axis), ...numbers, ...from.dimensions.slice(axis + 1)];
  const plan = {
    inputs: [from, { dimensions: numbers, partial: [] }],
    output: withPartial({ dimensions, partial: [] }, axesOfDimension(parted)),
  };
  if (!isSplit(parted)) return plan;
  return {
    ...plan,
    make: ([rows, given], rank) => {
      const { at, isOwn } = ownNumbers(given!, parted, rank);
      const found = f.gather(rows!, at, axis);
      const shape = [
        ...found.shape.slice(0, axis).map(() => 1),
        ...given!.shape,
        ...found.shape.slice(axis + index.shape.length).map(() => 1),
      ];
      return f.select(f.reshape(isOwn, shape), found, 0);
    },
  };
};

/** Dimensions that operands share, beside the one along which numbers select. */
function sharedBeside(c: RuleContext, axis: number, operands: readonly number[], taken: readonly MeshAxis[]): DimensionLayout[] {
  const { dimensions } = unionLayout(
    c.node.shape.with(axis, 1),
    operands.map(i => ({
      shape: c.node.inputs[i]!.shape.with(axis, 1),
      layout: { dimensions: without(c.layouts[i]!.dimensions.with(axis, []), taken), partial: [] },
    })),
  );
  return [...dimensions];
}

export const takenAlong: ShardRule<"takeAlong"> = c => {
  const { node, layouts, mesh } = c;
  const { axis } = node.attributes;
  const [x, index] = node.inputs as [Tensor, Tensor];
  const parted = inOnePiece(layouts[0]!.dimensions[axis]!, x.shape[axis]!, mesh);
  const shared = sharedBeside(c, axis, [0, 1], axesOfDimension(parted));
  const of = (d: DimensionLayout): ShardLayout => ({ dimensions: shared.with(axis, d), partial: [] });
  const numbers = of(wholeDimension(index.shape[axis]!));
  const plan = { inputs: [of(parted), numbers], output: withPartial(numbers, axesOfDimension(parted)) };
  if (!isSplit(parted)) return plan;
  return {
    ...plan,
    make: ([values, given], rank) => {
      const { at, isOwn } = ownNumbers(given!, parted, rank);
      return f.select(isOwn, f.takeAlong(values!, at, axis), 0);
    },
  };
};

/** How the dimension that is written along is parted: as what is written to has it, or, for zeros, as the result's reader would like it. */
function writtenDimension(c: RuleContext, at: number): DimensionLayout {
  const wanted = isZeroInput(c, 0) ? c.hint?.dimensions[at] : c.layouts[0]!.dimensions[at];
  return inOnePiece(wanted ?? [], c.node.shape[at]!, c.mesh);
}

export const putAlongRule: ShardRule<"putAlong"> = c => {
  const { node } = c;
  const { axis } = node.attributes;
  const parted = writtenDimension(c, axis);
  const shared = sharedBeside(c, axis, [0, 1, 2], axesOfDimension(parted));
  const of = (d: DimensionLayout): ShardLayout => ({ dimensions: shared.with(axis, d), partial: [] });
  const numbers = of(wholeDimension(node.inputs[1]!.shape[axis]!));
  const plan = { inputs: [of(parted), numbers, numbers], output: of(parted) };
  if (!isSplit(parted)) return plan;
  return {
    ...plan,
    make: ([x, given, values], rank) => {
      const { at, isOwn } = ownNumbers(given!, parted, rank);
      return f.putAlong(x!, at, f.select(isOwn, values!, 0), axis);
    },
  };
};

/** x [V, ...], numbers [S...], rows [S..., ...]. Rows that ranks have parts of give summands; x is one of them, on one rank. */
export const scattered: ShardRule<"scatterRows"> = c => {
  const { node, layouts } = c;
  const [x, index, rows] = node.inputs as [Tensor, Tensor, Tensor];
  const count = index.shape.length;
  const adds = node.attributes.mode === "add";
  const parted = adds ? writtenDimension(c, 0) : wholeDimension(x.shape[0]!);
  const taken = axesOfDimension(parted);
  const own = { dimensions: without(layouts[2]!.dimensions, taken), partial: [] };
  const listed = unionLayout(index.shape, [
    { shape: index.shape, layout: { dimensions: own.dimensions.slice(0, count), partial: [] } },
    { shape: index.shape, layout: { dimensions: without(layouts[1]!.dimensions, taken), partial: [] } },
  ]).dimensions;
  const numbers = adds ? listed : index.shape.map(wholeDimension);
  const used = [...taken, ...axesOf(numbers)];
  const inner = unionLayout(x.shape.slice(1), [
    { shape: x.shape.slice(1), layout: { dimensions: without(layouts[0]!.dimensions.slice(1), used), partial: [] } },
    { shape: x.shape.slice(1), layout: { dimensions: without(own.dimensions.slice(count), used), partial: [] } },
  ]).dimensions;
  const sums = layouts[2]!.partial.filter(axis => !used.includes(axis));
  const partial = [...axesOf(numbers), ...sums];
  const to: ShardLayout = { dimensions: [parted, ...inner], partial: [] };
  const plan = {
    inputs: [
      isZeroInput(c, 0) ? to : withPartial(to, partial),
      { dimensions: numbers, partial: [] },
      { dimensions: [...numbers, ...inner], partial: sums },
    ],
    output: withPartial(to, partial),
  };
  if (!isSplit(parted)) return plan;
  return {
    ...plan,
    make: ([table, given, added], rank) => {
      const { at, isOwn } = ownNumbers(given!, parted, rank);
      const mask = f.reshape(isOwn, [...given!.shape, ...rows.shape.slice(count).map(() => 1)]);
      return new Tensor("scatterRows", [table!, at, f.select(mask, added!, 0)], { mode: "add" });
    },
  };
};

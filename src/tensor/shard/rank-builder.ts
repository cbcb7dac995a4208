/**
 * What one rank does to have a value in another layout: gathers, reductions, parts taken of what is whole. Which of them is needed depends on the
 * layouts alone, never on the rank, so all ranks meet in the same collectives in the same order; each has a number by which it is known.
 */
import { bytesOf } from "../dtype.ts";
import * as f from "../functions.ts";
import type { OpKind } from "../ops.ts";
import { constant, isCollective, Tensor } from "../tensor.ts";
import {
  axesOfDimension,
  bearsSum,
  canonical,
  type DimensionLayout,
  keepingAxes,
  localShape,
  localSize,
  type ShardLayout,
  sameDimension,
  splitAxes,
  withDimension,
  withPartial,
} from "./layout.ts";
import type { Mesh, MeshAxis, MeshCoordinates } from "./mesh.ts";

/** A collective of a sharded program. */
export interface ShardedCollective {
  readonly kind: "allReduce" | "allGather" | "reduceScatter";
  readonly axis: MeshAxis;
  /** Of the whole array that is reduced or gathered, on one rank. */
  readonly bytes: number;
  /** The operation of the program that wanted it; "output" for the program's results. */
  readonly for: OpKind | "output";
  /** The operation has no rule of its own: it takes its inputs whole. */
  readonly isFallback?: true;
}

/** Axes of a dimension that stay where they are when it gets another layout. */
function keptAxes(from: DimensionLayout, to: DimensionLayout): MeshAxis[] {
  const both = axesOfDimension(from).filter(axis => axesOfDimension(to).includes(axis));
  return sameDimension(keepingAxes(from, both), keepingAxes(to, both)) ? both : [];
}

const withoutFactorAxis = (d: DimensionLayout, axis: MeshAxis): DimensionLayout => d.map(f => (f.axis === axis ? { size: f.size } : f));

export class RankBuilder {
  readonly mesh: Mesh;
  readonly at: MeshCoordinates;
  readonly collectives: ShardedCollective[] = [];
  /** What collectives are made for now. */
  reason: Pick<ShardedCollective, "for" | "isFallback"> = { for: "output" };

  constructor(mesh: Mesh, at: MeshCoordinates) {
    this.mesh = mesh;
    this.at = at;
  }

  #collective(made: Tensor): Tensor {
    if (!isCollective(made)) return made;
    const { kind, attributes, inputs } = made;
    const [x] = inputs as [Tensor];
    const bytes = kind === "allGather" ? bytesOf(made.shape, made.dtype) : bytesOf(x.shape, x.dtype);
    const order = this.collectives.length;
    this.collectives.push({ kind, axis: attributes.axis, bytes, ...this.reason });
    return new Tensor(kind, [x], { ...attributes, order });
  }
  allReduce(x: Tensor, axis: MeshAxis, reduce: "sum" | "max" = "sum"): Tensor {
    return this.#collective(f.allReduce(x, axis, this.mesh.sizes[axis], reduce));
  }

  /** The same value with each of a dimension's factors a dimension of its own, for one that changes a factor; and back. */
  #onFactor(x: Tensor, at: number, factors: DimensionLayout, index: number, change: (y: Tensor, dimension: number) => Tensor): Tensor {
    const [before, after] = [x.shape.slice(0, at), x.shape.slice(at + 1)];
    const sizes = factors.map(factor => localSize([factor], this.mesh));
    const y = change(f.reshape(x, [...before, ...sizes, ...after]), at + index);
    const size = y.shape.slice(at, at + factors.length).reduce((n, d) => n * d, 1);
    return f.reshape(y, [...before, size, ...after]);
  }

  /**
   * The ranks' parts along a dimension. They are gathered one behind another, as they lie in memory, and put in place by this rank's own program.
   */
  #gatherAlong(y: Tensor, axis: MeshAxis, dimension: number): Tensor {
    const parts = this.mesh.sizes[axis];
    const all = this.#collective(f.allGather(f.reshape(y, [1, ...y.shape]), axis, parts, 0));
    const order = y.shape.map((_, i) => i + 1).toSpliced(dimension, 0, 0);
    return f.reshape(
      f.transpose(all, order),
      y.shape.map((d, i) => (i === dimension ? d * parts : d)),
    );
  }

  /** The rank's part along a dimension of a sum over ranks; the parts lie one behind another for that. */
  #scatterAlong(y: Tensor, axis: MeshAxis, dimension: number): Tensor {
    const parts = this.mesh.sizes[axis];
    const own = y.shape.map((d, i) => (i === dimension ? d / parts : d));
    const cut = f.reshape(y, [...own.slice(0, dimension), parts, ...own.slice(dimension)]);
    const order = [dimension, ...cut.shape.map((_, i) => i).filter(i => i !== dimension)];
    return f.reshape(this.#collective(f.reduceScatter(f.transpose(cut, order), axis, parts, 0)), own);
  }

  #gather(x: Tensor, at: number, factors: DimensionLayout, axis: MeshAxis): Tensor {
    const index = factors.findIndex(factor => factor.axis === axis);
    return this.#onFactor(x, at, factors, index, (y, dimension) => this.#gatherAlong(y, axis, dimension));
  }

  /** The rank's part along an axis that is not yet parted, of a sum over its ranks where it is one. */
  #part(x: Tensor, at: number, factors: DimensionLayout, axis: MeshAxis, isSum: boolean): Tensor {
    const index = factors.findIndex(factor => factor.axis === axis);
    const parts = this.mesh.sizes[axis];
    const size = factors[index]!.size / parts;
    const given = withoutFactorAxis(factors, axis);
    return this.#onFactor(x, at, given, index, (y, dimension) => {
      if (isSum) return this.#scatterAlong(y, axis, dimension);
      const first = this.at[axis] * size;
      return f.slice(y, ...y.shape.map((_, i): [number, number] | undefined => (i === dimension ? [first, first + size] : undefined)));
    });
  }

  /** This rank's part of a value in another layout. */
  convert(local: Tensor, from: ShardLayout, to: ShardLayout): Tensor {
    let x = local;
    let now = from;
    const kept = from.dimensions.map((d, i) => keptAxes(d, to.dimensions[i]!));
    for (const [i, d] of from.dimensions.entries()) {
      let factors = d;
      for (const axis of axesOfDimension(d)) {
        if (kept[i]!.includes(axis)) continue;
        x = this.#gather(x, i, factors, axis);
        factors = withoutFactorAxis(factors, axis);
      }
      now = withDimension(now, i, canonical(factors));
    }
    for (const [i, d] of to.dimensions.entries()) {
      const active = new Set(kept[i]);
      for (const axis of axesOfDimension(d)) {
        if (active.has(axis)) continue;
        active.add(axis);
        const isSum = now.partial.includes(axis);
        const factors = d.map(factor => (factor.axis && active.has(factor.axis) ? factor : { size: factor.size }));
        x = this.#part(x, i, factors, axis, isSum);
        if (isSum)
          now = withPartial(
            now,
            now.partial.filter(a => a !== axis),
          );
      }
      now = withDimension(now, i, d);
    }
    for (const axis of now.partial) if (!to.partial.includes(axis)) x = this.allReduce(x, axis);
    const added = to.partial.filter(axis => !from.partial.includes(axis));
    if (added.length === 0 || bearsSum(added, this.at)) return x;
    // the sum of a whole value and zeros; zeros alone would leave the ranks on which the value depends waiting for this one
    return f.select(constant(0, "bool"), x, 0);
  }

  /** Elements that `convert` sends around: a reduction moves an array twice. */
  cost(from: ShardLayout, to: ShardLayout): number {
    const size = localShape(from, this.mesh).reduce((n, d) => n * d, 1);
    const moved = from.dimensions.flatMap((d, i) => {
      const kept = keptAxes(d, to.dimensions[i]!);
      return axesOfDimension(d).filter(axis => !kept.includes(axis));
    });
    const gathered = moved.reduce((n, axis) => n * this.mesh.sizes[axis], 1);
    const scattered = splitAxes(to);
    const reduced = from.partial.filter(axis => !to.partial.includes(axis));
    const sent = reduced.reduce((sum, axis) => sum + size * (scattered.includes(axis) ? 1 : 2), 0);
    return (moved.length > 0 ? size * gathered : 0) + sent;
  }
}

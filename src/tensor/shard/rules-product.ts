/** Rules of products of matrices, of softmax over a parted vocabulary, and of attention. */
import * as f from "../functions.ts";
import type { OpKind } from "../ops.ts";
import type { Sight } from "../sight.ts";
import { Tensor } from "../tensor.ts";
import {
  axesOfDimension,
  broadcastLayout,
  type DimensionLayout,
  isSplit,
  keepingAxes,
  type ShardLayout,
  sameDimension,
  shardOffsets,
  splitAxes,
  splitDimension,
  unionLayout,
  wholeLayout,
  withPartial,
} from "./layout.ts";
import type { Mesh, MeshAxis } from "./mesh.ts";
import type { RankBuilder } from "./rank-builder.ts";
import { droppingAxes, inOnePiece, type RuleContext, type ShardRule } from "./rule.ts";

const wholeDimension = (size: number): DimensionLayout => wholeLayout([size]).dimensions[0]!;

/** How two sides share the dimension that is summed over: as the side has it that parts it further, as long as the other can be cut so. */
function sharedDimension(a: DimensionLayout, b: DimensionLayout): DimensionLayout {
  if (!isSplit(a)) return b;
  if (!isSplit(b)) return a;
  return sameDimension(keepingAxes(b, axesOfDimension(a)), a) ? b : a;
}

/**
 * [..., M, K] x [..., K, N]. Parted rows M and columns N stay; K that is parted gives summands (Shoeybi et al. 2019, "Megatron-LM": a product by
 * columns, then one by rows). An axis can part one of them: of K and another, K is gathered; of M and N, the side that is no parameter.
 */
export const productRule: ShardRule<"matmul"> = ({ node, layouts: [la, lb], isGiven }) => {
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = node.inputs as [Tensor, Tensor];
  const [ra, rb] = [a.shape.length, b.shape.length];
  const [am, ak] = transposeA ? [ra - 1, ra - 2] : [ra - 2, ra - 1];
  const [bn, bk] = transposeB ? [rb - 2, rb - 1] : [rb - 1, rb - 2];
  const outer = (x: Tensor, l: ShardLayout) => ({
    shape: x.shape.slice(0, -2),
    layout: { dimensions: l.dimensions.slice(0, -2), partial: [] },
  });
  const batch = unionLayout(node.shape.slice(0, -2), [outer(a, la!), outer(b, lb!)]);
  const taken = splitAxes(batch);
  let m = droppingAxes(la!.dimensions[am]!, taken);
  let n = droppingAxes(lb!.dimensions[bn]!, taken);
  if (isGiven(0) && !isGiven(1)) n = droppingAxes(n, axesOfDimension(m));
  else m = droppingAxes(m, axesOfDimension(n));
  const used = [...taken, ...axesOfDimension(m), ...axesOfDimension(n)];
  const k = droppingAxes(sharedDimension(la!.dimensions[ak]!, lb!.dimensions[bk]!), used);
  const side = (x: Tensor, own: DimensionLayout, isTurned: boolean): ShardLayout => ({
    dimensions: [...broadcastLayout(batch, x.shape.slice(0, -2)).dimensions, ...(isTurned ? [k, own] : [own, k])],
    partial: [],
  });
  return {
    inputs: [side(a, m, transposeA), side(b, n, !transposeB)],
    output: withPartial({ dimensions: [...batch.dimensions, m, n], partial: [] }, axesOfDimension(k)),
  };
};

const statistics = new WeakMap<Tensor, { readonly greatest: Tensor; readonly powers: Tensor; readonly sum: Tensor }>();
/** The greatest number of each row of all ranks' parts, the exponentials of what is below it, and their sum. */
function rowStatistics(x: Tensor, axes: readonly MeshAxis[], rank: RankBuilder) {
  const known = statistics.get(x);
  if (known) return known;
  const greatest = axes.reduce((y, axis) => rank.allReduce(y, axis, "max"), f.max(x, -1, true));
  const powers = f.exp(f.sub(x, greatest));
  const sum = axes.reduce((y, axis) => rank.allReduce(y, axis), f.sum(powers, -1, true));
  const made = { greatest, powers, sum };
  statistics.set(x, made);
  return made;
}

/** Softmax of rows that ranks have parts of: the greatest number and the sum are exchanged, not the row. */
export const softmaxRule: ShardRule<"softmax"> = ({ layouts: [l] }) => {
  const axes = axesOfDimension(l!.dimensions.at(-1)!);
  if (axes.length === 0) return { inputs: [l!], output: l! };
  return {
    inputs: [l!],
    output: l!,
    make: ([x], rank) => {
      const { powers, sum } = rowStatistics(x!, axes, rank);
      return f.div(powers, sum);
    },
  };
};

export const logSumExpRule: ShardRule<"logSumExp"> = ({ layouts: [l] }) => {
  const axes = axesOfDimension(l!.dimensions.at(-1)!);
  const output = { ...l!, dimensions: [...l!.dimensions.slice(0, -1), []] };
  if (axes.length === 0) return { inputs: [l!], output };
  return {
    inputs: [l!],
    output,
    make: ([x], rank) => {
      const { greatest, sum } = rowStatistics(x!, axes, rank);
      return f.add(greatest, f.log(sum));
    },
  };
};

/** Leading axes and queries are parted, keys and values whole: q [..., Tq, D], k [..., Tk, D], v [..., Tk, E], mask. */
export const attended: ShardRule<"attention"> = ({ node, layouts }) => {
  const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor?];
  const outer = (x: Tensor, l: ShardLayout) => ({
    shape: x.shape.slice(0, -2),
    layout: { dimensions: l.dimensions.slice(0, -2), partial: [] },
  });
  const batch = unionLayout(
    node.shape.slice(0, -2),
    [q, k, v].map((x, i) => outer(x, layouts[i]!)),
  );
  const queries = droppingAxes(layouts[0]!.dimensions.at(-2)!, splitAxes(batch));
  const side = (x: Tensor, rows: DimensionLayout): ShardLayout => ({
    dimensions: [...broadcastLayout(batch, x.shape.slice(0, -2)).dimensions, rows, wholeDimension(x.shape.at(-1)!)],
    partial: [],
  });
  const keys = wholeDimension(k.shape.at(-2)!);
  const scores = { dimensions: [...batch.dimensions, queries, keys], partial: [] };
  return {
    inputs: [side(q, queries), side(k, keys), side(v, keys), ...(mask ? [broadcastLayout(scores, mask.shape)] : [])],
    output: side(node, queries),
  };
};

/** Sights moved along the keys; one object for one move, by which masks are known. */
const moved = new WeakMap<Sight, Map<number, Sight>>();
function movedSight(sight: Sight, by: number): Sight {
  if (by === 0) return sight;
  const known = moved.get(sight) ?? new Map<number, Sight>();
  moved.set(sight, known);
  const made = known.get(by) ?? { ...sight, offset: (sight.offset ?? 0) + by };
  known.set(by, made);
  return made;
}

type FlashKind = "flashAttention" | "flashLogSum" | "flashGradient";
interface FlashDimensions {
  readonly batch: DimensionLayout;
  readonly heads: DimensionLayout;
  readonly shared: DimensionLayout;
  readonly queries: DimensionLayout;
}

/** Heads are parted where queries and what they look at can be parted alike; queries in one piece, which their keys are counted from. */
function flashDimensions({ node, layouts, mesh }: RuleContext<FlashKind>): FlashDimensions {
  const [q, k] = node.inputs as [Tensor, Tensor];
  const [lq, lk] = layouts as [ShardLayout, ShardLayout];
  const batch = isSplit(lq.dimensions[0]) ? lq.dimensions[0]! : lk.dimensions[0]!;
  const taken = axesOfDimension(batch);
  const headAxes = axesOfDimension(isSplit(lq.dimensions[1]) ? lq.dimensions[1]! : lk.dimensions[1]!).filter(a => !taken.includes(a));
  const [all, groups] = [q.shape[1]!, k.shape[1]!].map(size => splitDimension(size, headAxes, mesh));
  const [heads, shared] = all && groups ? [all, groups] : [wholeDimension(q.shape[1]!), wholeDimension(k.shape[1]!)];
  const rest = droppingAxes(lq.dimensions[2]!, [...taken, ...axesOfDimension(heads)]);
  return { batch, heads, shared, queries: inOnePiece(rest, q.shape[2]!, mesh) };
}

/** Where a rank's queries begin. */
const firstQuery = (queries: DimensionLayout, mesh: Mesh, rank: RankBuilder): number =>
  shardOffsets({ dimensions: [queries], partial: [] }, mesh, rank.at)[0] ?? 0;

/** q [B, H, Tq, D], k [B, K, Tk, D], v [B, K, Tk, E], what was made of them (of a derivative), numbers of queries and keys. */
export const flash: ShardRule<FlashKind> = c => {
  const { node, mesh } = c;
  const { batch, heads, shared, queries } = flashDimensions(c);
  const [q, k, v, ...others] = node.inputs as [Tensor, Tensor, Tensor, ...Tensor[]];
  const of = (...dimensions: DimensionLayout[]): ShardLayout => ({ dimensions, partial: [] });
  const onQueries = (size: number) => of(batch, heads, queries, wholeDimension(size));
  const onKeys = (x: Tensor) => of(batch, shared, wholeDimension(x.shape[2]!), wholeDimension(x.shape[3]!));
  const isDerivative = node.kind === "flashGradient";
  const made = isDerivative ? [onQueries(v.shape[3]!), of(batch, heads, queries), onQueries(v.shape[3]!)] : [];
  const numbers = others.slice(made.length).map((x, i) => of(batch, i === 0 ? queries : wholeDimension(x.shape[1]!)));
  const output = {
    flashAttention: () => onQueries(v.shape[3]!),
    flashLogSum: () => of(batch, heads, queries),
    flashGradient: () => {
      const { of: which } = node.attributes as { readonly of: "query" | "key" | "value" };
      if (which === "query") return onQueries(q.shape[3]!);
      // what a rank's queries make of all keys is a summand
      return withPartial(onKeys(which === "key" ? k : v), axesOfDimension(queries));
    },
  }[node.kind]();
  return {
    inputs: [onQueries(q.shape[3]!), onKeys(k), onKeys(v), ...made, ...numbers],
    output,
    make: (local, rank) => {
      const { attributes } = node;
      const sight = movedSight(attributes.sight, firstQuery(queries, mesh, rank));
      return new Tensor<OpKind>(node.kind, local, { ...attributes, sight });
    },
  };
};

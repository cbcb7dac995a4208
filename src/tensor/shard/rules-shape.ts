/** Rules of operations element by element, of those that move elements, and of reductions. */
import * as f from "../functions.ts";
import type { OpKind } from "../ops.ts";
import { normalAxes, normalAxis } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import {
  axesOfDimension,
  broadcastLayout,
  type DimensionLayout,
  isSplit,
  keepingAxes,
  localShape,
  localSize,
  reshapedShardLayout,
  type ShardLayout,
  splitAxes,
  unionLayout,
  wholeLayout,
  withDimension,
  withPartial,
} from "./layout.ts";
import type { PlacementPlan, RuleContext, ShardRule } from "./rule.ts";
import { droppingAxes } from "./rule.ts";

/** Inputs whole, result whole: right for every operation. */
export const gathered: ShardRule<OpKind> = ({ node }) => ({
  inputs: node.inputs.map(x => wholeLayout(x.shape)),
  output: wholeLayout(node.shape),
  isFallback: true,
});

/** What an input keeps as a summand where the result is one: those of all inputs, which `keptPartial` has made equal. */
const partialOf = (layouts: readonly ShardLayout[]) => layouts[0]!.partial;

export const elementwise: ShardRule<OpKind> = ({ node, layouts }) => {
  const union = unionLayout(
    node.shape,
    node.inputs.map((x, i) => ({ shape: x.shape, layout: layouts[i]! })),
  );
  // a scalar factor of a sum is no summand
  const partial = layouts.find(l => l.partial.length > 0)?.partial ?? [];
  return {
    inputs: node.inputs.map((x, i) => withPartial(broadcastLayout(union, x.shape), layouts[i]!.partial)),
    output: withPartial(union, partial),
  };
};

/** Sums of summands: what is whole is the summand of one rank. */
export const addedUp: ShardRule<"add" | "sub"> = ({ node, layouts }) => {
  const union = unionLayout(
    node.shape,
    node.inputs.map((x, i) => ({ shape: x.shape, layout: layouts[i]! })),
  );
  const partial = layouts.flatMap(l => l.partial).filter(a => !splitAxes(union).includes(a));
  return {
    inputs: node.inputs.map(x => withPartial(broadcastLayout(union, x.shape), partial)),
    output: withPartial(union, partial),
  };
};

export const reshaped: ShardRule<"reshape"> = ({ node, layouts: [l], mesh }) => {
  const { layout, from } = reshapedShardLayout(l!, node.shape, mesh);
  return { inputs: [from], output: layout, make: ([x]) => f.reshape(x!, localShape(layout, mesh)) };
};

export const transposed: ShardRule<"transpose"> = ({ node, layouts: [l] }) => ({
  inputs: [l!],
  output: { ...l!, dimensions: node.attributes.permutation.map(p => l!.dimensions[p]!) },
});

export const broadcast: ShardRule<"broadcastTo"> = ({ node, layouts: [l], mesh }) => {
  const lead = node.shape.length - l!.dimensions.length;
  const from = node.inputs[0]!.shape;
  const dimensions = wholeLayout(node.shape).dimensions.map((d, i) => (from[i - lead] === node.shape[i] ? l!.dimensions[i - lead]! : d));
  const layout = { dimensions, partial: l!.partial };
  return { inputs: [l!], output: layout, make: ([x]) => f.broadcastTo(x!, localShape(layout, mesh)) };
};

/** Dimensions of which a part is taken, or something is put around, are whole. */
const wholeWhere = (l: ShardLayout, changes: (i: number) => boolean): ShardLayout => ({
  ...l,
  dimensions: l.dimensions.map((d, i) => (changes(i) ? keepingAxes(d, []) : d)),
});

export const sliced: ShardRule<"slice"> = ({ node, layouts: [l], mesh }) => {
  const { start, stop, step } = node.attributes;
  const { shape } = node.inputs[0]!;
  const changes = (i: number) => start[i] !== 0 || stop[i] !== shape[i] || step[i] !== 1;
  const from = wholeWhere(l!, changes);
  const output = {
    ...from,
    dimensions: from.dimensions.map((d, i) => (changes(i) ? wholeLayout([node.shape[i]!]).dimensions[0]! : d)),
  };
  const ends = stop.map((s, i) => (changes(i) ? s : localSize(from.dimensions[i]!, mesh)));
  return { inputs: [from], output, make: ([x]) => new Tensor("slice", [x!], { start, stop: ends, step }) };
};

export const padded: ShardRule<"pad"> = ({ node, layouts: [l] }) => {
  const changes = (i: number) => node.attributes.before[i] !== 0 || node.attributes.after[i] !== 0;
  const from = wholeWhere(l!, changes);
  return {
    inputs: [from],
    output: { ...from, dimensions: from.dimensions.map((d, i) => (changes(i) ? wholeLayout([node.shape[i]!]).dimensions[0]! : d)) },
  };
};

export const concatenated: ShardRule<"concat"> = ({ node, layouts }) => {
  const { axis } = node.attributes;
  const others = layouts.map(l => withDimension(l, axis, []));
  const shape = node.shape.with(axis, 1);
  const union = unionLayout(
    shape,
    node.inputs.map((x, i) => ({ shape: x.shape.with(axis, 1), layout: others[i]! })),
  );
  const of = (size: number): ShardLayout => withPartial(withDimension(union, axis, wholeLayout([size]).dimensions[0]!), partialOf(layouts));
  return { inputs: node.inputs.map(x => of(x.shape[axis]!)), output: of(node.shape[axis]!) };
};

/** The layout without the dimensions that are reduced, or with them at size 1. */
const reducedLayout = (l: ShardLayout, gone: readonly number[], keep: boolean): ShardLayout => ({
  ...l,
  dimensions: l.dimensions.flatMap((d, i) => (gone.includes(i) ? (keep ? [[]] : []) : [d])),
});
const goneAxes = (l: ShardLayout, gone: readonly number[]) => gone.flatMap(i => axesOfDimension(l.dimensions[i]!));

/** A sum over a parted dimension is a summand of the whole sum. */
export const summed: ShardRule<"sum" | "mean"> = ({ node, layouts: [l] }) => {
  const { axes, keep } = node.attributes;
  const { shape } = node.inputs[0]!;
  const gone = normalAxes(node.kind, axes, shape.length);
  const parted = goneAxes(l!, gone);
  const plan: PlacementPlan = { inputs: [l!], output: withPartial(reducedLayout(l!, gone, keep), [...l!.partial, ...parted]) };
  if (node.kind === "sum" || parted.length === 0) return plan;
  const count = gone.reduce((n, i) => n * shape[i]!, 1);
  return { ...plan, make: ([x]) => f.mul(f.sum(x!, gone, keep), 1 / count) };
};

export const greatest: ShardRule<"max"> = ({ node, layouts: [l] }) => {
  const { axes, keep } = node.attributes;
  const gone = normalAxes("max", axes, node.inputs[0]!.shape.length);
  const parted = goneAxes(l!, gone);
  return {
    inputs: [l!],
    output: reducedLayout(l!, gone, keep),
    make: ([x], rank) => parted.reduce((y, axis) => rank.allReduce(y, axis, "max"), f.max(x!, gone, keep)),
  };
};

const wholeAlong = (l: ShardLayout, at: number): ShardLayout => withDimension(l, at, keepingAxes(l.dimensions[at]!, []));

export const greatestPlace: ShardRule<"argmax"> = ({ node, layouts: [l] }) => {
  const at = normalAxis("argmax", node.attributes.axis, l!.dimensions.length);
  const from = wholeAlong(l!, at);
  return { inputs: [from], output: reducedLayout(from, [at], false), ...(isSplit(l!.dimensions[at]) ? { isFallback: true } : {}) };
};

export const runningSum: ShardRule<"cumsum"> = ({ node, layouts: [l] }) => {
  const at = normalAxis("cumsum", node.attributes.axis, l!.dimensions.length);
  const from = wholeAlong(l!, at);
  return { inputs: [from], output: from, ...(isSplit(l!.dimensions[at]) ? { isFallback: true } : {}) };
};

/** Rows are computed each by itself: the last dimension is whole, and so are further inputs (weights). */
export const rowwise: ShardRule<OpKind> = ({ node, layouts: [l] }) => {
  const from = wholeAlong(l!, l!.dimensions.length - 1);
  return { inputs: node.inputs.map((x, i) => (i === 0 ? from : wholeLayout(x.shape))), output: from };
};

/** A value, whatever follows it. */
export const orderedRule: ShardRule<"barrier"> = ({ layouts }) => ({ inputs: layouts, output: layouts[0]! });

/** x [B, H, T, D] and angles [B or 1, 1, T, D/2]: D is whole. */
export const turnedRule: ShardRule<"rotary"> = ({ node, layouts }: RuleContext<"rotary">) => {
  const union = unionLayout(
    node.shape,
    node.inputs.map((x, i) => ({ shape: x.shape, layout: i === 0 ? wholeAlong(layouts[0]!, 3) : layouts[i]! })),
  );
  const output = withDimension(union, 3, wholeLayout([node.shape[3]!]).dimensions[0]!);
  const [b, , t] = output.dimensions as [DimensionLayout, DimensionLayout, DimensionLayout];
  const angles = node.inputs.slice(1).map(x => ({
    dimensions: [x.shape[0] === 1 ? [] : droppingAxes(b, []), [], t, wholeLayout([x.shape[3]!]).dimensions[0]!],
    partial: [],
  }));
  return { inputs: [output, ...angles], output };
};

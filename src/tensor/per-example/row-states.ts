/**
 * How the rows of a batch go through each operation: a total table, so an operation that is added does not compile without its row. A value that mixes
 * rows before the loss is summed (batch statistics, a division by the weight of the batch) is refused.
 */

import { isFloat } from "../dtype.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { normalAxes, normalAxis, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import {
  holdsFactor,
  type Layout,
  mergedLayout,
  mixedAxis,
  mixesRows,
  plainAxis,
  plainLayout,
  type RowState,
  reshapedLayout,
  stateOfRows,
  summedRows,
  withoutTokens,
} from "./layout.ts";

interface StateContext<K extends OpKind> {
  readonly node: Tensor<K>;
  readonly inputs: readonly Tensor[];
  readonly states: readonly RowState[];
  readonly attributes: OpAttributes[K];
  /** The states of another program's outputs, for operations that are written with others. */
  readonly through: (output: Tensor, known: ReadonlyMap<Tensor, RowState>) => RowState;
}
export type StateRule<K extends OpKind> = (context: StateContext<K>) => RowState;

const layoutOf = (state: RowState): Layout | undefined => (state?.kind === "rows" ? state.layout : undefined);
const layoutsOf = (states: readonly RowState[]): Layout[] => states.map(layoutOf).filter(l => l !== undefined);
const refuseSummed = (place: string) =>
  mixesRows(
    place,
    "a sum over the batch that is more than added or scaled",
    "Scale the loss by a number that does not depend on the batch, such as 1 / (expected batch size).",
  );

/** Rules for values of rows; sums of rows are refused. */
const ofRows =
  <K extends OpKind>(rule: (context: StateContext<K>) => Layout): StateRule<K> =>
  context => {
    const { states, node } = context;
    if (states.some(s => s?.kind === "summed")) throw refuseSummed(node.kind);
    return states.some(s => s) ? stateOfRows(rule(context)) : undefined;
  };

/** Tokens are those of the floats, of which the gradient is. */
const elementwise = ofRows<OpKind>(({ node, inputs, states }) => {
  const floats = inputs.map((x, i) => (isFloat(x.dtype) ? states[i] : undefined));
  const ofFloats = layoutsOf(floats);
  const merged = mergedLayout(node.kind, layoutsOf(states), node.shape.length, true);
  if (ofFloats.length === 0) return merged;
  const kept = mergedLayout(node.kind, ofFloats, node.shape.length);
  return merged.map((axis, i) => (holdsFactor(kept[i]!, "token") ? axis : withoutTokens(axis)));
});
/** Linear in one input: what is summed stays a sum. */
const linear =
  (rule: StateRule<OpKind>): StateRule<OpKind> =>
  context =>
    context.states[0]?.kind === "summed" ? summedRows : rule(context);
const additive: StateRule<OpKind> = context => {
  const isSummed = context.states.some(s => s?.kind === "summed");
  if (!isSummed) return elementwise(context);
  if (context.states.some(s => s?.kind === "rows")) throw refuseSummed(context.node.kind);
  return summedRows;
};
/** A product of a sum with what no row enters. */
const scaling =
  (mayBeSecond: boolean): StateRule<OpKind> =>
  context => {
    const [a, b] = context.states;
    const isScaled = (a?.kind === "summed" && !b) || (mayBeSecond && b?.kind === "summed" && !a);
    return isScaled ? summedRows : elementwise(context);
  };
const leaf: StateRule<OpKind> = () => undefined;

const replaced = (layout: Layout, axis: number, by: Layout[number]): Layout => layout.map((a, i) => (i === axis ? by : a));
/** Without what lies along an axis whose elements mix. */
function withMixed(place: string, layout: Layout, axis: number): Layout {
  mixedAxis(place, layout[axis]!);
  return replaced(layout, axis, []);
}
const filled = (state: RowState, shape: Shape): Layout => layoutOf(state) ?? plainLayout(shape);

/** A sum or a mean; over the rows it ends what can be told apart. */
const reduced: StateRule<"sum" | "mean"> = ({ inputs: [x], states: [state], attributes: { axes, keep } }) => {
  const layout = layoutOf(state);
  if (!layout) return state;
  const gone = normalAxes("sum", axes, x!.shape.length);
  if (gone.some(a => holdsFactor(layout[a]!, "row"))) return summedRows;
  return stateOfRows(layout.flatMap((axis, i) => (gone.includes(i) ? (keep ? [[]] : []) : [axis])));
};

/** Along the last axis elements see each other. */
const lastMixed = ofRows<OpKind>(({ node, states }) => {
  const merged = mergedLayout(node.kind, layoutsOf(states), node.shape.length);
  return replaced(merged, merged.length - 1, mixedAxis(node.kind, merged.at(-1) ?? []));
});
const mixedAlong = <K extends OpKind>(axisOf: (attributes: OpAttributes[K], rank: number) => number): StateRule<K> =>
  ofRows<K>(({ node, states: [state], inputs: [x], attributes }) => {
    const layout = filled(state, x!.shape);
    const axis = axisOf(attributes, layout.length);
    return replaced(layout, axis, mixedAxis(node.kind, layout[axis]!));
  });
/** Parts of some axes are taken, or put among others. */
const cut = ofRows<"slice" | "pad">(({ node, inputs: [x], states: [state] }) =>
  filled(state, x!.shape).map((axis, i) => {
    if (node.shape[i] === x!.shape[i]) return axis;
    if (holdsFactor(axis, "row")) throw mixesRows(node.kind, "a part of the rows of the batch");
    return plainAxis(node.shape[i]!);
  }),
);

/** [..., M, K] x [..., K, N]: a token of the product is the left side's. */
function productLayout(
  place: string,
  [a, b]: readonly Tensor[],
  [sa, sb]: readonly RowState[],
  { transposeA, transposeB }: OpAttributes["matmul"],
): Layout {
  const parts = (x: Tensor, state: RowState, isTurned: boolean) => {
    const layout = filled(state, x.shape);
    const [last, before] = [layout.at(-1)!, layout.at(-2)!];
    return { outer: layout.slice(0, -2), first: isTurned ? last : before, second: isTurned ? before : last };
  };
  const [left, right] = [parts(a!, sa, transposeA), parts(b!, sb, transposeB)];
  mixedAxis(place, left.second);
  mixedAxis(place, right.first);
  const rank = Math.max(a!.shape.length, b!.shape.length) - 2;
  const outer = mergedLayout(place, [...(sa ? [left.outer] : []), ...(sb ? [right.outer] : [])], rank);
  const layout = [...outer, left.first, holdsFactor(left.first, "token") ? withoutTokens(right.second) : right.second];
  if (layout.filter(x => holdsFactor(x, "row")).length > 1) throw mixesRows(place, "a product of rows of the batch with each other");
  return layout;
}
const product = ofRows<"matmul">(({ node, inputs, states, attributes }) => productLayout(node.kind, inputs, states, attributes));
const productOfRows = ofRows<OpKind>(({ inputs: [x], states: [state, ...others], node }) => {
  if (others.some(s => s)) throw mixesRows(node.kind, "weights that depend on the batch");
  return [...filled(state, x!.shape).slice(0, -1), plainAxis(node.shape.at(-1)!)];
});

/** Queries with keys and values: leading axes are shared, tokens are the queries'. */
const attended = ofRows<OpKind>(({ node, inputs, states }) => {
  const rank = inputs[0]!.shape.length;
  const outer = states.flatMap((s, i) => {
    const layout = layoutOf(s);
    // of ids [B, T] and of masks that broadcast, the axes that they have
    return layout ? [i < 3 ? layout.slice(0, -2) : layout.length < rank ? layout.slice(0, 1) : layout.slice(0, -2)] : [];
  });
  for (const s of states.slice(0, 3)) for (const axis of layoutOf(s)?.slice(-2) ?? []) mixedAxis(node.kind, axis);
  const padded = outer.map(o => [...o, ...Array.from({ length: rank - 2 - o.length }, () => [])]);
  const queries = filled(states[0], inputs[0]!.shape).at(-2)!;
  const layout = [...mergedLayout(node.kind, padded, rank - 2), queries, plainAxis(node.shape.at(-1)!)];
  return layout.slice(0, node.shape.length);
});

const written = ofRows<"custom" | "call">(({ node }) => {
  throw mixesRows(node.kind, "an operation that no others are written for");
});

const betweenRanks = ofRows<OpKind>(({ node }) => {
  throw mixesRows(node.kind, "values of several ranks");
});

export const rowStates: { readonly [K in OpKind]: StateRule<K> } = {
  input: leaf,
  constant: leaf,
  identity: linear(elementwise),
  stopGradient: linear(elementwise),
  neg: linear(elementwise),
  abs: elementwise,
  sign: elementwise,
  exp: elementwise,
  log: elementwise,
  sqrt: elementwise,
  sin: elementwise,
  cos: elementwise,
  tanh: elementwise,
  erf: elementwise,
  sigmoid: elementwise,
  floor: elementwise,
  not: elementwise,
  cast: linear(elementwise),
  add: additive,
  sub: additive,
  mul: scaling(true),
  div: scaling(false),
  pow: elementwise,
  maximum: elementwise,
  minimum: elementwise,
  equal: elementwise,
  less: elementwise,
  lessEqual: elementwise,
  and: elementwise,
  or: elementwise,
  select: elementwise,
  reshape: ({ inputs: [x], states: [state], attributes: { shape } }) =>
    state?.kind === "rows" ? stateOfRows(reshapedLayout("reshape", filled(state, x!.shape), shape)) : state,
  transpose: ofRows(({ inputs: [x], states: [state], attributes: { permutation } }) => {
    const layout = filled(state, x!.shape);
    return permutation.map(p => layout[p]!);
  }),
  broadcastTo: linear(
    ofRows(({ node, states }) =>
      mergedLayout(node.kind, layoutsOf(states), node.shape.length).map((axis, i) =>
        axis.length === 0 ? plainAxis(node.shape[i]!) : axis,
      ),
    ),
  ),
  slice: cut,
  pad: cut,
  concat: ofRows(({ node, states, attributes: { axis } }) => {
    const layouts = layoutsOf(states).map(l => withMixed(node.kind, l, axis));
    return replaced(mergedLayout(node.kind, layouts, node.shape.length), axis, plainAxis(node.shape[axis]!));
  }),
  sum: reduced,
  mean: reduced,
  max: ofRows(({ node, inputs: [x], states: [state], attributes: { axes, keep } }) => {
    const gone = normalAxes("max", axes, x!.shape.length);
    return filled(state, x!.shape).flatMap((axis, i) => {
      if (!gone.includes(i)) return [axis];
      mixedAxis(node.kind, axis);
      return keep ? [[]] : [];
    });
  }),
  argmax: ofRows(({ node, inputs: [x], states: [state], attributes }) => {
    const layout = filled(state, x!.shape);
    const gone = normalAxis("argmax", attributes.axis, layout.length);
    mixedAxis(node.kind, layout[gone]!);
    return layout.filter((_, i) => i !== gone);
  }),
  cumsum: mixedAlong(({ axis }, rank) => normalAxis("cumsum", axis, rank)),
  gather: ofRows(({ node, inputs: [x, index], states: [state, which], attributes: { axis } }) => {
    if (state && which)
      throw mixesRows(node.kind, "rows of an array of the batch, named by the batch", "Use takeAlong along an axis of the row.");
    const layout = filled(state, x!.shape);
    mixedAxis(node.kind, layout[axis]!);
    return [...layout.slice(0, axis), ...filled(which, index!.shape), ...layout.slice(axis + 1)];
  }),
  takeAlong: ofRows(({ node, states: [state, which], attributes: { axis }, inputs: [, index] }) => {
    const known = layoutOf(state);
    const layouts = [...(known ? [withMixed(node.kind, known, axis)] : []), ...(which ? [filled(which, index!.shape)] : [])];
    const merged = mergedLayout(node.kind, layouts, node.shape.length);
    return merged[axis]!.length > 0 ? merged : replaced(merged, axis, plainAxis(node.shape[axis]!));
  }),
  scatterRows: ofRows(({ node }) => {
    throw mixesRows(node.kind, "rows written by number");
  }),
  putAlong: ofRows(({ node, states, attributes: { axis } }) => {
    const layouts = layoutsOf(states).map(l => withMixed(node.kind, l, axis));
    return replaced(mergedLayout(node.kind, layouts, node.shape.length), axis, plainAxis(node.shape[axis]!));
  }),
  matmul: product,
  matmulAdd: ofRows(({ node, inputs, states, attributes }) => {
    const [a, b, c] = states;
    const made = a || b ? [productLayout(node.kind, inputs, [a, b], attributes)] : [];
    return mergedLayout(node.kind, [...made, ...layoutsOf([c])], node.shape.length);
  }),
  matmulBlocks: productOfRows,
  matmulRows: productOfRows,
  randomUniform: ofRows(({ node }) => {
    throw mixesRows(node.kind, "a seed that depends on the batch");
  }),
  allReduce: betweenRanks,
  allGather: betweenRanks,
  reduceScatter: betweenRanks,
  barrier: ({ states: [state] }) => state,
  call: written,
  custom: ({ inputs, states, attributes: { operation }, through, node }) => {
    if (!states.some(s => s)) return undefined;
    if (!operation.expand) throw mixesRows(operation.name, "an operation without expand", "Give its definition an expand.");
    const written = operation.expand(inputs);
    return through(written, new Map(inputs.map((x, i) => [x, states[i]]))) ?? stateOfRows(plainLayout(node.shape));
  },
  softmax: lastMixed,
  logSumExp: ofRows(({ node, inputs: [x], states: [state] }) => {
    const layout = filled(state, x!.shape);
    mixedAxis(node.kind, layout.at(-1)!);
    return [...layout.slice(0, -1), []];
  }),
  gelu: elementwise,
  silu: elementwise,
  relu: elementwise,
  squaredRelu: elementwise,
  rotary: ofRows(({ node, inputs: [x], states: [state, cos, sin] }) => {
    const angles = layoutsOf([cos, sin]).map(l => [...l.slice(0, -1), []]);
    const layout = filled(state, x!.shape);
    const merged = mergedLayout(node.kind, [...(state ? [[...layout.slice(0, -1), []]] : []), ...angles], layout.length);
    return replaced(merged, merged.length - 1, mixedAxis(node.kind, layout.at(-1)!));
  }),
  layerNorm: lastMixed,
  rmsNorm: lastMixed,
  attention: attended,
  flashAttention: attended,
  flashLogSum: attended,
  flashGradient: ofRows(({ node }) => {
    throw mixesRows(node.kind, "a derivative inside the loss");
  }),
};

/**
 * For tests: how far a graph's results in float32 may lie from those in exact arithmetic, as another graph. Each operation's error is what it makes of
 * its operands' errors and its own rounding (running error analysis: Wilkinson 1963; Higham, "Accuracy and Stability of Numerical Algorithms",
 * 2002, chapter 3). A sum of n counts n roundings, whatever its order.
 */
import { reachable, withInputs } from "./body.ts";
import { abs, add, div, exp, full, isFloatTensor, max, maximum, mul, select, sub, sum, zeros } from "./functions.ts";
import type { Graph } from "./graph.ts";
import type { OpKind } from "./ops.ts";
import { isKind, type Tensor } from "./tensor.ts";

/** Half the distance from 1 to the next float32, and to the next bf16. */
const [unit, bf16Unit] = [2 ** -24, 2 ** -8];
/** What functions may be off by beside their operands' errors, of their value: ours and the engine's are below. */
const functionError = 2 ** -17;

/** An error, or none. */
type Bound = Tensor | undefined;
const plus = (...bounds: readonly Bound[]): Bound => bounds.reduce((a, b) => (a && b ? add(a, b) : (a ?? b)), undefined);
const times = (x: Tensor, b: Bound): Bound => b && mul(abs(x), b);
const whole = (t: Tensor, b: Bound): Tensor => b ?? zeros(t.shape);
const rounding = (t: Tensor, times = 1): Tensor => mul(abs(t), times * unit);

interface Given {
  readonly t: Tensor;
  readonly inputs: readonly Tensor[];
  readonly errors: readonly Bound[];
  /** Operands of large products are rounded to bf16. */
  readonly roundsProducts: boolean;
}
type Rule = (g: Given) => Bound;

/** What moves elements moves their errors. */
const moved: Rule = ({ t, inputs, errors }) =>
  errors.some(e => e !== undefined)
    ? withInputs(
        t,
        inputs.map((x, i) => (isFloatTensor(x) ? whole(x, errors[i]) : x)),
      )
    : undefined;
const kept: Rule = ({ errors: [e] }) => e;
const summed: Rule = ({ t, errors: [ea, eb] }) => plus(ea, eb, rounding(t));
/** Of a function whose slope is nowhere above `slope`. */
const smooth =
  (slope: number): Rule =>
  ({ t, errors: [e] }) =>
    plus(e && mul(e, slope), mul(abs(t), functionError));

const rules: { readonly [K in OpKind]?: Rule } = {
  constant: () => undefined,
  input: () => undefined,
  identity: kept,
  stopGradient: kept,
  barrier: kept,
  neg: kept,
  abs: kept,
  sign: () => undefined,
  floor: () => undefined,
  add: summed,
  sub: summed,
  mul: ({ t, inputs: [a, b], errors: [ea, eb] }) => plus(times(b!, ea), times(a!, eb), ea && eb && mul(ea, eb), rounding(t)),
  div: ({ t, inputs: [, b], errors: [ea, eb] }) => {
    const least = eb ? maximum(sub(abs(b!), eb), 1e-30) : abs(b!);
    const off = plus(ea, times(t, eb));
    return plus(off && div(off, least), rounding(t));
  },
  sqrt: ({ t, errors: [e] }) => plus(e && div(e, maximum(t, 1e-15)), rounding(t)),
  exp: ({ t, errors: [e] }) => plus(e && mul(t, sub(exp(e), 1)), mul(t, functionError)),
  sigmoid: smooth(0.25),
  tanh: smooth(1),
  erf: smooth(2 / Math.sqrt(Math.PI)),
  maximum: ({ t, inputs: [a, b], errors: [ea, eb] }) => (ea || eb ? add(zeros(t.shape), maximum(whole(a!, ea), whole(b!, eb))) : undefined),
  minimum: ({ t, inputs: [a, b], errors: [ea, eb] }) => (ea || eb ? add(zeros(t.shape), maximum(whole(a!, ea), whole(b!, eb))) : undefined),
  equal: () => undefined,
  less: () => undefined,
  lessEqual: () => undefined,
  and: () => undefined,
  or: () => undefined,
  not: () => undefined,
  cast: kept,
  select: ({ inputs: [c, a, b], errors: [, ea, eb] }) => (ea || eb ? select(c!, whole(a!, ea), whole(b!, eb)) : undefined),
  reshape: moved,
  transpose: moved,
  broadcastTo: moved,
  slice: moved,
  pad: moved,
  concat: moved,
  gather: moved,
  takeAlong: moved,
  max: ({ t, inputs: [x], errors: [e] }) =>
    isKind(t, "max") && e ? max(add(e, zeros(x!.shape)), t.attributes.axes, t.attributes.keep) : undefined,
  sum: ({ t, inputs: [x], errors: [e] }) => {
    if (!isKind(t, "sum")) return undefined;
    const { axes, keep } = t.attributes;
    const ofRow = (y: Tensor) => sum(y, axes, keep);
    return plus(e && ofRow(add(e, zeros(x!.shape))), mul(ofRow(abs(x!)), (unit * x!.size) / Math.max(1, t.size)));
  },
  scatterRows: ({ t, inputs: [x, places, rows], errors: [ex, , er] }) => {
    const within = (a: Tensor, b: Tensor) => withInputs(t, [a, places!, b]);
    const own = mul(within(abs(x!), abs(rows!)), unit * places!.size);
    return plus(own, ex || er ? within(whole(x!, ex), whole(rows!, er)) : undefined);
  },
  matmul: ({ t, inputs: [a, b], errors: [ea, eb], roundsProducts }) => {
    if (!isKind(t, "matmul")) return undefined;
    const { transposeA, alpha } = t.attributes;
    const inner = a!.shape.at(transposeA ? -2 : -1)!;
    const of = (x: Tensor, y: Tensor): Tensor => {
      const product = withInputs(t, [add(x, zeros(a!.shape)), add(y, zeros(b!.shape))]);
      return alpha < 0 ? mul(product, -1) : product;
    };
    const [x, y] = [abs(a!), abs(b!)];
    const off = mul(of(x, y), (inner + 2) * unit + (roundsProducts ? 2 * bf16Unit + bf16Unit ** 2 : 0));
    return plus(off, ea && of(ea, y), eb && of(x, eb), ea && eb && of(ea, eb));
  },
};

/** The errors of a graph's results, over the same inputs; the graph has no composites. Throws for an operation without a rule. */
export function errorBounds(g: Graph, options: { readonly roundsProducts: boolean }): Tensor[] {
  const bounds = new Map<Tensor, Bound>();
  for (const t of reachable(g.outputs)) {
    const rule = rules[t.kind];
    if (!rule) throw new Error(`no error of ${t.kind} is known`);
    bounds.set(t, rule({ t, inputs: t.inputs, errors: t.inputs.map(x => bounds.get(x)), ...options }));
  }
  return g.outputs.map(t => add(whole(t, bounds.get(t)), full(t.shape, 1e-30)));
}

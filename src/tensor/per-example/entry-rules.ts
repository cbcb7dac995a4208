/**
 * What each example adds to the gradient of a parameter that enters an operation together with rows of a batch: a total table, so an operation that is
 * added does not compile without its row. `byExample` fits any operation, at the price of one more product an example; rows of their own are for what
 * models use.
 */

import { sizeOf } from "../dtype.ts";
import * as f from "../functions.ts";
import type { GradientRule } from "../gradient.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { Tensor } from "../tensor.ts";
import { membership, type Ownership, rowMajor, spreadNumbers } from "./examples.ts";
import { type Layout, mixesRows, plainLayout } from "./layout.ts";
import type { Term } from "./terms.ts";

export interface EntryContext<K extends OpKind> {
  readonly node: Tensor<K>;
  readonly inputs: readonly Tensor[];
  /** Of each input, plain where no row enters. */
  readonly layouts: readonly Layout[];
  readonly attributes: OpAttributes[K];
  /** The parameter's place among the inputs. */
  readonly at: number;
  /** Of the result's shape and layout. */
  readonly cotangent: Tensor;
  readonly layout: Layout;
  readonly examples: Ownership;
  /** The operation's ordinary gradient. */
  readonly rule: GradientRule<K>;
  readonly vjp: Parameters<GradientRule<K>>[0]["vjp"];
}
type EntryRule<K extends OpKind> = (context: EntryContext<K>) => readonly Term[];

const ordinary = <K extends OpKind>(c: EntryContext<K>, inputs: readonly Tensor[], cotangent: Tensor): Tensor => {
  const d = c.rule({ inputs, output: c.node, cotangent, attributes: c.attributes, vjp: c.vjp })[c.at];
  return d instanceof Tensor ? f.cast(d, "f32") : f.zeros(inputs[c.at]!.shape);
};

/** The gradient of each example by itself: the cotangent with the others' part taken out. */
const byExample = <K extends OpKind>(c: EntryContext<K>): readonly Term[] => {
  const shape = c.inputs[c.at]!.shape;
  const { count } = c.examples;
  const own = Array.from({ length: count }, (_, e) => {
    const one = f.oneHot(f.reshape(f.full([1], e, "i32"), []), count);
    const mask = f.cast(spreadNumbers(c.node.kind, one, c.layout, c.examples), c.cotangent.dtype);
    return f.reshape(ordinary(c, c.inputs, f.mul(c.cotangent, mask)), [1, ...shape]);
  });
  return [{ kind: "dense", value: own.length === 1 ? own[0]! : f.concat(own, 0) }];
};

/** Of what is added up over all but the last axis, with the parts [...] of a layout: [E, C]. */
function summedParts<K extends OpKind>(c: EntryContext<K>, parts: Tensor, layout: Layout): Term {
  const shape = c.inputs[c.at]!.shape;
  const { x, owner } = rowMajor(c.node.kind, parts, layout, c.examples);
  const { rows, count } = c.examples;
  const [, m, channels] = x.shape as [number, number, number];
  const all = owner
    ? f.matmul(membership(f.reshape(owner, [rows * m]), count), f.reshape(x, [rows * m, channels]), { transposeA: true })
    : f.sum(x, 1);
  const value = sizeOf(shape) === 1 ? f.sum(all, 1) : all;
  return { kind: "dense", value: f.reshape(value, [count, ...shape]) };
}

/** A parameter that is one number, or has channels along the last axis alone; others by example. */
const elementwise = <K extends OpKind>(c: EntryContext<K>): readonly Term[] => {
  const p = c.inputs[c.at]!;
  const channels = p.shape.at(-1) ?? 1;
  const isVector = sizeOf(p.shape) === 1 || (sizeOf(p.shape) === channels && channels === c.node.shape.at(-1));
  if (!isVector || c.node.shape.length === 0) return byExample(c);
  const wide = f.broadcastTo(p, c.node.shape);
  return [summedParts(c, ordinary(c, c.inputs.with(c.at, wide), c.cotangent), c.layout)];
};

const swapped = (layout: Layout): Layout => [...layout.slice(0, -2), layout.at(-1)!, layout.at(-2)!];
interface Laid {
  readonly x: Tensor;
  readonly layout: Layout;
}
const laid = (x: Tensor, layout: Layout, isTurned: boolean): Laid =>
  isTurned ? { x: f.transpose(x), layout: swapped(layout) } : { x, layout };

/** y = alpha op(a) op(b): d op(b) = alpha op(a)^T dy and d op(a) = alpha dy op(b)^T, as outer products of rows. */
const matmul = <K extends "matmul" | "matmulAdd">(c: EntryContext<K>): readonly Term[] => {
  const p = c.inputs[c.at]!;
  if (p.shape.length !== 2) return byExample(c);
  const { transposeA, transposeB, alpha }: OpAttributes["matmul"] = c.attributes;
  const other = 1 - c.at;
  const d = { x: f.mul(f.cast(c.cotangent, "f32"), alpha), layout: c.layout };
  const isTurned = c.at === 1 ? transposeA : !transposeB;
  const given = laid(c.inputs[other]!, c.layouts[other]!, isTurned);
  const made = c.at === 1 ? d : laid(d.x, d.layout, true);
  const [x, dy] = [given, made].map(({ x, layout }) => rowMajor(c.node.kind, x, layout, c.examples)) as [
    ReturnType<typeof rowMajor>,
    ReturnType<typeof rowMajor>,
  ];
  if (x.x.shape[1] !== dy.x.shape[1]) return byExample(c);
  // b [K, N] = x^T dy, b^T = dy^T x, a [M, K] = dy b^T, a^T = b dy^T, as sums over tokens of left x right
  const isFirst = c.at === 1 ? !transposeB : transposeA;
  const [left, right] = isFirst ? [x.x, dy.x] : [dy.x, x.x];
  return [{ kind: "outer", left, right, owner: dy.owner }];
};

const gather = (c: EntryContext<"gather">): readonly Term[] => {
  const [table, index] = c.inputs as [Tensor, Tensor];
  if (c.attributes.axis !== 0 || c.at !== 0) return byExample(c);
  const width = sizeOf(table.shape.slice(1));
  const flat = f.reshape(c.cotangent, [...index.shape, width]);
  const layout = [...c.layouts[1]!, plainLayout([width])[0]!];
  const { x: right, owner } = rowMajor(c.node.kind, flat, layout, c.examples);
  const { x: numbers } = rowMajor(c.node.kind, f.reshape(f.cast(index, "f32"), [...index.shape, 1]), [...c.layouts[1]!, []], c.examples);
  const picked = f.cast(f.reshape(numbers, [numbers.shape[0]!, numbers.shape[1]!]), "i32");
  return [{ kind: "outer", left: { index: picked, size: table.shape[0]! }, right, owner }];
};

/** The parts of a norm's gain and bias: dy times the normalised x, and dy. */
const norm =
  (centres: boolean) =>
  <K extends "layerNorm" | "rmsNorm">(c: EntryContext<K>): readonly Term[] => {
    if (c.at === 0) return byExample(c);
    if (c.at === 2) return [summedParts(c, c.cotangent, c.layout)];
    const x = f.cast(c.inputs[0]!, "f32");
    const centred = centres ? f.sub(x, f.mean(x, -1, true)) : x;
    const normed = f.mul(centred, f.rsqrt(f.add(f.mean(f.mul(centred, centred), -1, true), c.attributes.epsilon)));
    return [summedParts(c, f.mul(f.cast(c.cotangent, "f32"), normed), c.layout)];
  };

/** Operations of one input: where it is a parameter no row enters, so there is nothing to tell apart. */
const alone = <K extends OpKind>(c: EntryContext<K>): readonly Term[] => {
  throw mixesRows(c.node.kind, "a parameter beside rows, where the operation has one input");
};

export const entryRules: { readonly [K in OpKind]: EntryRule<K> } = {
  input: alone,
  constant: alone,
  identity: alone,
  stopGradient: alone,
  neg: alone,
  abs: alone,
  sign: alone,
  exp: alone,
  log: alone,
  sqrt: alone,
  sin: alone,
  cos: alone,
  tanh: alone,
  erf: alone,
  sigmoid: alone,
  floor: alone,
  not: alone,
  cast: alone,
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  div: elementwise,
  pow: elementwise,
  maximum: elementwise,
  minimum: elementwise,
  equal: alone,
  less: alone,
  lessEqual: alone,
  and: alone,
  or: alone,
  select: elementwise,
  reshape: alone,
  transpose: alone,
  broadcastTo: alone,
  slice: alone,
  pad: alone,
  concat: byExample,
  sum: alone,
  max: alone,
  argmax: alone,
  cumsum: alone,
  gather,
  takeAlong: byExample,
  scatterRows: byExample,
  putAlong: byExample,
  matmul,
  randomUniform: alone,
  allReduce: alone,
  allGather: alone,
  reduceScatter: alone,
  barrier: alone,
  call: alone,
  custom: byExample,
  mean: alone,
  softmax: alone,
  logSumExp: alone,
  gelu: alone,
  silu: alone,
  relu: alone,
  squaredRelu: alone,
  rotary: byExample,
  matmulAdd: c => (c.at === 2 ? elementwise(c) : matmul(c)),
  matmulBlocks: byExample,
  matmulRows: byExample,
  layerNorm: norm(true),
  rmsNorm: norm(false),
  attention: byExample,
  flashAttention: byExample,
  flashLogSum: byExample,
  flashGradient: byExample,
};

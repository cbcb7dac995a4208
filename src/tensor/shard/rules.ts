/**
 * How each operation is computed by ranks that have parts of its inputs: a total table, so an operation without a rule does not compile. `gathered`
 * (inputs whole, result whole) is right for every operation and shows in the report.
 */
import type { OpKind } from "../ops.ts";
import type { ShardLayout } from "./layout.ts";
import { splitAxes } from "./layout.ts";
import type { MeshAxis } from "./mesh.ts";
import { isZeroInput, type RuleContext, type ShardRule } from "./rule.ts";
import { looked, putAlongRule, scattered, takenAlong } from "./rules-index.ts";
import { attended, flash, logSumExpRule, productRule, softmaxRule } from "./rules-product.ts";
import {
  addedUp,
  broadcast,
  concatenated,
  elementwise,
  gathered,
  greatest,
  greatestPlace,
  orderedRule,
  padded,
  reshaped,
  rowwise,
  runningSum,
  sliced,
  summed,
  transposed,
  turnedRule,
} from "./rules-shape.ts";

/** Kinds that never reach the table: leaves are laid out by the pass, bodies are put in place of calls before it, and ranks meet once. */
type Unruled = "input" | "constant" | "randomUniform" | "call" | "allReduce" | "allGather" | "reduceScatter";

export const shardRules: { readonly [K in Exclude<OpKind, Unruled>]: ShardRule<K> } = {
  identity: elementwise,
  stopGradient: elementwise,
  neg: elementwise,
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
  cast: elementwise,
  add: addedUp,
  sub: addedUp,
  mul: elementwise,
  div: elementwise,
  pow: elementwise,
  maximum: elementwise,
  minimum: elementwise,
  equal: elementwise,
  less: elementwise,
  lessEqual: elementwise,
  and: elementwise,
  or: elementwise,
  select: elementwise,
  reshape: reshaped,
  transpose: transposed,
  broadcastTo: broadcast,
  slice: sliced,
  pad: padded,
  concat: concatenated,
  sum: summed,
  max: greatest,
  argmax: greatestPlace,
  cumsum: runningSum,
  gather: looked,
  takeAlong: takenAlong,
  scatterRows: scattered,
  putAlong: putAlongRule,
  matmul: productRule,
  barrier: orderedRule,
  custom: gathered,
  mean: summed,
  softmax: softmaxRule,
  logSumExp: logSumExpRule,
  gelu: elementwise,
  silu: elementwise,
  relu: elementwise,
  squaredRelu: elementwise,
  rotary: turnedRule,
  matmulAdd: gathered,
  matmulBlocks: gathered,
  matmulRows: gathered,
  layerNorm: rowwise,
  rmsNorm: rowwise,
  attention: attended,
  flashAttention: flash,
  flashLogSum: flash,
  flashGradient: flash,
};

type Kept = readonly (readonly MeshAxis[])[];
/** Summands of an operation's inputs may stay summands where it is linear: the reduction waits, and is made once for all of them. */
type KeepsPartial<K extends OpKind> = (c: RuleContext<K>) => Kept;

const ofFirst: KeepsPartial<OpKind> = ({ layouts }) => [layouts[0]!.partial];
/** Sums of summands along the same axes; and of one with what is whole, where the result is wanted as a summand. */
const ofAll: KeepsPartial<OpKind> = ({ layouts, hint }) => {
  const any = layouts.flatMap(l => l.partial);
  const parted = layouts.flatMap(splitAxes);
  const kept = any.filter(a => layouts.every(l => l.partial.includes(a)) || (hint?.partial.includes(a) && !parted.includes(a)));
  return layouts.map(() => kept);
};
const each: KeepsPartial<OpKind> = ({ layouts }) => layouts.map(l => l.partial);
const isScalarFactor = (l: ShardLayout, size: number): boolean => size === 1 && l.partial.length === 0;
const ofScaled: KeepsPartial<"mul" | "div"> = ({ node, layouts: [a, b] }) => {
  const [x, y] = node.inputs;
  if (isScalarFactor(b!, y!.size)) return [a!.partial, []];
  return node.kind === "mul" && isScalarFactor(a!, x!.size) ? [[], b!.partial] : [[], []];
};

export const keepsPartial: { readonly [K in OpKind]?: KeepsPartial<K> } = {
  identity: ofFirst,
  stopGradient: ofFirst,
  neg: ofFirst,
  reshape: ofFirst,
  transpose: ofFirst,
  broadcastTo: ofFirst,
  slice: ofFirst,
  pad: c => (c.node.attributes.value === 0 ? ofFirst(c) : [[]]),
  sum: ofFirst,
  mean: ofFirst,
  add: ofAll,
  sub: ofAll,
  concat: c => ofAll({ ...c, hint: undefined }),
  mul: ofScaled,
  div: ofScaled,
  barrier: each,
  // what is written to is a summand as the rows are
  scatterRows: c => {
    const { node, layouts } = c;
    if (node.attributes.mode !== "add") return [[], [], []];
    const [x, , rows] = layouts as [ShardLayout, ShardLayout, ShardLayout];
    if (isZeroInput(c, 0)) return [[], [], rows.partial];
    const common = rows.partial.filter(a => x.partial.includes(a));
    return [x.partial.filter(a => common.includes(a) || splitAxes(rows).includes(a)), [], common];
  },
};

/** Operations that show a value in another form: their input is reduced in their place, once for all that read it. */
export const showsInput: ReadonlySet<OpKind> = new Set<OpKind>(["identity", "stopGradient", "neg", "reshape", "transpose", "mul", "div"]);

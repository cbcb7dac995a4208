/** What a legal graph is, as a table: every graph passes it before a backend sees it. Idea: tinygrad's uop spec. */
import { dtypeTable, sizeOf } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import { type Graph, nodesOf } from "./graph.ts";
import { type OpAttributes, type OpKind, type OpRow, ops } from "./ops.ts";
import { sameShape, showShape } from "./shape.ts";
import { meshAxes } from "./shard/mesh.ts";
import type { Tensor } from "./tensor.ts";

/** Says what is wrong with a node beyond its shape and dtype, which are always inferred anew. */
type SpecRule<K extends OpKind> = (t: Tensor<K>) => string | undefined;

const fine = () => undefined;
const wholeNumbers = (list: readonly number[]): boolean => Array.isArray(list) && list.every(Number.isSafeInteger);
const axes = (t: Tensor<"sum" | "max" | "mean">) => (wholeNumbers(t.attributes.axes) ? undefined : "axes that are whole numbers");
const epsilon = (t: Tensor<"layerNorm" | "rmsNorm">) =>
  t.attributes.epsilon > 0 && t.attributes.epsilon < 1 ? undefined : "an epsilon in (0, 1)";

/** Whole numbers that a position of 32 bits can be moved by. */
const isOffset = (x: number | undefined): boolean => x === undefined || (Number.isInteger(x) && Math.abs(x) < 2 ** 30);
const flash = (t: Tensor<"flashAttention" | "flashLogSum" | "flashGradient">) => {
  const { scale, sight, block } = t.attributes;
  if (!Number.isFinite(scale)) return "a finite scale";
  if (typeof sight.causal !== "boolean" || !isOffset(sight.offset)) return "a sight that is causal or not, with an offset below 2^30";
  if (!isOffset(sight.window) || (sight.window ?? 1) < 1) return "a window of 1 to 2^30 positions";
  return block === undefined || (Number.isInteger(block) && block >= 1) ? undefined : "a block of whole queries";
};

const collective = ({ attributes: { axis, order } }: Tensor<"allReduce" | "allGather" | "reduceScatter">) => {
  if (!meshAxes.includes(axis)) return `an axis of ${meshAxes.join(", ")}`;
  return order === undefined || (Number.isSafeInteger(order) && order >= 0) ? undefined : "a number from 0";
};

const spec: { readonly [K in OpKind]: SpecRule<K> } = {
  input: t => (t.attributes.name ? (wholeNumbers(t.shape) ? undefined : "whole sizes") : "a name"),
  constant: t =>
    t.attributes.data instanceof dtypeTable[t.dtype].array && t.attributes.data.length === sizeOf(t.shape)
      ? undefined
      : "memory of its dtype and size",
  identity: fine,
  stopGradient: fine,
  neg: fine,
  abs: fine,
  sign: fine,
  exp: fine,
  log: fine,
  sqrt: fine,
  sin: fine,
  cos: fine,
  tanh: fine,
  erf: fine,
  sigmoid: fine,
  floor: fine,
  not: fine,
  cast: fine,
  add: fine,
  sub: fine,
  mul: fine,
  div: fine,
  pow: fine,
  maximum: fine,
  minimum: fine,
  equal: fine,
  less: fine,
  lessEqual: fine,
  and: fine,
  or: fine,
  select: fine,
  reshape: fine,
  transpose: fine,
  broadcastTo: fine,
  slice: t =>
    [t.attributes.start, t.attributes.stop, t.attributes.step].every(l => l.length === t.inputs[0]!.shape.length)
      ? undefined
      : "one start, stop and step an axis",
  pad: t =>
    [t.attributes.before, t.attributes.after].every(l => l.length === t.inputs[0]!.shape.length) && Number.isFinite(t.attributes.value)
      ? undefined
      : "one padding an axis and a finite value",
  concat: fine,
  sum: axes,
  max: t => (t.size > 0 && t.inputs[0]!.size === 0 ? "at least one element to take the greatest of" : axes(t)),
  argmax: t => (t.inputs[0]!.shape[t.attributes.axis] === 0 ? "a non-empty axis" : undefined),
  cumsum: fine,
  gather: fine,
  takeAlong: fine,
  scatterRows: t => (t.attributes.mode === "add" || t.attributes.mode === "set" ? undefined : 'mode "add" or "set"'),
  putAlong: fine,
  matmul: t => (Number.isFinite(t.attributes.alpha) ? undefined : "a finite alpha"),
  randomUniform: t => (Number.isSafeInteger(t.attributes.stream) && t.attributes.stream >= 0 ? undefined : "a stream number from 0"),
  allReduce: collective,
  allGather: collective,
  reduceScatter: collective,
  barrier: fine,
  call: t => (t.attributes.body.outputs[t.attributes.output] ? undefined : "an output that the body has"),
  custom: fine,
  mean: axes,
  softmax: fine,
  logSumExp: fine,
  gelu: t => (t.attributes.approximate === "none" || t.attributes.approximate === "tanh" ? undefined : 'approximate "none" or "tanh"'),
  silu: fine,
  relu: fine,
  squaredRelu: fine,
  rotary: fine,
  matmulAdd: t => (Number.isFinite(t.attributes.alpha) ? undefined : "a finite alpha"),
  matmulBlocks: t =>
    (t.attributes.bits === 4 || t.attributes.bits === 8) && Number.isInteger(Math.log2(t.attributes.block)) && t.attributes.block >= 16
      ? undefined
      : "4 or 8 bits and blocks of a power of two from 16",
  matmulRows: fine,
  layerNorm: epsilon,
  rmsNorm: epsilon,
  attention: t => (Number.isFinite(t.attributes.scale) ? undefined : "a finite scale"),
  flashAttention: flash,
  flashLogSum: flash,
  flashGradient: flash,
};

/** Throws where a graph is not legal, naming the node. `allowed` lists the composites that may be left in it. */
export function checkGraph(g: Graph, allowed: ReadonlySet<OpKind> = new Set(Object.keys(ops) as OpKind[])): void {
  const names = new Set<string>();
  const seen = new Set<Tensor>();
  for (const t of nodesOf(g)) {
    const place = `graph: ${t.kind}`;
    const wrong = (expected: string, received: string) => tensorErrors.fail("graph", { place, expected, received });
    const row = ops[t.kind] as OpRow<OpAttributes[OpKind]> | undefined;
    if (!row) throw wrong("a known operation", t.kind);
    if (row.composite && !allowed.has(t.kind)) throw wrong("composites expanded", t.kind);
    if (t.inputs.length < row.arity[0] || t.inputs.length > row.arity[1])
      throw wrong(`${row.arity.join(" to ")} inputs`, `${t.inputs.length}`);
    if (!t.inputs.every(x => seen.has(x))) throw wrong("inputs that come first", "one that comes later or belongs to no input");
    const { shape, dtype } = row.infer(t.inputs, t.attributes, place);
    if (!sameShape(shape, t.shape) || dtype !== t.dtype) throw wrong(`${dtype}${showShape(shape)}`, `${t.dtype}${showShape(t.shape)}`);
    const problem = (spec[t.kind] as SpecRule<OpKind>)(t);
    if (problem) throw wrong(problem, JSON.stringify(t.kind === "constant" ? t.shape : t.attributes));
    if (t.kind === "input") {
      const { name } = t.attributes as OpAttributes["input"];
      if (names.has(name)) throw wrong("inputs of different names", `"${name}" twice`);
      names.add(name);
    }
    seen.add(t);
  }
}

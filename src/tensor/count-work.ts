/**
 * Floating-point operations of a graph, counted node by node. A product of [.., M, K] and [.., K, N] is 2 K an element of its result; an operation on elements
 * is one an element, a reduction one a summand; layout, indexing, conversions and random bits are none. A composite is what its expansion is, so the count does
 * not depend on what a backend has natively. Attention is counted by its shapes, masked positions too (as Chowdhery et al. 2022, "PaLM", appendix B, do):
 * kernels that skip masked blocks compute less. Nothing depends on dtypes: a program of bf16 products has the count of the same one in f32.
 */

import { canonicalJson } from "../base/index.ts";
import { addWork, noWork, type Work } from "../ledger/index.ts";
import { reachable } from "./body.ts";
import { bytesOf, sizeOf } from "./dtype.ts";
import { type CompositeKind, expansions } from "./expand.ts";
import type { Graph } from "./graph.ts";
import type { OpAttributes, OpKind } from "./ops.ts";
import { keyRange } from "./sight.ts";
import { input, isKind, type Tensor } from "./tensor.ts";

type WorkRule<K extends OpKind> = (t: Tensor<K>) => Partial<Work>;

const none = () => ({});
const eachElement = (t: Tensor) => ({ elementwise: t.size });
const eachSummand = (t: Tensor) => ({ elementwise: sizeOf(t.inputs[0]!.shape) });
const eachUpdate = (t: Tensor) => ({ elementwise: sizeOf(t.inputs[2]!.shape) });

/** Do both operands have leading axes of their own? Then neither is a matrix of weights. */
const isOfBatches = ([a, b]: readonly Tensor[]): boolean => a!.shape.length > 2 && b!.shape.length > 2;

function productWork(t: Tensor<"matmul">): Partial<Work> {
  const [a] = t.inputs;
  const k = a!.shape.at(t.attributes.transposeA ? -2 : -1)!;
  const flops = 2 * k * t.size;
  return isOfBatches(t.inputs) ? { attention: flops } : { products: flops };
}

/** What an expansion does, over inputs of the node's shapes. */
function expandedWork(t: Tensor<CompositeKind>): Work {
  const inputs = t.inputs.map((x, i) => input(`${i}`, x.shape, x.dtype));
  const expand = expansions[t.kind] as (inputs: readonly Tensor[], attributes: unknown) => Tensor;
  return workOf(reachable([expand(inputs, t.attributes)]));
}
/** Products within it are attention, whatever their shapes. */
function attentionWork(t: Tensor<CompositeKind>): Work {
  const { products, attention, ...rest } = expandedWork(t);
  return { ...rest, products: 0, attention: products + attention };
}

/** Operations on a score on its way to a weight, and on a weight's change: mask, greatest, difference, power, sum, quotient. */
const scoreSteps = 6;
/** So many products of all queries and keys, counted from the shapes: an expansion would have masks as large. */
function flashWork(t: Tensor<"flashAttention" | "flashGradient">, products: number): Partial<Work> {
  const [q, k] = t.inputs as [Tensor, Tensor];
  const { sight, block = 0 } = t.attributes;
  const [batch, heads, length, size] = q.shape as [number, number, number, number];
  // in blocks of queries, keys that none of a block sees are left out
  const isBlocked = block > 0 && length % block === 0 && (sight.causal || sight.window !== undefined);
  const rows = isBlocked ? block : length;
  const pairs = Array.from({ length: length / rows }, (_, i) => {
    const [from, to] = isBlocked ? keyRange(sight, i * rows, (i + 1) * rows, k.shape[2]!) : [0, k.shape[2]!];
    return rows * (to - from);
  });
  const scores = batch * heads * pairs.reduce((sum, n) => sum + n, 0);
  return { attention: products * 2 * scores * size, elementwise: scoreSteps * scores };
}
const isFlash = (t: Tensor): boolean => isKind(t, "flashAttention") || isKind(t, "flashLogSum") || isKind(t, "flashGradient");

const rules: { readonly [K in OpKind]: WorkRule<K> } = {
  input: none,
  constant: none,
  identity: none,
  stopGradient: none,
  neg: eachElement,
  abs: eachElement,
  sign: eachElement,
  exp: eachElement,
  log: eachElement,
  sqrt: eachElement,
  sin: eachElement,
  cos: eachElement,
  tanh: eachElement,
  erf: eachElement,
  sigmoid: eachElement,
  floor: eachElement,
  not: none,
  cast: none,
  add: eachElement,
  sub: eachElement,
  mul: eachElement,
  div: eachElement,
  pow: eachElement,
  maximum: eachElement,
  minimum: eachElement,
  equal: eachElement,
  less: eachElement,
  lessEqual: eachElement,
  and: none,
  or: none,
  select: none,
  reshape: none,
  transpose: none,
  broadcastTo: none,
  slice: none,
  pad: none,
  concat: none,
  sum: eachSummand,
  max: eachSummand,
  argmax: eachSummand,
  cumsum: eachSummand,
  gather: none,
  takeAlong: none,
  scatterRows: t => (t.attributes.mode === "add" ? eachUpdate(t) : {}),
  putAlong: eachUpdate,
  matmul: productWork,
  randomUniform: none,
  allReduce: t => ({ elementwise: t.size * (t.attributes.ranks - 1) }),
  allGather: none,
  reduceScatter: t => ({ elementwise: t.size * (t.attributes.ranks - 1) }),
  barrier: none,
  call: expandedWork,
  // one that has a lowering alone says nothing of its inside
  custom: t => (t.attributes.operation.expand ? expandedWork(t) : {}),
  mean: expandedWork,
  softmax: expandedWork,
  logSumExp: expandedWork,
  gelu: expandedWork,
  silu: expandedWork,
  relu: expandedWork,
  squaredRelu: expandedWork,
  rotary: expandedWork,
  matmulAdd: expandedWork,
  matmulBlocks: expandedWork,
  matmulRows: expandedWork,
  layerNorm: expandedWork,
  rmsNorm: expandedWork,
  attention: attentionWork,
  flashAttention: t => flashWork(t, 2),
  // it comes with the result
  flashLogSum: none,
  // dp and dq, dk, dv; scores that are computed again are none, as if the forward pass had kept them
  flashGradient: t => flashWork(t, t.attributes.of === "query" ? 2 : 1),
};

/** FLOPs of one node alone. */
export const nodeWork = (t: Tensor): Work => ({ ...noWork, ...(rules[t.kind] as WorkRule<OpKind>)(t) });

function workOf(nodes: readonly Tensor[]): Work {
  return nodes.reduce((sum, t) => addWork(sum, nodeWork(t)), noWork);
}

/** Bytes that a node reads and writes, each operand once, were nothing of it in a cache; views and constants of one element are none. */
export function nodeBytes(t: Tensor): number {
  if (isKind(t, "input") || isKind(t, "constant") || isKind(t, "reshape") || isKind(t, "identity") || isKind(t, "barrier")) return 0;
  return [t, ...new Set(t.inputs)].reduce((sum, x) => sum + (x.size > 1 ? bytesOf(x.shape, x.dtype) : 0), 0);
}

const isForeign = (t: Tensor): t is Tensor<CompositeKind> =>
  t.kind in expansions && !(isKind(t, "custom") && t.attributes.operation.expand === undefined);

/**
 * Products of a graph in which equal nodes count once, whatever order they are kept in: a barrier and an identity are what they pass on, so a forward pass that
 * is computed again for the backward pass is the first one. Composites are seen through: a backward pass may recompute what a forward one has in its inside.
 */
function distinctProducts(g: Graph): number {
  const numbers = new Map<Tensor, number>();
  const known = new Map<string, number>();
  const data = new Map<object, number>();
  let products = 0;
  const numberOf = (t: Tensor): number => {
    const inputs = t.inputs.map(x => numbers.get(x)!);
    if (isKind(t, "identity") || isKind(t, "barrier")) return inputs[0]!;
    if (isForeign(t) && !isFlash(t)) {
      const expand = expansions[t.kind] as (inputs: readonly Tensor[], attributes: OpAttributes[OpKind]) => Tensor;
      const out = expand(t.inputs, t.attributes);
      visit(out);
      return numbers.get(out)!;
    }
    const key = `${t.kind} ${inputs} ${attributesOf(t, data)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { products: flops, attention } = nodeWork(t);
    products += flops + attention;
    const number = fresh();
    known.set(key, number);
    return number;
  };
  let count = 0;
  const fresh = (): number => count++;
  /** Numbers what an output is computed from; what is known is not walked again. */
  const visit = (output: Tensor): void => {
    for (const t of reachable([output], 0, numbers)) if (!numbers.has(t)) numbers.set(t, numberOf(t));
  };
  for (const t of g.inputs) numbers.set(t, fresh());
  for (const output of g.outputs) visit(output);
  return products;
}

/** Attributes as text; a constant's elements by where they are, since a trace of a trace shares them. */
function attributesOf(t: Tensor, data: Map<object, number>): string {
  if (isKind(t, "custom")) return `${t.attributes.operation.id} ${canonicalJson(t.attributes.operation.options)}`;
  if (!isKind(t, "constant")) return canonicalJson(t.attributes);
  if (t.size === 1) return `${t.dtype} ${t.attributes.data[0]}`;
  const at = data.get(t.attributes.data) ?? data.size;
  data.set(t.attributes.data, at);
  return `data ${at}`;
}

/**
 * FLOPs of a program: of the graph that is computed, and of its products, how many are computed again; those are counted against the graph as it was traced.
 * `isBf16`: its products were asked for with bf16 operands.
 */
export function countWork(computed: Graph, traced: Graph, isBf16: boolean): Work {
  const work = workOf(reachable(computed.outputs));
  const all = work.products + work.attention;
  return { ...work, recomputed: Math.max(0, all - distinctProducts(traced)), bf16: isBf16 ? all : 0 };
}

/** A graph as an ONNX model: walks the nodes, lowers each by the table, casts where a kernel lacks a dtype. */
import { strassenLayout } from "../../machine/index.ts";
import { type DType, dtypeTable, sizeOf } from "../dtype.ts";
import { type Graph, nodesOf } from "../graph.ts";
import { defaultOpsets, type Initializer, type OnnxModel, type OnnxNode } from "../onnx/index.ts";
import {
  type Chain,
  elementwiseOperator,
  fusedIn,
  isNarrow,
  isWiden,
  noneFused,
  type Operator,
  type OwnSum,
  operatorDomain,
  ownSums,
  productChainOperator,
  takesWords,
  wordsSource,
} from "../operators/index.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { sameShape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { Emitter, type EngineLimits, type PackedInput, type Packs } from "./emitter.ts";
import { computedIn, type Lowered, lower, packedInputs, reshapeTo } from "./lower.ts";
import { isOwnProduct, readProduct, wordProduct } from "./own-product.ts";
import type { ValueSize } from "./peak.ts";

/** Inputs that carry the data whose dtype decides the kernel; the others (indices, conditions, what a barrier waits for) stay as they are. */
const sideInputs: { readonly [K in OpKind]?: readonly number[] | "rest" } = {
  gather: [1],
  takeAlong: [1],
  scatterRows: [1],
  putAlong: [1],
  select: [0],
  barrier: "rest",
  flashAttention: [3, 4, 5],
  flashLogSum: [3, 4, 5],
  flashGradient: [6, 7, 8],
};
/** Inputs that select along an axis. */
const indexInputs: { readonly [K in OpKind]?: readonly number[] } = { gather: [1], takeAlong: [1], scatterRows: [1], putAlong: [1] };
/** Results that have a dtype of their own, whatever the inputs are. */
const ownDtype: ReadonlySet<OpKind> = new Set<OpKind>(["equal", "less", "lessEqual", "argmax", "cast", "randomUniform", "constant"]);

const nothing = new ArrayBuffer(0);

/**
 * Inputs that a kernel keeps in an order of its own when it knows them beforehand: what products read as weights. Rows may be gathered from
 * them too; whatever else reads one keeps it an input, for the engine would look for its elements in the file.
 */
export function packableInputs(g: Graph, among: ReadonlySet<number>): Set<number> {
  const packed = new Set<Tensor>();
  const kept = new Set<Tensor>(g.outputs);
  for (const t of nodesOf(g))
    for (const [i, x] of t.inputs.entries())
      if (packedInputs[t.kind]?.includes(i)) packed.add(x);
      else if (!(isKind(t, "gather") && i === 0)) kept.add(x);
  return new Set(g.inputs.flatMap((t, i) => (among.has(i) && packed.has(t) && !kept.has(t) ? [i] : [])));
}

export const inputName = (i: number): string => `in${i}`;
export const outputName = (i: number): string => `out${i}`;

/** Names of values while a graph is lowered. */
interface Names {
  readonly of: Map<Tensor, string>;
  /** Of f32 nodes whose numbers are there rounded to bf16, a word each. */
  readonly words: Map<Tensor, string>;
}

/** Names of the first two inputs where a product of our own takes them as words and they are there so. */
function wordOperands(e: Emitter, t: Tensor, { of, words }: Names): (string | undefined)[] {
  const shape = wordProduct(t, e, of);
  return [0, 1].map(i => {
    if (!takesWords(shape, i)) return undefined;
    let x = t.inputs[i]!;
    const known = words.get(wordsSource(x));
    if (known !== undefined) return known;
    while (isKind(x, "reshape")) x = x.inputs[0]!;
    return isWiden(x) ? of.get(x.inputs[0]!) : undefined;
  });
}

/** Lowers a reshape or a cast of a value that is there in words alone, or both; says whether there is nothing left to be done. */
function passesWords(e: Emitter, t: Tensor, { of, words }: Names): boolean {
  const [x] = t.inputs;
  const known = x && words.get(wordsSource(x));
  if (known === undefined) return false;
  if (isNarrow(t)) {
    const from = wordsSource(t);
    of.set(t, sameShape(from.shape, t.shape) ? known : reshapeTo(e, known, t.shape));
    return true;
  }
  // what reads it reads words
  return isKind(t, "reshape") && !of.has(x!);
}

function lowerChain(e: Emitter, chain: Chain, names: Names): void {
  const { program, product } = chain;
  const others = chain.inputs.map(x => names.of.get(x)!);
  let outputs: string[];
  if (product) {
    const { node, input, isKept } = product;
    const inputs = node.inputs.slice(0, 2).map(x => names.of.get(x));
    const { shape, operands } = readProduct(wordProduct(node, e, names.of)!, inputs, wordOperands(e, node, names));
    outputs = e.own(productChainOperator(shape, { program, product: input, isKept }), [...operands, ...others]);
  } else outputs = e.own(elementwiseOperator(program), others);
  for (const [i, { of, type }] of chain.outputs.entries()) {
    // a chain looks through reshapes: a member may have other dimensions than its end, of which the operator's outputs are
    const isAsWanted = of.size !== sizeOf(program.shape) || sameShape(of.shape, program.shape);
    (type === "f32" ? names.of : names.words).set(of, isAsWanted ? outputs[i]! : reshapeTo(e, outputs[i]!, of.shape));
  }
}

function lowerNode(e: Emitter, t: Tensor, all: Names): string {
  const names = all.of;
  const kind = t.kind as Exclude<OpKind, "input">;
  const side = sideInputs[kind] ?? [];
  const isSide = (i: number): boolean => (side === "rest" ? i > 0 : side.includes(i));
  const main = t.inputs.find((_, i) => !isSide(i))?.dtype ?? t.dtype;
  const inside: DType = computedIn(kind, main);
  const indices = indexInputs[kind] ?? [];
  const inputs = t.inputs.map((x, i) =>
    indices.includes(i) && !(isKind(x, "constant") && Array.from(x.attributes.data as ArrayLike<number | bigint>).every(n => n >= 0))
      ? e.checkedIndex(names.get(x)!, x.dtype)
      : isSide(i) || x.dtype === inside || x.dtype !== main
        ? names.get(x)!
        : e.cast(names.get(x)!, dtypeTable[inside].onnx),
  );
  // what an operation from outside the table makes of its inputs may have another dtype than they
  const isOwn = ownDtype.has(kind) || (kind === "custom" && t.dtype !== main);
  const given: Lowered<OpAttributes[OpKind]> = {
    e,
    inputs,
    attributes: t.attributes,
    shape: t.shape,
    dtype: isOwn ? t.dtype : inside,
    inputShapes: t.inputs.map(x => x.shape),
    inputDtypes: t.inputs.map((x, i) => (isSide(i) ? x.dtype : inside)),
    inputData: t.inputs.map(x => (isKind(x, "constant") ? x.attributes.data : undefined)),
    ...(isKind(t, "matmul") || isKind(t, "matmulAdd") ? { words: wordOperands(e, t, all) } : {}),
  };
  const out = (lower[kind] as (l: Lowered<OpAttributes[OpKind]>) => string)(given);
  return !isOwn && inside !== t.dtype ? e.cast(out, dtypeTable[t.dtype].onnx) : out;
}

/**
 * The CPU provider shares work out to threads from about 210,000 units on, and counts a byte to copy as one (observed with 1.30: none shared
 * at 400,000 bytes on 4 and 8 threads).
 */
export const cpuLimits: EngineLimits = { sequentialBytes: 200_000 };

interface LoweredModel extends OnnxModel {
  /** What its session needs operators of our own for. */
  readonly operators: readonly Operator[];
  /** Inputs behind the graph's: weights in another order. */
  readonly packed: readonly PackedInput[];
  /** Of what its nodes give; what stands within the lowering of one operation is taken for as large as its result. */
  readonly sizes: ReadonlyMap<string, ValueSize>;
  /** Operations that nodes stand for, by the nodes' names, where nodes are named. */
  readonly origins: ReadonlyMap<string, readonly Tensor[]>;
}

/** Keeps what is known of the nodes that are emitted: how large what they give is, and which operations they stand for. */
class Notes {
  readonly sizes = new Map<string, ValueSize>();
  readonly origins = new Map<string, readonly Tensor[]>();
  readonly #e: Emitter;
  #noted = 0;

  constructor(e: Emitter) {
    this.#e = e;
  }

  /** Of the nodes since the last call, which stand for `of`; what they give between them is taken for as large as `like`. */
  take(of: readonly Tensor[], like: Tensor, named: readonly (readonly [name: string | undefined, t: Tensor, dtype: DType])[]): void {
    const { nodes, limits } = this.#e;
    // an operation that emitted nothing is a result of an operator that is there: of the one whose output has its name
    const [name] = named[0] ?? [];
    const made = limits.namesNodes && this.#noted === nodes.length ? nodes.findIndex(n => n.outputs.includes(name ?? "")) : -1;
    if (made >= 0) this.origins.set(`n${made}`, [...this.origins.get(`n${made}`)!, ...of]);
    for (let i = this.#noted; i < nodes.length; i++) {
      for (const name of nodes[i]!.outputs) this.sizes.set(name, { dimensions: like.shape, elementBytes: 4 });
      if (!limits.namesNodes) continue;
      nodes[i] = { ...nodes[i]!, name: `n${i}` };
      this.origins.set(`n${i}`, of);
    }
    this.#noted = nodes.length;
    for (const [name, t, dtype] of named)
      if (name !== undefined) this.sizes.set(name, { dimensions: t.shape, elementBytes: dtypeTable[dtype].sizeBytes });
  }
}

/** All nodes of a graph in their order, chains at the places of their last nodes. */
function lowerNodes(e: Emitter, g: Graph, all: Names): Notes {
  const names = all.of;
  const notes = new Notes(e);
  const sums = e.limits.ownsSums ? ownSums(g) : new Map<Tensor, OwnSum>();
  // what a sum squares by itself is nobody else's
  const squares: ReadonlySet<Tensor> = new Set(Array.from(sums.keys(), t => t.inputs[0]!).filter(t => isKind(t, "mul")));
  const fused = e.limits.fusesElements
    ? fusedIn(g, { isApart: t => isOwnProduct(t, e, names), productOf: t => wordProduct(t, e, names), others: squares })
    : noneFused;
  /** Nodes that read what a chain gives later. */
  let waiting: Tensor[] = [];
  const isThere = (t: Tensor): boolean => t.inputs.every(x => names.has(x) || all.words.has(wordsSource(x)));
  /** Lowers a node whose inputs are there; says whether they are. */
  const lowers = (t: Tensor): boolean => {
    const own = sums.get(t);
    const inputs = own?.inputs ?? t.inputs;
    const isPassed = (isKind(t, "reshape") || isKind(t, "cast")) && passesWords(e, t, all);
    if (!isPassed && own && inputs.every(x => names.has(x)))
      names.set(
        t,
        e.own(
          own.operator,
          inputs.map(x => names.get(x)!),
        )[0]!,
      );
    else if (!isPassed && !own && isThere(t)) names.set(t, lowerNode(e, t, all));
    else if (!isPassed) return false;
    notes.take(own && squares.has(t.inputs[0]!) ? [t.inputs[0]!, t] : [t], t, [[names.get(t), t, t.dtype]]);
    return true;
  };
  for (const t of nodesOf(g)) {
    const chain = fused.chains.get(t);
    if (chain) {
      lowerChain(e, chain, all);
      const named = chain.outputs.map(({ of, type }) => [(type === "f32" ? names : all.words).get(of), of, type] as const);
      notes.take(chain.nodes, t, named);
      waiting = waiting.filter(w => !lowers(w));
    } else if (!isKind(t, "input") && !fused.inside.has(t) && !lowers(t)) waiting.push(t);
  }
  return notes;
}

/**
 * The ONNX model of a graph; inputs are in0.., outputs out0... Composites outside the native ones must have been expanded. `limits` are the
 * CPU provider's when nothing else is said. Inputs in `outside` become initializers that the session is given; weights that
 * `packs` says yes to are asked for in the order that products read them in.
 */
export function onnxModel(
  g: Graph,
  limits: EngineLimits = cpuLimits,
  outside: ReadonlySet<number> = new Set(),
  packs?: Packs,
): LoweredModel {
  const e = new Emitter(limits, packs);
  const all: Names = { of: new Map(g.inputs.map((t, i) => [t, inputName(i)])), words: new Map() };
  const names = all.of;
  const { sizes, origins } = lowerNodes(e, g, all);
  // an output is a name of its own: inputs, constants and repeated outputs pass through a node
  const last = new Set(e.nodes.flatMap(n => n.outputs));
  const renamed = new Map<string, string>();
  g.outputs.forEach((t, i) => {
    const name = names.get(t)!;
    if (last.has(name) && !renamed.has(name)) renamed.set(name, outputName(i));
    else e.nodes.push({ op: "Identity", inputs: [name], outputs: [outputName(i)] });
  });
  const rename = (list: readonly string[]) => list.map(n => renamed.get(n) ?? n);
  const nodes = e.nodes.map(n => ({ ...n, inputs: rename(n.inputs), outputs: rename(n.outputs) }));
  const kept = needed(nodes, new Set(g.outputs.map((_, i) => outputName(i))));
  const there = new Set(kept.flatMap(n => n.outputs));
  const packed = [...e.packed.values()];
  return {
    operators: [...e.operators.values()],
    packed,
    sizes,
    origins,
    name: "loam",
    ...(e.operators.size ? { opsets: { ...defaultOpsets, [operatorDomain]: 1 } } : {}),
    nodes: kept,
    inputs: [
      ...g.inputs.flatMap((t, i) => (outside.has(i) ? [] : [{ name: inputName(i), dtype: t.dtype, shape: t.shape }])),
      ...packed.map(p => ({ name: p.name, dtype: "f32" as const, shape: [strassenLayout({ rows: 0, ...p.weight }).weightFloats] })),
    ],
    ...(e.values.length ? { values: e.values.filter(v => there.has(v.name)) } : {}),
    outputs: g.outputs.map((t, i) => ({ name: outputName(i), dtype: t.dtype, shape: t.shape })),
    initializers: [
      ...e.initializers,
      ...g.inputs.flatMap((t, i): Initializer[] =>
        outside.has(i)
          ? [{ name: inputName(i), dtype: t.dtype, shape: t.shape, data: new dtypeTable[t.dtype].array(nothing), isOutside: true }]
          : [],
      ),
    ],
  };
}

/**
 * Nodes that an output needs. What a barrier waits for is read by nobody once lowered, and a node that nobody reads is where the engine
 * starts its walk: it would pull the whole backward pass ahead of the weights' gradients.
 */
function needed(nodes: readonly OnnxNode[], outputs: ReadonlySet<string>): OnnxNode[] {
  const read = new Set(outputs);
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some(name => read.has(name))) continue;
    kept.push(node);
    for (const name of node.inputs) read.add(name);
  }
  return kept.reverse();
}

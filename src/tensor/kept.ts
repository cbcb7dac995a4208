/**
 * Kept activations: what the forward pass of a program leaves for the backward pass. This file finds them, and writes the program anew so that
 * some are kept in 16 bits and widened where they are read, and others are not kept but computed again there. It decides nothing: which ones is
 * said by `keep-activations.ts`.
 */
import { reachable } from "./body.ts";
import { bytesOf } from "./dtype.ts";
import * as f from "./functions.ts";
import { type Graph, nodesOf } from "./graph.ts";
import { type OpKind, ops } from "./ops.ts";
import { Tensor } from "./tensor.ts";

/** A program whose results of one pass are computed first. */
export interface TwoPasses {
  readonly graph: Graph;
  /** Which of the results are the forward pass's. */
  readonly results: ReadonlySet<number>;
  /** Nodes that those need. */
  readonly forward: ReadonlySet<Tensor>;
  /** All nodes but the inputs, the forward pass's first. */
  readonly nodes: readonly Tensor[];
}

export function twoPasses(graph: Graph, results: ReadonlySet<number>): TwoPasses {
  const forward = new Set(reachable(graph.outputs.filter((_, i) => results.has(i))));
  const all = nodesOf(graph).filter(t => t.kind !== "input");
  return { graph, results, forward, nodes: [...all.filter(t => forward.has(t)), ...all.filter(t => !forward.has(t))] };
}

/** Is it there before the program runs? */
export const isGivenTensor = (t: Tensor): boolean => t.kind === "input" || t.kind === "constant";

/** The node whose memory a node shows. */
function memoryOwner(t: Tensor): Tensor {
  let at = t;
  while (ops[at.kind].view) at = at.inputs[0]!;
  return at;
}

/** A value that is there until the backward pass has read it. */
export interface KeptValue {
  readonly node: Tensor;
  readonly bytes: number;
  /** What reads it in the backward pass, itself or through another shape. */
  readonly readers: ReadonlySet<OpKind>;
}

/** What the forward pass leaves, in the order in which it is computed. */
export function keptValues({ graph, forward, nodes }: TwoPasses): KeptValue[] {
  const readers = new Map<Tensor, Set<OpKind>>();
  const results = new Set(graph.outputs.map(memoryOwner));
  const read = (x: Tensor, by: OpKind): void => {
    const owner = memoryOwner(x);
    if (!forward.has(owner) || isGivenTensor(owner) || results.has(owner)) return;
    (readers.get(owner) ?? readers.set(owner, new Set()).get(owner)!).add(by);
  };
  // a view reads nothing: whoever reads the view does
  for (const t of nodes) if (!forward.has(t) && !ops[t.kind].view) for (const x of t.inputs) read(x, t.kind);
  return nodes.flatMap(node => {
    const by = readers.get(node);
    return by ? [{ node, bytes: bytesOf(node.shape, node.dtype), readers: by }] : [];
  });
}

/** Values that are kept in 16 bits. */
export interface NarrowedValues {
  readonly narrowed: ReadonlySet<Tensor>;
  /** Which: bf16 where absent. */
  readonly words?: "bf16" | "f16" | undefined;
}
/** How the backward pass comes by what the forward pass leaves; everything else is kept as it is. */
interface KeptForms extends NarrowedValues {
  /** Computed again where they are read. */
  readonly recomputed: ReadonlySet<Tensor>;
}

/** The same node over other inputs, always a new one: nodes run in the order in which they are made. */
const copyOf = (t: Tensor, inputs: readonly Tensor[]): Tensor => (isGivenTensor(t) ? t : new Tensor(t.kind, inputs, t.attributes));

/** The program with its kept values in these forms. */
export function withKeptForms(passes: TwoPasses, { narrowed, words: dtype = "bf16", recomputed }: KeptForms): Graph {
  const { graph, forward, nodes, results } = passes;
  const early = new Map<Tensor, Tensor>();
  const words = new Map<Tensor, Tensor>();
  const late = new Map<Tensor, Tensor>();
  const earlyOf = (x: Tensor): Tensor => (isGivenTensor(x) ? x : early.get(x)!);
  for (const t of nodes) {
    if (!forward.has(t)) continue;
    early.set(t, copyOf(t, t.inputs.map(earlyOf)));
    if (narrowed.has(t)) words.set(t, f.cast(early.get(t)!, dtype));
  }
  /** The 16-bit form of a value, or of another shape of one. */
  const wordsOf = (x: Tensor): Tensor | undefined => {
    if (!ops[x.kind].view) return words.get(x);
    const of = wordsOf(x.inputs[0]!);
    return of && copyOf(x, [of]);
  };
  const lateOf = (x: Tensor): Tensor => {
    if (isGivenTensor(x)) return x;
    const known = late.get(x);
    if (known) return known;
    const kept = wordsOf(x);
    const isAgain = recomputed.has(x) || (ops[x.kind].view && recomputed.has(memoryOwner(x)));
    const made = kept ? f.cast(kept, x.dtype) : isAgain ? copyOf(x, x.inputs.map(lateOf)) : earlyOf(x);
    late.set(x, made);
    return made;
  };
  const last = graph.outputs.findIndex((_, i) => results.has(i));
  const outputs = graph.outputs.map((t, i) => (results.has(i) ? earlyOf(t) : undefined));
  // the first result of the forward pass waits for what is kept, so that it is narrowed there and not where it is read
  if (words.size > 0) outputs[last] = new Tensor("barrier", [outputs[last]!, ...words.values()], { computes: true });
  for (const t of nodes) if (!forward.has(t)) late.set(t, copyOf(t, t.inputs.map(lateOf)));
  return { inputs: graph.inputs, outputs: graph.outputs.map((t, i) => outputs[i] ?? lateOf(t)) };
}

/** Is a value one of few numbers of a row, or of what is exponentiated? Those stay float32: an error there is an error of all that follows. */
const isStatistic = ({ node, readers }: KeptValue): boolean => node.shape.at(-1) === 1 || readers.has("softmax") || readers.has("exp");

/** Smaller values are kept as they are. */
const leastElements = 8192;

/** Which kept values may be bf16: large arrays of float32 that are no row's statistics and are not exponentiated. */
export const narrowable = (kept: readonly KeptValue[]): Tensor[] =>
  kept.filter(k => k.node.dtype === "f32" && k.node.size >= leastElements && !isStatistic(k)).map(k => k.node);

/** Kernels that give other bits within a chain of ours than alone in the engine; nodes that stand for an order; and what other ranks wait for. */
const differs: ReadonlySet<OpKind> = new Set<OpKind>([
  "exp",
  "erf",
  "sigmoid",
  "sum",
  "mean",
  "call",
  "barrier",
  "allReduce",
  "allGather",
  "reduceScatter",
]);
/** Does a node give the same bits wherever it stands? */
export const isRepeatableTensor = (t: Tensor): boolean => !differs.has(t.kind);

/** A graph as an ONNX model: walks the nodes, lowers each by the table, casts where a kernel lacks a dtype. */
import { strassenLayout } from "../../machine/index.ts";
import { type DType, dtypeTable } from "../dtype.ts";
import { type Graph, nodesOf } from "../graph.ts";
import { defaultOpsets, type Initializer, type OnnxModel, type OnnxNode } from "../onnx/index.ts";
import { elementwiseOperator, fusedIn, noneFused, type Operator, type OwnSum, operatorDomain, ownSums } from "../operators/index.ts";
import type { OpAttributes, OpKind } from "../ops.ts";
import { isKind, type Tensor } from "../tensor.ts";
import { Emitter, type EngineLimits, type PackedInput, type Packs } from "./emitter.ts";
import { computedIn, isOwnProduct, type Lowered, lower, packedInputs } from "./lower.ts";
import type { ValueSize } from "./peak.ts";

/** Inputs that carry the data whose dtype decides the kernel; the others (indices, conditions, what a barrier waits for) stay as they are. */
const sideInputs: { readonly [K in OpKind]?: readonly number[] | "rest" } = {
  gather: [1],
  takeAlong: [1],
  scatterRows: [1],
  putAlong: [1],
  select: [0],
  barrier: "rest",
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

function lowerNode(e: Emitter, t: Tensor, names: ReadonlyMap<Tensor, string>): string {
  e.expect(t);
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

/** Names the nodes that have none yet, and notes what they stand for. */
function nameNew(nodes: OnnxNode[], origins: Map<string, readonly Tensor[]>, of: readonly Tensor[]): void {
  for (let i = origins.size; i < nodes.length; i++) {
    nodes[i] = { ...nodes[i]!, name: `n${i}` };
    origins.set(`n${i}`, of);
  }
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
  const names = new Map<Tensor, string>();
  g.inputs.forEach((t, i) => {
    names.set(t, inputName(i));
  });
  const sums = limits.ownsSums ? ownSums(g) : new Map<Tensor, OwnSum>();
  // what a sum squares by itself is nobody else's
  const squares: ReadonlySet<Tensor> = new Set(Array.from(sums.keys(), t => t.inputs[0]!).filter(t => isKind(t, "mul")));
  const origins = new Map<string, readonly Tensor[]>();
  const nameNodes = (of: readonly Tensor[]): void => void (limits.namesNodes && nameNew(e.nodes, origins, of));
  const fused = limits.fusesElements ? fusedIn(g, t => isOwnProduct(t, e, names), squares) : noneFused;
  for (const t of nodesOf(g)) {
    const own = sums.get(t);
    const chain = fused.chains.get(t);
    if (chain) {
      const outputs = e.own(
        elementwiseOperator(chain.program),
        chain.inputs.map(x => names.get(x)!),
      );
      for (const [i, x] of chain.outputs.entries()) names.set(x, outputs[i]!);
    } else if (own)
      names.set(
        t,
        e.own(
          own.operator,
          own.inputs.map(x => names.get(x)!),
        )[0]!,
      );
    else if (!isKind(t, "input") && !fused.inside.has(t)) names.set(t, lowerNode(e, t, names));
    nameNodes(chain ? chain.nodes : own && squares.has(t.inputs[0]!) ? [t.inputs[0]!, t] : [t]);
  }
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
    sizes: e.sizes,
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

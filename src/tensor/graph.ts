/**
 * A graph is a traced program as data: named inputs, nodes in order, outputs. It serialises to JSON and back to the same graph, and its
 * hash is the program's identity (two programs with one hash compute the same).
 */
import { canonicalJson, sha256 } from "../base/index.ts";
import { reachable } from "./body.ts";
import { type DType, dtypes, dtypeTable, type TypedArray } from "./dtype.ts";
import { tensorErrors } from "./errors.ts";
import type { AppliedOperation, Operation } from "./operation.ts";
import { type OpAttributes, type OpKind, ops } from "./ops.ts";
import { type Shape, showShape } from "./shape.ts";
import { isKind, Tensor, type TensorBody } from "./tensor.ts";

export interface Graph {
  readonly inputs: readonly Tensor<"input">[];
  readonly outputs: readonly Tensor[];
}

/** The graph behind some outputs. Inputs that no output needs stay, so the signature is what the caller said. */
export function graphOf(inputs: readonly Tensor<"input">[], outputs: readonly Tensor[]): Graph {
  const known = new Set<Tensor>(inputs);
  for (const t of reachable(outputs))
    if (isKind(t, "input") && !known.has(t))
      throw tensorErrors.fail("graph", {
        place: "graph",
        expected: "inputs that belong to the program",
        received: `"${t.attributes.name}" from another trace`,
        hint: "Pass it as an argument.",
      });
  return { inputs, outputs };
}

/** Nodes in an order in which inputs come first. */
export const nodesOf = (g: Graph): Tensor[] => [...g.inputs, ...reachable(g.outputs).filter(t => t.kind !== "input")];

type StoredNode = readonly [kind: OpKind, inputs: readonly number[], attributes: Record<string, unknown>];
export interface StoredGraph {
  readonly format: "loam-graph";
  readonly version: 1;
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly dtype: DType }[];
  readonly nodes: readonly StoredNode[];
  readonly outputs: readonly number[];
}

const storeBytes = (data: TypedArray): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

const storeCall = ({ body, ...rest }: OpAttributes["call"]): Record<string, unknown> => ({
  ...rest,
  body: storeGraph({ inputs: body.placeholders, outputs: body.outputs }),
});

function storeNodes(inputs: readonly Tensor[], outputs: readonly Tensor[]): { nodes: StoredNode[]; outputs: number[] } {
  const number = new Map<Tensor, number>(inputs.map((t, i) => [t, i]));
  const nodes: StoredNode[] = [];
  for (const t of reachable(outputs)) {
    if (number.has(t)) continue;
    let attributes = t.attributes as Record<string, unknown>;
    if (isKind(t, "constant")) attributes = { ...t.attributes, data: storeBytes(t.attributes.data) };
    if (isKind(t, "call")) attributes = storeCall(t.attributes);
    const { body, name, version, options } = isKind(t, "custom") ? t.attributes.operation : ({} as Partial<AppliedOperation>);
    if (isKind(t, "custom")) attributes = body ? storeCall({ body, output: 0, gradient: "lost" }) : { operation: name, version, options };
    nodes.push([body ? "call" : t.kind, t.inputs.map(x => number.get(x)!), attributes]);
    number.set(t, inputs.length + nodes.length - 1);
  }
  return { nodes, outputs: outputs.map(o => number.get(o)!) };
}

export const storeGraph = (g: Graph): StoredGraph => ({
  format: "loam-graph",
  version: 1,
  inputs: g.inputs.map(({ attributes: { name, shape, dtype } }) => ({ name, shape, dtype })),
  ...storeNodes(g.inputs, g.outputs),
});

/** SHA-256 over the canonical form: names of inputs count, ids and construction order do not beyond the order of nodes. */
export const graphHash = (g: Graph): string => sha256(canonicalJson(storeGraph(g)));

const damaged = (received: string, expected: string) =>
  tensorErrors.fail("graph", { place: "graph", expected, received, hint: "The file is damaged or of another version." });

/**
 * Rebuilds a stored graph; every shape is inferred again. `operations`: the operations from outside the table (`defineOperation`) that it has,
 * found by name and version. Throws `tensor/graph` on anything that is not a legal graph.
 */
export function loadGraph(stored: StoredGraph, operations: readonly Operation<never>[] = []): Graph {
  if (
    stored?.format !== "loam-graph" ||
    stored.version !== 1 ||
    !Array.isArray(stored.nodes) ||
    !Array.isArray(stored.inputs) ||
    !Array.isArray(stored.outputs)
  )
    throw damaged(JSON.stringify(stored)?.slice(0, 60) ?? "nothing", "a loam-graph of version 1");
  const inputs = stored.inputs.map(i => {
    if (!dtypes.includes(i.dtype) || !Array.isArray(i.shape)) throw damaged(JSON.stringify(i), "an input with name, shape and dtype");
    return new Tensor("input", [], { name: String(i.name), shape: i.shape, dtype: i.dtype });
  });
  const all: Tensor[] = [...inputs];
  const at = (i: number): Tensor => {
    const t = all[i];
    if (!t) throw damaged(`node ${i}`, `a node number below ${all.length}`);
    return t;
  };
  for (const node of stored.nodes) {
    if (!Array.isArray(node) || !Array.isArray(node[1]) || typeof node[2] !== "object" || node[2] === null)
      throw damaged(JSON.stringify(node)?.slice(0, 60) ?? "nothing", "a node of an operation, its inputs and its attributes");
    const [kind, ins, attributes] = node;
    if (!Object.hasOwn(ops, kind) || kind === "input") throw damaged(`operation "${kind}"`, "a known operation");
    let a = attributes;
    if (kind === "constant") a = { ...a, data: loadBytes(a as Record<string, unknown>) };
    if (kind === "call") {
      const body = loadGraph(a.body as StoredGraph, operations);
      a = { ...a, body: { placeholders: body.inputs, outputs: body.outputs } satisfies TensorBody };
    }
    if (kind === "custom") {
      // the operation checks its options
      all.push(operationOf(a, operations)(ins.map(at), a.options as never));
      continue;
    }
    all.push(new Tensor(kind, ins.map(at), a as OpAttributes[OpKind]));
  }
  return { inputs, outputs: stored.outputs.map(at) };
}

function operationOf(a: Record<string, unknown>, operations: readonly Operation<never>[]): Operation<never> {
  const found = operations.find(({ definition: { name, version = 1 } }) => name === a.operation && version === a.version);
  if (found) return found;
  const known = operations.map(({ definition: { name, version = 1 } }) => `${name} ${version}`).join(", ");
  throw tensorErrors.fail("graph", {
    place: "graph",
    expected: `the operation "${a.operation}" of version ${a.version}`,
    received: known || "no operations",
    hint: "Pass its definition: loadGraph(stored, [operation]).",
  });
}

function loadBytes(a: Record<string, unknown>): TypedArray {
  const row = dtypeTable[a.dtype as DType];
  if (!row || typeof a.data !== "string") throw damaged(String(a.dtype), "a constant with dtype and base64 data");
  const bytes = Buffer.from(a.data, "base64");
  if (bytes.length % row.sizeBytes) throw damaged(`${bytes.length} bytes`, `a multiple of ${row.sizeBytes} bytes`);
  const memory = new ArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return new row.array(memory);
}

/** Do two graphs say the same? (Same canonical form.) */
export const sameGraph = (a: Graph, b: Graph): boolean => graphHash(a) === graphHash(b);

/** Readable text, one node a line. */
export function printGraph(g: Graph): string {
  const name = new Map<Tensor, string>();
  const lines: string[] = [];
  const nodes = nodesOf(g);
  let n = 0;
  for (const t of nodes) {
    const label = isKind(t, "input") ? t.attributes.name : `%${n++}`;
    name.set(t, label);
    if (isKind(t, "input")) continue;
    lines.push(
      `  ${label} = ${t.kind}${showAttributes(t)}(${t.inputs.map(x => name.get(x)).join(", ")})  # ${t.dtype}${showShape(t.shape)}`,
    );
  }
  const signature = g.inputs.map(t => `${t.attributes.name}: ${t.dtype}${showShape(t.shape)}`).join(", ");
  return `program(${signature}) {\n${lines.join("\n")}\n  return ${g.outputs.map(o => name.get(o)).join(", ")}\n}`;
}

/** Attributes in square brackets; constants show their first values. */
export function showAttributes(t: Tensor): string {
  if (isKind(t, "constant")) {
    const first = Array.from(t.attributes.data.subarray(0, 3) as ArrayLike<number | bigint>, String).join(", ");
    return `[${first}${t.size > 3 ? ", ..." : ""}]`;
  }
  if (isKind(t, "call"))
    return `[${t.attributes.body.outputs.length} outputs, ${reachable(t.attributes.body.outputs).length} nodes; output ${t.attributes.output}]`;
  if (isKind(t, "custom")) return `[${t.attributes.operation.name} ${JSON.stringify(t.attributes.operation.options)}]`;
  const entries = Object.entries(t.attributes as Record<string, unknown>);
  return entries.length ? `[${entries.map(([k, v]) => `${k}=${JSON.stringify(v)}`).join(" ")}]` : "";
}

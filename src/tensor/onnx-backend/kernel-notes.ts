/** What each node of an ONNX model computes, for profiles: the names that a profile has, joined with the operations that they stand for. */
import { writeFileSync } from "node:fs";
import { addWork, noWork, type Work } from "../../ledger/index.ts";
import { nodeBytes, nodeWork } from "../count-work.ts";
import { showShape } from "../shape.ts";
import { isKind, type Tensor } from "../tensor.ts";

export const kernelClasses = ["product", "attention", "chain", "element-wise", "reduction", "layout", "other"] as const;
export type KernelClass = (typeof kernelClasses)[number];

export interface KernelNote {
  /** Names of the nodes that stand for it, as a profile has them: mostly one. */
  readonly nodes: readonly string[];
  /** `product [4096, 384] x [384, 1536]`, `attention [...]`, `chain of mul, add, exp [...]`. */
  readonly what: string;
  readonly kind: KernelClass;
  readonly work: Work;
  readonly bytes: number;
}

const reductions: readonly string[] = ["sum", "max", "mean", "argmax", "cumsum", "softmax", "logSumExp", "layerNorm", "rmsNorm"];
const layouts: readonly string[] = [
  "reshape",
  "transpose",
  "broadcastTo",
  "slice",
  "pad",
  "concat",
  "gather",
  "takeAlong",
  "scatterRows",
  "putAlong",
  "cast",
];

function classOf(t: Tensor): KernelClass {
  const { products, attention, elementwise } = nodeWork(t);
  if (attention > 0) return "attention";
  if (products > 0) return "product";
  if (reductions.includes(t.kind)) return "reduction";
  if (layouts.includes(t.kind)) return "layout";
  return elementwise > 0 ? "element-wise" : "other";
}

function transposed(t: Tensor, isTransposed: boolean): string {
  const { shape } = t;
  return isTransposed ? `${showShape([...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!])}` : showShape(shape);
}

function describe(t: Tensor): string {
  const [a, b] = t.inputs;
  if (isKind(t, "matmul") || isKind(t, "matmulAdd")) {
    const { transposeA, transposeB } = t.attributes;
    return `product ${transposed(a!, transposeA)} x ${transposed(b!, transposeB)}`;
  }
  return `${t.kind} ${showShape(t.shape)}`;
}

/** Kinds of a chain's operations, each with how often it is in it. */
function kindsOf(nodes: readonly Tensor[]): string {
  const counts = new Map<string, number>();
  for (const t of nodes) counts.set(t.kind, (counts.get(t.kind) ?? 0) + 1);
  return Array.from(counts, ([kind, n]) => (n > 1 ? `${n} ${kind}` : kind)).join(", ");
}

/** The note of nodes that stand for one operation, or for a chain of them, whose inputs and outputs alone are read and written. */
function noteOf(nodes: readonly Tensor[]): Omit<KernelNote, "nodes"> {
  const last = nodes.at(-1)!;
  const work = nodes.reduce((sum, t) => addWork(sum, nodeWork(t)), noWork);
  if (nodes.length === 1) return { what: describe(last), kind: classOf(last), work, bytes: nodeBytes(last) };
  const inside = new Set(nodes);
  const read = new Set(nodes.flatMap(t => t.inputs.filter(x => !inside.has(x) && x.size > 1)));
  const bytes = [...read, last].reduce((sum, x) => sum + 4 * x.size, 0);
  return { what: `chain of ${kindsOf(nodes)} ${showShape(last.shape)}`, kind: "chain", work, bytes };
}

/** The file beside a profile that says what its nodes compute. */
export const kernelNotesFile = (profile: string): string => `${profile}.kernels.json`;

export function writeKernelNotes(profile: string, origins: ReadonlyMap<string, readonly Tensor[]>): void {
  const byOperation = new Map<readonly Tensor[], string[]>();
  for (const [node, of] of origins) byOperation.set(of, [...(byOperation.get(of) ?? []), node]);
  const notes = Array.from(byOperation, ([of, nodes]): KernelNote => ({ nodes, ...noteOf(of) }));
  writeFileSync(kernelNotesFile(profile), JSON.stringify(notes));
}

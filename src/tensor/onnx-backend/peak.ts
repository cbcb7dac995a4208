/**
 * What the values between a model's nodes take at most, foretold: the engine's plan of memory over the order in which it runs the nodes. A value is
 * freed behind its last reader; one of the same dimensions takes its memory over, which is then held in between as well; some kernels write over what
 * they read last. Source: ONNX Runtime's allocation planner, held against its allocator's count by a test.
 */
import { executionOrder, type OnnxModel } from "../onnx/index.ts";
import { type ArenaGrowth, ArenaModel } from "./arena-model.ts";

/** Dimensions and size of a value between nodes. */
export interface ValueSize {
  readonly dimensions: readonly number[];
  readonly elementBytes: number;
}

/** Kernels whose result is their first input's memory. */
const aliases: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Flatten"]);
/** Kernels that may write over an input of the result's size that nobody reads after them. */
const inPlace: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Div", "Neg", "Abs", "Exp", "Log", "Sqrt", "Tanh", "Sigmoid", "Relu", "Floor", "Softmax", "Cast"],
  ...["ScatterND", "ScatterElements", "Sin", "Cos", "Sign", "Not"],
]);

interface Buffer {
  readonly bytes: number;
  readonly key: string;
  readonly born: number;
  /** Nodes that still read one of its values. */
  readers: number;
  died: number;
}

const keyOf = (v: ValueSize): string => `${v.elementBytes} ${v.dimensions.join("x")}`;
const sizeBytes = (v: ValueSize): number => v.dimensions.reduce((n, d) => n * d, v.elementBytes);

/** Bytes at the fullest moment. Values without a size count nothing, as do inputs, constants and results, which lie in memory of their own. */
export function peakOf(
  model: Pick<OnnxModel, "nodes" | "outputs">,
  sizes: ReadonlyMap<string, ValueSize>,
  growth: ArenaGrowth = "asked",
): number {
  // the file is written from its end, and so is the walk
  const reversed = model.nodes.toReversed();
  const nodes = executionOrder(reversed).map(i => reversed[i]!);
  const results = new Set(model.outputs.map(o => o.name));
  const readers = new Map<string, number>();
  for (const n of nodes) for (const x of new Set(n.inputs)) readers.set(x, (readers.get(x) ?? 0) + 1);
  const bufferOf = new Map<string, Buffer>();
  const all: Buffer[] = [];
  /** Memory of values that are gone, the latest first. */
  const free: Buffer[] = [];
  const place = (name: string, step: number, n: (typeof nodes)[number]): Buffer | undefined => {
    const first = bufferOf.get(n.inputs[0] ?? "");
    if (aliases.has(n.op)) return first;
    const size = sizes.get(name);
    if (!size || results.has(name)) return undefined;
    const [key, bytes] = [keyOf(size), sizeBytes(size)];
    if (inPlace.has(n.op))
      for (const x of n.inputs) {
        const over = bufferOf.get(x);
        if (over && over.readers === 1 && over.bytes === bytes) return over;
      }
    const reused = free.findIndex(b => b.key === key);
    if (reused >= 0) return free.splice(reused, 1)[0]!;
    const made = { bytes, key, born: step, readers: 0, died: step };
    all.push(made);
    return made;
  };
  for (const [step, n] of nodes.entries()) {
    for (const name of n.outputs) {
      const buffer = name === "" ? undefined : place(name, step, n);
      if (!buffer) continue;
      bufferOf.set(name, buffer);
      buffer.readers += readers.get(name) ?? 0;
      buffer.died = step;
    }
    for (const name of new Set([...n.inputs, ...n.outputs])) {
      const buffer = bufferOf.get(name);
      if (!buffer) continue;
      if (n.inputs.includes(name)) buffer.readers--;
      buffer.died = step;
      if (buffer.readers === 0 && !free.includes(buffer)) free.unshift(buffer);
    }
  }
  return fullest(all, nodes.length, growth);
}

/** Two runs, one after the other: the second finds what the first has left. */
function fullest(buffers: readonly Buffer[], steps: number, growth: ArenaGrowth): number {
  const at = (place: "born" | "died"): Buffer[][] => {
    const list: Buffer[][] = Array.from({ length: steps }, () => []);
    for (const b of buffers) list[b[place]]!.push(b);
    return list;
  };
  const [born, died] = [at("born"), at("died")];
  const arena = new ArenaModel(growth);
  for (let run = 0; run < 2; run++) {
    const pieces = new Map<Buffer, ReturnType<ArenaModel["take"]>>();
    for (let step = 0; step < steps; step++) {
      for (const b of born[step]!) pieces.set(b, arena.take(b.bytes));
      for (const b of died[step]!) arena.giveBack(pieces.get(b)!);
    }
  }
  return arena.peakBytes;
}

/**
 * Which outputs may be written over which inputs (donated ones). Safe only when every other reader of the input has certainly run before
 * the output is written: readers must be ancestors of the node that makes the output, or be that node itself reading element by element.
 * Where that cannot be shown the output gets memory of its own; a program is never wrong for being donated to.
 */
import { reachable } from "./body.ts";
import type { Graph } from "./graph.ts";
import { ops } from "./ops.ts";
import { sameShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** For output i, the candidate input; the result keeps the pairs that are safe, each input used once. */
export function safeAliases(g: Graph, candidates: ReadonlyMap<number, number>): Map<number, number> {
  const nodes = reachable(g.outputs);
  const readers = new Map<Tensor, Tensor[]>();
  for (const t of nodes) for (const x of t.inputs) readers.set(x, [...(readers.get(x) ?? []), t]);
  const outputs = new Set(g.outputs);
  /** Everything that reads the memory of x, seen through views of it. */
  const memoryReaders = (x: Tensor): Tensor[] =>
    (readers.get(x) ?? []).flatMap(r => (ops[r.kind].view && !outputs.has(r) ? [r, ...memoryReaders(r)] : [r]));
  const safe = new Map<number, number>();
  const used = new Set<number>();
  for (const [o, i] of candidates) {
    const output = g.outputs[o]!;
    const input = g.inputs[i]!;
    if (used.has(i) || !sameShape(output.shape, input.shape) || output.dtype !== input.dtype) continue;
    // an input that is an output itself, or an output asked for twice, keeps its memory
    if (g.outputs.some((t, k) => k !== o && (t === output || t === input)) || output === input) continue;
    let before: Set<Tensor> | undefined;
    const isBefore = (t: Tensor): boolean => {
      // a walk over the whole program, for hundreds of outputs, which mostly have no other reader
      before ??= new Set(reachable([output]));
      return before.has(t);
    };
    const row = ops[output.kind];
    const ok = memoryReaders(input).every(r => (r === output ? row.elementwise === true || row.updates === true : isBefore(r)));
    if (!ok) continue;
    // the node itself may read the input only in the way that it writes: directly, and where it updates, as its first input alone
    const direct = output.inputs.every((x, i) => (x === input ? !row.updates || i === 0 : !memoryOf(x, input)));
    if (!direct) continue;
    safe.set(o, i);
    used.add(i);
  }
  return safe;
}

/** Does t show the memory of `input`, itself or through views? */
const memoryOf = (t: Tensor, input: Tensor): boolean => t === input || (ops[t.kind].view === true && memoryOf(t.inputs[0]!, input));

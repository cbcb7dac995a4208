/** Walking and copying what was traced: the nodes behind some outputs, the same node over other inputs, a body run again. */
import { type Tree, treeFrom, treeLeaves } from "../base/index.ts";
import { idMark, input, Tensor, type TensorBody } from "./tensor.ts";

/** Everything that the outputs are computed from, inputs first; the walk does not go behind `stop`, nor below the id `within`. */
export function reachable(outputs: readonly Tensor[], within = 0, stop?: { has(t: Tensor): boolean }): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = [...outputs];
  while (stack.length) {
    const t = stack.pop()!;
    if (t.id < within || seen.has(t)) continue;
    seen.add(t);
    if (!stop?.has(t)) stack.push(...t.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The same node over other inputs (itself where nothing changed). */
export const withInputs = (t: Tensor, inputs: readonly Tensor[]): Tensor =>
  inputs.every((x, i) => x === t.inputs[i]) ? t : new Tensor(t.kind, inputs, t.attributes);

/** Outputs of a body over other inputs than its placeholders; a copy of its nodes. */
export function inlineBody(body: TensorBody, inputs: readonly Tensor[]): Tensor[] {
  const replaced = new Map<Tensor, Tensor>(body.placeholders.map((p, i) => [p, inputs[i]!]));
  for (const t of reachable(body.outputs)) {
    if (replaced.has(t)) continue;
    replaced.set(
      t,
      withInputs(
        t,
        t.inputs.map(x => replaced.get(x)!),
      ),
    );
  }
  return body.outputs.map(o => replaced.get(o)!);
}

/** A function's inside over placeholders, and the tensors to call it with: the arguments' leaves, then what it captured. */
interface TracedBody<R> {
  readonly body: TensorBody;
  readonly inputs: readonly Tensor[];
  /** So many of the inputs are leaves of the arguments. */
  readonly leaves: number;
  /** What the function returned; its leaves are the body's outputs, in order. */
  readonly result: R;
}

/** Traces a function of trees of tensors apart from what is around it. */
export function traceBody<A extends readonly unknown[], R>(f: (...args: A) => R, args: A): TracedBody<R> {
  const leaves = treeLeaves<Tensor>(args as Tree<unknown> as Tree<Tensor>);
  const mark = idMark();
  const placeholders = leaves.map((t, i) => input(`argument${i}`, t.shape, t.dtype));
  // the tree of placeholders has the form of the arguments
  const result = f(...(treeFrom(args as Tree<unknown> as Tree<Tensor>, placeholders) as unknown as A));
  const outputs = treeLeaves<Tensor>(result as Tree<Tensor>);
  // what was built before the trace and is used inside becomes an input of its own, so that gradients reach it
  const inside = reachable(outputs, mark);
  const captured = [...new Set([...inside.flatMap(t => t.inputs), ...outputs].filter(t => t.id < mark))];
  const stand = captured.map((t, i) => input(`captured${i}`, t.shape, t.dtype));
  const replaced = new Map<Tensor, Tensor>(captured.map((t, i) => [t, stand[i]!]));
  for (const t of inside)
    replaced.set(
      t,
      withInputs(
        t,
        t.inputs.map(x => replaced.get(x)!),
      ),
    );
  const body = { placeholders: [...placeholders, ...stand], outputs: outputs.map(o => replaced.get(o)!) };
  return { body, inputs: [...leaves, ...captured], leaves: leaves.length, result };
}

/** Walking and copying what was traced: the nodes behind some outputs, the same node over other inputs, a body run again. */
import { type Body, Tensor } from "./tensor.ts";

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
  inputs.every((x, i) => x === t.inputs[i]) ? t : new Tensor(t.kind, inputs, t.attributes as never);

/** Outputs of a body over other inputs than its placeholders; a copy of its nodes. */
export function inlineBody(body: Body, inputs: readonly Tensor[]): Tensor[] {
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

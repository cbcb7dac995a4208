/**
 * A graph cut into the programs of steps: what each step computes, what it takes from those before it, what it leaves for those behind it. Which step
 * computes a node is the caller's to say. Constants, and what is made of them alone, are in every program that reads them.
 */
import { reachable } from "../body.ts";
import type { DType } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Graph } from "../graph.ts";
import { ops } from "../ops.ts";
import type { Shape } from "../shape.ts";
import { input, isKind, Tensor } from "../tensor.ts";

/** A value that passes from one step to another, is given to the whole graph, or is a result of it. */
export interface PassedValue {
  readonly shape: Shape;
  readonly dtype: DType;
  /** The step that computes it; -1 for an input of the graph. */
  readonly from: number;
  /** The last step that reads it; the number of steps for a result of the graph, -1 for an input that nothing reads. */
  readonly lastUse: number;
}

export interface GraphStep {
  /** Its inputs are named by the values' numbers: "v12". */
  readonly graph: Graph;
  /** Numbers of the values that it takes and gives, in the graph's order. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface CutGraph {
  readonly values: readonly PassedValue[];
  readonly steps: readonly GraphStep[];
  /** Numbers of the graph's inputs and outputs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Made of constants alone, at no cost: in every step that reads it. */
export function isCopied(t: Tensor): boolean {
  if (isKind(t, "constant")) return true;
  return (isKind(t, "broadcastTo") || isKind(t, "reshape") || isKind(t, "cast")) && isCopied(t.inputs[0]!);
}

/** Programs of `steps` steps. Errors: tensor/graph for a node in a step before one that it depends on. */
export function cutGraph(graph: Graph, stepOf: (t: Tensor) => number, steps: number): CutGraph {
  const values: { shape: Shape; dtype: DType; from: number; lastUse: number }[] = [];
  const numbers = new Map<Tensor, number>();
  const numberOf = (t: Tensor): number => {
    const known = numbers.get(t);
    if (known !== undefined) return known;
    const from = isKind(t, "input") ? -1 : stepOf(t);
    values.push({ shape: t.shape, dtype: t.dtype, from, lastUse: -1 });
    numbers.set(t, values.length - 1);
    return values.length - 1;
  };
  const inputs = graph.inputs.map(numberOf);
  const nodes = reachable(graph.outputs).filter(t => !isKind(t, "input") && !isCopied(t));
  const taken = Array.from({ length: steps }, () => new Set<Tensor>());
  for (const t of nodes) {
    const step = stepOf(t);
    if (!(Number.isInteger(step) && step >= 0 && step < steps))
      throw tensorErrors.fail("graph", {
        place: "cutGraph",
        expected: `a step from 0 to ${steps - 1} for ${t.toString()}`,
        received: String(step),
      });
    for (const x of t.inputs) {
      if (isCopied(x)) continue;
      const from = isKind(x, "input") ? -1 : stepOf(x);
      if (from === step) continue;
      if (from > step)
        throw tensorErrors.fail("graph", {
          place: "cutGraph",
          expected: `${t.toString()} in step ${from} or later, where its input ${x.toString()} is computed`,
          received: `step ${step}`,
        });
      taken[step]!.add(x);
      const value = values[numberOf(x)]!;
      value.lastUse = Math.max(value.lastUse, step);
    }
  }
  // a constant result is the last step's
  const outputs = graph.outputs.map(t => {
    const number =
      isCopied(t) && !numbers.has(t) ? values.push({ shape: t.shape, dtype: t.dtype, from: steps - 1, lastUse: steps }) - 1 : numberOf(t);
    numbers.set(t, number);
    values[number]!.lastUse = steps;
    return number;
  });
  const tensorOf = new Map<number, Tensor>(Array.from(numbers, ([t, n]) => [n, t]));
  const made = taken.map((from, step): GraphStep => {
    const ins = [...from].map(t => numbers.get(t)!).sort((a, b) => a - b);
    const outs = values.flatMap((v, n) => (v.from === step && v.lastUse > step ? [n] : []));
    return { graph: stepGraph(ins, outs, tensorOf), inputs: ins, outputs: outs };
  });
  return { values, steps: made, inputs, outputs };
}

/** Copies of the nodes between some values. */
function stepGraph(inputs: readonly number[], outputs: readonly number[], tensorOf: ReadonlyMap<number, Tensor>): Graph {
  const stands = inputs.map(n => {
    const t = tensorOf.get(n)!;
    return input(`v${n}`, t.shape, t.dtype);
  });
  const made = new Map<Tensor, Tensor>(inputs.map((n, i) => [tensorOf.get(n)!, stands[i]!]));
  const results = outputs.map(n => tensorOf.get(n)!);
  const stop = new Set(made.keys());
  for (const t of reachable(results, 0, stop)) {
    if (made.has(t)) continue;
    made.set(
      t,
      t.inputs.length === 0
        ? t
        : new Tensor(
            t.kind,
            t.inputs.map(x => made.get(x)!),
            t.attributes,
          ),
    );
  }
  return { inputs: stands, outputs: results.map(t => made.get(t)!) };
}

/** Does an operation move or compute elements one by one, so that it may as well run later? */
export const isCheap = (t: Tensor): boolean =>
  ops[t.kind].elementwise === true ||
  (["cast", "randomUniform", "broadcastTo", "reshape", "transpose", "slice", "gather"] as const).some(kind => kind === t.kind);

/**
 * Where ranks meet: a rank's program cut into steps that alternate, programs that it computes by itself and collectives that it waits for. Collectives that
 * do not depend on each other share a step. A node runs in the first step that it can, except that what is made element by element of what
 * is there anyway (a dropout mask) waits for its reader, so that it does not lie in memory meanwhile.
 */
import { reachable } from "../body.ts";
import { bytesOf } from "../dtype.ts";
import type { Graph } from "../graph.ts";
import { type CollectiveTensor, isCollective, isKind, type Tensor } from "../tensor.ts";
import { type CutGraph, cutGraph, isCheap, isCopied } from "./cut-graph.ts";

interface RankStep {
  /** In the order in which all ranks make them. */
  readonly collectives: readonly { readonly node: CollectiveTensor; readonly from: number; readonly to: number }[];
}
export interface RankSteps {
  /** Programs at even numbers, collectives at odd ones. */
  readonly cut: CutGraph;
  readonly meetings: readonly RankStep[];
}

/** Of each node, how many meetings must be over before it: programs are even steps, meetings odd. */
function earliestSteps(nodes: readonly Tensor[]): Map<Tensor, number> {
  const steps = new Map<Tensor, number>();
  for (const t of nodes) {
    const before = t.inputs.reduce((most, x) => {
      const step = steps.get(x) ?? 0;
      return Math.max(most, isCollective(x) ? step + 1 : step);
    }, 0);
    steps.set(t, isCollective(t) ? before + 1 : before);
  }
  return steps;
}

/** Moves what is cheap to the step of its first reader, where that keeps no more in memory. */
function delay(graph: Graph, nodes: readonly Tensor[], steps: Map<Tensor, number>): void {
  const readers = new Map<Tensor, Tensor[]>();
  for (const t of nodes) for (const x of t.inputs) readers.set(x, [...(readers.get(x) ?? []), t]);
  const outputs = new Set(graph.outputs);
  const isThere = (x: Tensor): boolean => isKind(x, "input") || isCopied(x);
  const lastRead = (x: Tensor): number => Math.max(-1, ...(readers.get(x) ?? []).map(r => steps.get(r)!));
  /** Would a value have to wait in memory? Not one that may as well run later itself, of what is there. */
  const waits = (x: Tensor, to: number): boolean => !isThere(x) && lastRead(x) < to && !(isCheap(x) && x.inputs.every(isThere));
  const bytes = (t: Tensor) => bytesOf(t.shape, t.dtype);
  for (const t of nodes.toReversed()) {
    if (outputs.has(t) || !isCheap(t) || isCollective(t)) continue;
    const first = Math.min(...(readers.get(t) ?? []).map(r => steps.get(r)!));
    // before a meeting it must be there
    const to = first - (first % 2);
    if (!(to > steps.get(t)!)) continue;
    const kept = [...new Set(t.inputs)].filter(x => waits(x, to)).reduce((sum, x) => sum + bytes(x), 0);
    if (kept <= bytes(t)) steps.set(t, to);
  }
}

/** A rank's program in steps. */
export function rankSteps(graph: Graph): RankSteps {
  const nodes = reachable(graph.outputs).filter(t => !isKind(t, "input") && !isCopied(t));
  const steps = earliestSteps(nodes);
  delay(graph, nodes, steps);
  const last = nodes.reduce((most, t) => Math.max(most, steps.get(t)!), 0);
  // a meeting is followed by a program, if only of nothing
  const count = last + 1 + (last % 2);
  const cut = cutGraph(graph, t => steps.get(t) ?? 0, count);
  const meetings = Array.from({ length: (count - 1) / 2 }, (_, i): RankStep => {
    const { graph: of, inputs, outputs } = cut.steps[2 * i + 1]!;
    const collectives = of.outputs.map((node, o) => {
      // the step holds nothing but collectives of values that it takes
      const made = node as CollectiveTensor;
      return { node: made, from: inputs[of.inputs.indexOf(made.inputs[0] as Tensor<"input">)]!, to: outputs[o]! };
    });
    return { collectives: collectives.sort((a, b) => (a.node.attributes.order ?? 0) - (b.node.attributes.order ?? 0)) };
  });
  return { cut, meetings };
}

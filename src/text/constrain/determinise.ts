/**
 * Automata that read every text in one way, by the subset construction (Rabin and Scott 1959), and so the texts that are not in one: what
 * `not`, a negative look-ahead and names outside of a pattern need.
 */
import type { Automaton } from "./automaton.ts";
import { anyCodePoint, type CodePoints, complement, union } from "./code-points.ts";
import { constrainLimits } from "./limits.ts";
import { beyondAutomata } from "./refuse.ts";

type Edge = { readonly set: CodePoints; readonly to: number };

/** Edges that may overlap as edges that do not, each with all states that it led to. */
function apart(edges: readonly Edge[]): { readonly set: CodePoints; readonly to: readonly number[] }[] {
  const cuts = new Set<number>();
  for (const { set } of edges)
    for (const [first, last] of set) {
      cuts.add(first);
      cuts.add(last + 1);
    }
  const sorted = [...cuts].sort((a, b) => a - b);
  const places = new Map(sorted.map((c, i) => [c, i]));
  const targets: Set<number>[] = sorted.map(() => new Set());
  for (const { set, to } of edges)
    for (const [first, last] of set) for (let i = places.get(first)!; i < places.get(last + 1)!; i++) targets[i]!.add(to);
  const groups = new Map<string, { ranges: [number, number][]; to: number[] }>();
  for (const [i, states] of targets.entries()) {
    if (states.size === 0) continue;
    const to = [...states].sort((a, b) => a - b);
    const key = to.join();
    const range: [number, number] = [sorted[i]!, sorted[i + 1]! - 1];
    const group = groups.get(key);
    if (group) group.ranges.push(range);
    else groups.set(key, { ranges: [range], to });
  }
  return [...groups.values()].map(({ ranges, to }) => ({ set: union(ranges), to }));
}

/** The same texts, with at most one way to read each. Errors: text/constraint where it has too many states. */
export function determinise({ edges, ends }: Automaton, place: string): Automaton {
  const indices = new Map<string, number>([["0", 0]]);
  const queue: (readonly number[])[] = [[0]];
  const out: Edge[][] = [];
  const accepting = new Set<number>();
  let work = 0;
  for (let q = 0; q < queue.length; q++) {
    const states = queue[q]!;
    if (states.some(s => ends.has(s))) accepting.add(q);
    const all = states.flatMap(s => edges[s]!);
    work += all.length;
    if (queue.length > constrainLimits.productStates || work > constrainLimits.work)
      throw beyondAutomata(place, `a pattern of at most ${constrainLimits.productStates} states`, "a larger one", "Use lower counts.");
    out.push(
      apart(all).map(({ set, to }) => {
        const key = to.join();
        let index = indices.get(key);
        if (index === undefined) {
          index = queue.push(to) - 1;
          indices.set(key, index);
        }
        return { set, to: index };
      }),
    );
  }
  return { edges: out, ends: accepting };
}

/** Every text that is not in it. Errors: text/constraint where it has too many states. */
export function complementOf(a: Automaton, place: string): Automaton {
  const { edges, ends } = determinise(a, place);
  const other = edges.length;
  const total = edges.map(out => {
    const rest = complement(union(out.flatMap(e => e.set)));
    return rest.length > 0 ? [...out, { set: rest, to: other }] : out;
  });
  return {
    edges: [...total, [{ set: anyCodePoint, to: other }]],
    ends: new Set([...total.keys(), other].filter(i => !ends.has(i))),
  };
}

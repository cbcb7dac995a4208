/**
 * Automata over characters, for what expressions cannot say by themselves: the intersection of several conditions on one text (a pattern and a
 * length, two bounds on a number), anchors inside a pattern, all texts but some. States are numbers; what is made is trimmed by the machine.
 */
import { anyCodePoint, type CodePoints, charactersOf, complement, intersection } from "./code-points.ts";
import { characters, type ExpressionGraph, type RegularExpression } from "./expression.ts";
import { constrainLimits } from "./limits.ts";
import { beyondAutomata, constraintRefusal } from "./refuse.ts";

export interface Automaton {
  /** Edges of each state; state 0 is the first. */
  readonly edges: readonly (readonly { readonly set: CodePoints; readonly to: number }[])[];
  readonly ends: ReadonlySet<number>;
}

/** Edges that read nothing, some only at the start or only where nothing follows. */
interface Free {
  readonly to: number;
  readonly where: "anywhere" | "start" | "end";
}

const tooLarge = (place: string) =>
  beyondAutomata(place, `a pattern of at most ${constrainLimits.productStates} states`, "a larger one", "Use lower counts.");

/** The automaton of an expression without rules. Anchors hold at the ends of the whole text. Errors: text/constraint where it is too large. */
export function automatonOfExpression(e: RegularExpression, place: string): Automaton {
  const reads: { set: CodePoints; to: number }[][] = [];
  const frees: Free[][] = [];
  const state = (): number => {
    if (reads.length >= constrainLimits.productStates) throw tooLarge(place);
    frees.push([]);
    return reads.push([]) - 1;
  };
  const free = (from: number, to: number, where: Free["where"] = "anywhere"): void => {
    frees[from]!.push({ to, where });
  };
  const build = (x: RegularExpression, from: number): number => {
    switch (x.kind) {
      case "characters": {
        const to = state();
        reads[from]!.push({ set: x.set, to });
        return to;
      }
      case "text": {
        let at = from;
        for (const c of x.text) {
          const to = state();
          reads[at]!.push({ set: charactersOf(c), to });
          at = to;
        }
        return at;
      }
      case "sequence":
        return x.parts.reduce((at, part) => build(part, at), from);
      case "choice": {
        const to = state();
        for (const o of x.options) free(build(o, from), to);
        return to;
      }
      case "repeat": {
        let at = from;
        for (let i = 0; i < x.min; i++) at = build(x.of, at);
        if (x.max === Number.POSITIVE_INFINITY) {
          const again = state();
          free(at, again);
          free(build(x.of, again), again);
          return again;
        }
        const to = state();
        free(at, to);
        for (let i = x.min; i < x.max; i++) {
          at = build(x.of, at);
          free(at, to);
        }
        return to;
      }
      case "start":
      case "end": {
        const to = state();
        free(from, to, x.kind);
        return to;
      }
      case "graph": {
        const states = x.edges.map(() => state());
        free(from, states[0]!);
        for (const [i, edges] of x.edges.entries()) for (const { by, to } of edges) free(build(by, states[i]!), states[to]!);
        const to = state();
        for (const i of x.ends) free(states[i]!, to);
        return to;
      }
      case "rule":
      case "track":
      case "ahead":
        throw constraintRefusal(place, "an expression without rules and look-aheads", x.kind);
    }
  };
  const begin = state();
  const last = build(e, begin);

  // Without free edges: a state is (state, read nothing yet, may read nothing more).
  const indices = new Map<number, number>();
  const queue: number[] = [];
  const index = (s: number, isStart: boolean, isOver: boolean): number => {
    const key = s * 4 + (isStart ? 2 : 0) + (isOver ? 1 : 0);
    const known = indices.get(key);
    if (known !== undefined) return known;
    if (queue.length >= constrainLimits.productStates) throw tooLarge(place);
    indices.set(key, queue.length);
    return queue.push(key) - 1;
  };
  index(begin, true, false);
  const edges: { set: CodePoints; to: number }[][] = [];
  const ends = new Set<number>();
  for (let q = 0; q < queue.length; q++) {
    const out: { set: CodePoints; to: number }[] = [];
    const seen = new Set([queue[q]!]);
    for (const key of seen) {
      const s = key >> 2;
      const isStart = (key & 2) !== 0;
      const isOver = (key & 1) !== 0;
      if (s === last) ends.add(q);
      if (!isOver) for (const { set, to } of reads[s]!) out.push({ set, to: index(to, false, false) });
      for (const { to, where } of frees[s]!)
        if (where !== "start" || isStart) seen.add(to * 4 + (isStart ? 2 : 0) + (isOver || where === "end" ? 1 : 0));
    }
    edges.push(out);
  }
  return { edges, ends };
}

/** Texts that are in all of them. Errors: text/constraint where the product is too large. */
export function intersect(all: readonly Automaton[], place: string): Automaton {
  return all.reduce((a, b) => {
    const indices = new Map<number, number>();
    const pairs: [number, number][] = [];
    const index = (x: number, y: number): number => {
      const key = x * b.edges.length + y;
      const known = indices.get(key);
      if (known !== undefined) return known;
      if (pairs.length >= constrainLimits.productStates) throw tooLarge(place);
      indices.set(key, pairs.length);
      return pairs.push([x, y]) - 1;
    };
    index(0, 0);
    const edges: { set: CodePoints; to: number }[][] = [];
    const ends = new Set<number>();
    for (let i = 0; i < pairs.length; i++) {
      const [x, y] = pairs[i]!;
      if (a.ends.has(x) && b.ends.has(y)) ends.add(i);
      const out: { set: CodePoints; to: number }[] = [];
      for (const ea of a.edges[x]!)
        for (const eb of b.edges[y]!) {
          const set = intersection(ea.set, eb.set);
          if (set.length > 0) out.push({ set, to: index(ea.to, eb.to) });
        }
      edges.push(out);
    }
    return { edges, ends };
  });
}

/** Texts of `min` to `max` characters. */
export function lengths(min: number, max: number, place: string): Automaton {
  const most = max === Number.POSITIVE_INFINITY ? min : max;
  if (most >= constrainLimits.productStates) throw tooLarge(place);
  const edges = Array.from({ length: most + 1 }, (_, i) =>
    i < most ? [{ set: anyCodePoint, to: i + 1 }] : max === Number.POSITIVE_INFINITY ? [{ set: anyCodePoint, to: i }] : [],
  );
  return { edges, ends: new Set(edges.flatMap((_, i) => (i >= min ? [i] : []))) };
}

/** Trees of texts have up to a state for each character. Errors: text/constraint where these are too many. */
export function checkCharacters(texts: readonly string[], place: string): void {
  const sum = texts.reduce((n, t) => n + t.length, 0);
  if (sum > constrainLimits.nodes)
    throw constraintRefusal(place, `texts of at most ${constrainLimits.nodes} characters together`, `${sum}`);
}

/** Every text but these. Errors: text/constraint where they are too long. */
export function allBut(texts: readonly string[], place: string): Automaton {
  checkCharacters(texts, place);
  const children: Map<string, number>[] = [new Map()];
  const taken = new Set<number>();
  for (const t of texts) {
    let at = 0;
    for (const c of t) {
      let to = children[at]!.get(c);
      if (to === undefined) {
        to = children.push(new Map()) - 1;
        children[at]!.set(c, to);
      }
      at = to;
    }
    taken.add(at);
  }
  const other = children.length;
  const edges = children.map(of => [
    ...Array.from(of, ([c, to]) => ({ set: charactersOf(c), to })),
    { set: complement(charactersOf([...of.keys()].join(""))), to: other },
  ]);
  edges.push([{ set: anyCodePoint, to: other }]);
  return { edges, ends: new Set(edges.flatMap((_, i) => (taken.has(i) ? [] : [i]))) };
}

/** Whether a text is in it: what enum values are filtered by. */
export function accepts({ edges, ends }: Automaton, t: string): boolean {
  let at = new Set([0]);
  for (const c of t) {
    const code = c.codePointAt(0)!;
    const to = new Set<number>();
    for (const s of at) for (const e of edges[s]!) if (e.set.some(([first, last]) => first <= code && code <= last)) to.add(e.to);
    at = to;
  }
  return [...at].some(s => ends.has(s));
}

/** The automaton as an expression; `by` gives how a character of a set is written. */
export const automatonGraph = ({ edges, ends }: Automaton, by: (set: CodePoints) => RegularExpression = characters): ExpressionGraph => ({
  kind: "graph",
  edges: edges.map(out => out.map(({ set, to }) => ({ by: by(set), to }))),
  ends,
});

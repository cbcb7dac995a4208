/**
 * Which target is asked next: a plain decision from what is known of each. Those that can be asked, of the best priority that has any, without
 * those that were tried already; then the route's strategy, a row of the table.
 */
import { nano } from "../limits/prices.ts";
import type { TargetState } from "../upstreams/upstream.ts";
import { claim } from "./hash.ts";
import type { Route, Strategy, Target } from "./route.ts";

export interface TargetCandidate {
  readonly target: Target;
  readonly state: TargetState;
}

/** What a choice may depend on beside the targets. */
export interface ChoiceFacts {
  /** Of the user or key that should stay where it was; undefined where nothing is sticky. */
  readonly stickyKey: string | undefined;
  /** The beginning of the prompt; a server that has seen it has it in its cache. */
  readonly prefix: string | undefined;
  /** Expected of prompt and answer; undefined where no strategy asks. */
  readonly tokens?: { readonly input: number; readonly output: number } | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Shares given so far, by target: what makes weights exact and not only likely. */
export type Shares = Map<string, number>;

type Pick = (candidates: readonly TargetCandidate[], asked: ChoiceFacts, shares: Shares) => TargetCandidate;

const greatest = (candidates: readonly TargetCandidate[], score: (c: TargetCandidate) => number): TargetCandidate =>
  candidates.reduce((best, c) => (score(c) > score(best) ? c : best));

/** Smooth weighted round robin (nginx): of any run of requests each target has its share, to within about one. */
const weighted: Pick = (candidates, _asked, shares) => {
  let total = 0;
  for (const { target } of candidates) {
    total += target.weight;
    shares.set(target.id, (shares.get(target.id) ?? 0) + target.weight);
  }
  const chosen = greatest(candidates, c => shares.get(c.target.id)!);
  shares.set(chosen.target.id, shares.get(chosen.target.id)! - total);
  return chosen;
};

/** Requests under way for each unit of weight, this one included; among equals the order turns. */
const load = ({ target, state }: TargetCandidate): number => (state.outstanding + 1) / Math.max(target.weight, 1e-9);
const leastOutstanding: Pick = (candidates, asked, shares) => {
  const least = Math.min(...candidates.map(load));
  return weighted(
    candidates.filter(c => load(c) === least),
    asked,
    shares,
  );
};

/**
 * The quicker of two drawn at random, time to the first byte times what is under way (Mitzenmacher 2001; peak EWMA of Finagle): not all
 * callers run to the one that was quickest a moment ago. A target without a time yet is tried.
 */
const latency: Pick = (candidates, { random }) => {
  const first = Math.floor(random() * candidates.length);
  const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
  const cost = (c: TargetCandidate) => (c.state.latencyMs ?? 0) * load(c);
  const [a, b] = [candidates[first]!, candidates[second]!];
  return cost(b) < cost(a) ? b : a;
};

/** No target takes more than this times its share of what is under way, or one long prompt would bury it (Mirrokni et al. 2018). */
const boundedLoad = 1.25;
/** The target that a prompt's beginning belongs to, or the next where that one is full. */
const prefix: Pick = (candidates, asked, shares) => {
  const { prefix: text } = asked;
  if (text === undefined) return leastOutstanding(candidates, asked, shares);
  const total = candidates.reduce((n, c) => n + c.state.outstanding, 0) + 1;
  const weights = candidates.reduce((n, c) => n + c.target.weight, 0);
  const hasRoom = (c: TargetCandidate) => c.state.outstanding + 1 <= Math.ceil((boundedLoad * total * c.target.weight) / weights);
  const open = candidates.filter(hasRoom);
  return greatest(open.length > 0 ? open : candidates, c => claim(text, c.target.id, c.target.weight));
};

/** Of those with the least of something, the one with the fewest under way. */
const leastOf =
  (of: (c: TargetCandidate, asked: ChoiceFacts) => number): Pick =>
  (candidates, asked, shares) => {
    const values = candidates.map(c => of(c, asked));
    const lowest = Math.min(...values);
    return leastOutstanding(
      candidates.filter((_, i) => values[i] === lowest),
      asked,
      shares,
    );
  };
/** What the expected tokens come to there. */
const cost = leastOf(({ target: { price } }, { tokens }) =>
  price === undefined ? Number.POSITIVE_INFINITY : nano(price, tokens?.input ?? 1, 0, tokens?.output ?? 1),
);
/** What its queue and its cache say, for each unit of weight. */
const byLoad = leastOf(({ target, state }) => state.pressure / Math.max(target.weight, 1e-9));

const picks: { readonly [S in Strategy]: Pick } = { weighted, leastOutstanding, latency, prefix, cost, load: byLoad };

/** Those that can be asked, of the best priority that has any. A weight of 0 takes a target out, except where no other is left. */
export function eligible(candidates: readonly TargetCandidate[], tried: ReadonlySet<string>): readonly TargetCandidate[] {
  if (candidates.length === 1) return candidates[0]!.state.isAvailable && !tried.has(candidates[0]!.target.id) ? candidates : [];
  const open = candidates.filter(c => c.state.isAvailable && !tried.has(c.target.id));
  const wanted = open.some(c => c.target.weight > 0) ? open.filter(c => c.target.weight > 0) : open;
  if (wanted.length < 2) return wanted;
  const best = Math.min(...wanted.map(c => c.target.priority));
  return wanted.filter(c => c.target.priority === best);
}

/** The next target, undefined where none is left. */
export function choose(
  route: Route,
  candidates: readonly TargetCandidate[],
  tried: ReadonlySet<string>,
  asked: ChoiceFacts,
  shares: Shares,
): TargetCandidate | undefined {
  const of = eligible(candidates, tried);
  if (of.length < 2) return of[0];
  const { stickyKey } = asked;
  if (stickyKey !== undefined) return greatest(of, c => claim(stickyKey, c.target.id, c.target.weight));
  // no request waits for a server while another of the same priority could take it
  const free = of.some(c => c.state.isFull) && !of.every(c => c.state.isFull) ? of.filter(c => !c.state.isFull) : of;
  return free.length === 1 ? free[0]! : picks[route.strategy](free, asked, shares);
}

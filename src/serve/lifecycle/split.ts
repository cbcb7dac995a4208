/**
 * Which of several versions answers, by weight. Strangers take turns (smooth weighted round robin, as nginx has it): over a cycle of
 * sum(weights) / gcd(weights) picks every version has exactly its share. Known users stay (weighted rendezvous hashing, Thaler and
 * Ravishankar 1998; weights: Schindelhauer and Schomaker 2005): when a weight grows, users move to that version and between no others.
 */
import { sha256 } from "../../base/index.ts";

export type SplitWeights = ReadonlyMap<number, number>;

/** Picks in turn. */
export class Cycle {
  readonly #weights: SplitWeights;
  readonly #credit = new Map<number, number>();

  /** Weights are whole numbers, one of them above 0. */
  constructor(weights: SplitWeights) {
    this.#weights = weights;
  }

  next(): number {
    const total = sum(this.#weights);
    let best: number | undefined;
    for (const [version, weight] of this.#weights) {
      if (weight === 0) continue;
      const credit = (this.#credit.get(version) ?? 0) + weight;
      this.#credit.set(version, credit);
      if (best === undefined || credit > this.#credit.get(best)!) best = version;
    }
    this.#credit.set(best!, this.#credit.get(best!)! - total);
    return best!;
  }
}

/** After so many picks the turns begin anew. */
export function cycleLength(weights: SplitWeights): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  return sum(weights) / [...weights.values()].reduce(gcd, 0);
}

const sum = (weights: SplitWeights): number => [...weights.values()].reduce((a, b) => a + b, 0);

/** Fraction in (0, 1) that a text stands at. */
const fraction = (text: string): number => (Number.parseInt(sha256(text).slice(0, 12), 16) + 0.5) / 2 ** 48;

/** A user's version; the same in every process. */
export function versionOfUser(model: string, weights: SplitWeights, user: string): number {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [version, weight] of weights) {
    if (weight === 0) continue;
    // the first arrival of a Poisson process of this rate: the earliest wins with probability weight / sum
    const arrival = -Math.log(fraction(JSON.stringify([model, version, user]))) / weight;
    if (best === undefined || arrival < least) [best, least] = [version, arrival];
  }
  return best!;
}

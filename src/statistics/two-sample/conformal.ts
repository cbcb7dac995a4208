/**
 * A test that may be looked at after every value: a conformal martingale (Vovk, Gammerman and Shafer 2005, part 7.1; Volkhonskiy and others 2017). Each new
 * value's rank among the reference and all values before it is uniform as long as all are drawn alike, whatever their distribution, and independent of
 * the ranks before. The martingale bets against that; it exceeds 1 / alpha with a probability of at most alpha over all time (Ville 1939). The reference is
 * itself a sample, and is counted as one.
 *
 * The bets are a mixture: histograms of ranks, coarse ones that learn a shift soon and fine ones that see its shape, each with all ranks counted and with
 * the last hundred or so; and a part that stays in hand. Wealth moves between the parts (fixed share: Herbster and Warmuth 1998), so a change after a long
 * quiet time is found about as soon as one at the beginning.
 */
import { type Random, type RandomState, random } from "../../base/index.ts";
import { checkArgument } from "../errors.ts";
import { sortedSample } from "./samples.ts";

interface Better {
  readonly bins: number;
  /** Of counts, a value. */
  readonly keeps: number;
}
const resolutions = [2, 3, 5, 10];
const betters: readonly Better[] = [1, 0.99].flatMap(keeps => resolutions.map(bins => ({ bins, keeps })));
/** Counts that every bin begins with: a bet on what few values show would lose. */
const pseudoCount = 2;
/** Share of the wealth in hand at first, that leaves the hand a value, and that comes back to it. */
const [inHand, leaving, returning] = [0.2, 0.001, 0.0005];

/** Plain data: a record can hold it. */
export interface ConformalState {
  /** Reference and stream so far, in order; a random half of them where they became too many. */
  readonly sorted: readonly number[];
  /** Values that `sorted` may have. */
  readonly most: number;
  /** Counts of ranks, by better. */
  readonly counts: readonly (readonly number[])[];
  /** Shares of the wealth: each better's, then what is in hand. */
  readonly shares: readonly number[];
  /** Natural logarithm of the martingale. */
  readonly logValue: number;
  /** Its largest so far. */
  readonly logMaximum: number;
  /** Values of the stream. */
  readonly seen: number;
  /** Number of the value, from 1, at which it was last at its least: where a change began, roughly. */
  readonly since: number;
  readonly logMinimum: number;
  readonly random: RandomState;
}

export interface ConformalOptions {
  /** Values that the state may hold (default 10,000, and at least twice the reference). */
  readonly most?: number;
  readonly seed?: number | string;
}

/** Errors: statistics/argument. */
export function openConformal(reference: ArrayLike<number>, { most = 10_000, seed = 1 }: ConformalOptions = {}): ConformalState {
  checkArgument(Number.isInteger(most) && most >= 20, "most", "a whole number from 20", most);
  const sorted = Array.from(sortedSample(reference, "reference"));
  return {
    sorted,
    most: Math.max(most, 2 * sorted.length),
    counts: betters.map(({ bins }) => new Array<number>(bins).fill(0)),
    shares: [...betters.map(() => (1 - inHand) / betters.length), inHand],
    logValue: 0,
    logMaximum: 0,
    seen: 0,
    since: 1,
    logMinimum: 0,
    random: random(seed).state(),
  };
}

const firstAtLeast = (sorted: readonly number[], value: number): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

/**
 * A random half of the values. Ranks are independent of the bag of values that they were taken in, so a choice that knows only the bag leaves the next
 * ranks uniform and independent of those before: the level stays exact.
 */
function halve(sorted: readonly number[], draw: Random): number[] {
  const kept: number[] = [];
  let left = Math.ceil(sorted.length / 2);
  for (let i = 0; i < sorted.length && left > 0; i++)
    if (draw.uniform() * (sorted.length - i) < left) {
      kept.push(sorted[i]!);
      left--;
    }
  return kept;
}

/** Logarithm of what the wealth is multiplied by at a rank. Writes counts and shares. */
function betOnRank(rank: number, counts: number[][], shares: number[]): number {
  const hand = betters.length;
  let total = shares[hand]!;
  for (let k = 0; k < hand; k++) {
    const { bins, keeps } = betters[k]!;
    const of = counts[k]!;
    const bin = Math.min(bins - 1, Math.floor(rank * bins));
    let sum = 0;
    for (let b = 0; b < bins; b++) sum += of[b]!;
    shares[k] = shares[k]! * (((of[bin]! + pseudoCount) / (sum + bins * pseudoCount)) * bins);
    total += shares[k]!;
    if (keeps < 1) for (let b = 0; b < bins; b++) of[b] = of[b]! * keeps;
    of[bin] = of[bin]! + 1;
  }
  const given = (leaving * shares[hand]!) / total;
  let returned = 0;
  for (let k = 0; k < hand; k++) {
    const share = shares[k]! / total;
    returned += returning * share;
    shares[k] = (1 - returning) * share + given / hand;
  }
  shares[hand] = shares[hand]! / total - given + returned;
  return Math.log(total);
}

/** The state after values of the stream, in their order. Errors: statistics/argument. */
export function observeConformal(state: ConformalState, values: ArrayLike<number>): ConformalState {
  let sorted = state.sorted.slice();
  const counts = state.counts.map(c => c.slice());
  const shares = state.shares.slice();
  const draw = random(state.random);
  let { logValue, logMaximum, logMinimum, since, seen } = state;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    checkArgument(Number.isFinite(value), `values[${i}]`, "a finite number", value);
    const below = firstAtLeast(sorted, value);
    let above = below;
    while (above < sorted.length && sorted[above] === value) above++;
    // a value's place among equal ones, itself included, is drawn: else ranks of ties are not uniform
    const rank = (below + draw.uniform() * (above - below + 1)) / (sorted.length + 1);
    logValue += betOnRank(rank, counts, shares);
    sorted.splice(below, 0, value);
    if (sorted.length > state.most) sorted = halve(sorted, draw);
    seen++;
    if (logValue <= logMinimum) {
      logMinimum = logValue;
      since = seen + 1;
    }
    logMaximum = Math.max(logMaximum, logValue);
  }
  return { sorted, most: state.most, counts, shares, logValue, logMaximum, logMinimum, since, seen, random: draw.state() };
}

/** Anytime-valid p-value: valid whenever it is looked at, and never rises. */
export const conformalP = ({ logMaximum }: ConformalState): number => Math.max(Number.MIN_VALUE, Math.min(1, Math.exp(-logMaximum)));

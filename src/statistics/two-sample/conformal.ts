/**
 * A test that may be looked at after every value: a conformal martingale (Vovk, Gammerman and Shafer 2005, part 7.1; Volkhonskiy and others 2017). Each new
 * value's rank among the reference and all values before it is uniform as long as all are drawn alike, whatever their distribution, and independent of
 * the ranks before. The martingale bets against that; it exceeds 1 / alpha with a probability of at most alpha over all time (Ville 1939). The reference is
 * itself a sample, and is counted as one.
 */
import { type RandomState, random } from "../../base/index.ts";
import { checkArgument } from "../errors.ts";
import { sortedSample } from "./samples.ts";

/** Plain data: a record can hold it. */
export interface ConformalState {
  /** Reference and stream so far, in order. */
  readonly sorted: readonly number[];
  /** Ranks seen in each of the bins that are bet on. */
  readonly bets: readonly number[];
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
  /** Bins of ranks that are bet on (default 10). */
  readonly bins?: number;
  readonly seed?: number | string;
}

/** Errors: statistics/argument. */
export function openConformal(reference: ArrayLike<number>, { bins = 10, seed = 1 }: ConformalOptions = {}): ConformalState {
  checkArgument(Number.isInteger(bins) && bins >= 2, "bins", "a whole number from 2", bins);
  return {
    sorted: Array.from(sortedSample(reference, "reference")),
    bets: new Array<number>(bins).fill(0),
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

/** The state after values of the stream, in their order. Errors: statistics/argument. */
export function observeConformal(state: ConformalState, values: ArrayLike<number>): ConformalState {
  const sorted = state.sorted.slice();
  const bets = state.bets.slice();
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
    const bin = Math.min(bets.length - 1, Math.floor(rank * bets.length));
    // the share of each bin so far, a count of 1 added to each (Laplace's rule): a bet that is made before the rank is seen
    logValue += Math.log(((bets[bin]! + 1) / (seen + bets.length)) * bets.length);
    bets[bin] = bets[bin]! + 1;
    sorted.splice(below, 0, value);
    seen++;
    if (logValue <= logMinimum) {
      logMinimum = logValue;
      since = seen + 1;
    }
    logMaximum = Math.max(logMaximum, logValue);
  }
  return { sorted, bets, logValue, logMaximum, logMinimum, since, seen, random: draw.state() };
}

/** Anytime-valid p-value: valid whenever it is looked at, and never rises. */
export const conformalP = ({ logMaximum }: ConformalState): number => Math.max(Number.MIN_VALUE, Math.min(1, Math.exp(-logMaximum)));

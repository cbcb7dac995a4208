/**
 * Bets on the arm of each user. A score (A / s - (1 - A) / (1 - s)) (y - b), with A whether a user is in the treatment, s the chance of that, y the user's loss and b any
 * number known before, has the mean effect of the treatment as its mean, whatever else changes with time (design-based inference: Ham, Bojinov, Lindon and
 * Tingley 2023). Wealth that bets fractions of itself on the score is a supermartingale where the effect is at most what is bet against, so it exceeds 1 / alpha
 * with a chance of at most alpha over all looks (Ville 1939; Waudby-Smith and Ramdas 2024).
 */
import type { BetState } from "./state.ts";

/** Stakes, as shares of the most that could be bet. */
const stakes = [0.03, 0.12, 0.3, 0.5, 0.65] as const;
/** How much of the wealth each begins with: what differs in rare events is found by large stakes, what differs in means by small ones. */
const begun = {
  rate: [0.05, 0.1, 0.2, 0.35, 0.3],
  quantile: [0.05, 0.1, 0.2, 0.35, 0.3],
  mean: [0.3, 0.25, 0.2, 0.15, 0.1],
} as const;

export const startBets = (kind: keyof typeof begun): BetState => ({ logWealth: begun[kind].map(Math.log), logMaximum: 0 });

export function logTotal(values: readonly number[]): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const v of values) if (v > most) most = v;
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (const v of values) sum += Math.exp(v - most);
  return most + Math.log(sum);
}

/** A score, and the ends of the range that it was drawn from. */
interface ArmScore {
  readonly value: number;
  readonly least: number;
  readonly most: number;
}

/** ArmScore of a user's loss (0 to 1) by its arm. `base` is known before the user. */
export function armScore(isTreatment: boolean, share: number, loss: number, base: number): ArmScore {
  const value = (isTreatment ? 1 / share : -1 / (1 - share)) * (loss - base);
  return {
    value,
    least: Math.min(-base / share, -(1 - base) / (1 - share)),
    most: Math.max((1 - base) / share, base / (1 - share)),
  };
}

/** Bets that scores are above `bound` on average. */
export function betAbove(bets: BetState, { value, least }: ArmScore, bound: number): BetState {
  const loss = bound - least;
  const logWealth = bets.logWealth.map((w, k) => w + Math.log1p((stakes[k]! / loss) * (value - bound)));
  return { logWealth, logMaximum: Math.max(bets.logMaximum, logTotal(logWealth)) };
}

/** Bets that they are below it. */
export const betBelow = (bets: BetState, { value, least, most }: ArmScore, bound: number): BetState =>
  betAbove(bets, { value: -value, least: -most, most: -least }, -bound);

/** Differences that the interval's bets are made against: -1 to 1, dense at 0. */
export const differenceGrid: readonly number[] = (() => {
  const positive = [0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12];
  const wide = [0.135, 0.15, 0.165, 0.18, 0.2, 0.22, 0.24, 0.26, 0.28, 0.3, 0.33, 0.36, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
  const side = [...positive, ...wide];
  return [...side.toReversed().map(v => -v), 0, ...side];
})();

/**
 * Wealth of bets against each candidate, one side up, one down, each a bet of the share that would have grown best so far (Waudby-Smith and Ramdas's
 * "approximate GRAPA").
 */
export function betCandidates(
  larger: readonly number[],
  smaller: readonly number[],
  scores: readonly [number, number, number],
  score: ArmScore,
): [larger: number[], smaller: number[]] {
  const [n, sum, squares] = scores;
  const mean = sum / (n + 1);
  const variance = Math.max(1e-6, (squares + 0.25) / (n + 1) - mean * mean);
  const [up, down] = [larger.slice(), smaller.slice()];
  for (let c = 0; c < differenceGrid.length; c++) {
    const at = differenceGrid[c]!;
    const best = (mean - at) / (variance + (mean - at) ** 2);
    if (best > 0) up[c] = up[c]! + Math.log1p(Math.min(best, 0.5 / Math.max(1e-9, at - score.least)) * (score.value - at));
    else down[c] = down[c]! + Math.log1p(Math.min(-best, 0.5 / Math.max(1e-9, score.most - at)) * (at - score.value));
  }
  return [up, down];
}

/** Least and largest difference that the bets have not refuted, rounded outward to the grid. */
export function differenceBounds(larger: readonly number[], smaller: readonly number[], alpha: number): [low: number, high: number] {
  const limit = Math.log(2 / alpha);
  let [low, high] = [-1, 1];
  // refuted from above: the difference is larger than the candidate
  for (let c = 0; c < differenceGrid.length; c++) if (larger[c]! >= limit) low = Math.max(low, differenceGrid[c]!);
  for (let c = differenceGrid.length - 1; c >= 0; c--) if (smaller[c]! >= limit) high = Math.min(high, differenceGrid[c]!);
  return [low, high];
}

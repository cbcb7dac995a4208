/**
 * What share of trials is usual, and how unusual a window's is: a beta-binomial distribution, whose parameters say both what the base does not know (a base is a
 * sample, too) and that events come in bursts (overdispersion; Laney's p' chart 2002 has the same purpose). The state is plain data.
 */
import { logGamma, normalQuantile } from "../../statistics/index.ts";

export interface ShareBase {
  readonly seen: number;
  /** Events and trials of the base, with forgetting. */
  readonly events: number;
  readonly trials: number;
  /** Variance beyond the binomial's, and what it is divided by. */
  readonly excess: number;
  readonly weight: number;
  /** Events and trials since nothing was learnt, of the latest two hours or so. */
  readonly recentEvents: number;
  readonly recentTrials: number;
}
export const emptyShareBase: ShareBase = { seen: 0, events: 0, trials: 0, excess: 0, weight: 0, recentEvents: 0, recentTrials: 0 };

/** Half-life of the base in minutes: 14 days. */
const keep = 0.5 ** (1 / (14 * 1440));
const recentKeep = 1 - 1 / 120;
/** Largest correlation of two trials of one window that is believed: more is a fault, not a base. */
const mostCorrelation = 0.2;
/** Windows farther out are learnt from as if so many deviations off. */
const learntDeviations = 4;

interface BetaBinomial {
  readonly a: number;
  readonly b: number;
}

/** Share and correlation of the base, from Jeffreys' prior. */
const shareOf = ({ events, trials }: ShareBase): number => (events + 0.5) / (trials + 1);
const correlationOf = ({ excess, weight, trials }: ShareBase): number =>
  Math.min(mostCorrelation, Math.max(weight > 0 ? excess / weight : 0, 1 / (trials + 2)));

export function predicted(base: ShareBase, share = shareOf(base)): BetaBinomial {
  const worth = 1 / correlationOf(base) - 1;
  return { a: share * worth, b: (1 - share) * worth };
}

/** The share that is not exceeded by the base's with 95 % confidence: charts that add up many windows must not add up the base's own error. */
export function cautiousShare(base: ShareBase, side: "above" | "below"): number {
  const sign = side === "above" ? 1 : -1;
  const spread = Math.sqrt((base.events + 0.5) * (1 + correlationOf(base) * 10));
  return Math.min(0.999, Math.max(0.5 / (base.trials + 1), (base.events + 0.5 + sign * 1.645 * spread) / (base.trials + 1)));
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** Log probability of `count` events of `of` without the number of their orders. */
const logBetaBinomial = (count: number, of: number, { a, b }: BetaBinomial): number => logBeta(count + a, of - count + b) - logBeta(a, b);

/** Chances of as many events or more, and of as many or fewer; a tail's terms fall in the end, so few are added. */
export function shareTails(
  count: number,
  of: number,
  { a, b }: BetaBinomial,
): { readonly above: number; readonly below: number; readonly at: number } {
  const at = Math.exp(logGamma(of + 1) - logGamma(count + 1) - logGamma(of - count + 1) + logBetaBinomial(count, of, { a, b }));
  const isHigh = count >= (of * a) / (a + b);
  let [term, sum] = [at, at];
  if (isHigh)
    for (let c = count; c < of && term > 1e-13 * sum; c++) {
      term *= ((of - c) / (c + 1)) * ((c + a) / (of - c - 1 + b));
      sum += term;
    }
  else
    for (let c = count; c > 0 && term > 1e-13 * sum; c--) {
      term *= (c / (of - c + 1)) * ((of - c + b) / (c - 1 + a));
      sum += term;
    }
  const tail = Math.min(1, sum);
  return isHigh ? { above: tail, below: Math.min(1, 1 - tail + at), at } : { below: tail, above: Math.min(1, 1 - tail + at), at };
}

/** Normal score of a window, by the middle of its probability: counts are whole numbers. */
export function shareScore({ above, below, at }: ReturnType<typeof shareTails>): number {
  const [high, low] = [above - at / 2, below - at / 2];
  return high < low ? -normalQuantile(Math.max(high, 1e-12)) : normalQuantile(Math.max(low, 1e-12));
}

/** Log of how much likelier a window is where the odds are `ratio` times those of `share`: its mean of the other's probabilities is at most 1. */
export function shareLikelihood(count: number, of: number, base: ShareBase, ratio: number): number {
  const usual = predicted(base, cautiousShare(base, ratio > 1 ? "above" : "below"));
  return logBetaBinomial(count, of, { a: usual.a * ratio, b: usual.b }) - logBetaBinomial(count, of, usual);
}

export function learnShare(base: ShareBase, count: number, of: number): ShareBase {
  const share = shareOf(base);
  const binomial = of * share * (1 - share);
  const usual = binomial * (1 + (of - 1) * correlationOf(base));
  const most = learntDeviations * Math.sqrt(Math.max(usual, 1));
  // until a little is known, all is learnt as it is
  const off = base.seen < 30 ? count - of * share : Math.max(-most, Math.min(most, count - of * share));
  return {
    ...base,
    seen: base.seen + 1,
    events: Math.max(0, keep * base.events + (base.seen < 30 ? count : of * share + off)),
    trials: keep * base.trials + of,
    excess: base.seen < 30 ? 0 : keep * base.excess + off * off - binomial,
    weight: base.seen < 30 ? 0 : keep * base.weight + binomial * (of - 1),
    recentEvents: 0,
    recentTrials: 0,
  };
}

/** A window that nothing is learnt from: what would be the base if it stayed. */
export const followShare = (base: ShareBase, count: number, of: number): ShareBase => ({
  ...base,
  recentEvents: recentKeep * base.recentEvents + count,
  recentTrials: recentKeep * base.recentTrials + of,
});

/** The base as it is since nothing was learnt: with as many trials, and the correlation that was learnt. */
export const adaptShare = (base: ShareBase): ShareBase =>
  base.recentTrials > 0 ? { ...base, events: base.recentEvents, trials: base.recentTrials } : base;

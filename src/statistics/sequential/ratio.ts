/**
 * Sample-ratio mismatch: an e-process for counts of two arms against their declared shares, a beta-binomial Bayes factor (Lindon and Malek 2022), valid however often it
 * is looked at.
 */
import { logGamma } from "../special.ts";

/** Counts of the prior: it expects the declared shares, as if so many users had been seen. */
const prior = 100;

const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);

/** Logarithm of the Bayes factor against the share of the treatment. */
export function logRatioEvidence(control: number, treatment: number, share: number): number {
  const [a, b] = [prior * share, prior * (1 - share)];
  return logBeta(a + treatment, b + control) - logBeta(a, b) - treatment * Math.log(share) - control * Math.log1p(-share);
}

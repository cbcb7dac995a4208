/**
 * A lower bound on epsilon by an attack on one run (Steinke, Nasr & Jagielski 2023, theorem 5.2): canaries are each in the training data by a fair coin; the
 * attacker guesses of some of them whether they were. More right guesses than a private run allows refute its epsilon.
 */
import { binomialBelow } from "../../statistics/index.ts";
import { governanceErrors } from "../errors.ts";

export interface AuditGuesses {
  readonly canaries: number;
  /** Canaries of which it was guessed, and of how many rightly. */
  readonly guesses: number;
  readonly correct: number;
}

/** Probability that a run of (epsilon, delta) allows at least so many right guesses, an upper bound. */
export function auditProbability({ canaries, guesses, correct }: AuditGuesses, epsilon: number, delta: number): number {
  const right = 1 / (1 + Math.exp(-epsilon));
  const below = (k: number) => binomialBelow(k, guesses, right);
  const excess = Array.from({ length: correct }, (_, i) => (below(correct - 1) - below(correct - 2 - i)) / (i + 1));
  const most = excess.reduce((a, b) => Math.max(a, b), 0);
  return Math.min(1, 1 - below(correct - 1) + 2 * canaries * delta * most);
}

/** The largest epsilon that the guesses refute at a confidence; 0 where they refute none. Errors: governance/accountant. */
export function auditedEpsilon(given: AuditGuesses, delta: number, confidence = 0.95): number {
  const { canaries, guesses, correct } = given;
  if (!(correct >= 0 && correct <= guesses && guesses >= 1 && guesses <= canaries))
    throw governanceErrors.fail("accountant", {
      place: "audit",
      expected: "correct <= guesses <= canaries, and one guess at least",
      received: `${correct}, ${guesses}, ${canaries}`,
    });
  const isRefuted = (epsilon: number) => auditProbability(given, epsilon, delta) < 1 - confidence;
  if (!isRefuted(0)) return 0;
  let [low, high] = [0, 1];
  while (isRefuted(high) && high < 64) [low, high] = [high, 2 * high];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (isRefuted(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Guesses by scores: the highest were in, the lowest were out; what lies between is not guessed. */
export function guessesByScore(canaries: readonly { readonly score: number; readonly isIn: boolean }[], share = 0.25): AuditGuesses {
  const sorted = [...canaries].sort((a, b) => a.score - b.score);
  const each = Math.max(1, Math.floor(share * sorted.length));
  const correct = sorted.slice(0, each).filter(c => !c.isIn).length + sorted.slice(-each).filter(c => c.isIn).length;
  return { canaries: sorted.length, guesses: Math.min(sorted.length, 2 * each), correct };
}

/** How likely the model itself thought a token: log-softmax of the raw logits, before any temperature, penalty or cut. */
import { greatestFew } from "./greatest.ts";
import type { Logits } from "./sample.ts";

export interface TokenProbability {
  readonly token: number;
  /** Natural logarithm. */
  readonly logProbability: number;
}

export interface TokenLikelihood extends TokenProbability {
  /** 1 for the most likely token, 1 more for each that is more likely. */
  readonly rank: number;
  /** The most likely tokens in this place, most likely first. */
  readonly top: readonly TokenProbability[];
}

/** Log-probability of a token and of the `count` most likely ones, or of those that are `asked` for and the token; of fewer where fewer are possible. */
export function likelihood(logits: Logits, token: number, count: number, asked?: readonly number[]): TokenLikelihood {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > top) top = logits[i]!;
  let total = 0;
  let rank = 1;
  const own = logits[token]!;
  for (let i = 0; i < logits.length; i++) {
    total += Math.exp(logits[i]! - top);
    if (logits[i]! > own) rank++;
  }
  const norm = top + Math.log(total);
  const of = (t: number): TokenProbability => ({ token: t, logProbability: logits[t]! - norm });
  const possible = (t: TokenProbability) => t.logProbability > Number.NEGATIVE_INFINITY;
  const shown = asked ? [...new Set([token, ...asked])] : count > 0 ? greatestFew(logits, count) : [];
  return { ...of(token), rank, top: shown.map(of).filter(possible) };
}

/** Below the greatest by so much, a logit adds less to the sum than a double's last digit: e^-40 = 4e-18. */
const negligible = 40;

/** Log-probability of one token alone; equal to `likelihood`'s to rounding, in one pass that computes no power of what cannot count. */
export function logProbabilityOf(logits: Logits, token: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > top) top = logits[i]!;
  const least = top - negligible;
  let total = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > least) total += Math.exp(logits[i]! - top);
  return logits[token]! - top - Math.log(total);
}

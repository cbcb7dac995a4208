/**
 * Speculative sampling (Leviathan et al. 2023, algorithm 1; Chen et al. 2023): a small model guesses tokens one after the other, the large
 * one judges them all at once. A guess x from the small model's distribution q is taken with probability min(1, p(x) / q(x)), and where it is
 * not, the token is drawn from the normalised max(0, p - q): so what comes out is distributed as p, whatever q is. p and q are what is left
 * after every transform, so penalties, cuts and forms hold as they do without guesses. At temperature 0 a guess is taken where it is the
 * greatest, and nothing is drawn.
 */
import type { Random } from "../../base/index.ts";
import type { History, SamplingOptions } from "./options.ts";
import { drawScores, drawWeighted, greatestToken, type Logits, sampleToken, tossed } from "./sample.ts";

/** A token that a small model thinks comes next. */
export interface Guess {
  readonly token: number;
  /** Probabilities [V] that it was drawn from; absent where nothing was drawn. */
  readonly probabilities?: Float64Array;
}

/** Softmax of the scores, in place. */
function softmax(scores: Float64Array): Float64Array {
  const top = scores[greatestToken(scores)]!;
  let total = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = Math.exp(scores[i]! - top);
    total += scores[i]!;
  }
  for (let i = 0; i < scores.length; i++) scores[i]! /= total;
  return scores;
}

/** A small model's guess from its logits [V] after `history`. Draws once where the temperature is above 0. Errors: nn/sampling for broken logits. */
export function guessToken(logits: Logits, history: History, options: SamplingOptions, rng: Random): Guess {
  // a guess is no part of the answer: what strategies remember of it stays as it is
  const past = { ...history, ...(history.memory ? { memory: { ...history.memory } } : {}) };
  if (options.temperature === 0) return { token: sampleToken(logits, past, options, rng) };
  greatestToken(logits);
  const probabilities = softmax(drawScores(logits, tossed(past, options, rng), options).scores);
  return { token: drawWeighted(probabilities, rng), probabilities };
}

/**
 * The next token from the large model's logits [V] after `history`, given what was guessed: the guess, or another one. Draws once for the
 * decision and once more where the guess is not taken; not at all at temperature 0. Errors: nn/sampling for broken logits.
 */
export function judgeGuess(
  logits: Logits,
  { token, probabilities: q }: Guess,
  history: History,
  options: SamplingOptions,
  rng: Random,
): number {
  if (!q) return sampleToken(logits, history, options, rng);
  greatestToken(logits);
  const { scores, drawn } = drawScores(logits, tossed(history, options, rng), options);
  const p = softmax(scores);
  const right = rng.uniform() * q[token]! < p[token]! ? token : drawWeighted(rest(p, q), rng);
  drawn(right);
  return right;
}

/** max(0, p - q), in p's place; a vocabulary may be longer than the other. Where rounding leaves nothing of it, p itself. */
function rest(p: Float64Array, q: Float64Array): Float64Array {
  const left = p.map((x, i) => Math.max(0, x - (q[i] ?? 0)));
  return left.some(x => x > 0) ? left : p;
}

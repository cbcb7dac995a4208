/** From logits to one token: the table of transforms, then a draw from the softmax of what is left, or the greatest at temperature 0. */
import type { Random } from "../../base/index.ts";
import { nnErrors } from "../errors.ts";
import type { History, SamplingOptions } from "./options.ts";
import { logSum, type TransformName, transformNames, transforms } from "./transforms.ts";

/** Logits of one position [V]. */
export type Logits = Float32Array | Float64Array;

/** Transforms that are on, in their order. */
function isOn(o: SamplingOptions): readonly TransformName[] {
  const on = transformNames.filter(n => transforms[n].isOn(o));
  return o.temperatureLast && on.includes("temperature") ? [...on.filter(n => n !== "temperature"), "temperature"] : on;
}

/** Scores after every transform that is on, in a new array; -infinity where a token was removed. */
export function transformLogits(logits: Logits, history: History, options: SamplingOptions): Float64Array {
  const scores = new Float64Array(logits);
  for (const name of isOn(options)) transforms[name].apply(scores, options, history);
  return scores;
}

/** Id of the greatest score, the lowest of equals. Errors: nn/sampling where a score is NaN or +infinity, or none is left. */
export function greatestToken(scores: Logits): number {
  let best = -1;
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i]!;
    if (s > top) {
      top = s;
      best = i;
    } else if (Number.isNaN(s)) throw broken("NaN", i);
  }
  if (top === Number.POSITIVE_INFINITY) throw broken("Infinity", best);
  if (best < 0)
    throw nnErrors.fail("sampling", { place: "logits", expected: "at least one token that is possible", received: "none", hint: "" });
  return best;
}

const broken = (what: string, token: number) =>
  nnErrors.fail("sampling", {
    place: "logits",
    expected: "finite numbers",
    received: `${what} at token ${token}`,
    hint: "The weights, or the numbers inside the model, have broken down.",
  });

/**
 * The next token for logits [V] after `history`. Draws once from `rng` where the temperature is above 0, twice with
 * `xtcProbability`, and not at all where it is 0. Errors: nn/sampling where a logit is not finite, nn/impossible where the options leave no token.
 */
export function sampleToken(logits: Logits, history: History, options: SamplingOptions, rng: Random): number {
  const best = greatestToken(logits);
  if (options.temperature === 0)
    return isOn(options).some(n => transforms[n].reorders) ? greatestToken(transformLogits(logits, history, options)) : best;
  const { scores, drawn } = drawScores(logits, tossed(history, options, rng), options);
  const token = draw(scores, rng);
  drawn(token);
  return token;
}

/** With a coin, where a strategy tosses one. */
export const tossed = (history: History, { xtcProbability }: SamplingOptions, rng: Random): History =>
  xtcProbability > 0 ? { ...history, coin: rng.uniform() } : history;

/** What a token is drawn from. */
interface DrawScores {
  /** Scores [V]: their softmax is the token's distribution. */
  readonly scores: Float64Array;
  /** Has to hear the token that was drawn, for strategies that remember. */
  readonly drawn: (token: number) => void;
}

/** The scores of the next token for logits [V] after `history`, in a new array; for temperatures above 0. */
export function drawScores(logits: Logits, history: History, options: SamplingOptions): DrawScores {
  const scores = new Float64Array(logits);
  const listeners: { readonly name: TransformName; readonly norm: number; readonly before: Float64Array }[] = [];
  for (const name of isOn(options)) {
    if (transforms[name].drawn) listeners.push({ name, norm: logSum(scores), before: scores.slice() });
    transforms[name].apply(scores, options, history);
  }
  history.watch?.(scores);
  const drawn = (token: number): void => {
    for (const { name, norm, before } of listeners) transforms[name].drawn!((norm - before[token]!) / Math.LN2, options, history);
  };
  return { scores, drawn };
}

/** One token by the softmax of the scores, which are overwritten. */
function draw(scores: Float64Array, rng: Random): number {
  const top = scores[greatestToken(scores)]!;
  for (let i = 0; i < scores.length; i++) scores[i] = Math.exp(scores[i]! - top);
  return drawWeighted(scores, rng);
}

/** One token by weights that are not negative and not all 0. Draws once. */
export function drawWeighted(weights: Float64Array, rng: Random): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let left = rng.uniform() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) return i;
  }
  // rounding may leave a crumb of mass past the end
  return last;
}

/** Losses. Sums and weights are kept apart, so that micro-batches and ranks add up to one big batch exactly (token-weighted). */
import { argmax, cast, checkShape, equal, logSumExp, mul, reshape, sub, sum, type Tensor, takeAlong } from "../tensor/index.ts";

/** Negative log-likelihood in nats of each target: logits [..., V], targets [...] (i32 or i64) -> [...]. */
export function negativeLogLikelihood(logits: Tensor, targets: Tensor): Tensor {
  const vocab = logits.shape.at(-1)!;
  const rows = reshape(logits, [-1, vocab]);
  checkShape("negativeLogLikelihood.targets", targets, logits.shape.slice(0, -1).join(" "));
  const picked = takeAlong(rows, reshape(targets, [rows.shape[0]!, 1]), 1);
  return reshape(sub(logSumExp(rows), picked), targets.shape);
}

/**
 * Weighted sum of token losses times `scale`: with scale = 1 / (weights of the whole batch, all micro-batches and ranks together) the parts
 * add up to the mean over tokens. logits [B, T, V], targets [B, T], weights [B, T], scale [].
 */
export const crossEntropy = (logits: Tensor, targets: Tensor, weights: Tensor, scale: Tensor | number): Tensor =>
  mul(sum(mul(negativeLogLikelihood(logits, targets), weights)), scale);

/**
 * Weight of the tokens that the model would have chosen itself: those whose target has the greatest logit (of equals the first). Divided by
 * the sum of the weights it is the token accuracy. logits [B, T, V], targets [B, T], weights [B, T] -> []. It has no gradient.
 */
export const weightRight = (logits: Tensor, targets: Tensor, weights: Tensor): Tensor =>
  sum(mul(cast(equal(cast(argmax(logits), targets.dtype), targets), weights.dtype), weights));

/** Losses. Sums and weights are kept apart, so that micro-batches and ranks add up to one big batch exactly (token-weighted). */
import { checkShape, logSumExp, mul, reshape, sub, sum, type Tensor, takeAlong } from "../tensor/index.ts";

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

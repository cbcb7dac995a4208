/**
 * A contrastive loss over a batch: each anchor has to be nearer to its own positive than to every other text of the batch (InfoNCE, van den Oord et al.
 * 2018; with cosine similarities it is sentence-transformers' MultipleNegativesRankingLoss, whose numbers it has: `bench/peers/golden/contrast.py`).
 */
import { add, div, logSumExp, matmul, maximum, mul, reshape, slice, sqrt, sub, sum, type Tensor } from "../../tensor/index.ts";

/** Rows scaled to length 1: [R, C] -> [R, C]. */
const unit = (x: Tensor): Tensor => div(x, maximum(sqrt(sum(mul(x, x), -1, true)), 1e-12));

/**
 * Losses [N] of vectors [S N, C]: N anchors, their N positives, and, where S is 3, N negatives. `barred` [N, (S - 1) N] is added to the similarities and
 * takes away what is no wrong answer, such as a copy of the positive: 0 or far below it.
 */
export function contrastLosses(vectors: Tensor, barred: Tensor, temperature: number): Tensor {
  const n = barred.shape[0]!;
  const all = unit(vectors);
  const [anchors, candidates] = [slice(all, [0, n]), slice(all, [n])];
  const similarity = matmul(anchors, candidates, { transposeB: true, alpha: 1 / temperature });
  const own = sum(mul(anchors, slice(all, [n, 2 * n])), 1);
  return sub(reshape(logSumExp(add(similarity, barred)), [n]), mul(own, 1 / temperature));
}
/** What takes a candidate away. */
export const far = -1e9;

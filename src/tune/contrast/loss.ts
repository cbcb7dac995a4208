/**
 * A contrastive loss over a batch: each anchor has to be nearer to its own positive than to every other text of the batch (InfoNCE, van den Oord et al.
 * 2018; with cosine similarities it is sentence-transformers' MultipleNegativesRankingLoss, whose numbers it has: `bench/peers/golden/contrast.py`).
 */
import {
  add,
  concat,
  div,
  logSumExp,
  matmul,
  maximum,
  mul,
  reshape,
  slice,
  sqrt,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../../tensor/index.ts";

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
/** A part of a batch: rows `first` to `first + count` of each of its sides. */
export interface BatchRows {
  readonly first: number;
  readonly count: number;
}

/**
 * The sum of the losses of some anchors, whose gradient is that of the sum over all anchors: `own` [S M, C] are the vectors of the texts at hand, of which
 * those of `rows` count, and `all` [S N, C] those of the whole batch by the same parameters. Gradients of such parts add up to the whole batch's, for each
 * vector has all its gradient where it is made (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup").
 */
export function contrastLossOfPart(
  own: Tensor,
  all: Tensor,
  barred: Tensor,
  { temperature, rows: { first, count } }: { readonly temperature: number; readonly rows: BatchRows },
): Tensor {
  const n = barred.shape[0]!;
  const sides = all.shape[0]! / n;
  const held = own.shape[0]! / sides;
  const still = stopGradient(all);
  const pieces = Array.from({ length: sides }, (_, side) => [
    slice(still, [side * n, side * n + first]),
    slice(own, [side * held, side * held + count]),
    slice(still, [side * n + first + count, (side + 1) * n]),
  ])
    .flat()
    .filter(piece => piece.shape[0]! > 0);
  const losses = contrastLosses(concat(pieces, 0), barred, temperature);
  const total = sum(losses);
  return add(stopGradient(sum(slice(losses, [first, first + count]))), sub(total, stopGradient(total)));
}
/** What takes a candidate away. */
export const far = -1e9;

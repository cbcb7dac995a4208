/** Bytes of one rank of a training run: weights, gradients, optimiser state, activations (Korthikanti et al. 2022, section 4; Rajbhandari et al. 2020). */
import type { Accelerator } from "./accelerators.ts";
import { type ModelShape, parametersPerRank, type StepLayout, type StepMethod } from "./step-model.ts";

export interface RankBytes {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly total: number;
}

/** Activation bytes of one layer for one micro-batch, in numbers of `b` bytes. */
function layerBytes(
  s: ModelShape,
  { tensor, microRows }: StepLayout,
  { recompute, isFused, isSequenceSplit }: StepMethod,
  b: number,
): number {
  const unit = microRows * s.length * s.width;
  const between = isSequenceSplit ? tensor : 1;
  if (recompute === "all") return (b * unit) / between;
  // inputs of the two norms and the two linear layers, and two masks of dropout (5 numbers of 16 bits); the rest is split over the tensor axis
  const outside = (10 / 2) * b * unit;
  const hiddenShare = s.hidden / s.width;
  const inside = (4 + 2 * hiddenShare * (s.isGated ? 1.5 : 1)) * b * unit;
  const keepsScores = recompute === "none" && !isFused;
  const scores = keepsScores ? (2.5 * b * microRows * s.heads * s.length * s.length) / tensor : 0;
  return outside / between + inside / tensor + scores;
}

/** The first pipeline rank, which holds most micro-batches at once. */
export function rankBytes(a: Accelerator, s: ModelShape, layout: StepLayout, method: StepMethod): RankBytes {
  const { data, pipeline, chunks, rows, microRows, tensor } = layout;
  const b = a.bytesPerNumber;
  const own = parametersPerRank(s, layout);
  const share = (level: 1 | 2 | 3): number => (method.zero >= level ? data : 1);
  const weights = (b * own) / share(3);
  const gradients = (4 * own) / share(2);
  // two moments, and master weights where the weights have 16 bits
  const optimizer = ((b === 2 ? 12 : 8) * own) / share(1);
  const micros = rows / data / microRows;
  const inFlight = pipeline === 1 ? 1 : Math.min(micros, pipeline * (chunks > 1 ? 1 + (pipeline - 1) / (pipeline * chunks) : 1));
  const logits = pipeline === 1 ? (4 * microRows * s.length * s.vocab) / tensor : 0;
  const kept = layerBytes(s, layout, method, b) * (s.layers / pipeline) * inFlight;
  // one layer at a time is computed again
  const again = method.recompute === "all" ? layerBytes(s, layout, { ...method, recompute: "none" }, b) : 0;
  const activations = kept + again + logits;
  return { weights, gradients, optimizer, activations, total: weights + gradients + optimizer + activations };
}

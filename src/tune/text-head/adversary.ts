/** Adversarial debiasing of a head over texts: the adversary's parameters beside the trained ones, its groups in every batch, its loss beside the task's. */
import { defined } from "../../base/index.ts";
import type { ParameterSpec } from "../../nn/index.ts";
import { add, type DeviceArray, mul, type Tensor } from "../../tensor/index.ts";
import {
  type AdversarialGradients,
  type AdversaryOptions,
  adversaryLoss,
  adversarySpecs,
  type BatchArraySpec,
  type DebiasMethod,
  gradientOnly,
  isOfAdversary,
  type MeasuredLoss,
  reversed,
} from "../../train/index.ts";

/** What a head's training is given of an adversary. */
export interface HeadAdversary extends AdversaryOptions {
  readonly method: DebiasMethod;
  /** Factor of the adversary's gradient, and its own peak learning rate. */
  readonly weight: number;
  readonly rate: number;
  /** The group of a text of the train part by an attribute. */
  groupOf(text: number, attribute: number): number;
}

/** Fields of a batch for each attribute; one array would be [A, B], which has no rows of texts. */
const arrayName = (attribute: number): string => `group${attribute}`;

/** What of a training an adversary changes. */
export const adversarialParts = (adversary: HeadAdversary | undefined, rows: number) => ({
  specs: (adversary ? adversarySpecs(adversary) : {}) as Record<string, ParameterSpec>,
  batch: Object.fromEntries(
    (adversary?.groups ?? []).map((below, a): [string, BatchArraySpec] => [arrayName(a), { shape: [rows], dtype: "i32", below }]),
  ),
  /** Of the texts of a batch; rows without a text have weight 0. */
  arrays: (texts: readonly number[]): Record<string, Int32Array> =>
    Object.fromEntries(
      (adversary?.groups ?? []).map((_, a) => [
        arrayName(a),
        Int32Array.from({ length: rows }, (_, i) => (i < texts.length ? adversary!.groupOf(texts[i]!, a) : 0)),
      ]),
    ),
  ...defined({
    gradients:
      adversary?.method === "projection"
        ? ({ weight: adversary.weight, isAdversary: isOfAdversary } satisfies AdversarialGradients)
        : undefined,
  }),
});

interface AdversarialBatch {
  readonly logits: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
  readonly scale: Tensor;
  /** All arrays of the batch. */
  readonly arrays: Readonly<Record<string, Tensor>>;
}

/** The task's loss with the adversary's beside it: both are reported, and the value of the first is the task's alone. */
export function adversarialLoss(
  adversary: HeadAdversary,
  trained: Readonly<Record<string, unknown>>,
  loss: Tensor,
  { logits, targets, weights, scale, arrays }: AdversarialBatch,
): MeasuredLoss {
  // its own parameters are plain tensors, whatever the method does with the model's
  const parameters = trained as Readonly<Record<string, Tensor>>;
  const groups = adversary.groups.map((_, a) => arrays[arrayName(a)]!);
  const seen = adversary.method === "reversal" ? reversed(logits, adversary.weight) : logits;
  const sum = adversaryLoss(adversary, parameters, { logits: seen, targets, groups, weights });
  const measures = { adversaryLoss: sum };
  if (adversary.method === "projection") return { loss, measures, adversary: mul(sum, scale) };
  return { loss: add(loss, gradientOnly(mul(sum, scale))), measures };
}

/** The trained values without the adversary's, which are given back. */
export function withoutAdversary<T extends Readonly<Record<string, unknown>>>(trained: T): T {
  const entries = Object.entries(trained);
  for (const [path, array] of entries) if (isOfAdversary(path)) (array as DeviceArray).dispose();
  return Object.fromEntries(entries.filter(([path]) => !isOfAdversary(path))) as T;
}

/** The same, of tensors or of arrays that stay. */
export const trainedOfModel = <T extends Readonly<Record<string, unknown>>>(trained: T): T =>
  Object.fromEntries(Object.entries(trained).filter(([path]) => !isOfAdversary(path))) as T;

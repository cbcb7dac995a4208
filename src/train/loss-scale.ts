/**
 * Dynamic scaling of the loss for gradients in f16, whose least numbers are near 6e-8: the loss is multiplied by a power of two, gradients are divided by it
 * before anything looks at them. A step whose gradients are no numbers is not applied and the scale is halved; after many good steps in a row it is doubled.
 * Pure: the state is plain data that a checkpoint holds. Method: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2; numbers as in PyTorch's
 * `GradScaler`, the greatest scale as in NVIDIA's Apex.
 */
import type { Device } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";
import type { StepSums } from "./parallel/step-ranks.ts";
import type { Precision } from "./part.ts";

/** What a scale begins with, and after how many good steps it doubles. */
export interface LossScaling {
  /** A power of two. */
  readonly initial: number;
  readonly goodSteps: number;
}
export const defaultLossScaling: LossScaling = { initial: 2 ** 16, goodSteps: 2000 };

/** At 1 the gradients are as they are: what is no number then has diverged. */
const leastScale = 1;
/** Squares of scaled gradients stay within f32. */
const mostScale = 2 ** 24;

// a type, not an interface: plain data of a checkpoint
export type LossScale = {
  readonly scale: number;
  /** Steps since the scale changed. */
  readonly good: number;
  /** Steps that were not applied, of all. */
  readonly skipped: number;
};

export const firstLossScale = ({ initial }: LossScaling): LossScale => ({ scale: initial, good: 0, skipped: 0 });

/** May a step whose sums are no numbers be skipped with a lower scale to follow? */
export const canLowerScale = ({ scale }: LossScale): boolean => scale > leastScale;

export const afterSkippedStep = ({ scale, skipped }: LossScale): LossScale => ({
  scale: Math.max(leastScale, scale / 2),
  good: 0,
  skipped: skipped + 1,
});

export const afterGoodStep = ({ scale, good, skipped }: LossScale, { goodSteps }: LossScaling): LossScale =>
  good + 1 < goodSteps ? { scale, good: good + 1, skipped } : { scale: Math.min(mostScale, 2 * scale), good: 0, skipped };

/** The sums of a step, of a loss that was not scaled; measures beside the loss never are. */
export const unscaledSums = ({ loss, squared, own, measures }: StepSums, scale: number): StepSums => ({
  loss: loss / scale,
  squared: squared / scale ** 2,
  own: own.map(x => x / scale ** 2),
  measures,
});

/** Throws `train/precision` where f16 cannot be computed as the recipe says. */
export function checkHalfPrecision(precision: Precision | undefined, device: Device, privacy: unknown): void {
  if (precision !== "f16") return;
  const place = "precision: f16";
  const hint = "Use precision: bf16 or auto.";
  if (!device.capabilities.halves)
    throw trainErrors.fail("precision", {
      place,
      expected: "a device that computes products in f16 (device: pjrt:NAME)",
      received: `the device ${device.name}`,
      hint,
    });
  if (privacy) throw trainErrors.fail("precision", { place, expected: "a training that is not private", received: "train.private", hint });
}

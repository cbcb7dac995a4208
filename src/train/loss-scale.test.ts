/** The loss's scale: its laws, and what is refused. How it trains: loss-scale.life.test.ts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDevice } from "../tensor/index.ts";
import {
  afterGoodStep,
  afterSkippedStep,
  canLowerScale,
  checkHalfPrecision,
  defaultLossScaling,
  firstLossScale,
  type LossScale,
  unscaledSums,
} from "./loss-scale.ts";
import { trainerOptions } from "./pretrain.ts";
import { toyRecipe, toyRuns } from "./toy.laws.ts";
import { createTrainer } from "./trainer.ts";

test("whatever steps bring, the scale is a power of two from 1 to 2^24 and every skipped step is counted", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (steps, goodSteps) => {
      const scaling = { ...defaultLossScaling, goodSteps };
      let s: LossScale = firstLossScale(scaling);
      for (const isGood of steps) {
        const next = isGood ? afterGoodStep(s, scaling) : afterSkippedStep(s);
        expect(Number.isInteger(Math.log2(next.scale)) && next.scale >= 1 && next.scale <= 2 ** 24).toBe(true);
        if (!isGood) expect([next.scale, next.good]).toEqual([Math.max(1, s.scale / 2), 0]);
        expect(next.good).toBeLessThan(goodSteps);
        s = next;
      }
      expect(s.skipped).toBe(steps.filter(isGood => !isGood).length);
    }),
  );
});

test("so many good steps in a row double the scale once, and one that is skipped begins the count anew", () => {
  const scaling = { initial: 8, goodSteps: 3 };
  const after = (marks: string) =>
    [...marks].reduce<LossScale>((s, m) => (m === "+" ? afterGoodStep(s, scaling) : afterSkippedStep(s)), firstLossScale(scaling)).scale;
  expect(["++", "+++", "++++++", "++-++", "++-+++"].map(after)).toEqual([8, 16, 32, 4, 8]);
  expect(canLowerScale({ scale: 2, good: 0, skipped: 0 })).toBe(true);
  expect(canLowerScale({ scale: 1, good: 0, skipped: 0 })).toBe(false);
});

test("sums of a scaled step are those of the loss itself, but for measures, which were never scaled", () => {
  expect(unscaledSums({ loss: 24, squared: 640, own: [64, 192], measures: { accuracy: 0.5 } }, 8)).toEqual({
    loss: 3,
    squared: 10,
    own: [1, 3],
    measures: { accuracy: 0.5 },
  });
});

test("f16 is refused by name on a device without it, before anything is made", async () => {
  for (const name of ["cpu", "reference"] as const) {
    const device = openDevice(name);
    const o = toyRuns(device, () => "")(toyRecipe({ precision: "f16" }));
    await expect(createTrainer(trainerOptions(o))).rejects.toThrow(
      new RegExp(`precision: f16: expected a device that computes products in f16.*got the device ${name}.*bf16`),
    );
    for (const other of ["f32", "bf16", "auto", undefined] as const) expect(() => checkHalfPrecision(other, device, {})).not.toThrow();
  }
});

import { expect, test } from "vitest";
import { stepsOfEpochs } from "./fit.ts";

test("a part of an epoch is rounded up to a whole step, whatever is tuned", () => {
  expect(stepsOfEpochs(1.5, 9)).toBe(14);
  expect(stepsOfEpochs(0.1, 9)).toBe(1);
  expect(stepsOfEpochs(1, 4.5)).toBe(5);
  expect(stepsOfEpochs(0.001, 3)).toBe(1);
});

test("what floating point adds to a product is no step", () => {
  // 3.0000000000000004 and 11.000000000000002
  expect(stepsOfEpochs(0.1, 30)).toBe(3);
  expect(stepsOfEpochs(1.1, 10)).toBe(11);
  for (let steps = 1; steps < 400; steps++)
    for (const stepsIn of [7, 9, 30, 49, 1000]) expect(stepsOfEpochs(steps / stepsIn, stepsIn)).toBe(steps);
});

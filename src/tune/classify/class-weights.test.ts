import { expect, test } from "vitest";
import { classWeights } from "./fit.ts";

test("balanced weights make classes count alike", () => {
  const labels = Int32Array.of(0, 0, 0, 1);
  const weights = classWeights("balanced", ["a", "b"], labels);
  expect(weights[0]! * 3).toBeCloseTo(weights[1]!);
  expect(() => classWeights({ c: 2 }, ["a", "b"], labels)).toThrow('weights: expected classes among a, b, got "c"');
});

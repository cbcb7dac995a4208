import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { bestOf, isBestOptimistic } from "./best-of.ts";

test("the best of k equally good candidates scores above its worth by less than the bound, and by more than half of it from two on", () => {
  const r = random("best of");
  for (const k of [2, 7, 30, 200]) {
    const rounds = 4000;
    let sum = 0;
    for (let i = 0; i < rounds; i++) sum += Math.max(...Array.from({ length: k }, () => r.normal()));
    const mean = sum / rounds;
    expect(mean).toBeLessThan(bestOf(k));
    expect(mean).toBeGreaterThan(0.45 * bestOf(k));
  }
  expect(bestOf(1)).toBe(0);
  expect(() => bestOf(0)).toThrow("candidates");
});

test("from seven candidates on the best one may be expected outside of its 95 % interval", () => {
  expect([1, 6, 7, 40].map(k => isBestOptimistic(k))).toEqual([false, false, true, true]);
  expect(isBestOptimistic(7, 0.99)).toBe(false);
});

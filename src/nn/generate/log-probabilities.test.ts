import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { likelihood } from "./log-probabilities.ts";

test("log-probabilities of all tokens add up to one, most likely first, at any offset of the logits", () => {
  const r = random(3);
  const logits = Float32Array.from({ length: 300 }, () => 3 * r.normal());
  for (const offset of [0, 700, -700]) {
    const { top } = likelihood(
      logits.map(x => x + offset),
      5,
      300,
    );
    expect(top.reduce((s, t) => s + Math.exp(t.logProbability), 0)).toBeCloseTo(1, 4);
    for (let i = 1; i < top.length; i++) expect(top[i]!.logProbability).toBeLessThanOrEqual(top[i - 1]!.logProbability);
  }
});

test("the chosen token is reported even where it is not among the most likely", () => {
  const { token, logProbability, top } = likelihood(Float32Array.of(0, Math.log(3), Math.log(4)), 0, 2);
  expect(token).toBe(0);
  expect(logProbability).toBeCloseTo(Math.log(1 / 8), 6);
  expect(top.map(t => t.token)).toEqual([2, 1]);
});

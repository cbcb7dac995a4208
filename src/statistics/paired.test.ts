import { expect, test } from "vitest";
import { canDiffer, detectableDifference, mcNemar } from "./index.ts";

test("McNemar's test is exact below 25 items that differ, and has Edwards' correction from there on", () => {
  expect(mcNemar(19, 5)).toMatchObject({ isExact: true });
  const { p, isExact } = mcNemar(20, 5);
  expect(isExact).toBe(false);
  // (|20 - 5| - 1)^2 / 25 = 7.84 = 2.8^2, and 2 (1 - Phi(2.8)) = 0.0051103
  expect(p).toBeCloseTo(0.0051103, 6);
  expect(mcNemar(5, 20).p).toBe(p);
  expect(mcNemar(0, 5).p).toBeCloseTo(2 * 2 ** -5, 12);
  for (const wrong of [-1, 0.5]) expect(() => mcNemar(wrong, 5)).toThrow(/onlyFirst/);
  // as many one way as the other: the correction must not make a difference of nothing
  expect(mcNemar(13, 13).p).toBe(1);
});

// Quantiles of the normal distribution, from its table.
test.each([
  [400, 0.3, 0.05, 0.8, 1.959963984540054, 0.8416212335729143],
  [150, 1, 0.05, 0.8, 1.959963984540054, 0.8416212335729143],
  [1000, 0.2, 0.01, 0.9, 2.5758293035489004, 1.2815515655446004],
])(
  "the detectable difference of %d items that differ on a share of %f solves Connor's equation (level %f, power %f)",
  (n, q, level, power, a, b) => {
    const d = detectableDifference(n, q, { level, power });
    expect(Math.sqrt(n) * d).toBeCloseTo(a * Math.sqrt(q) + b * Math.sqrt(q - d * d), 9);
  },
);

test("the detectable difference has its defaults and never exceeds the share on which the systems differ", () => {
  expect(detectableDifference(400, 0.3)).toBe(detectableDifference(400, 0.3, { level: 0.05, power: 0.8 }));
  expect(detectableDifference(1, 0.01)).toBe(0.01);
});

test("what is no number of items, no share, no level and no power is refused by its name", () => {
  for (const n of [0, -1, Number.NaN]) expect(() => detectableDifference(n, 0.3)).toThrow(/\bn\b/);
  for (const share of [0, -0.1, 1.01]) expect(() => detectableDifference(10, share)).toThrow(/discordant/);
  for (const wrong of [0, 1, 1.5]) {
    expect(() => detectableDifference(10, 0.3, { level: wrong })).toThrow(/level/);
    expect(() => detectableDifference(10, 0.3, { power: wrong })).toThrow(/power/);
  }
});

test("five groups that differ tell nothing at 95 %, six do: the sign-flip test's smallest p is 2^(1 - groups)", () => {
  expect([5, 6].map(groups => canDiffer(groups, 0.95))).toEqual([false, true]);
  expect([7, 8].map(groups => canDiffer(groups, 0.99))).toEqual([false, true]);
  expect(canDiffer(2, 0.5)).toBe(true);
});

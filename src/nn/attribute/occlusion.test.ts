import fc from "fast-check";
import { expect, test } from "vitest";
import { faithfulness, faithfulnessLooks, occlusion, type ScoresWithout } from "./occlusion.ts";

/** A score that is the sum of what is left. */
const additive =
  (worth: readonly number[]): ScoresWithout =>
  async sets =>
    sets.map(gone => [worth.reduce((sum, w, i) => sum + (gone.includes(i) ? 0 : w), 0)]);
const options = { points: 9, orders: 40, seed: "test" };
const worths = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 24 });

test("of an additive score, occlusion is each unit's own worth", async () => {
  await fc.assert(
    fc.asyncProperty(worths, async worth => {
      const whole = worth.reduce((a, b) => a + b, 0);
      expect(Array.from((await occlusion(additive(worth), worth.length, [whole]))[0]!)).toEqual(worth);
    }),
  );
});

test("no order deletes an additive score sooner, or brings it back sooner, than its true attribution", async () => {
  await fc.assert(
    fc.asyncProperty(worths, fc.array(fc.integer(), { minLength: 24, maxLength: 24 }), async (worth, other) => {
      const [own, wrong] = await faithfulness(additive(worth), 0, [worth, other.slice(0, worth.length)], options);
      expect(own!.deletion).toBeLessThanOrEqual(wrong!.deletion + 1e-9);
      expect(own!.insertion).toBeGreaterThanOrEqual(wrong!.insertion - 1e-9);
      expect(own!.deletion).toBeLessThanOrEqual(own!.randomDeletion + 1e-9);
      expect(own!.insertion).toBeGreaterThanOrEqual(own!.randomInsertion - 1e-9);
    }),
  );
});

test("an attribution that says nothing is as good as random orders; its opposite is worse", async () => {
  const worth = [9, 0, 0, 1, 5, 0, 7, 2];
  const opposite = worth.map(w => -w);
  const [own, wrong] = await faithfulness(additive(worth), 0, [worth, opposite], options);
  expect(own!.deletion).toBeLessThan(own!.randomDeletion);
  expect(wrong!.deletion).toBeGreaterThan(wrong!.randomDeletion);
  expect(wrong!.insertion).toBeLessThan(wrong!.randomInsertion);
});

test("looks are as many as are counted beforehand, and lengths that differ are refused", async () => {
  for (const [units, points] of [
    [1, 9],
    [3, 9],
    [40, 5],
  ] as const) {
    let seen = 0;
    const scores: ScoresWithout = async sets => {
      seen += sets.length;
      return sets.map(() => [0]);
    };
    const flat = new Float64Array(units);
    await faithfulness(scores, 0, [flat, flat], { ...options, points, orders: 3 });
    expect(seen).toBe(2 + faithfulnessLooks(units, 2, { ...options, points, orders: 3 }));
  }
  await expect(faithfulness(additive([1, 2]), 0, [[1, 2], [1]], options)).rejects.toThrow("attributions: expected 2 units each, got 1");
});

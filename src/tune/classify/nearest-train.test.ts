import fc from "fast-check";
import { expect, test } from "vitest";
import { bandsOf, nearestTrain } from "./nearest-train.ts";

const jaccard = (a: string, b: string) => {
  const [x, y] = [a, b].map(text => text.split(" ").filter(Boolean)) as [string[], string[]];
  const rest = [...y];
  const both = x.filter(w => {
    const at = rest.indexOf(w);
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  }).length;
  return both === 0 ? 0 : both / (x.length + y.length - both);
};

test("the similarity is that of the nearest training text, by comparing all pairs", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 8 }).map(w => w.join(" "));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(text, { maxLength: 5 }), (train, test) => {
      expect(Array.from(nearestTrain(train, test))).toEqual(test.map(t => Math.max(0, ...train.map(x => jaccard(x, t)))));
    }),
  );
});

test("a short text with one word changed is a near copy", () => {
  const [twin, other] = nearestTrain(
    ["the quick brown fox jumps over a lazy dog"],
    ["the quick brown cat jumps over a lazy dog", "rain in Spain"],
  );
  expect(twin).toBeCloseTo(8 / 10, 12);
  expect(other).toBe(0);
});

test("every text is in one band, the last one holds 1", () => {
  const nearest = [0, 0.29, 0.3, 0.69, 0.7, 1];
  const bands = bandsOf(nearest, i => i >= 4);
  expect(bands.map(b => b.texts)).toEqual([2, 1, 1, 2]);
  expect(bands.map(b => b.accuracy)).toEqual([0, 0, 0, 1]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { greatestFew, keepUntil } from "./greatest.ts";

// few distinct values, so that ties are common; -infinity stands for what was removed before
const score = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constant(Number.NEGATIVE_INFINITY),
);
const scores = fc.array(score, { minLength: 1, maxLength: 60 });
const sorted = (s: readonly number[]) => [...s.keys()].sort((a, b) => (s[a]! === s[b]! ? a - b : s[b]! > s[a]! ? 1 : -1));

test("what is kept are the first of the sorted scores until the target is reached", () => {
  fc.assert(
    fc.property(scores, fc.integer({ min: 1, max: 70 }), (list, target) => {
      const got = Float64Array.from(list);
      keepUntil(got, target, () => 1);
      const kept = new Set(sorted(list).slice(0, target));
      expect([...got]).toEqual(list.map((s, i) => (kept.has(i) ? s : Number.NEGATIVE_INFINITY)));
    }),
    { seed: 21, numRuns: 2000 },
  );
});

test("the few greatest are the first of the sorted scores, in order", () => {
  fc.assert(
    fc.property(scores, fc.integer({ min: 1, max: 25 }), (list, count) => {
      expect(greatestFew(list, count)).toEqual(sorted(list).slice(0, count));
    }),
    { seed: 22, numRuns: 2000 },
  );
});

test("the many greatest, up to all, are the first of the sorted scores too", () => {
  const long = fc.array(score, { minLength: 300, maxLength: 400 });
  fc.assert(
    fc.property(long, fc.integer({ min: 257, max: 450 }), (list, count) => {
      expect(greatestFew(list, count)).toEqual(sorted(list).slice(0, count));
    }),
    { seed: 23, numRuns: 100 },
  );
});

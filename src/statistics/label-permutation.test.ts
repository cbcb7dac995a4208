import fc from "fast-check";
import { expect, test } from "vitest";
import { rounds } from "../../test/support/deep.ts";
import { random } from "../base/index.ts";
import { labelPermutation } from "./label-permutation.ts";

/** Mean recall of two classes. */
const balanced = (predicted: ArrayLike<number>) => (truth: Int32Array) => {
  const [count, right] = [
    [0, 0],
    [0, 0],
  ];
  for (let i = 0; i < truth.length; i++) {
    count[truth[i]!]!++;
    if (truth[i] === predicted[i]) right[truth[i]!]!++;
  }
  return (right[0]! / count[0]! + right[1]! / count[1]!) / 2;
};

test("predictions that know nothing of the labels have p below 0.05 in at most 5 % of data sets, also where near-duplicates share a label", () => {
  for (const size of [1, 4]) {
    let alarms = 0;
    const sets = rounds(200, 80);
    for (let seed = 0; seed < sets; seed++) {
      const r = random(`null ${size} ${seed}`);
      const groups = 120;
      const clusters = Int32Array.from({ length: groups * size }, (_, i) => Math.floor(i / size));
      const [ofTruth, ofPredicted] = [0, 1].map(() => Array.from({ length: groups }, () => r.below(2)));
      // the members of a group share their class and, being alike, what is predicted of them
      const truth = clusters.map(g => ofTruth![g]!);
      const predicted = clusters.map(g => ofPredicted![g]!);
      if (labelPermutation(truth, balanced(predicted), { draws: 199, seed, clusters }).p < 0.05) alarms++;
    }
    // 5 % and three standard deviations: 19 of 200, 9 of 80. Without clusters many more alarm (the next test).
    expect(alarms, `groups of ${size}`).toBeLessThanOrEqual(0.05 * sets + 3 * Math.sqrt(0.05 * 0.95 * sets));
    expect(alarms, `groups of ${size}`).toBeGreaterThan(0);
  }
});

test("without clusters the same predictions of groups would be called better than chance far too often", () => {
  let alarms = 0;
  const sets = rounds(100, 40);
  for (let seed = 0; seed < sets; seed++) {
    const r = random(`naive ${seed}`);
    const [t, p] = [0, 1].map(() => Array.from({ length: 20 }, () => r.below(2)));
    const truth = Int32Array.from({ length: 200 }, (_, i) => t![Math.floor(i / 10)]!);
    const predicted = Int32Array.from({ length: 200 }, (_, i) => p![Math.floor(i / 10)]!);
    if (labelPermutation(truth, balanced(predicted), { draws: 199 }).p < 0.05) alarms++;
  }
  expect(alarms).toBeGreaterThan(0.15 * sets);
});

test("the exact p of a few items is what all permutations give", () => {
  const truth = Int32Array.of(0, 0, 0, 1, 1, 1);
  // of 20 ways to place three labels one is right everywhere
  const { p, value, nullMean } = labelPermutation(truth, balanced(truth), { draws: 20_000 });
  expect(value).toBe(1);
  expect(p).toBeCloseTo(1 / 20, 2);
  expect(nullMean).toBeCloseTo(0.5, 2);
});

test("clusters that all hold the same labels are still told apart: labels are exchanged within a cluster too", () => {
  const truth = Int32Array.from({ length: 60 }, (_, i) => i % 2);
  const clusters = truth.map((_, i) => i >> 1);
  expect(labelPermutation(truth, balanced(truth), { clusters }).p).toBeLessThan(0.01);
});

test("each permutation keeps the number of items of each class, where clusters are alike in size", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (labels, size) => {
      const items = labels.flatMap(l => Array.from({ length: size }, () => l));
      const sorted = (of: ArrayLike<number>) => Array.from(of).sort().join();
      const seen = new Set<string>();
      labelPermutation(
        items,
        l => {
          seen.add(sorted(l));
          return 0;
        },
        { draws: 20, clusters: items.map((_, i) => Math.floor(i / size)) },
      );
      expect([...seen]).toEqual([sorted(items)]);
    }),
  );
});

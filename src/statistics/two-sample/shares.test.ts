/** Shares, effects and sizes against scipy (`bench/peers/golden/shares.py`), and sizes by the tests that they are for. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  besideReference,
  chiSquareTwoSample,
  fisherExact,
  kolmogorovSmirnov,
  neededForCategories,
  neededForDistance,
  neededForShares,
  noncentralChiSquareAbove,
  noncentralityOf,
  shareDifference,
  superiority,
} from "./index.ts";
import golden from "./shares.golden.json" with { type: "json" };

test.each(golden.fisher)("Fisher's test of %d of %d and %d of %d is scipy's hypergeometric tail, doubled", (a, n, b, m, p) => {
  expect(fisherExact(a!, n!, b!, m!) / p!).toBeCloseTo(1, 8);
});

test.each(golden.noncentral)(
  "P(X > %d) of a chi-square with %d degrees and noncentrality %d is scipy's",
  (x, freedom, noncentrality, above) => {
    expect(noncentralChiSquareAbove(x!, freedom!, noncentrality!)).toBeCloseTo(above!, 10);
    // nearly flat close to 1
    if (above! > 0.06 && above! < 0.999) expect(noncentralityOf(x!, freedom!, above!)).toBeCloseTo(noncentrality!, 4);
  },
);

test.each(golden.superiority)("superiority is Mann and Whitney's U a pair, its interval DeLong's on logits", ({ x, y, value, error }) => {
  const found = superiority(x, y);
  expect(found.value).toBeCloseTo(value, 12);
  const reach = (1.959963984540054 * error) / (value * (1 - value));
  const logit = Math.log(value / (1 - value));
  expect(found.low).toBeCloseTo(1 / (1 + Math.exp(reach - logit)), 9);
  expect(found.high).toBeCloseTo(1 / (1 + Math.exp(-reach - logit)), 9);
});

test("superiority of samples that do not overlap keeps an interval, and equal ones are at one half", () => {
  expect(superiority([1, 2, 3], [7, 8])).toMatchObject({ value: 1, high: 1, low: expect.closeTo(0.6, 0) });
  expect(superiority([5, 5], [5, 5, 5])).toMatchObject({ value: 0.5 });
});

test("the interval of a difference is Newcombe's: 56 of 70 and 48 of 80", () => {
  // Newcombe 1998, table II, example a, method 10: .0524 to .3339 for the first less the second
  const found = shareDifference(48, 80, 56, 70);
  expect(found.value).toBeCloseTo(0.2, 12);
  expect(found.low).toBeCloseTo(0.0524, 4);
  expect(found.high).toBeCloseTo(0.3339, 4);
});

describe("sizes that are said to be enough find the change at least as often as asked", () => {
  const [reference, runs] = [400, 200];
  const asked = { alpha: 0.05, power: 0.8, distance: 0.25 };
  const found = (test: (seed: number) => number) => Array.from({ length: runs }, (_, i) => test(i)).filter(p => p <= asked.alpha).length;
  // of 200 runs with a chance of 0.8, fewer than 140 have one of 1 in 3,000
  const least = 140;

  test("by Kolmogorov and Smirnov, for a shift", () => {
    const m = besideReference(neededForDistance(asked), reference)!;
    const count = found(seed => {
      const draw = random(`shift ${seed}`);
      const sample = (size: number, shift: number) => Float64Array.from({ length: size }, () => draw.uniform() + shift);
      return kolmogorovSmirnov(sample(reference, 0), sample(m, asked.distance)).p;
    });
    expect(count).toBeGreaterThan(least);
  });

  test("by chi-square, where a share moved from one category to another", () => {
    const m = besideReference(neededForCategories(3, asked), reference)!;
    const count = found(seed => {
      const draw = random(`moved ${seed}`);
      const counts = (size: number, moved: number) => {
        const all = [0, 0, 0, 0];
        for (let i = 0; i < size; i++) {
          const u = draw.uniform();
          const k = u < 0.3 - moved ? 0 : u < 0.6 ? 1 : u < 0.8 ? 2 : 3;
          all[k] = all[k]! + 1;
        }
        return all;
      };
      return chiSquareTwoSample(counts(reference, 0), counts(m, asked.distance)).p;
    });
    expect(count).toBeGreaterThan(least);
  });

  test("by Fisher, and a reference that is too small is never enough", () => {
    const m = besideReference(neededForShares(asked), reference)!;
    const count = found(seed => {
      const draw = random(`share ${seed}`);
      const of = (size: number, p: number) => Array.from({ length: size }, () => draw.uniform() < p).filter(Boolean).length;
      return fisherExact(of(reference, 0.375), reference, of(m, 0.625), m);
    });
    // exact tests of few values are a little less sharp
    expect(count).toBeGreaterThan(least - 8);
    expect(besideReference(neededForShares(asked), 20)).toBeNull();
  });
});

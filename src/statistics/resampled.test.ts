import { describe, expect, test } from "vitest";
import { random } from "../base/index.ts";
import { crossedDeviations, resampledMean, sampleVariance } from "./resampled.ts";

describe("the corrected resampled t-test", () => {
  // scikit-learn, examples/model_selection/plot_grid_search_stats.py: corrected_std = sqrt(var(ddof=1) (1 / kr + n_test / n_train)), t.cdf of scipy
  test("equals the formula that scikit-learn's example has, in numbers of scipy", () => {
    const differences = [0.02, 0.05, -0.01, 0.03, 0.04, 0.06, 0.01, 0.02, 0.05, 0.03];
    const { mean, standardError, low, high, p } = resampledMean(differences, { testSize: 10, trainSize: 90 });
    expect(mean).toBeCloseTo(0.03, 12);
    // sqrt(0.0004444444 (1 / 10 + 1 / 9)) = 0.00968644
    expect(standardError).toBeCloseTo(0.0096864421, 9);
    // scipy.stats.t.ppf(0.975, 9) = 2.2621571627
    expect(high - low).toBeCloseTo(2 * 2.2621571627 * 0.0096864421, 8);
    // 2 scipy.stats.t.sf(0.03 / 0.0096864421, 9)
    expect(p).toBeCloseTo(0.01278188, 7);
  });

  test("without overlap it is Student's t interval", () => {
    const { low, high } = resampledMean([1, 2, 3], { testSize: 0, trainSize: 1 });
    // scipy.stats.t.interval(0.95, 2, 2, 1 / sqrt(3))
    expect([low, high]).toEqual([expect.closeTo(-0.4841377, 6), expect.closeTo(4.4841377, 6)]);
  });

  test("scores that are all alike, and a single one, have no interval instead of one without width", () => {
    for (const scores of [[1, 1, 1], [0.1 + 0.2, 0.3, 0.3], [0.7]]) {
      const { low, high, p } = resampledMean(scores, { testSize: 1, trainSize: 4 });
      expect([low, high, p]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    }
  });

  test("no scores, and sizes that are none, are refused", () => {
    expect(() => resampledMean([], { testSize: 1, trainSize: 4 })).toThrow(/a score or more/);
    expect(() => resampledMean([1], { testSize: 1, trainSize: 0 })).toThrow(/trainSize/);
  });
});

/** `repeats` times k folds of items in random order, as lists of items. */
function foldsOf(n: number, k: number, repeats: number, draw: (below: number) => number): number[][] {
  return Array.from({ length: repeats }, () => {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = draw(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return Array.from({ length: k }, (_, f) => order.filter((_, at) => at % k === f));
  }).flat();
}

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const normal = (r: { uniform(): number }): number => Math.sqrt(-2 * Math.log(1 - r.uniform())) * Math.cos(2 * Math.PI * r.uniform());

describe("in a simulation of repeated 5-fold cross-validation", () => {
  const [n, k, sets] = [50, 5, 400];

  /** Shares of data sets whose interval holds the truth: corrected, and as if the folds were independent. */
  function coverage(repeats: number, truth: number, scoresOf: (seed: string, folds: readonly (readonly number[])[]) => number[]) {
    let [corrected, naive] = [0, 0];
    for (let set = 0; set < sets; set++) {
      const r = random(`folds/${set}`);
      const scores = scoresOf(
        `set/${set}`,
        foldsOf(n, k, repeats, below => r.below(below)),
      );
      const holds = (testSize: number) => {
        const { low, high } = resampledMean(scores, { testSize, trainSize: n - n / k });
        return low <= truth && truth <= high;
      };
      if (holds(n / k)) corrected++;
      if (holds(0)) naive++;
    }
    return { corrected: corrected / sets, naive: naive / sets };
  }

  // of a mean of n1 numbers of variance 1, the absolute error on a new one is a normal's of variance 1 + 1 / n1
  const absoluteError = (seed: string, folds: readonly (readonly number[])[]): number[] => {
    const r = random(seed);
    const y = Array.from({ length: n }, () => normal(r));
    const sum = y.reduce((a, b) => a + b, 0);
    return folds.map(fold => {
      const found = (sum - fold.reduce((s, i) => s + y[i]!, 0)) / (n - fold.length);
      return mean(fold.map(i => Math.abs(y[i]! - found)));
    });
  };
  const errorTruth = Math.sqrt((2 / Math.PI) * (1 + 1 / (n - n / k)));

  test("the corrected interval of an error whose truth is known covers it at its level, the uncorrected one far less often", () => {
    const ten = coverage(10, errorTruth, absoluteError);
    expect(ten.corrected).toBeGreaterThan(0.93);
    expect(ten.naive).toBeLessThan(0.6);
    const one = coverage(1, errorTruth, absoluteError);
    expect(one.corrected).toBeGreaterThan(0.93);
  });

  /** Nearest class mean in 5 dimensions, which depends much on what it is trained on. */
  const accuracyOf = (train: readonly Item[], test: readonly Item[]): number => {
    const centre = [0, 1].map(label => {
      const own = train.filter(t => t.label === label);
      return Array.from({ length: 5 }, (_, d) => mean(own.map(t => t.x[d]!)));
    });
    const distance = (x: readonly number[], label: number) => x.reduce((s, v, d) => s + (v - centre[label]![d]!) ** 2, 0);
    return mean(test.map(t => ((distance(t.x, 0) < distance(t.x, 1) ? 0 : 1) === t.label ? 1 : 0)));
  };
  interface Item {
    readonly x: readonly number[];
    readonly label: number;
  }
  const itemsOf = (seed: string, count: number): Item[] => {
    const r = random(seed);
    return Array.from({ length: count }, (_, i) => ({ x: Array.from({ length: 5 }, () => normal(r) + 0.35 * (i % 2)), label: i % 2 }));
  };

  test("so does that of a classifier's accuracy, whose truth is drawn", () => {
    const truth = mean(Array.from({ length: 600 }, (_, i) => accuracyOf(itemsOf(`train/${i}`, n - n / k), itemsOf(`test/${i}`, 200))));
    const { corrected, naive } = coverage(4, truth, (seed, folds) => {
      const items = itemsOf(seed, n);
      return folds.map(fold => {
        const held = new Set(fold);
        return accuracyOf(
          items.filter((_, i) => !held.has(i)),
          fold.map(i => items[i]!),
        );
      });
    });
    expect(corrected).toBeGreaterThan(0.9);
    expect(naive).toBeLessThan(corrected - 0.1);
  });
});

describe("deviations by source", () => {
  test("variance of folds alone shows over folds, of seeds alone over seeds", () => {
    const ofFolds = crossedDeviations([
      [1, 1],
      [3, 3],
    ]);
    expect([ofFolds.splits, ofFolds.seeds]).toEqual([Math.SQRT2, 0]);
    const ofSeeds = crossedDeviations([
      [1, 3],
      [1, 3],
    ]);
    expect([ofSeeds.splits, ofSeeds.seeds]).toEqual([0, Math.SQRT2]);
    expect(ofSeeds.total).toBeCloseTo(Math.sqrt(4 / 3), 12);
  });

  test("deviations that were planted are found", () => {
    const r = random("planted");
    const scores = Array.from({ length: 200 }, () => {
      const fold = 2 * normal(r);
      return Array.from({ length: 20 }, () => fold + 0.5 * normal(r));
    });
    const { splits, seeds, total } = crossedDeviations(scores);
    expect(seeds).toBeCloseTo(0.5, 1);
    // with the seed fixed, what training varies by is in it too
    expect(Math.abs(splits - Math.hypot(2, 0.5))).toBeLessThan(0.2);
    expect(Math.abs(total - splits)).toBeLessThan(0.05);
  });

  test("a source that was not varied has no deviation", () => {
    expect(crossedDeviations([[1], [2]]).seeds).toBeNaN();
    expect(crossedDeviations([[1, 2]]).splits).toBeNaN();
    expect(sampleVariance([3])).toBeNaN();
    expect(() => crossedDeviations([[1, 2], [1]])).toThrow(/as many seeds/);
  });
});

/** Detectors on planted anomalies, on data without any, and against their definitions. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  type ChangePointState,
  changePointDetector,
  componentDistance,
  componentPursuit,
  growIsolationForest,
  isolationScore,
  jumpProbability,
  likeliestRun,
  neighbourDistance,
  neighbourReference,
  robustComponents,
  seasonalOutliers,
} from "./index.ts";

const normals = (count: number, seed: number | string) => {
  const draw = random(seed);
  return Array.from({ length: count }, () => draw.normal());
};

describe("seasonal outliers", () => {
  const daily = (i: number) => 10 + 5 * Math.sin((2 * Math.PI * i) / 24) + i / 100;

  test("planted values are found among their season, and what is usual at another hour is not", () => {
    let others = 0;
    for (let seed = 0; seed < 20; seed++) {
      const values = normals(24 * 14, seed).map((z, i) => daily(i) + 0.3 * z);
      // usual at noon, unusual at night
      values[24 * 5 + 18] = daily(24 * 5 + 6);
      values[24 * 9 + 2] = values[24 * 9 + 2]! - 6;
      const found = seasonalOutliers(values, { period: 24 });
      expect(
        found
          .slice(0, 2)
          .map(o => o.index)
          .sort((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual([24 * 5 + 18, 24 * 9 + 2]);
      expect(Math.abs(found[0]!.expected - daily(found[0]!.index))).toBeLessThan(1);
      if (found.length > 2) others++;
    }
    expect(others).toBeLessThanOrEqual(5);
  });

  test("series without outliers have some in about as many cases as the level says", () => {
    const rounds = 200;
    let alarms = 0;
    for (let i = 0; i < rounds; i++) if (seasonalOutliers(normals(60, i), { period: 1, level: 0.05 }).length > 0) alarms++;
    // 10 expected; three deviations of a binomial are 9
    expect(alarms).toBeLessThan(20);
  });

  test("outliers that hide one another are all found", () => {
    const values = normals(100, 3);
    for (const at of [10, 11, 12, 13]) values[at] = 30;
    expect(
      seasonalOutliers(values, { period: 1 })
        .slice(0, 4)
        .map(o => o.index)
        .sort((a, b) => a - b),
    ).toEqual([10, 11, 12, 13]);
  });

  test("a constant series has none, and too short a one is refused", () => {
    expect(seasonalOutliers(new Array<number>(50).fill(2), { period: 1 })).toEqual([]);
    expect(() => seasonalOutliers([1, 2, 3], { period: 1 })).toThrow(/8 or more/);
    expect(() => seasonalOutliers([1, 2, 3, 4, 5, 6, 7, Number.NaN], { period: 1 })).toThrow(/values\[7\]/);
  });
});

describe("isolation forest", () => {
  const draw = random(5);
  const usual = Array.from({ length: 400 }, () => {
    const a = draw.normal();
    return [a, a + 0.1 * draw.normal(), draw.normal()];
  });
  const forest = growIsolationForest(usual);

  test("vectors far from all others score above most usual ones", () => {
    const scores = usual.map(row => isolationScore(forest, row)).sort((a, b) => a - b);
    // beyond the range of what it was grown from, a forest sees as far as its outermost splits
    for (const far of [
      [8, -8, 0],
      [0, 0, 9],
      [9, 9, 9],
    ])
      expect(isolationScore(forest, far)).toBeGreaterThan(scores[Math.floor(0.9 * scores.length)]!);
    const mean = usual.reduce((sum, row) => sum + isolationScore(forest, row), 0) / usual.length;
    expect(mean).toBeGreaterThan(0.4);
    expect(mean).toBeLessThan(0.5);
  });

  test("two equal forests from one seed, and one that survives JSON", () => {
    expect(growIsolationForest(usual)).toEqual(forest);
    expect(isolationScore(JSON.parse(JSON.stringify(forest)), [1, 2, 3])).toBe(isolationScore(forest, [1, 2, 3]));
  });

  test("constant columns split nothing, and neighbouring numbers do not loop", () => {
    const rows = Array.from({ length: 20 }, (_, i) => [1, i < 10 ? 1 : 1 + Number.EPSILON]);
    expect(isolationScore(growIsolationForest(rows), [1, 1])).toBeGreaterThan(0);
    expect(() => isolationScore(forest, [1, 2])).toThrow(/3 numbers/);
    expect(() => isolationScore(forest, [1, 2, Number.NaN])).toThrow(/vector\[2\]/);
  });
});

describe("nearest neighbours", () => {
  const draw = random("neighbours");
  const rows = Array.from({ length: 60 }, () => [100 * draw.normal(), draw.normal(), 5]);
  const reference = neighbourReference(rows, 3);

  test("the distance is that to the third nearest, by brute force, columns divided by their deviations", () => {
    const deviation = [0, 1].map(c => {
      const mean = rows.reduce((sum, r) => sum + r[c]!, 0) / 60;
      return Math.sqrt(rows.reduce((sum, r) => sum + (r[c]! - mean) ** 2, 0) / 60);
    });
    for (let i = 0; i < 20; i++) {
      const vector = [150 * draw.normal(), 1.5 * draw.normal(), 5];
      const all = rows.map(r => Math.hypot(...[0, 1].map(c => (r[c]! - vector[c]!) / deviation[c]!))).sort((a, b) => a - b);
      expect(neighbourDistance(JSON.parse(JSON.stringify(reference)), vector)).toBeCloseTo(all[2]!, 10);
    }
  });

  test("what fits not is refused by name", () => {
    expect(() => neighbourReference(rows, 60)).toThrow(/more than 60/);
    expect(() => neighbourReference(rows, 0)).toThrow(/k/);
    expect(() => neighbourReference([...rows, [1, 2]])).toThrow(/rows\[60\]/);
    expect(() => neighbourReference([...rows, [1, 2, Number.NaN]])).toThrow(/rows\[60\]\[2\]/);
    expect(() => neighbourDistance(reference, [1, 2])).toThrow(/3 numbers/);
    expect(() => neighbourDistance(reference, [1, Number.NaN, 2])).toThrow(/vector\[1\]/);
  });
});

describe("change points", () => {
  const detector = changePointDetector({ expectedRun: 200, prior: { mean: 0, variance: 1 } });
  const states = (values: readonly number[]) => {
    const all: ChangePointState[] = [];
    let state = detector.start;
    for (const value of values) {
      state = detector.observe(state, value);
      all.push(state);
    }
    return all;
  };

  test("a jump is noticed soon after it, and placed where it was", () => {
    const values = [...normals(150, 1), ...normals(30, 2).map(z => z + 4)];
    const all = states(values);
    expect(jumpProbability(all[149]!, 20)).toBeLessThan(0.5);
    expect(jumpProbability(all[154]!, 10)).toBeGreaterThan(0.99);
    expect(Math.abs(likeliestRun(all[179]!) - 30)).toBeLessThanOrEqual(1);
  });

  test("probabilities add up to 1, and the state stays small on a long quiet stream", () => {
    const last = states(normals(3000, 4)).at(-1)!;
    expect(last.runs.reduce((sum, r) => sum + r.probability, 0)).toBeCloseTo(1, 12);
    expect(last.runs.length).toBeLessThanOrEqual(200);
  });

  test("run lengths have the probabilities of all ways to cut the values (brute force)", () => {
    const values = [0.3, -0.2, 4.1, 3.7, 4.4];
    const small = changePointDetector({ expectedRun: 5, prior: { mean: 0, variance: 2 } });
    let state = small.start;
    for (const v of values) state = small.observe(state, v);
    // marginal likelihood of a piece, by its own one-step predictions: a detector that expects no jump
    const steady = changePointDetector({ expectedRun: 1e300, prior: { mean: 0, variance: 2 } });
    const logLikelihood = (piece: readonly number[]): number => {
      let [s, log] = [steady.start, 0];
      for (const x of piece) {
        const run = s.runs.find(r => r.length === s.seen)!;
        // density by a narrow interval of the predictive distribution is what observe multiplies; the ratio of two detectors gives it
        log += Math.log(density(run, x));
        s = steady.observe(s, x);
      }
      return log;
    };
    const chances = new Map<number, number>();
    for (let cuts = 0; cuts < 2 ** values.length; cuts++) {
      // bit i: a jump after value i
      let [log, from] = [0, 0];
      for (let i = 0; i < values.length; i++) {
        const isCut = ((cuts >> i) & 1) === 1;
        log += Math.log(isCut ? 1 / 5 : 4 / 5);
        if (isCut) {
          log += logLikelihood(values.slice(from, i + 1));
          from = i + 1;
        }
      }
      log += logLikelihood(values.slice(from));
      const run = values.length - from;
      chances.set(run, (chances.get(run) ?? 0) + Math.exp(log));
    }
    const all = [...chances.values()].reduce((a, b) => a + b, 0);
    for (const r of state.runs.filter(run => run.length > 0))
      expect(r.probability / (1 - 1 / 5)).toBeCloseTo(chances.get(r.length)! / (all - chances.get(0)!), 6);
  });

  test("settings and values out of bounds are refused by name", () => {
    expect(() => changePointDetector({ expectedRun: 1, prior: { mean: 0, variance: 1 } })).toThrow(/expectedRun/);
    expect(() => changePointDetector({ expectedRun: 10, prior: { mean: 0, variance: 0 } })).toThrow(/prior.variance/);
    expect(() => detector.observe(detector.start, Number.NaN)).toThrow(/value/);
  });
});

/** Student's density of the next value after a run, straight from its parameters. */
function density(run: ChangePointState["runs"][number], x: number): number {
  const freedom = 2 * run.shape;
  const squared = (run.scale * (run.weight + 1)) / (run.shape * run.weight);
  // by its integral, so that it shares no formula: the kernel of the density, normalised numerically
  const kernel = (y: number) => (1 + (y - run.mean) ** 2 / squared / freedom) ** (-(freedom + 1) / 2);
  // y = mean + scale tan(u), whose Jacobian is scale / cos(u)^2
  const [steps, scale] = [20_000, Math.sqrt(squared)];
  let all = 0;
  for (let i = 0; i < steps; i++) {
    const u = -Math.PI / 2 + ((i + 0.5) * Math.PI) / steps;
    all += ((kernel(run.mean + scale * Math.tan(u)) * scale) / Math.cos(u) ** 2) * (Math.PI / steps);
  }
  return kernel(x) / all;
}

describe("robust components", () => {
  const draw = random(7);
  const directions = Array.from({ length: 2 }, () => Array.from({ length: 8 }, () => draw.normal()));
  const common = Array.from({ length: 120 }, () => {
    const amounts = directions.map(() => draw.normal());
    return Array.from({ length: 8 }, (_, k) => directions.reduce((sum, d, i) => sum + amounts[i]! * d[k]!, 0));
  });

  test("a low-rank table with sparse errors is parted exactly (Candès and others 2011)", () => {
    const [rows, columns] = [80, 60];
    const basis = Array.from({ length: 2 }, () => Array.from({ length: columns }, () => draw.normal()));
    const whole = Array.from({ length: rows }, () => {
      const amounts = basis.map(() => draw.normal());
      return Array.from({ length: columns }, (_, k) => basis.reduce((sum, d, i) => sum + amounts[i]! * d[k]!, 0));
    });
    const errors = whole.map(() => new Float64Array(columns));
    for (let i = 0; i < 240; i++) errors[draw.below(rows)]![draw.below(columns)] = 20 * (draw.below(2) ? 1 : -1);
    const { lowRank, sparse } = componentPursuit(whole.map((row, i) => row.map((x, k) => x + errors[i]![k]!)));
    for (let i = 0; i < rows; i++)
      for (let k = 0; k < columns; k++) {
        expect(Math.abs(lowRank[i]![k]! - whole[i]![k]!)).toBeLessThan(1e-3);
        expect(Math.abs(sparse[i]![k]! - errors[i]![k]!)).toBeLessThan(1e-3);
      }
  });

  test("outliers in the reference do not hide a new one, and the metric that is off is named", () => {
    const noisy = common.map(row => row.map(x => x + 0.05 * draw.normal()));
    for (const i of [3, 50, 90]) noisy[i]![2] = noisy[i]![2]! + 15;
    const model = robustComponents(noisy);
    expect(model.components.length).toBeLessThanOrEqual(3);
    const usual = directions[0]!.map((a, k) => 0.7 * a - 1.2 * directions[1]![k]!);
    expect(componentDistance(model, usual).p).toBeGreaterThan(0.05);
    const off = usual.map((x, k) => (k === 5 ? x + 4 : x));
    const found = componentDistance(JSON.parse(JSON.stringify(model)), off);
    expect(found.p).toBeLessThan(0.05);
    expect(found.column).toBe(5);
  });

  test("what is small in the reference counts by its own deviation", () => {
    const own = random("small");
    const row = (off = 0) => {
      const factor = own.normal();
      const first = factor + 0.3 * own.normal();
      return [
        first,
        factor + 0.3 * own.normal(),
        factor + 0.3 * own.normal(),
        factor + 0.3 * own.normal(),
        first + 0.01 * own.normal() + off,
      ];
    };
    const model = robustComponents(Array.from({ length: 200 }, () => row()));
    expect(componentDistance(model, row(0.15)).p).toBeLessThan(0.01);
    const usual = Array.from({ length: 200 }, () => componentDistance(model, row()).p);
    expect(usual.filter(p => p <= 0.05).length).toBeLessThan(30);
  });

  test("a table of zeros is no error, and a vector of another length is", () => {
    const zeros = Array.from({ length: 10 }, () => [0, 0, 0]);
    expect(componentDistance(robustComponents(zeros), [0, 0, 0])).toMatchObject({ distance: 0, p: 1 });
    expect(() => componentDistance(robustComponents(zeros), [0, 0])).toThrow(/3 numbers/);
  });
});

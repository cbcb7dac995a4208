import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../base/index.ts";
import * as s from "./index.ts";

type Rows = readonly (readonly number[])[];
const golden = JSON.parse(readFileSync(new URL("./golden/scipy.golden.json", import.meta.url), "utf8")) as Record<string, unknown> & {
  correlation: { x: number[]; y: number[]; pearson: number; spearman: number };
  permutation: { differences: number[]; p: number };
};
const near = (got: number, want: number, relative: number) =>
  expect(Math.abs(got - want)).toBeLessThanOrEqual(relative * Math.abs(want) + 1e-15);

describe("SciPy's values", () => {
  const functions: Readonly<Record<string, readonly [f: (...x: number[]) => number, relative: number]>> = {
    normalQuantile: [s.normalQuantile, 1e-11],
    normalAbove: [s.normalAbove, 1e-12],
    chiSquareAbove: [s.chiSquareAbove, 1e-10],
    betaQuantile: [s.betaQuantile, 1e-9],
    studentQuantile: [s.studentQuantile, 1e-10],
    binomialBelow: [s.binomialBelow, 1e-10],
    signTest: [s.signTest, 1e-10],
  };
  for (const [name, [f, relative]] of Object.entries(functions))
    test(name, () => {
      for (const row of golden[name] as Rows) near(f(...row.slice(0, -1)), row.at(-1)!, relative);
    });
  for (const [name, f] of Object.entries({ wilson: s.wilson, clopperPearson: s.clopperPearson }))
    test(name, () => {
      for (const [k, n, confidence, low, high] of golden[name] as Rows) {
        const interval = f(k!, n!, confidence);
        near(interval.low, low!, 1e-9);
        near(interval.high, high!, 1e-9);
      }
    });
  for (const [name, f] of Object.entries({ holm: s.holm, benjaminiHochberg: s.benjaminiHochberg }))
    test(name, () => {
      const { p, corrected } = golden[name] as { p: number[]; corrected: number[] };
      for (const [i, v] of f(p).entries()) near(v, corrected[i]!, 1e-12);
    });
  test("correlation", () => {
    const { x, y, pearson, spearman } = golden.correlation;
    near(s.pearson(x, y), pearson, 1e-12);
    near(s.spearman(x, y), spearman, 1e-12);
  });
  test("what is told of a draw by counting is what is told of its items written out, ties and repetitions included", () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 8 }), fc.double({ noNaN: true, min: -1, max: 1 }));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 2, maxLength: 60 }), fc.integer(), (pairs, seed) => {
        const [x, y] = [pairs.map(p => p[0] / 8), pairs.map(p => p[1])];
        const positive = y.map(v => v > 0);
        const draw = random(seed);
        const drawn = {
          pearson: s.drawnPearson(x, y),
          spearman: s.drawnSpearman(x, y),
          curve: s.drawnCurve({ positive, score: x }),
          calibration: s.drawnCalibrationError({ positive, probability: x }),
        };
        for (let i = 0; i < 5; i++) {
          const at = Array.from({ length: 2 + draw.below(80) }, () => draw.below(pairs.length));
          const [xs, ys, ps] = [at.map(k => x[k]!), at.map(k => y[k]!), at.map(k => positive[k]!)];
          expect([drawn.spearman(at), drawn.pearson(at)]).toEqual([s.spearman(xs, ys), s.pearson(xs, ys)]);
          expect(drawn.calibration(at)).toBe(s.calibrationError(s.reliability({ positive: ps, probability: xs })));
          const hasBoth = ps.includes(true) && ps.includes(false);
          expect(drawn.curve(at)).toEqual(hasBoth ? s.curveOf({ positive: ps, score: xs }) : undefined);
        }
      }),
    );
  });
  test("a list of equal numbers has no correlation, also where their mean is another number in its last bit", () => {
    for (const n of [2, 3, 7, 10]) {
      const rising = Array.from({ length: n }, (_, i) => i);
      for (const value of [0.1, 1 / 3, 1e9 + 0.7]) {
        const same = rising.map(() => value);
        for (const of of [s.pearson, s.spearman]) expect([of(same, rising), of(rising, same)]).toEqual([Number.NaN, Number.NaN]);
      }
    }
  });
  test("a paired permutation test that looks at every sign", () => {
    const { differences, p } = golden.permutation;
    const test = s.pairedPermutation(
      differences.map(() => 0),
      differences,
    );
    expect(test.isExact).toBe(true);
    near(test.p, p, 1e-12);
  });
});

test("quantiles undo their distributions", () => {
  const share = fc.double({ min: 1e-3, max: 1 - 1e-3, noNaN: true });
  const degree = fc.double({ min: 1, max: 300, noNaN: true });
  fc.assert(
    fc.property(share, degree, degree, (p, a, b) => {
      expect(s.normalBelow(s.normalQuantile(p))).toBeCloseTo(p, 11);
      expect(s.studentWithin(s.studentQuantile(p, a), a)).toBeCloseTo(p, 9);
      expect(s.incompleteBeta(s.betaQuantile(p, a, b), a, b)).toBeCloseTo(p, 9);
    }),
  );
});

test("exact intervals cover at least as often as they say, Wilson's about as often", () => {
  const n = 40;
  for (const p of [0.02, 0.3, 0.5, 0.9]) {
    const covers = (f: typeof s.wilson) => {
      let sum = 0;
      for (let k = 0; k <= n; k++) {
        const { low, high } = f(k, n);
        if (low <= p && p <= high) sum += s.binomialBelow(k, n, p) - s.binomialBelow(k - 1, n, p);
      }
      return sum;
    };
    expect(covers(s.clopperPearson)).toBeGreaterThanOrEqual(0.95);
    expect(covers(s.wilson)).toBeGreaterThan(0.9);
  }
});

test("one of n and all but one mirror each other, and a sign test does not care which side won", () => {
  for (const n of [2, 7, 30]) {
    for (const f of [s.wilson, s.clopperPearson]) {
      expect(f(1, n).low).toBeGreaterThan(0);
      for (let k = 0; k <= n; k++) expect(f(k, n).low).toBeCloseTo(1 - f(n - k, n).high, 12);
    }
    for (let k = 0; k <= n; k++) expect(s.signTest(k, n)).toBe(s.signTest(n - k, n));
  }
});

test("a reliability plot's bins by hand: of equal mass without parting equals, and of equal width", () => {
  const plot = (probability: readonly number[], bins: number, by: "mass" | "width") =>
    s
      .reliability({ positive: probability.map((_, i) => i % 2 === 0), probability }, { bins, by })
      .map(b => [b.items, b.low, b.high, b.seen]);
  expect(plot([0.1, 0.2, 0.3, 0.4], 2, "mass")).toEqual([
    [2, 0.1, 0.2, 0.5],
    [2, 0.3, 0.4, 0.5],
  ]);
  expect(plot([0.1, 0.3, 0.3, 0.3, 0.9], 2, "mass")).toEqual([
    [4, 0.1, 0.3, 0.5],
    [1, 0.9, 0.9, 1],
  ]);
  // a border belongs to the bin above it, and 1 to the last
  expect(plot([0.05, 0.5, 0.95, 1, 0.1], 10, "width")).toEqual([
    [1, 0.05, 0.05, 1],
    [1, 0.1, 0.1, 1],
    [1, 0.5, 0.5, 0],
    [2, 0.95, 1, 0.5],
  ]);
  expect(plot([0.7], 15, "mass")).toEqual([[1, 0.7, 0.7, 1]]);
});

test("ranks count from 1 and equals share their mean; values whose squares vanish have no correlation, not an infinite one", () => {
  expect([...s.ranks([10, 20, 20, 5])]).toEqual([2, 3.5, 3.5, 1]);
  for (const [x, y] of [
    [
      [0, 1e-200],
      [0, 1],
    ],
    [
      [0, 1],
      [0, 1e-200],
    ],
    [
      [3, 3],
      [0, 1],
    ],
  ] as const)
    expect(s.pearson(x, y)).toBeNaN();
});

test("Brier's score by hand", () => {
  expect(s.brier({ positive: [1, 0, 1], probability: [0.9, 0.5, 0.2] })).toBeCloseTo((0.01 + 0.25 + 0.64) / 3, 12);
});

describe("the bootstrap", () => {
  const mean = (values: readonly number[]) => (items: Int32Array) => items.reduce((sum, i) => sum + values[i]!, 0) / items.length;

  test("covers a mean about as often as it says, and is a function of its seed", () => {
    const draw = random(3);
    let covered = 0;
    for (let round = 0; round < 200; round++) {
      const values = Array.from({ length: 40 }, () => Math.exp(draw.normal()));
      const { low, high } = s.bootstrap(values.length, mean(values), { draws: 300, seed: round });
      if (low <= Math.exp(0.5) && Math.exp(0.5) <= high) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.85);
    expect(covered / 200).toBeLessThan(0.99);
    const values = [1, 5, 2, 8, 3, 9];
    expect(s.bootstrap(6, mean(values), { seed: 4 })).toEqual(s.bootstrap(6, mean(values), { seed: 4 }));
  });

  test("an interval by percentiles is of the draws alone: it goes along with any rising function, and asks for each draw once", () => {
    const draw = random(9);
    const values = Array.from({ length: 40 }, () => draw.normal());
    const drawn: number[] = [];
    // of 2,001 draws the 51st and the 1,951st stand at 2.5 and 97.5 %
    const of = (f: (x: number) => number) =>
      s.bootstrap(40, items => f(drawn[drawn.push(mean(values)(items)) - 1]!), { draws: 2001, method: "percentile", seed: 2 });
    const plain = of(x => x);
    const sorted = drawn
      .splice(0)
      .slice(1)
      .sort((a, b) => a - b);
    expect(sorted).toHaveLength(2001);
    near(plain.low, sorted[50]!, 1e-12);
    near(plain.high, sorted[1950]!, 1e-12);
    const risen = of(x => Math.exp(3 * x));
    near(risen.low, Math.exp(3 * plain.low), 1e-12);
    near(risen.high, Math.exp(3 * plain.high), 1e-12);
    expect(of(x => x).value).toBe(plain.value);
  });

  test("several statistics of the same draws have the intervals that each has by itself", () => {
    const draw = random(8);
    const values = Array.from({ length: 40 }, () => draw.normal());
    const odd = (items: Int32Array) => (items.includes(7) ? items.filter(i => i % 2).length : Number.NaN);
    const options = { draws: 300, clusters: values.map((_, i) => i >> 1), strata: values.map((_, i) => Number(i >= 20)) };
    // one list for all draws, as a caller that counts fast has it
    const out = new Float64Array(2);
    const both = s.bootstrapAll(
      40,
      items => {
        out.set([mean(values)(items), odd(items)]);
        return out;
      },
      options,
    );
    expect(both).toEqual([s.bootstrap(40, mean(values), options), s.bootstrap(40, odd, options)]);
    expect(both[1]!.undefinedDraws).toBeGreaterThan(50);
  });

  test("draws clusters whole: copies of an item do not make it surer", () => {
    const draw = random(5);
    const values = Array.from({ length: 30 }, () => draw.normal());
    const copied = values.flatMap(v => [v, v, v, v]);
    const clusters = copied.map((_, i) => i >> 2);
    const [once, four, naive] = [
      s.bootstrap(30, mean(values)),
      s.bootstrap(120, mean(copied), { clusters }),
      s.bootstrap(120, mean(copied)),
    ].map(({ low, high }) => high - low);
    expect(Math.abs(four! / once! - 1)).toBeLessThan(0.1);
    expect(naive! / once!).toBeLessThan(0.65);
  });

  test("draws strata by themselves: one is none, constant ones have no width, one of a single item no interval", () => {
    const draw = random(9);
    const values = Array.from({ length: 40 }, () => draw.normal());
    expect(s.bootstrap(40, mean(values), { strata: values.map(() => 3) })).toEqual(s.bootstrap(40, mean(values)));
    const strata = values.map((_, i) => Number(i % 4 === 0));
    expect(s.bootstrap(40, mean(strata), { strata })).toMatchObject({ value: 0.25, low: 0.25, high: 0.25 });
    // what is between the strata alone does not make the mean less sure
    const apart = values.map((v, i) => v + 50 * strata[i]!);
    const [near, far] = [values, apart].map(list => s.bootstrap(40, mean(list), { strata })).map(({ low, high }) => high - low);
    expect(far! / near!).toBeCloseTo(1, 9);
    expect(s.bootstrap(3, mean(values), { strata: [0, 0, 1] })).toMatchObject({ low: Number.NaN, high: Number.NaN });
    expect(() => s.bootstrap(4, mean(values), { strata: [0, 0, 1, 1], clusters: [0, 1, 1, 2] })).toThrow(
      /clusters that lie within a stratum/,
    );
  });

  test("leaves draws out on which nothing is defined, and says how many", () => {
    const positive = [1, 0, 0, 0];
    const share = (items: Int32Array) => {
      const hits = items.filter(i => positive[i] === 1).length;
      return hits === 0 ? Number.NaN : hits / items.length;
    };
    const { undefinedDraws } = s.bootstrap(4, share, { draws: 1000 });
    expect(Math.abs(undefinedDraws / 1000 - 0.75 ** 4)).toBeLessThan(0.05);
  });
});

test("without a difference, p-values are spread evenly", () => {
  const draw = random(11);
  for (const n of [8, 60]) {
    const p = Array.from({ length: 300 }, (_, seed) => {
      const [a, b] = [0, 0].map(() => Array.from({ length: n }, () => draw.normal()));
      return s.pairedPermutation(a!, b!, { seed, draws: 500 }).p;
    });
    for (const level of [0.1, 0.5]) expect(Math.abs(p.filter(v => v <= level).length / p.length - level)).toBeLessThan(0.09);
  }
});

test("a test's power is what the detectable difference says", () => {
  const [n, discordant] = [400, 0.3];
  const difference = s.detectableDifference(n, discordant);
  const draw = random(2);
  let found = 0;
  for (let round = 0; round < 500; round++) {
    let [first, second] = [0, 0];
    for (let i = 0; i < n; i++) {
      const u = draw.uniform();
      if (u < (discordant + difference) / 2) second++;
      else if (u < discordant) first++;
    }
    if (s.mcNemar(first, second).p < 0.05) found++;
  }
  expect(found / 500).toBeGreaterThan(0.7); // Edwards' correction costs a little of the 80 %
  expect(found / 500).toBeLessThan(0.86);
});

test("McNemar's test is exact for few differing items, symmetric, and 1 for none", () => {
  expect(s.mcNemar(0, 0).p).toBe(1);
  expect(s.mcNemar(2, 8).isExact).toBe(true);
  near(s.mcNemar(2, 8).p, 2 * (1 + 10 + 45) * 2 ** -10, 1e-12);
  expect(s.mcNemar(30, 12).p).toBe(s.mcNemar(12, 30).p);
});

test("pass@k is the share of choices of k programs among n that hold a right one", () => {
  const choose = (n: number, k: number): bigint => {
    let [above, below] = [1n, 1n];
    for (let i = 0; i < k; i++) [above, below] = [above * BigInt(n - i), below * BigInt(i + 1)];
    return above / below;
  };
  for (const [n, c, k] of [
    [1, 0, 1],
    [1, 1, 1],
    [5, 2, 3],
    [10, 10, 1],
    [200, 1, 100],
    [200, 37, 10],
    [1000, 3, 500],
    [1000, 999, 1000],
  ] as const)
    near(s.passAtK(n, c, k), 1 - Number((choose(n - c, k) * 10n ** 18n) / choose(n, k)) / 1e18, 1e-12);
  // unbiased: over all outcomes of n programs that are right with probability p, its mean is 1 - (1 - p)^k
  const [n, k, p] = [12, 5, 0.2];
  let mean = 0;
  for (let c = 0; c <= n; c++) mean += (s.binomialBelow(c, n, p) - s.binomialBelow(c - 1, n, p)) * s.passAtK(n, c, k);
  near(mean, 1 - (1 - p) ** k, 1e-10);
});

test("what is not defined is refused by name", () => {
  const codeOf = (f: () => unknown) => {
    try {
      f();
    } catch (e) {
      return (e as { code?: string }).code;
    }
  };
  for (const f of [
    () => s.wilson(3, 2),
    () => s.wilson(1, 0),
    () => s.wilson(1, 2.5),
    () => s.signTest(1, 2.5),
    () => s.signTest(-1, 2),
    () => s.signTest(0.5, 2),
    () => s.signTest(3, 2),
    () => s.signTest(0, -1),
    () => s.clopperPearson(1, 2, 1),
    () => s.bootstrap(0, () => 0),
    () => s.bootstrap(3, () => 0, { clusters: [1, 2] }),
    () => s.pairedPermutation([1], [1, 2]),
    () => s.holm([0.5, Number.NaN]),
    () => s.pearson([1], [1]),
    () => s.pearson([1, 2], [1]),
    () => s.brier({ positive: [], probability: [] }),
    () => s.brier({ positive: [1], probability: [1.1] }),
    () => s.brier({ positive: [1], probability: [-0.1] }),
    () => s.brier({ positive: [1, 0], probability: [1] }),
    () => s.passAtK(3, 4, 1),
    () => s.passAtK(3, 1, 4),
    () => s.detectableDifference(10, 0),
  ])
    expect(codeOf(f)).toBe("statistics/argument");
});

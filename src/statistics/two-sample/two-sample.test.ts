/** Tests of two samples against scipy (`bench/peers/golden/two_sample.py`), against all splits of small samples, and by their size where nothing differs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import golden from "./golden.json" with { type: "json" };
import {
  binCounts,
  binnedDistances,
  chiSquareTwoSample,
  classifierTwoSample,
  cramerVonMises,
  energyDistance,
  energyTest,
  histogramBin,
  kolmogorovAbove,
  kolmogorovSmirnov,
  meanDiscrepancy,
  quantileEdges,
  wassersteinDistance,
  wassersteinTest,
} from "./index.ts";

const normals = (count: number, seed: number | string, mean = 0) => {
  const draw = random(seed);
  return Float64Array.from({ length: count }, () => draw.normal() + mean);
};

describe.each(golden.cases)("scipy's values: $name", ({ x, y, ks, wasserstein, energy, cramer }) => {
  test("Kolmogorov-Smirnov, exact", () => {
    const found = kolmogorovSmirnov(x, y);
    expect(found.method).toBe("exact");
    expect(found.statistic).toBeCloseTo(ks.statistic, 12);
    expect(found.p / ks.p).toBeCloseTo(1, 9);
  });
  test("Wasserstein, energy, Cramér-von Mises", () => {
    expect(wassersteinDistance(x, y)).toBeCloseTo(wasserstein, 12);
    expect(energyDistance(x, y)).toBeCloseTo(energy, 12);
    const found = cramerVonMises(x, y);
    expect(found.statistic).toBeCloseTo(cramer.statistic, 10);
    expect(found.p).toBeCloseTo(cramer.p, 8);
  });
});

test("the limit of Kolmogorov-Smirnov is scipy's, with Stephens' correction for samples", () => {
  for (const [t, above] of golden.kolmogorov) expect(kolmogorovAbove(t!)).toBeCloseTo(above!, 12);
  // n = 20, m = 30 and n = m = 50: exact .03452 and .11239, Stephens .03048 and .09510
  const steps = (n: number, shift: number) => Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n + shift);
  const [x, y] = [steps(50, 0), steps(50, 0.231)];
  expect(kolmogorovSmirnov(x, y).statistic).toBeCloseTo(0.24, 12);
  expect(kolmogorovSmirnov(x, y).p).toBeCloseTo(0.11239, 5);
  expect(kolmogorovSmirnov(x, y, { method: "asymptotic" }).p).toBeCloseTo(0.0951, 4);
});

/** The share of all splits of the pooled values whose distance is at least as large. */
function byAllSplits(x: readonly number[], y: readonly number[]): number {
  const pooled = [...x, ...y];
  const distance = (isFirst: (i: number) => boolean) =>
    Math.max(
      ...pooled.map(value => {
        let [a, b] = [0, 0];
        for (const [i, v] of pooled.entries()) if (v <= value) isFirst(i) ? a++ : b++;
        return Math.abs(a * y.length - b * x.length);
      }),
    );
  const own = distance(i => i < x.length);
  let [all, atLeast] = [0, 0];
  for (let mask = 0; mask < 2 ** pooled.length; mask++) {
    let size = 0;
    for (let i = 0; i < pooled.length; i++) size += (mask >> i) & 1;
    if (size !== x.length) continue;
    all++;
    if (distance(i => ((mask >> i) & 1) === 1) >= own) atLeast++;
  }
  return atLeast / all;
}

test("the exact p-value of Kolmogorov-Smirnov is that of all splits, ties among them", () => {
  const values = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(values, values, (x, y) => {
      expect(kolmogorovSmirnov(x, y).p).toBeCloseTo(byAllSplits(x, y), 12);
    }),
    { numRuns: 60 },
  );
});

test("samples of one population are called different no oftener than the level says", () => {
  const rounds = 300;
  const found = { ks: 0, energy: 0, wasserstein: 0, cramer: 0, classifier: 0 };
  for (let i = 0; i < rounds; i++) {
    const [x, y] = [normals(25, `x${i}`), normals(20, `y${i}`)];
    if (kolmogorovSmirnov(x, y).p <= 0.1) found.ks++;
    if (energyTest(x, y, { draws: 99, seed: i }).p <= 0.1) found.energy++;
    if (wassersteinTest(x, y, { draws: 99, seed: i }).p <= 0.1) found.wasserstein++;
    if (cramerVonMises(x, y).p <= 0.1) found.cramer++;
    if (classifierTwoSample({ values: x, columns: 1 }, { values: y, columns: 1 }, { seed: i }).p <= 0.1) found.classifier++;
  }
  // 30 expected; four deviations of a binomial are 21
  for (const [name, count] of Object.entries(found)) expect(count, name).toBeLessThan(52);
  expect(found.energy).toBeGreaterThan(9);
});

test("ties are no difference: Cramér-von Mises calls samples of one tied population different no oftener than the level says", () => {
  const rounds = 200;
  let found = 0;
  for (let i = 0; i < rounds; i++) {
    const draw = random(i);
    // a fifth of the values is at the upper end, as where lengths are cut
    const cut = (count: number) => Array.from({ length: count }, () => Math.min(0.8, draw.uniform()));
    const { p, method } = cramerVonMises(cut(100), cut(30), { draws: 99, seed: i });
    expect(method).toBe("permutation");
    if (p <= 0.1) found++;
  }
  // 20 expected; four deviations of a binomial are 17
  expect(found).toBeLessThan(38);
  expect(found).toBeGreaterThan(5);
  const low = Array.from({ length: 60 }, (_, i) => i % 4);
  expect(
    cramerVonMises(
      low,
      low.map(v => Math.min(3, v + 1)),
    ).p,
  ).toBeLessThan(0.01);
  expect(cramerVonMises([1, 1, 2], [1, 2, 2]).statistic).toBeCloseTo((9 / 36) * 3 * (1 / 3) ** 2, 12);
});

test("a permutation test's statistic is the distance itself, for samples of any sizes and with ties", () => {
  for (const [n, m] of [
    [3, 7],
    [12, 5],
  ] as const) {
    const [x, y] = [normals(n, `n${n}`).map(v => Math.round(2 * v)), normals(m, `m${m}`)];
    expect(wassersteinTest(x, y, { draws: 19 }).statistic).toBeCloseTo(wassersteinDistance(x, y), 12);
    expect(energyTest(x, y, { draws: 19 }).statistic).toBeCloseTo(energyDistance(x, y), 12);
  }
});

test("with ties, Cramér-von Mises' p-value is the share of all splits with a statistic as great", () => {
  const [x, y] = [
    [1, 1, 2],
    [1, 2, 2, 3, 3],
  ];
  const pooled = [...x!, ...y!];
  const splits = Array.from({ length: 2 ** 8 }, (_, bits) => pooled.map((_value, i) => (bits >> i) & 1)).filter(
    s => s.reduce((a, b) => a + b, 0) === x!.length,
  );
  const statistics = splits.map(
    s =>
      cramerVonMises(
        pooled.filter((_, i) => s[i]),
        pooled.filter((_, i) => !s[i]),
        { draws: 19 },
      ).statistic,
  );
  const { statistic, p } = cramerVonMises(x!, y!, { draws: 3999 });
  const share = statistics.filter(t => t >= statistic - 1e-12).length / splits.length;
  // four standard deviations
  expect(Math.abs(p - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 4000) + 1 / 4000);
});

test("permutation p-values are never 0, and say different where samples lie apart", () => {
  const [x, y] = [normals(30, 1), normals(30, 2, 5)];
  expect(energyTest(x, y, { draws: 99 }).p).toBe(0.01);
  expect(wassersteinTest(x, y, { draws: 99 }).p).toBe(0.01);
  const found = meanDiscrepancy({ values: x, columns: 2 }, { values: y, columns: 2 }, { draws: 99 });
  expect(found.p).toBe(0.01);
  expect(classifierTwoSample({ values: x, columns: 1 }, { values: y, columns: 1 })).toMatchObject({ auc: expect.closeTo(1, 1) });
});

test("maximum mean discrepancy is numpy's", () => {
  const { x, y, bandwidth, statistic } = golden.discrepancy;
  const found = meanDiscrepancy({ values: x, columns: 2 }, { values: y, columns: 2 }, { bandwidth });
  expect(found.statistic).toBeCloseTo(statistic, 12);
});

test("maximum mean discrepancy and a classifier see what no single column shows", () => {
  // columns of the same distribution each, but one pair rises together and the other falls
  const draw = random(5);
  const pairs = (sign: 1 | -1) => {
    const values: number[] = [];
    for (let i = 0; i < 80; i++) {
      const a = draw.normal();
      values.push(a, sign * a + 0.3 * draw.normal());
    }
    return { values, columns: 2 };
  };
  expect(meanDiscrepancy(pairs(1), pairs(-1)).p).toBe(0.005);
});

test("chi-square is scipy's, and categories that nobody has change nothing", () => {
  const { x, y, statistic, p, freedom } = golden.chiSquare;
  const found = chiSquareTwoSample(x, y);
  expect(found.statistic).toBeCloseTo(statistic, 12);
  expect(found.p).toBeCloseTo(p, 12);
  expect(found.freedom).toBe(freedom);
});

describe("bins", () => {
  test("edges come from the reference alone, and every value has a bin", () => {
    const edges = quantileEdges(normals(1000, 1), 10);
    expect(edges.length).toBe(9);
    expect(histogramBin(edges, -1e300)).toBe(0);
    expect(histogramBin(edges, 1e300)).toBe(9);
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), values => {
        expect(binCounts(edges, values).reduce((a, b) => a + b, 0)).toBe(values.length);
      }),
    );
  });

  test("one value that holds most of the reference takes one bin", () => {
    const edges = quantileEdges([...new Array<number>(70).fill(3), ...Array.from({ length: 30 }, (_, i) => i + 4)], 10);
    expect(new Set(edges).size).toBe(edges.length);
    expect(binCounts(edges, [3, 3, 3])[0]).toBe(3);
    expect(quantileEdges([5, 5, 5, 5], 10).length).toBe(0);
  });

  // computed by (bins - 1)(1/n + 1/m), and by simulation: .018 and .115
  test.each([
    { bins: 10, n: 1000, m: 1000, expected: 0.018 },
    { bins: 10, n: 500, m: 100, expected: 0.108 },
  ])("PSI of one population is what it is expected to be: $bins bins, $n and $m values", ({ bins, n, m, expected }) => {
    const rounds = 200;
    let [sum, found] = [0, 0];
    const others = { kl: 0, js: 0, hellinger: 0 };
    for (let i = 0; i < rounds; i++) {
      const reference = normals(n, `r${i}`);
      const edges = quantileEdges(reference, bins);
      const distances = binnedDistances(binCounts(edges, reference), binCounts(edges, normals(m, `c${i}`)));
      expect(distances.psiExpected).toBeCloseTo(expected, 10);
      sum += distances.psi / rounds;
      if (distances.psiP <= 0.05) found++;
      for (const name of ["kl", "js", "hellinger"] as const) if (distances[`${name}P`] <= 0.05) others[name]++;
    }
    for (const [name, count] of Object.entries(others)) expect(count / rounds, name).toBeLessThan(0.12);
    expect(sum / expected).toBeGreaterThan(0.85);
    expect(sum / expected).toBeLessThan(1.15);
    expect(found / rounds).toBeLessThan(0.12);
  });

  test("distances are 0 for equal shares, finite for an empty bin, and bounded", () => {
    expect(binnedDistances([10, 20, 30], [10, 20, 30])).toMatchObject({ psi: 0, kl: 0, js: 0, totalVariation: 0 });
    const far = binnedDistances([1e6, 0], [0, 1e6]);
    expect(Object.values(far).every(Number.isFinite)).toBe(true);
    expect(Math.max(far.klP, far.jsP, far.hellingerP)).toBeLessThan(1e-100);
    expect(far.js).toBeLessThanOrEqual(Math.LN2);
    expect(far.hellinger).toBeLessThanOrEqual(1);
    expect(far.totalVariation).toBeCloseTo(1, 5);
    const counts = fc.array(fc.nat(50), { minLength: 3, maxLength: 3 }).filter(c => c.some(v => v > 0));
    fc.assert(
      fc.property(counts, counts, (p, q) => {
        const d = binnedDistances(p, q);
        expect(Math.min(d.psi, d.kl, d.js, d.hellinger)).toBeGreaterThanOrEqual(-1e-12);
        // Pinsker's inequality
        expect(d.totalVariation ** 2).toBeLessThanOrEqual(d.kl / 2 + 1e-12);
      }),
    );
  });
});

test.each([
  { name: "no value", x: [], y: [1], at: "x" },
  { name: "NaN", x: [1, Number.NaN], y: [1], at: "x" },
  { name: "infinity", x: [1], y: [1, Number.NEGATIVE_INFINITY], at: "y" },
])("$name is refused by name", ({ x, y, at }) => {
  for (const run of [kolmogorovSmirnov, wassersteinDistance, energyDistance, cramerVonMises])
    expect(() => run(x, y)).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: "statistics/argument", place: at }) }),
    );
});

test("constant samples are no error: nothing differs", () => {
  const constant = new Float64Array(8).fill(3);
  expect(kolmogorovSmirnov(constant, constant)).toMatchObject({ statistic: 0, p: 1 });
  expect(wassersteinTest(constant, constant, { draws: 19 }).p).toBe(1);
  expect(meanDiscrepancy({ values: constant, columns: 1 }, { values: constant, columns: 1 }).p).toBe(1);
  expect(classifierTwoSample({ values: constant, columns: 1 }, { values: constant, columns: 1 }).auc).toBe(0.5);
});

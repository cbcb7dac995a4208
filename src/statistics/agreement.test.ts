import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cohenKappa, fleissKappa, kappaOfTable } from "./agreement.ts";

const golden = JSON.parse(readFileSync(new URL("./golden/agreement.golden.json", import.meta.url), "utf8")) as {
  cohen: { classes: number[]; first: number[]; second: number[]; none: number; linear: number; quadratic: number }[];
  fleiss: { counts: number[][]; kappa: number }[];
};

test("Cohen's kappa is scikit-learn's, plain and weighted", () => {
  for (const { classes, first, second, ...want } of golden.cohen)
    for (const weights of ["none", "linear", "quadratic"] as const)
      expect(cohenKappa(first, second, { classes, weights })).toBeCloseTo(want[weights], 12);
});

test("Fleiss' kappa is statsmodels' formula, and of the well-known table of ten items and fourteen raters .210", () => {
  for (const { counts, kappa } of golden.fleiss) expect(fleissKappa(counts)).toBeCloseTo(kappa, 12);
  const table = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
  ];
  expect(fleissKappa(table)).toBeCloseTo(0.20993, 5);
});

const rated = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })), { minLength: 2, maxLength: 40 });

test("agreement is 1 for the same, does not know who is first, and a name is only a name", () => {
  fc.assert(
    fc.property(rated, pairs => {
      const [a, b] = [pairs.map(p => p[0]), pairs.map(p => p[1])];
      const kappa = cohenKappa(a, b);
      fc.pre(!Number.isNaN(kappa));
      expect(cohenKappa(b, a)).toBeCloseTo(kappa, 12);
      expect(
        cohenKappa(
          a.map(x => "xyz"[x]!),
          b.map(x => "xyz"[x]!),
        ),
      ).toBeCloseTo(kappa, 12);
      expect(kappa).toBeLessThanOrEqual(1);
      if (new Set(a).size > 1) expect(cohenKappa(a, a)).toBe(1);
    }),
  );
});

test("what is not defined is refused, and without variety there is no kappa", () => {
  expect(cohenKappa(["a", "a"], ["a", "a"])).toBeNaN();
  expect(
    fleissKappa([
      [3, 0],
      [3, 0],
    ]),
  ).toBeNaN();
  for (const f of [
    () => cohenKappa([], []),
    () => cohenKappa([1], [1, 2]),
    () => cohenKappa([1], [2], { classes: [1] }),
    () => kappaOfTable([1, 2, 3], 2),
    () => fleissKappa([]),
    () => fleissKappa([[1, 0]]),
    () =>
      fleissKappa([
        [1, 1],
        [1, 2],
      ]),
  ])
    expect(f).toThrow(/expected/);
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  characterAnalyzer,
  fitTfidf,
  type LinearModel,
  lbfgs,
  linearSvm,
  logisticRegression,
  type TfidfOptions,
  textClassifierNames,
  textClassifiers,
  wordAnalyzer,
} from "./index.ts";

type Rows = readonly (readonly (readonly [number, number])[])[];
interface Case {
  readonly classes: number;
  readonly train: string[];
  readonly labels: number[];
  readonly test: string[];
  readonly words: { readonly features: string[]; readonly rows: Rows };
  readonly pairs: { readonly size: number; readonly rows: Rows };
  readonly characters: { readonly size: number; readonly rows: Rows };
  readonly logistic: (number | number[])[];
  readonly svm: (number | number[])[];
}
const golden = JSON.parse(readFileSync(new URL("./golden/scikit-learn.golden.json", import.meta.url), "utf8")) as {
  readonly cases: Case[];
};

/** Largest distance of our rows from theirs; infinite where columns differ. */
function distance(texts: readonly string[], options: TfidfOptions, train: readonly string[], rows: Rows): number {
  const features = fitTfidf(train, options);
  return Math.max(
    ...rows.map((row, i) => {
      const { columns, values } = features.row(texts[i]!);
      if (columns.join() !== row.map(([c]) => c).join()) return Number.POSITIVE_INFINITY;
      return Math.max(0, ...row.map(([, v], k) => Math.abs(v - values[k]!)));
    }),
  );
}

test("features and tf-idf values are scikit-learn's: words, pairs of words, characters inside words", () => {
  for (const c of golden.cases) {
    expect(fitTfidf(c.train, { analyzer: wordAnalyzer(1) }).features).toEqual(c.words.features);
    expect(distance(c.test, { analyzer: wordAnalyzer(1) }, c.train, c.words.rows)).toBeLessThan(1e-12);
    const rare = { leastTexts: 2, sublinear: true };
    expect(distance(c.test, { analyzer: wordAnalyzer(2), ...rare }, c.train, c.pairs.rows)).toBeLessThan(1e-12);
    expect(distance(c.test, { analyzer: characterAnalyzer(3, 5), ...rare }, c.train, c.characters.rows)).toBeLessThan(1e-12);
    expect(fitTfidf(c.train, { analyzer: characterAnalyzer(3, 5), ...rare }).size).toBe(c.characters.size);
  }
});

/** Largest distance of scores; of two classes theirs is one number, the second class's. */
function scoresOff(
  c: Case,
  model: LinearModel,
  wanted: Case["svm"],
  featuresOf = fitTfidf(c.train, { analyzer: wordAnalyzer(1) }),
): number {
  return Math.max(
    ...c.test.flatMap((text, i) => {
      const got = model.scores(featuresOf.row(text));
      const want = wanted[i]!;
      return typeof want === "number" ? [Math.abs(got[1]! - want)] : want.map((w, k) => Math.abs(got[k]! - w));
    }),
  );
}

test("scores of logistic regression and of the support-vector machine are scikit-learn's", () => {
  for (const c of golden.cases) {
    const features = fitTfidf(c.train, { analyzer: wordAnalyzer(1) });
    const rows = c.train.map(t => features.row(t));
    const logistic = logisticRegression(rows, c.labels, features.size, c.classes, { tolerance: 1e-10 });
    // a softmax's scores are known up to a number that all share; both start from zero, which fixes it
    expect(scoresOff(c, logistic, c.logistic)).toBeLessThan(1e-6);
    const svm = linearSvm(rows, c.labels, features.size, c.classes, { tolerance: 1e-10, iterations: 100_000 });
    expect(scoresOff(c, svm, c.svm)).toBeLessThan(1e-6);
  }
});

test("scores do not depend on the order in which texts are trained on", () => {
  const c = golden.cases[1]!;
  const order = c.train.map((_, i) => i).reverse();
  for (const name of textClassifierNames) {
    const [a, b] = [
      textClassifiers[name]({ texts: c.train, labels: c.labels, classes: c.classes }),
      textClassifiers[name]({ texts: order.map(i => c.train[i]!), labels: order.map(i => c.labels[i]!), classes: c.classes }),
    ];
    for (const text of c.test.slice(0, 5)) for (const [k, s] of a(text).entries()) expect(b(text)[k], name).toBeCloseTo(s, 2);
  }
});

test("the minimum of a quadratic with any curvatures is found", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.double({ min: 0.1, max: 100, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true })), {
        minLength: 1,
        maxLength: 8,
      }),
      axes => {
        const found = lbfgs(
          (x, g) => {
            for (let i = 0; i < x.length; i++) g[i] = axes[i]![0] * (x[i]! - axes[i]![1]);
            return axes.reduce((s, [k, at], i) => s + (k * (x[i]! - at) ** 2) / 2, 0);
          },
          new Float64Array(axes.length),
          { tolerance: 1e-9 },
        );
        for (const [i, [, at]] of axes.entries()) expect(found[i]).toBeCloseTo(at, 5);
      },
    ),
    { numRuns: 30 },
  );
});

test("a text without a known feature is told by the bias alone, and an empty one too", () => {
  const c = golden.cases[0]!;
  const features = fitTfidf(c.train, { analyzer: wordAnalyzer(1) });
  expect(features.row("zzz qqq").columns).toHaveLength(0);
  const model = logisticRegression(
    c.train.map(t => features.row(t)),
    c.labels,
    features.size,
    2,
  );
  expect(model.scores(features.row("zzz"))).toEqual(model.scores(features.row("")));
});

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { textClassifierNames } from "../../part.ts";
import {
  characterAnalyzer,
  fitTfidf,
  type LogisticModel,
  lbfgs,
  linearSvm,
  logisticRegression,
  type TfidfOptions,
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
  model: LogisticModel,
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

test("features that are counted in parts are those of one pass, to the bit", () => {
  const letters = fc.array(fc.constantFrom("ab", "ba", "cd", "dd", "ee", "xy", "\u{1f600}z", "\uffeeq"), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 3 }),
      (words, atOnce, leastTexts) => {
        const texts = words.map(w => w.join(" "));
        for (const analyzer of [wordAnalyzer(2), characterAnalyzer(3, 5)]) {
          const [whole, parted] = [fitTfidf(texts, { analyzer, leastTexts }), fitTfidf(texts, { analyzer, leastTexts, atOnce })];
          expect(parted.features).toEqual(whole.features);
          for (const text of texts) expect(parted.row(text)).toEqual(whole.row(text));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("however many features texts have, no map holds more than are counted at once", () => {
  const atOnce = 2 ** 12;
  const texts = Array.from({ length: 2000 }, (_, i) =>
    Array.from({ length: 40 }, (_, k) => (k === 0 ? "all" : `w${(40 * i + k) % 77_777}`)).join(" "),
  );
  let largest = 0;
  const { set } = Map.prototype;
  onTestFinished(() => {
    Map.prototype.set = set;
  });
  Map.prototype.set = function (this: Map<unknown, unknown>, key, value) {
    set.call(this, key, value);
    largest = Math.max(largest, this.size);
    return this;
  };
  const { features } = fitTfidf(texts, { analyzer: wordAnalyzer(2), leastTexts: 2, atOnce });
  Map.prototype.set = set;
  const seen = new Map<string, number>();
  for (const text of texts) {
    for (const name of new Set(wordAnalyzer(2).pieces(text))) seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  expect(seen.size).toBeGreaterThan(30 * atOnce);
  expect(features).toEqual(
    [...seen]
      .filter(([, n]) => n >= 2)
      .map(([name]) => name)
      .sort(),
  );
  expect(largest).toBeLessThanOrEqual(Math.max(atOnce, features.length));
});

test("of more features than there may be columns, those in the most texts stay, however they are parted", () => {
  const texts = Array.from({ length: 64 }, (_, i) =>
    Array.from({ length: 30 }, (_, k) => ((i + 1) % (k + 1) === 0 ? `word${k}` : "all")).join(" "),
  );
  const analyzer = wordAnalyzer(1);
  const counts = (name: string) => texts.filter(t => t.split(" ").includes(name)).length;
  const all = fitTfidf(texts, { analyzer }).features;
  const few = fitTfidf(texts, { analyzer, atMost: 8 }).features;
  expect(few.length).toBeGreaterThan(4);
  expect(few.length).toBeLessThanOrEqual(8);
  const least = Math.min(...few.map(counts));
  expect(all.filter(name => counts(name) >= least)).toEqual(few);
  for (const atOnce of [1, 3, 10]) expect(fitTfidf(texts, { analyzer, atMost: 8, atOnce }).features).toEqual(few);
});

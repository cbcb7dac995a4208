/** Comparisons of sketches against scipy (`bench/peers/golden/drift.py`), their size where nothing differs, and what they say of bad input. */
import { describe, expect, test } from "vitest";
import { random } from "../../base/index.ts";
import golden from "./compare.golden.json" with { type: "json" };
import {
  addToSketch,
  compareSketches,
  type DriftReport,
  emptySketch,
  type Sketch,
  type SketchSpec,
  type SketchValues,
  windowSpec,
} from "./index.ts";

const spec: SketchSpec = { tokenizer: null, features: { length: { type: "number" }, language: { type: "category" } } };
const sketchOfRows = (rows: readonly SketchValues[], name = "row", of: SketchSpec = spec): Sketch => {
  const sketch = emptySketch(of);
  for (const [i, values] of rows.entries()) addToSketch(sketch, values, `${name} ${i}`);
  return sketch;
};
const featureOf = (report: DriftReport, name: string) => report.features.find(f => f.name === name)!;
const numbers = (count: number, of: (i: number) => number | null) => Array.from({ length: count }, (_, i) => ({ length: of(i) }));
const lengths: SketchSpec = { tokenizer: null, features: { length: { type: "number" } } };
const compareNumbersOf = (x: readonly SketchValues[], y: readonly SketchValues[], options = {}) =>
  compareSketches(sketchOfRows(x, "x", lengths), sketchOfRows(y, "y", lengths), options);

describe("scipy's values", () => {
  const report = compareSketches(sketchOfRows(golden.reference), sketchOfRows(golden.window));

  test("of numbers: the tests, the distances, and the effects", () => {
    const found = featureOf(report, "length");
    expect(found.test).toBe("Kolmogorov-Smirnov (exact)");
    expect(found.statistic).toBeCloseTo(golden.length.statistic, 12);
    expect(found.p / golden.length.p).toBeCloseTo(1, 9);
    for (const name of ["cramerVonMises", "cramerVonMisesP", "wasserstein", "energy", "superiority"] as const)
      expect(found.tests[name], name).toBeCloseTo(golden.length[name], 8);
    expect(found.distances!.psi).toBeCloseTo(golden.length.psi, 12);
    expect(found.distances!.js).toBeCloseTo(golden.length.js, 12);
    const [value, low, high] = golden.length.difference;
    expect(found.effect!.value).toBeCloseTo(value!, 9);
    expect(found.effect!.low).toBeCloseTo(low!, 6);
    expect(found.effect!.high).toBeCloseTo(high!, 6);
  });

  test("of categories: chi-square, Cramér's V, and each one's exact test with its correction", () => {
    const found = featureOf(report, "language");
    expect(found.test).toBe("chi-square (asymptotic)");
    expect(found.statistic).toBeCloseTo(golden.language.statistic, 10);
    expect(found.p).toBeCloseTo(golden.language.p, 12);
    expect(found.effect!.value).toBeCloseTo(golden.language.cramerV, 12);
    expect(found.effect!.low).toBeLessThan(golden.language.cramerV);
    expect(found.effect!.high).toBeGreaterThan(golden.language.cramerV);
    expect(found.moved!.map(v => v.value)).toEqual(golden.language.moved.map(v => v.value));
    for (const [i, { p, q }] of golden.language.moved.entries()) {
      expect(found.moved![i]!.p / p).toBeCloseTo(1, 8);
      expect(found.moved![i]!.q / q).toBeCloseTo(1, 8);
    }
  });

  test("Holm says whether, Benjamini and Hochberg which", () => {
    const [first, second] = report.features as [DriftReport["features"][0], DriftReport["features"][0]];
    expect(first.adjustedP).toBe(Math.min(1, 2 * first.p));
    expect(second.adjustedP).toBe(Math.max(first.adjustedP, second.p));
    expect(second.q).toBe(second.p);
    expect(report.p).toBe(first.adjustedP);
    expect(report.verdict).toBe("drift");
    expect(report.kinds).toEqual({ covariate: { verdict: "drift", p: report.p, features: ["language", "length"] } });
  });
});

test("where nothing differs, any alarm comes in at most alpha of comparisons, whatever the types of the features", () => {
  const all: SketchSpec = {
    tokenizer: "t",
    features: {
      length: { type: "number" },
      rounded: { type: "number" },
      language: { type: "category" },
      private: { type: "category", several: true },
      tokens: { type: "tokens", vocabulary: 40 },
      projection: { type: "vector", size: 3 },
    },
  };
  const draw = random(24);
  const row = (): SketchValues => {
    const length = Math.exp(draw.normal());
    return {
      length: draw.uniform() < 0.05 ? null : length,
      rounded: Math.round(length),
      language: ["en", "en", "en", "de", "fr", "it"][draw.below(6)]!,
      private: ["email", "phone", "name"].filter(() => draw.uniform() < 0.2),
      tokens: Array.from({ length: 12 }, () => Math.min(draw.below(40), draw.below(40))),
      projection: [draw.normal(), draw.normal(), draw.normal()],
    };
  };
  const rounds = 150;
  let alarms = 0;
  for (let i = 0; i < rounds; i++) {
    const rows = (count: number) => Array.from({ length: count }, row);
    const report = compareSketches(sketchOfRows(rows(80), `a${i} `, all), sketchOfRows(rows(50), `b${i} `, all), {
      alpha: 0.1,
      draws: 199,
      seed: i,
    });
    if (report.verdict === "drift") alarms++;
  }
  // 15 expected at most; 4 deviations of a binomial are 15
  expect(alarms).toBeLessThan(30);
});

describe("how much is enough", () => {
  const reference = numbers(2000, i => i % 97);

  test("8 rows like the reference are too few, and the number that would be enough is said", () => {
    const report = compareNumbersOf(
      reference,
      numbers(8, i => (i * 12) % 97),
    );
    expect(report.verdict).toBe("too few");
    const { needed, verdict } = featureOf(report, "length");
    expect(verdict).toBe("too few");
    // (1.3581 + 0.8416 / 2)² / 0.2², beside 2,000
    expect(needed).toBe(83);
    expect(
      compareNumbersOf(
        reference,
        numbers(83, i => (i * 12) % 97),
      ).verdict,
    ).toBe("no drift");
  });

  test("a smaller change needs more, and a reference that is too small is never enough", () => {
    expect(
      featureOf(
        compareNumbersOf(
          reference,
          numbers(83, i => i % 97),
          { detect: 0.1 },
        ),
        "length",
      ).needed,
    ).toBeGreaterThan(320);
    expect(
      featureOf(
        compareNumbersOf(
          numbers(20, i => i),
          numbers(500, i => i % 20),
        ),
        "length",
      ),
    ).toMatchObject({ needed: null, verdict: "too few" });
  });

  test("8 rows far from everything are drift: the test is exact", () => {
    const report = compareNumbersOf(
      reference,
      numbers(8, i => 1000 + i),
    );
    expect(report.verdict).toBe("drift");
    expect(featureOf(report, "length").effect!.low).toBeGreaterThan(900);
  });
});

test("one text far from 4,790 is too few to be called drift, and so are four; five are drift", () => {
  const many = numbers(4790, i => i % 97);
  const far = (count: number) =>
    featureOf(
      compareNumbersOf(
        many,
        numbers(count, i => 1000 + i),
      ),
      "length",
    );
  expect(far(1)).toMatchObject({ verdict: "too few" });
  expect(far(1).p).toBeLessThan(0.001);
  expect(far(4).verdict).toBe("too few");
  expect(far(5).verdict).toBe("drift");
  const asked = compareNumbersOf(
    many,
    numbers(1, () => 1000),
    { least: 1 },
  );
  expect(asked.verdict).toBe("drift");
  expect(() => compareNumbersOf(many, many, { least: 0 })).toThrow("least");
});

test("a significant change that moves less than 2 % of the texts is no drift, unless asked for", () => {
  const flags: SketchSpec = { tokenizer: null, features: { flag: { type: "category" } } };
  const rows = (share: number) => Array.from({ length: 100_000 }, (_, i) => ({ flag: i % 1000 < 1000 * share ? "yes" : "no" }));
  const sketches = [sketchOfRows(rows(0.1), "a", flags), sketchOfRows(rows(0.115), "b", flags)] as const;
  const found = compareSketches(...sketches);
  expect(found.p).toBeLessThan(1e-6);
  expect(found.verdict).toBe("no drift");
  expect(featureOf(found, "flag").change).toBeCloseTo(0.015, 12);
  expect(compareSketches(...sketches, { leastChange: 0.01 }).verdict).toBe("drift");
});

describe("kinds of drift", () => {
  const mails: SketchSpec = {
    tokenizer: null,
    features: {
      length: { type: "number" },
      label: { type: "category", role: "label" },
      prediction: { type: "category", role: "prediction" },
    },
  };
  const rows = (count: number, spam: number, told: number, shift = 0) =>
    Array.from({ length: count }, (_, i) => ({
      length: ((i * 37) % 101) + shift,
      label: (i * 31) % 100 < spam ? "spam" : "ham",
      prediction: (i * 31) % 100 < told ? "spam" : "ham",
    }));
  const compare = (spam: number, told: number, shift = 0) =>
    compareSketches(sketchOfRows(rows(1000, 30, 30), "a", mails), sketchOfRows(rows(500, spam, told, shift), "b", mails)).kinds;

  test("each is told apart", () => {
    const verdicts = (k: ReturnType<typeof compare>) => [k.covariate!.verdict, k.label!.verdict, k.prediction!.verdict];
    expect(verdicts(compare(30, 30))).toEqual(["no drift", "no drift", "no drift"]);
    expect(verdicts(compare(60, 30))).toEqual(["no drift", "drift", "no drift"]);
    expect(verdicts(compare(30, 60))).toEqual(["no drift", "no drift", "drift"]);
    expect(verdicts(compare(30, 30, 50))).toEqual(["drift", "no drift", "no drift"]);
  });
});

describe("what moved", () => {
  test("tokens: the new one is named first, with its share of events", () => {
    const tokens: SketchSpec = { tokenizer: "t", features: { tokens: { type: "tokens", vocabulary: 100 } } };
    const rows = (count: number, has: (i: number) => boolean) =>
      Array.from({ length: count }, (_, i) => ({ tokens: [i % 10, 20 + (i % 7), ...(has(i) ? [99, 99] : [])] }));
    const report = compareSketches(
      sketchOfRows(
        rows(400, () => false),
        "a",
        tokens,
      ),
      sketchOfRows(
        rows(200, i => i % 5 === 0),
        "b",
        tokens,
      ),
    );
    const [first] = featureOf(report, "tokens").moved!;
    expect(first).toMatchObject({ value: 99, reference: 0, window: 0.2, isNew: true });
    expect(first!.difference.low).toBeGreaterThan(0.14);
    expect(report.verdict).toBe("drift");
  });

  test("a new category is named, and one beyond those that have counts is not called new", () => {
    const label: SketchSpec = { tokenizer: null, features: { label: { type: "category" } } };
    const many = Array.from({ length: 3000 }, (_, i) => ({ label: `name ${i % 1500}` }));
    const reference = sketchOfRows(many, "a", label);
    const same = compareSketches(reference, sketchOfRows(many, "b", windowSpec(reference)), { most: 3000 });
    expect(same.verdict).not.toBe("drift");
    expect(featureOf(same, "label").moved!.some(v => v.isNew)).toBe(false);
    const few = sketchOfRows(
      numbers(90, () => 0).map((_, i) => ({ label: i < 60 ? "en" : "xx" })),
      "c",
      label,
    );
    const before = sketchOfRows(
      numbers(90, () => 0).map((_, i) => ({ label: i < 60 ? "en" : "de" })),
      "d",
      label,
    );
    expect(featureOf(compareSketches(before, few), "label").moved![0]).toMatchObject({ value: expect.stringMatching(/xx|de/) });
    expect(featureOf(compareSketches(before, few), "label").moved!.find(v => v.value === "xx")).toMatchObject({ isNew: true });
  });

  test("a direction of vectors", () => {
    const vectors: SketchSpec = { tokenizer: null, features: { projection: { type: "vector", size: 4 } } };
    const draw = random(3);
    const rows = (count: number, shift: number) =>
      Array.from({ length: count }, () => ({ projection: [draw.normal(), draw.normal(), draw.normal() + shift, draw.normal()] }));
    const report = compareSketches(sketchOfRows(rows(300, 0), "a", vectors), sketchOfRows(rows(200, 1), "b", vectors));
    expect(featureOf(report, "projection")).toMatchObject({ verdict: "drift", tests: { coordinate: 2 } });
    expect(featureOf(report, "projection").effect!.low).toBeGreaterThan(0.5);
  });
});

describe("bad input", () => {
  test("categories and tokens that hardly any event has are no drift", () => {
    const rare: SketchSpec = {
      tokenizer: "t",
      features: { private: { type: "category", several: true }, tokens: { type: "tokens", vocabulary: 9 }, label: { type: "category" } },
    };
    const rows = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ private: i === 0 ? ["email"] : [], tokens: [], label: "one" }));
    const report = compareSketches(sketchOfRows(rows(500), "a", rare), sketchOfRows(rows(300), "b", rare));
    expect(report).toMatchObject({ verdict: "no drift", p: 1 });
    expect(report.features.map(f => f.p)).toEqual([1, 1, 1]);
  });

  test("a feature that goes missing is drift, though its values are as before", () => {
    const report = compareNumbersOf(
      numbers(500, i => i % 10),
      numbers(300, i => (i % 3 === 0 ? null : i % 10)),
    );
    expect(report.verdict).toBe("drift");
    expect(featureOf(report, "length")).toMatchObject({ window: { values: 200, missing: 100 } });
    expect(featureOf(report, "length").tests.missingP).toBeLessThan(1e-6);
  });

  test("constants, all ties, and sides without values have an answer without NaN", () => {
    const cases: readonly (readonly [readonly SketchValues[], readonly SketchValues[], string])[] = [
      [numbers(500, () => 7), numbers(300, () => 7), "no drift"],
      [numbers(500, () => 7), numbers(300, () => 8), "drift"],
      [numbers(500, i => i % 2), numbers(300, i => i % 2), "no drift"],
      [numbers(500, i => i), numbers(0, () => 0), "too few"],
      [numbers(0, () => 0), numbers(300, i => i), "too few"],
      [numbers(1, () => 1), numbers(1, () => 2), "too few"],
      [numbers(500, i => i), numbers(300, () => Number.NaN), "drift"],
    ];
    for (const [x, y, verdict] of cases) {
      const report = compareNumbersOf(x, y);
      expect(report.verdict).toBe(verdict);
      expect(JSON.stringify({ ...report, features: report.features.map(f => ({ ...f, effect: null })) })).not.toContain("null,null");
      for (const p of report.features.flatMap(f => [f.p, f.q, f.adjustedP])) expect(p).toBeGreaterThan(0);
    }
  });

  test("a feature that no event of a window measured made every quiet window too few", () => {
    const spec: SketchSpec = { tokenizer: null, features: { count: { type: "number" }, words: { type: "number" } } };
    const rows = (name: string, of: object) =>
      sketchOfRows(
        Array.from({ length: 400 }, (_, i) => ({ count: i % 20, ...of })),
        name,
        spec,
      );
    const [reference, window] = [rows("a", { words: 3 }), rows("b", {})];
    const { verdict, features, onlyIn } = compareSketches(reference, window);
    expect([verdict, features.map(f => f.name), onlyIn]).toEqual(["no drift", ["count"], { reference: ["words"], window: [] }]);
    // asked for by name it is compared
    expect(compareSketches(reference, window, { features: ["words"] }).verdict).toBe("too few");
  });

  test("another tokenizer is refused by name where tokens are compared, and not where they are not", () => {
    const of = (tokenizer: string): SketchSpec => ({
      tokenizer,
      features: { length: { type: "number" }, tokens: { type: "tokens", vocabulary: 9 } },
    });
    const [a, b] = ["aa11", "bb22"].map(t =>
      sketchOfRows(
        numbers(100, i => i),
        "a",
        of(t),
      ),
    ) as [Sketch, Sketch];
    expect(() => compareSketches(a, b)).toThrow(/aa11.*bb22/s);
    expect(compareSketches(a, b, { features: ["length"] }).features.length).toBe(1);
  });

  test("other types, unknown features and nothing in common are refused", () => {
    const a = sketchOfRows(
      numbers(9, i => i),
      "a",
      lengths,
    );
    const b = sketchOfRows([], "b", { tokenizer: null, features: { length: { type: "category" } } });
    expect(() => compareSketches(a, b)).toThrow("length");
    expect(() => compareSketches(a, a, { features: ["colour"] })).toThrow("colour");
    expect(() => compareSketches(a, sketchOfRows([], "b", { tokenizer: null, features: { x: { type: "number" } } }))).toThrow("features");
    expect(() => compareSketches(a, a, { alpha: 0 })).toThrow("alpha");
  });

  test("a window that sampled few values still counts all of them in the reference's deciles", () => {
    const reference = sketchOfRows(
      numbers(3000, i => i % 1000),
      "a",
      lengths,
    );
    const window = sketchOfRows(
      numbers(2000, i => i % 500),
      "b",
      windowSpec(reference, { sample: 50 }),
    );
    const { distances } = featureOf(compareSketches(reference, window), "length");
    expect(distances!.totalVariation).toBeCloseTo(0.5, 1);
    expect(distances!.psiExpected).toBeCloseTo(9 * (1 / 3000 + 1 / 2000), 9);
  });
});

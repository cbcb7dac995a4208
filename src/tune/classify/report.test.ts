import { describe, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { probabilitiesOf } from "../text-head/predict.ts";
import { calibrationOf, compareSystems, confusedOf, temperatureOfKept, tempered } from "./report.ts";
import { calibrating } from "./temperature.ts";

test("a model that is right as often as it says has no calibration error; one that is always sure has its errors", () => {
  const truth = Int32Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : 1));
  const honest = calibrationOf(
    Array.from(truth, () => [0.8, 0.2]),
    truth,
  );
  expect(honest.error).toBeCloseTo(0, 10);
  expect(honest.logLoss).toBeCloseTo(-0.8 * Math.log(0.8) - 0.2 * Math.log(0.2), 10);
  expect(
    calibrationOf(
      Array.from(truth, () => [1, 0]),
      truth,
    ).error,
  ).toBeCloseTo(0.2, 10);
});

test("a temperature fitted on kept probabilities undoes logits that are too large, on texts it has not seen", () => {
  const r = random("temperature");
  const sides = [0, 1].map(() => {
    const honest = Array.from({ length: 4000 }, () => [r.normal(), r.normal(), r.normal()]);
    const labels = Int32Array.from(honest, row => {
      const [p, u] = [probabilitiesOf(row), r.uniform()];
      return u < p[0]! ? 0 : u < p[0]! + p[1]! ? 1 : 2;
    });
    return { labels, logits: honest.map(row => row.map(x => 3 * x)) };
  });
  const [validation, test] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const kept = validation.logits.map(row => probabilitiesOf(row).map(x => Math.round(x * 1e4) / 1e4));
  const before = calibrationOf(test.logits.map(probabilitiesOf), test.labels);
  const after = tempered(temperatureOfKept(kept, validation.labels), test.logits, test.labels);
  expect(calibrating(validation.logits, validation.labels, 3)).toBeCloseTo(after.value, 1);
  expect(after.value).toBeGreaterThan(2.7);
  expect(after.value).toBeLessThan(3.3);
  expect(before.error).toBeGreaterThan(0.15);
  expect(after.error).toBeLessThan(0.03);
  expect(after.logLoss).toBeLessThan(before.logLoss);
});

test("a validation part without an error sets no limit to how sure probabilities may be: nothing is divided", () => {
  const labels = [0, 1, 1, 0];
  const logits = labels.map(l => (l === 1 ? [-1, 1] : [1, -1]));
  expect(calibrating(logits, labels, 2)).toBe(1);
  const alike = labels.map(() => [0.5, 0.5]);
  expect(calibrating(alike, labels, 2)).toBe(1);
});

describe("the report", () => {
  const truth = Int32Array.from({ length: 120 }, (_, i) => i % 2);
  const wrongAt = (share: number, seed: string) => {
    const r = random(seed);
    return truth.map(t => (r.uniform() < share ? 1 - t : t));
  };
  const compare = (model: Int32Array, other: Int32Array, groups = truth.map((_, i) => i)) =>
    compareSystems({
      classes: ["ham", "spam"],
      truth,
      groups: Array.from(groups, String),
      model: { name: "m", kind: "model", predicted: model },
      baselines: [{ name: "b", kind: "baseline", predicted: other }],
    });

  test("a clearly better system is called so, equal ones are not", () => {
    const [good, bad] = [wrongAt(0.03, "a"), wrongAt(0.3, "b")];
    expect(compare(good, bad).comparisons[0]).toMatchObject({ verdict: "better" });
    expect(compare(bad, good).comparisons[0]).toMatchObject({ verdict: "worse" });
    const same = compare(good, good).comparisons[0]!;
    expect(same).toMatchObject({
      verdict: "no significant difference",
      difference: { value: 0 },
      mcNemar: { onlyFirst: 0, onlySecond: 0 },
    });
  });

  test("of fewer than six groups that differ no system is called better, however clear their interval: chance alone does as well once in twenty", () => {
    const right = truth.map(t => t);
    for (let differing = 1; differing <= 9; differing++) {
      const wrong = truth.map((t, i) => (i < differing ? 1 - t : t));
      const { verdict, mcNemar } = compare(right, wrong).comparisons[0]!;
      expect(verdict === "better", `${differing}`).toBe(mcNemar.p <= 0.05);
      expect(compare(wrong, right).comparisons[0]!.verdict === "worse").toBe(mcNemar.p <= 0.05);
    }
    // near-duplicates count once
    const pairs = truth.map((_, i) => Math.floor(i / 2));
    const wrong = truth.map((t, i) => (i < 10 ? 1 - t : t));
    expect(compare(right, wrong, pairs).comparisons[0]!.verdict).toBe("no significant difference");
    expect(compare(right, wrong).comparisons[0]!.verdict).toBe("better");
  });

  test("shuffled labels are no better than chance, and no better than the majority class although macro F1 is higher", () => {
    let [higherF1, named] = [0, 0];
    const seeds = rounds(20, 5);
    for (let seed = 0; seed < seeds; seed++) {
      const r = random(`shuffled ${seed}`);
      const shuffled = Int32Array.from({ length: 300 }, () => Number(r.uniform() < 0.4));
      const guessed = Int32Array.from({ length: 300 }, () => Number(r.uniform() < 0.5));
      const { scores, comparisons } = compareSystems({
        classes: ["ham", "spam"],
        truth: shuffled,
        groups: Array.from(shuffled, (_, i) => String(i)),
        model: { name: "m", kind: "model", predicted: guessed },
        baselines: [{ name: "majority", kind: "baseline", predicted: new Int32Array(300) }],
      });
      if (comparisons[0]!.difference.low > 0) higherF1++;
      const { chance } = scores.find(s => s.name === "m")!;
      if (chance!.verdict === "no better than chance" && comparisons[0]!.verdict === "no significant difference") named++;
    }
    expect(higherF1).toBeGreaterThan(0.75 * seeds);
    expect(named).toBe(seeds);
  });

  test("a classifier that has learnt something is better than chance, the majority class is not", () => {
    const { scores } = compare(wrongAt(0.3, "a"), new Int32Array(truth.length));
    const of = (name: string) => scores.find(s => s.name === name)!.chance!;
    expect(of("m")).toMatchObject({ verdict: "better than chance" });
    expect(of("m").balancedAccuracy.low).toBeGreaterThan(0.5);
    expect(of("b")).toMatchObject({ verdict: "no better than chance", balancedAccuracy: { value: 0.5 }, chance: 0.5, p: 1 });
  });

  test("a system without an error has the bound of three in n, not an interval without width", () => {
    const of = (groups?: Int32Array<ArrayBuffer>) => compare(truth, wrongAt(0.3, "a"), groups).scores.find(s => s.name === "m")!;
    const own = of();
    expect(own.accuracy).toEqual({ value: 1, low: 1 - 3 / 120, high: 1 });
    expect(own.classes.map(c => c.f1Range.low)).toEqual([1 - 3 / 60, 1 - 3 / 60]);
    expect(own.macroF1).toEqual({ value: 1, low: 1 - 3 / 60, high: 1 });
    expect(of(truth.map((_, i) => Math.floor(i / 12))).accuracy.low).toBeCloseTo(1 - 3 / 10, 12);
  });

  test("the table of mistakes has the accuracy and the recalls that the scores have", () => {
    const predicted = wrongAt(0.2, "a");
    const model = { name: "m", kind: "model", predicted } as const;
    const cells = confusedOf({ classes: ["ham", "spam"], truth, model });
    const of = (t: number, p: number) => cells.find(c => c[0] === t && c[1] === p)?.[2] ?? 0;
    const own = compare(predicted, predicted).scores.find(s => s.name === "m")!;
    expect((of(0, 0) + of(1, 1)) / 120).toBeCloseTo(own.accuracy.value, 12);
    expect((of(0, 0) / 60 + of(1, 1) / 60) / 2).toBeCloseTo(own.balancedAccuracy, 12);
    expect(of(0, 1) + of(1, 0)).toBe(predicted.reduce((n, p, i) => n + Number(p !== truth[i]), 0));
  });

  test("scores come best first, each value within its interval, and fewer groups widen it", () => {
    const { scores } = compare(wrongAt(0.3, "a"), wrongAt(0.05, "b"));
    expect(scores.map(s => s.name)).toEqual(["b", "m"]);
    for (const s of scores)
      for (const r of [s.macroF1, s.accuracy, ...s.classes.map(c => c.f1Range)]) expect(r.low <= r.value && r.value <= r.high).toBe(true);
    // whole groups right or wrong: ten independent facts and no more
    const clustered = truth.map((t, i) => (Math.floor(i / 12) % 5 === 0 ? 1 - t : t));
    const width = (groups: Int32Array<ArrayBuffer>) => {
      const { macroF1 } = compare(clustered, clustered, groups).scores[0]!;
      return macroF1.high - macroF1.low;
    };
    expect(width(truth.map((_, i) => Math.floor(i / 12)))).toBeGreaterThan(2 * width(truth.map((_, i) => i)));
  });
});

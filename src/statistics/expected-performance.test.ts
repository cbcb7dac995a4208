/** CBPE gives NannyML's figures, what labels give on average where probabilities are calibrated, and is blind where they are not. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { curveOf, expectedPerformance, rocArea } from "./index.ts";

interface Golden {
  readonly cases: readonly {
    readonly name: string;
    readonly probability: readonly number[];
    readonly predicted: readonly number[];
    readonly accuracy: number;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly auc: number;
  }[];
}
// bench/peers/expected_golden.py, NannyML 0.13.1
const golden = JSON.parse(readFileSync(new URL("golden/expected.golden.json", import.meta.url), "utf8")) as Golden;
const both = (probability: readonly number[]) => probability.map(p => [1 - p, p]);

test("the figures are NannyML's", () => {
  for (const { probability, predicted, ...figures } of golden.cases) {
    const ours = expectedPerformance({ probabilities: both(probability), predicted }, { draws: 20 });
    // NannyML rounds counts to five digits for the area, and leaves ties unsorted
    for (const figure of ["accuracy", "precision", "recall", "f1"] as const) expect(ours[figure]!.value).toBeCloseTo(figures[figure], 12);
    expect(ours.auc!.value).toBeCloseTo(figures.auc, 4);
  }
});

/** Items of three classes, labels drawn from their own probabilities. */
function world(seed: number, count = 300) {
  const draw = random(seed);
  const probabilities = Array.from({ length: count }, () => {
    const raw = Array.from({ length: 3 }, () => Math.exp(1.5 * draw.normal()));
    const sum = raw[0]! + raw[1]! + raw[2]!;
    return raw.map(v => v / sum);
  });
  const labels = probabilities.map((row): number => {
    const u = draw.uniform();
    return u < row[0]! ? 0 : u < row[0]! + row[1]! ? 1 : 2;
  });
  return { probabilities, labels };
}
const most = (row: readonly number[]) => row.indexOf(Math.max(...row));

test("where probabilities are calibrated, the interval holds the true figures as often as it says", () => {
  const inside = { accuracy: 0, logLoss: 0, f1: 0 };
  const rounds = 100;
  for (let round = 0; round < rounds; round++) {
    const { probabilities, labels } = world(round, 120);
    const estimate = expectedPerformance({ probabilities }, { draws: 200, seed: round });
    const predicted = probabilities.map(most);
    const f1 = [0, 1, 2].map(c => {
      const hits = labels.filter((l, i) => l === c && predicted[i] === c).length;
      return (2 * hits) / (labels.filter(l => l === c).length + predicted.filter(p => p === c).length);
    });
    const truth = {
      accuracy: labels.filter((l, i) => l === predicted[i]).length / labels.length,
      logLoss: -labels.reduce((sum, l, i) => sum + Math.log(probabilities[i]![l]!), 0) / labels.length,
      f1: f1.reduce((a, b) => a + b, 0) / 3,
    };
    for (const figure of ["accuracy", "logLoss", "f1"] as const)
      if (estimate[figure]!.low <= truth[figure] && truth[figure] <= estimate[figure]!.high) inside[figure]++;
  }
  // 95 are expected; three deviations of a binomial are 6.5
  for (const figure of ["accuracy", "logLoss", "f1"] as const) expect(inside[figure], figure).toBeGreaterThanOrEqual(88);
});

test("items that the model is unsure of lower the estimate; a change of what inputs mean does not", () => {
  const sure = expectedPerformance({ probabilities: both([0.01, 0.99, 0.98, 0.03]) }, { draws: 50 });
  const unsure = expectedPerformance({ probabilities: both([0.4, 0.6, 0.55, 0.48]) }, { draws: 50 });
  expect(unsure.accuracy!.value).toBeLessThan(sure.accuracy!.value - 0.3);
  expect(unsure.logLoss!.value).toBeGreaterThan(sure.logLoss!.value);
  // concept shift: labels turned round, the same probabilities; the estimate knows nothing of labels
  const { probabilities, labels } = world(1);
  const turned = labels.map(l => (l + 1) % 3);
  const estimate = expectedPerformance({ probabilities }, { draws: 50 }).accuracy!;
  const accuracy = (truth: readonly number[]) => truth.filter((l, i) => l === most(probabilities[i]!)).length / truth.length;
  expect(Math.abs(accuracy(labels) - estimate.value)).toBeLessThan(0.06);
  expect(accuracy(turned)).toBeLessThan(estimate.low - 0.2);
});

test("certain probabilities give the figures of labels, ties in the score too", () => {
  const draw = random(5);
  const positive = Array.from({ length: 50 }, () => (draw.uniform() < 0.4 ? 1 : 0));
  const predicted = positive.map(p => (draw.uniform() < 0.8 ? p : 1 - p));
  const estimate = expectedPerformance({ probabilities: both(positive), predicted }, { draws: 20 });
  const count = (l: number, p: number) => positive.filter((y, i) => y === l && predicted[i] === p).length;
  expect(estimate.precision!.value).toBeCloseTo(count(1, 1) / (count(1, 1) + count(0, 1)), 12);
  expect(estimate.recall!.value).toBeCloseTo(count(1, 1) / (count(1, 1) + count(1, 0)), 12);
  expect(estimate.accuracy!.low).toBe(estimate.accuracy!.high);
  expect(estimate.logLoss!.value).toBe(0);
  expect(estimate.auc!.value).toBe(rocArea(curveOf({ positive, score: positive })));
  const negative = expectedPerformance({ probabilities: both(positive), predicted }, { draws: 20, positive: 0 });
  expect(negative.recall!.value).toBeCloseTo(count(0, 0) / (count(0, 0) + count(0, 1)), 12);
});

test("a figure that is not defined is null, and what makes no sense is refused by place", () => {
  const none = expectedPerformance({ probabilities: both([0.1, 0.2]) }, { draws: 20 });
  expect(none.precision).toBeNull();
  expect(none.recall!.value).toBe(0);
  expect(() => expectedPerformance({ probabilities: [] })).toThrow(/probabilities: expected an item or more/);
  expect(() => expectedPerformance({ probabilities: [[0.5, 0.6]] })).toThrow(/probabilities\[0\]: expected probabilities that add up to 1/);
  expect(() => expectedPerformance({ probabilities: [[Number.NaN, 1]] })).toThrow(/probabilities\[0\]\[0\]/);
  expect(() => expectedPerformance({ probabilities: [[0.5, 0.5]], predicted: [2] })).toThrow(
    /predicted\[0\]: expected a class from 0 to 1/,
  );
});

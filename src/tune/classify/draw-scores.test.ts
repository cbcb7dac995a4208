import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { classificationScores, confusion } from "../../evaluate/index.ts";
import { bootstrap } from "../../statistics/index.ts";
import { drawScorer } from "./draw-scores.ts";
import { compareSystems } from "./report.ts";

/** Texts of so many classes, four to a group, answered right as often as `skill` says. */
function answered(texts: number, count: number, ...skills: readonly number[]) {
  const r = random(`${texts} ${count}`);
  const truth = Int32Array.from({ length: texts }, () => r.below(count));
  const classes = Array.from({ length: count }, (_, c) => `c${String(c).padStart(4, "0")}`);
  const predicted = skills.map(skill => truth.map(t => (r.uniform() < skill ? t : r.below(count))));
  return { classes, truth, predicted, groups: Array.from(truth, (_, i) => `g${i >> 2}`) };
}
const reported = ({ predicted, ...m }: ReturnType<typeof answered>) =>
  compareSystems({
    ...m,
    model: { name: "m", kind: "model", predicted: predicted[0]! },
    baselines: predicted.slice(1).map((p, i) => ({ name: `b${i}`, kind: "baseline", predicted: p })),
  });

test("a draw's scores are those of its table, to the bit", () => {
  const { classes, truth, predicted } = answered(90, 7, 0.6);
  const score = drawScorer(7, truth, predicted[0]!);
  const r = random("draws");
  for (let round = 0; round < 50; round++) {
    // some lack a class
    const items = Int32Array.from({ length: 1 + r.below(90) }, () => r.below(90));
    const { accuracy, macro, classes: rows } = classificationScores(confusion({ classes, truth, predicted: predicted[0]! }, items));
    expect([...score(items)]).toEqual([accuracy, macro.f1, ...classes.map(c => rows.find(row => row.name === c)?.f1 ?? Number.NaN)]);
  }
});

test("every interval of the report is the bootstrap's over groups of the figure by itself", () => {
  const material = answered(160, 3, 0.7, 0.5);
  const { classes, truth, predicted } = material;
  const { scores, comparisons } = reported(material);
  const on = (p: Int32Array, items: Int32Array) => classificationScores(confusion({ classes, truth, predicted: p }, items));
  const interval = (statistic: (items: Int32Array) => number) => {
    const { value, low, high } = bootstrap(160, statistic, {
      draws: 1000,
      confidence: 0.95,
      clusters: Int32Array.from(truth, (_, i) => i >> 2),
    });
    return { value, low, high };
  };
  for (const [i, p] of predicted.entries()) {
    const own = scores.find(s => s.name === (i === 0 ? "m" : "b0"))!;
    expect(own.accuracy).toEqual(interval(items => on(p, items).accuracy));
    expect(own.macroF1).toEqual(interval(items => on(p, items).macro.f1));
    for (const c of own.classes)
      expect(c.f1Range).toEqual(interval(items => on(p, items).classes.find(row => row.name === c.name)?.f1 ?? Number.NaN));
  }
  expect(comparisons[0]!.difference).toEqual(interval(items => on(predicted[0]!, items).macro.f1 - on(predicted[1]!, items).macro.f1));
});

test("hundreds of classes have an interval each, of every system", () => {
  const { scores, comparisons } = reported(answered(rounds(5000, 2000), rounds(500, 200), 0.8, 0.7, 0.6, 0.1));
  expect(scores.map(s => s.name)).toEqual(["m", "b0", "b1", "b2"]);
  for (const s of scores)
    for (const { f1, f1Range } of s.classes) {
      expect(f1Range.value).toBe(f1);
      expect(f1Range.low <= f1 && f1 <= f1Range.high).toBe(true);
    }
  expect(comparisons.map(c => c.verdict)).toEqual(["better", "better", "better"]);
});

/** `cost` in conditions, and how often what is said of costs is right when the items that chose the thresholds are a sample too. */
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { bootstrap } from "../../statistics/index.ts";
import { type CostRule, drawnCost, thresholdReport } from "../classification/index.ts";
import { pairItems } from "./compare.ts";
import { parseCondition } from "./condition.ts";
import { scoredBy } from "./cost-measure.ts";
import { asChoosing, costDifference, type Deciding } from "./cost-threshold.ts";
import { gateVerdict } from "./gate.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import { measureOf, resultMeasureNames } from "./measures.ts";

const rule: CostRule = { positive: "spam", falsePositive: 1, falseNegative: 1 };
const head: ResultHead = { task: "spam", output: "classify", positive: "spam", costs: rule };
const names = { against: ["prod"], tasks: ["spam"] };

const item = (id: string, isSpam: boolean, score: number): ItemResult => ({
  id,
  place: id,
  prompt: "",
  right: "",
  came: "",
  ms: 1,
  attributes: {},
  choices: ["ham", "spam"],
  gold: [Number(isSpam)],
  // the probability is the score's logistic function
  logLikelihoods: [0, score],
});

const draw = random("costs");
/** Items of two models whose scores part the labels by so many standard deviations, half of the noise being the item's own. */
function asked(n: number, parts: readonly [number, number]): [ItemResult[], ItemResult[]] {
  const rows = Array.from({ length: n }, (_, i) => {
    const [isSpam, common] = [draw.uniform() < 0.5, draw.normal()];
    return parts.map(part => item(`i${i}`, isSpam, (isSpam ? part : 0) + Math.SQRT1_2 * (common + draw.normal())));
  });
  return [rows.map(r => r[0]!), rows.map(r => r[1]!)];
}

/** A model as it decides. */
function deciding(items: readonly ItemResult[], choosing: readonly ItemResult[]) {
  const report = thresholdReport(rule, scoredBy(rule, choosing), scoredBy(rule, items));
  const saving = { value: Number.NaN, low: Number.NaN, high: Number.NaN };
  return { items, choosing, threshold: { ...report, chosenBy: "choosing", toldOf: "test", saving } };
}
type Decided = ReturnType<typeof deciding>;
const sideOf = ({ items, choosing }: Deciding) => ({ items: [...items, ...asChoosing(choosing)] });
const pair = (told: number, choosing: number, parts: readonly [number, number]): [Decided, Decided] => {
  const [[a, b], [chose, choseOther]] = [asked(told, parts), asked(choosing, parts)];
  return [deciding(a, chose), deciding(b, choseOther)];
};

test("of models that are alike, intervals hold 0, p-values find no difference and conditions show none as often as they say; with fixed thresholds they would not", () => {
  const [runs, told, choosing] = [rounds(100, 50), 150, 24];
  const tests = new Set<string>();
  let [holds, fixedHolds, found, shown] = [0, 0, 0, 0];
  for (let run = 0; run < runs; run++) {
    const [a, b] = pair(told, choosing, [1.1, 1.1]);
    const d = costDifference(rule, a, b, "spam");
    tests.add(d.test);
    if (d.low <= 0 && d.high >= 0) holds++;
    if (d.p < 0.05) found++;
    if (gateVerdict(parseCondition("cost > prod.cost", names), head, sideOf(a), sideOf(b), { draws: 100 }).evidence === "shown") shown++;
    const [own, other] = [a, b].map(m => drawnCost(rule, scoredBy(rule, m.items), scoredBy(rule, m.choosing)));
    const chose = Array.from({ length: choosing }, (_, i) => told + i);
    const fixed = bootstrap(told, at => own!([...at, ...chose]) - other!([...at, ...chose]), { draws: 100, method: "percentile" });
    if (fixed.low <= 0 && fixed.high >= 0) fixedHolds++;
  }
  // Three standard errors of a share of 100 are .065, two of one of 50 are .062: an interval of 80 % is found out nine times in ten.
  expect(holds / runs).toBeGreaterThan(0.885);
  expect(found / runs).toBeLessThan(0.115);
  expect(shown / runs).toBeLessThan(0.115);
  expect(fixedHolds / runs).toBeLessThan(0.885);
  // which of the two p-values is greater differs
  expect([...tests].sort()).toEqual(["bootstrap", "permutation"]);
});

test("where one model tells labels apart much better, the condition is shown, from the other side excluded", () => {
  const [good, poor] = pair(400, 200, [2.5, 0.3]);
  const verdict = (source: string, a: Deciding, b: Deciding) => gateVerdict(parseCondition(source, names), head, sideOf(a), sideOf(b));
  const bad = verdict("cost > prod.cost + 0.05", poor, good);
  expect(bad).toMatchObject({ evidence: "shown", fails: true, holds: true, items: 400 });
  expect(verdict("cost > prod.cost + 0.05", good, poor)).toMatchObject({ evidence: "excluded", fails: false });
  // the figures are those that the thresholds tell, the difference theirs
  expect(bad.figures).toEqual({ cost: poor.threshold.rows[0]!.cost, "against.cost": good.threshold.rows[0]!.cost });
  expect(bad.difference).toBeCloseTo(costDifference(rule, poor, good, "spam").value - 0.05, 12);
  // either side may lie in another order, or have items that the other lacks
  const turned = { ...good, items: good.items.toReversed(), choosing: good.choosing.toReversed() };
  expect(verdict("cost > prod.cost + 0.05", poor, turned).difference).toBeCloseTo(bad.difference, 12);
  expect(pairItems(sideOf(poor).items, sideOf(turned).items, "spam").first).toHaveLength(600);
});

test("other measures of the same condition are of the task's own items alone", () => {
  const [a, b] = pair(60, 50, [1, 1]);
  for (const name of ["acc", "f1", "auc", "brier"]) {
    const all = gateVerdict(parseCondition(`${name} > 0.5 + 0 * cost`, names), head, sideOf(a), sideOf(b), { draws: 20 });
    expect(all.figures[name], name).toBe(measureOf(name, head).prepare(a.items)(a.items.map((_, i) => i)));
    const alone = gateVerdict(parseCondition(`${name} > prod.${name}`, names), head, sideOf(a), sideOf(b), { draws: 200 });
    expect(alone, name).toEqual(gateVerdict(parseCondition(`${name} > prod.${name}`, names), head, a, b, { draws: 200 }));
  }
});

test("only a task with costs has the measure; without its choosing items it is refused by name", () => {
  expect(resultMeasureNames(head)).toContain("cost");
  const { costs: _, ...plain } = head;
  expect(resultMeasureNames(plain)).not.toContain("cost");
  const [a, b] = pair(20, 20, [1, 1]);
  const cost = parseCondition("cost > prod.cost", names);
  expect(() => gateVerdict(cost, plain, sideOf(a), sideOf(b))).toThrow(/got "cost".*a task with `costs`/);
  expect(() => gateVerdict(cost, head, a, b)).toThrow(/spam: cost: expected the answers to the items that choose the threshold, got none/);
});

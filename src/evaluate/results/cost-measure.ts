/**
 * What a model's decisions about one label cost, as a measure: the threshold is chosen by items that stand behind those that are told of; of a model that decides
 * by a threshold of its own, which is part of it, the cost of what it told.
 */
import { type CostRule, choiceWith, drawnCost, thresholdReport } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { chosen } from "./chosen.ts";
import type { ItemResult } from "./item.ts";
import { type MakeMeasure, meanOf } from "./measure.ts";
import { probabilities } from "./probabilities.ts";

const isPositive = (rule: CostRule, i: ItemResult): boolean => i.choices![i.gold![0]!] === rule.positive;
/** The probability of the label that a threshold is for, and whether it is right. */
export const scoredBy = (rule: CostRule, items: readonly ItemResult[]) => ({
  positive: items.map(i => isPositive(rule, i)),
  score: items.map(i => probabilities(i)[i.choices!.indexOf(rule.positive)]!),
});

/** Of one item; `Infinity`: nothing is taken. */
const costAt = (rule: CostRule, threshold: number, i: ItemResult): number => choiceWith(scoredBy(rule, [i]), threshold, rule).cost;

const partsOf = (items: readonly ItemResult[], place: string) => {
  const told = items.filter(i => !i.chooses);
  const choosing = items.filter(i => i.chooses);
  if (choosing.length > 0) return { told, choosing };
  throw evaluateErrors.fail("metric", {
    place,
    expected: "the answers to the items that choose the threshold",
    received: "none",
    hint: "`loam eval` asks for them and records them beside the result: evaluate the task again.",
  });
};

/** Mean cost of an item at the threshold that the items of the split `costs.from` choose. Errors: evaluate/metric where none of them is there. */
const costing: MakeMeasure = (name, { task, costs }) => ({
  name,
  better: "lower",
  kind: "whole",
  chooses: items => {
    const { told, choosing } = partsOf(items, `${task}: ${name}`);
    const { rows } = thresholdReport(costs!, scoredBy(costs!, choosing), scoredBy(costs!, told));
    const cheapest = rows.find(r => r.by === "cheapest")!.threshold ?? Number.POSITIVE_INFINITY;
    return i => costAt(costs!, cheapest, i);
  },
  // an item alone chooses no threshold: the label of greater probability
  value: i => costAt(costs!, 0.5, i),
  prepare: items => {
    const { told, choosing } = partsOf(items, `${task}: ${name}`);
    const figure = drawnCost(costs!, scoredBy(costs!, told), scoredBy(costs!, choosing));
    const next = { told: 0, choosing: told.length };
    const own = Int32Array.from(items, i => next[i.chooses ? "choosing" : "told"]++);
    // mostly they stand in that order already
    if (own.every((place, i) => place === i)) return figure;
    return at => {
      const moved = new Int32Array(at.length);
      for (let k = 0; k < moved.length; k++) moved[k] = own[at[k]!]!;
      return figure(moved);
    };
  },
});

/** Mean cost of what was told: a threshold that is part of the model is chosen by no draw. */
const costTold: MakeMeasure = (name, head) => {
  const rule = head.costs!;
  return meanOf("lower", "mean", i => {
    const isTaken = i.choices![chosen(i)] === rule.positive;
    if (isPositive(rule, i)) return isTaken ? 0 : rule.falseNegative;
    return isTaken ? rule.falsePositive : 0;
  })(name, head);
};

/** The measure `cost` of a task whose head has costs. */
export const costMeasure: MakeMeasure = (name, head) => (head.costs!.isTold ? costTold : costing)(name, head);

/** What a model's decisions about one label cost, as a measure of conditions: the threshold is chosen by items that stand behind those that are told of. */
import { type CostRule, choiceWith, drawnCost } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { ItemResult } from "./item.ts";
import type { MakeMeasure } from "./measure.ts";
import { probabilities } from "./probabilities.ts";

const isPositive = (rule: CostRule, i: ItemResult): boolean => i.choices![i.gold![0]!] === rule.positive;
/** The probability of the label that a threshold is for, and whether it is right. */
export const scoredBy = (rule: CostRule, items: readonly ItemResult[]) => ({
  positive: items.map(i => isPositive(rule, i)),
  score: items.map(i => probabilities(i)[i.choices!.indexOf(rule.positive)]!),
});

/** Mean cost of an item at the threshold that the items of the split `costs.from` choose. Errors: evaluate/metric where none of them is there. */
export const costing: MakeMeasure = (name, { task, costs }) => ({
  name,
  better: "lower",
  kind: "whole",
  chooses: true,
  // an item alone chooses no threshold: the label of greater probability
  value: i => choiceWith(scoredBy(costs!, [i]), 0.5, costs!).cost,
  prepare: items => {
    const told = items.filter(i => !i.chooses);
    const choosing = items.filter(i => i.chooses);
    if (choosing.length === 0)
      throw evaluateErrors.fail("metric", {
        place: `${task}: ${name}`,
        expected: "the answers to the items that choose the threshold",
        received: "none",
        hint: "`loam eval` asks for them; a recorded result has those of the task alone.",
      });
    const figure = drawnCost(costs!, scoredBy(costs!, told), scoredBy(costs!, choosing));
    const next = { told: 0, choosing: told.length };
    const own = Int32Array.from(items, i => next[i.chooses ? "choosing" : "told"]++);
    return at => figure(Int32Array.from(at, k => own[k]!));
  },
});

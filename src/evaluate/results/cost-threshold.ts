/**
 * The threshold that costs least by a task's `costs`: chosen on the items of one split, told on those of another, with what it saves beside a half, and what
 * two models cost, each at a threshold of its own. Both splits are samples: intervals draw items of either, and choose anew in every draw (`drawnCost`).
 */
import type { Interval } from "../../statistics/index.ts";
import { type CostRule, choiceWith, drawnCost, type ThresholdReport, thresholdReport } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { taskQuestions } from "../tasks/ask.ts";
import { choosingTask, type LoadedTask } from "../tasks/read-task.ts";
import { type Difference, differenceOf, pairItems } from "./compare.ts";
import { costMeasure, scoredBy } from "./cost-measure.ts";
import { drawnInterval } from "./drawn-interval.ts";
import { costRuleOf, type ItemResult } from "./item.ts";
import type { Figure } from "./measure.ts";

export interface CostThreshold extends ThresholdReport {
  /** The split that chose, and the one that is told of. */
  readonly chosenBy: string;
  readonly toldOf: string;
  /** Mean cost of an item at a half minus that at the cheapest threshold, on the items that are told of, with a 95 % interval over both splits. */
  readonly saving: Interval;
}

/** Errors: evaluate/classes where the items that choose are of one side. */
function checkSides({ task }: LoadedTask, choosing: LoadedTask, positive: string): void {
  const labels = Object.keys(task.labels ?? {});
  const taken = taskQuestions(choosing).filter(a => labels[a.gold[0]!] === positive).length;
  const others = choosing.items.length - taken;
  if (taken > 0 && others > 0) return;
  throw evaluateErrors.fail("classes", {
    place: `${task.task}: costs.from`,
    expected: `items of "${positive}" and of another label in the split "${choosing.task.split}", to choose a threshold by`,
    received: `${taken} and ${others}`,
  });
}

/**
 * The items that choose, as a task, and what mistakes cost; undefined where the task names no costs. Errors: evaluate/classes where a split has one side only,
 * evaluate/data of its items.
 */
export function choosingOf(loaded: LoadedTask): { readonly choosing: LoadedTask; readonly rule: CostRule } | undefined {
  const choosing = choosingTask(loaded);
  const rule = costRuleOf(loaded.task);
  if (!choosing || !rule) return undefined;
  checkSides(loaded, choosing, rule.positive);
  return { choosing, rule };
}

/** The items of a split that choose, as they stand behind those that are told of: drawn by themselves, paired with nothing of the other split. */
export const asChoosing = (items: readonly ItemResult[]): ItemResult[] =>
  items.map(i => ({
    ...i,
    id: `choosing/${i.id}`,
    chooses: true,
    ...(i.cluster === undefined ? {} : { cluster: `choosing/${i.cluster}` }),
  }));

/** Errors: evaluate/classes, evaluate/score. */
export function costThreshold(
  loaded: LoadedTask,
  rule: CostRule,
  choosing: readonly ItemResult[],
  told: readonly ItemResult[],
): CostThreshold {
  const { costs, split } = loaded.task;
  const scored = [scoredBy(rule, told), scoredBy(rule, choosing)] as const;
  const report = thresholdReport(rule, scored[1], scored[0]);
  const atHalf = Float64Array.from(told, i => choiceWith(scoredBy(rule, [i]), 0.5, rule).cost);
  const cheapest = drawnCost(rule, ...scored);
  const saved: Figure = at => {
    let [sum, count] = [0, 0];
    for (let k = 0; k < at.length; k++) {
      if (at[k]! >= told.length) continue;
      sum += atHalf[at[k]!]!;
      count++;
    }
    return sum / count - cheapest(at);
  };
  const { value, low, high } = drawnInterval(saved, [...told, ...asChoosing(choosing)]);
  return { ...report, chosenBy: costs!.from, toldOf: split, saving: { value, low, high } };
}

/** A model as it decides: its results, and those of the items that choose. */
export interface Deciding {
  readonly items: readonly ItemResult[];
  readonly choosing: readonly ItemResult[];
}

/**
 * Mean cost of an item of two models, each at the cheapest threshold of its own: what probabilities say differs from model to model, so the threshold of one
 * would judge how alike the other's are to its own, not how well it tells labels apart. Errors: evaluate/compare.
 */
export function costDifference(rule: CostRule, first: Deciding, second: Deciding, task: string): Difference {
  const told = pairItems(first.items, second.items, task);
  const choosing = pairItems(first.choosing, second.choosing, `${task}: costs.from`);
  const measure = costMeasure("cost", { task, output: "classify", positive: rule.positive, costs: rule });
  return differenceOf(measure, {
    ...told,
    first: [...told.first, ...asChoosing(choosing.first)],
    second: [...told.second, ...asChoosing(choosing.second)],
  });
}

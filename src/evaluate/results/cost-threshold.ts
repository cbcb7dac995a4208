/**
 * The threshold that costs least by a task's `costs`: chosen on the items of one split, told on those of another, with what it saves beside a half, and what
 * two models cost, each at a threshold of its own.
 */
import { bootstrap, type Interval } from "../../statistics/index.ts";
import { type CostRule, type ThresholdReport, thresholdReport } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { askOf } from "../tasks/ask.ts";
import { choosingTask, type LoadedTask } from "../tasks/read-task.ts";
import { type Difference, differenceOf, pairItems } from "./compare.ts";
import type { ItemResult } from "./item.ts";
import { meanOf } from "./measure.ts";
import { probabilities } from "./measures.ts";
import { clustersOf, draws } from "./score.ts";

export interface CostThreshold extends ThresholdReport {
  /** The split that chose, and the one that is told of. */
  readonly chosenBy: string;
  readonly toldOf: string;
  /** Mean cost of an item at a half minus that at the cheapest threshold, on the items that are told of, with a 95 % interval. */
  readonly saving: Interval;
}

/** Errors: evaluate/classes where the items that choose are of one side. */
function checkSides({ task }: LoadedTask, choosing: LoadedTask, positive: string): void {
  const labels = Object.keys(task.labels ?? {});
  const taken = askOf(choosing).filter(a => labels[a.gold[0]!] === positive).length;
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
  const { costs, positive } = loaded.task;
  if (!choosing || !costs) return undefined;
  const { falsePositive, falseNegative } = costs;
  const rule = { positive: costs.positive ?? positive!, falsePositive, falseNegative };
  checkSides(loaded, choosing, rule.positive);
  return { choosing, rule };
}

const isPositive = (rule: CostRule, i: ItemResult): boolean => i.choices![i.gold![0]!] === rule.positive;
const scoreFor = (rule: CostRule, i: ItemResult): number => probabilities(i)[i.choices!.indexOf(rule.positive)]!;

/** What the decision about an item costs at a threshold. */
function costOf(rule: CostRule, threshold: number, i: ItemResult): number {
  const isTaken = scoreFor(rule, i) >= threshold;
  return isTaken === isPositive(rule, i) ? 0 : isTaken ? rule.falsePositive : rule.falseNegative;
}

/** Infinity: nothing is taken. */
const cheapestOf = ({ rows }: Pick<ThresholdReport, "rows">): number =>
  rows.find(r => r.by === "cheapest")!.threshold ?? Number.POSITIVE_INFINITY;

/** Errors: evaluate/classes, evaluate/score. */
export function costThreshold(
  loaded: LoadedTask,
  rule: CostRule,
  choosing: readonly ItemResult[],
  told: readonly ItemResult[],
): CostThreshold {
  const { costs, split } = loaded.task;
  const scored = (items: readonly ItemResult[]) => ({
    positive: items.map(i => isPositive(rule, i)),
    score: items.map(i => scoreFor(rule, i)),
  });
  const report = thresholdReport(rule, scored(choosing), scored(told));
  const cheapest = cheapestOf(report);
  const saved = Float64Array.from(told, i => costOf(rule, 0.5, i) - costOf(rule, cheapest, i));
  const mean = (at: ArrayLike<number>) => Array.from(at, k => saved[k]!).reduce((a, b) => a + b, 0) / at.length;
  const value = mean(Int32Array.from(told, (_, i) => i));
  const isFlat = told.length < 2 || saved.every(s => s === saved[0]);
  const { low, high } = isFlat ? { low: value, high: value } : bootstrap(told.length, mean, { draws, clusters: clustersOf(told), seed: 1 });
  return { ...report, chosenBy: costs!.from, toldOf: split, saving: { value, low, high } };
}

/** A model as it decides: its results, and the threshold that was chosen for it. */
export interface Deciding {
  readonly items: readonly ItemResult[];
  readonly threshold: CostThreshold;
}

/**
 * Mean cost of an item of two models, each at the cheapest threshold of its own: what probabilities say differs from model to model, so the threshold of one
 * would judge how alike the other's are to its own, not how well it tells labels apart. The thresholds are taken as they were chosen, on other items than
 * these, so the interval and the test are of the two decisions and not of how else they could have been chosen. Errors: evaluate/compare.
 */
export function costDifference(first: Deciding, second: Deciding, place: string): Difference {
  const costs = new Map<ItemResult, number>();
  // items of its own for each side, even where both are one result
  const decided = ({ items, threshold }: Deciding) =>
    items.map(i => {
      const own = { ...i };
      costs.set(own, costOf(threshold, cheapestOf(threshold), i));
      return own;
    });
  const measure = meanOf("lower", "mean", i => costs.get(i)!)("cost", { task: place, output: "classify" });
  return differenceOf(measure, pairItems(decided(first), decided(second), place));
}

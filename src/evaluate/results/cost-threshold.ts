/** The threshold that costs least by a task's `costs`: chosen on the items of one split, told on those of another, with what it saves beside a half. */
import { bootstrap, type Interval } from "../../statistics/index.ts";
import { type CostRule, type ThresholdReport, thresholdReport } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { askOf } from "../tasks/ask.ts";
import { choosingTask, type LoadedTask } from "../tasks/read-task.ts";
import type { ItemResult } from "./item.ts";
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

/** Errors: evaluate/classes, evaluate/score. */
export function costThreshold(
  loaded: LoadedTask,
  rule: CostRule,
  choosing: readonly ItemResult[],
  told: readonly ItemResult[],
): CostThreshold {
  const { costs, split } = loaded.task;
  const scored = (items: readonly ItemResult[]) => ({
    positive: items.map(i => i.choices![i.gold![0]!] === rule.positive),
    score: items.map(i => probabilities(i)[i.choices!.indexOf(rule.positive)]!),
  });
  const own = scored(told);
  const report = thresholdReport(rule, scored(choosing), own);
  const costAt = (i: number, threshold: number): number => {
    const isTaken = own.score[i]! >= threshold;
    return isTaken === own.positive[i] ? 0 : isTaken ? rule.falsePositive : rule.falseNegative;
  };
  const cheapest = report.rows.find(r => r.by === "cheapest")!.threshold ?? Number.POSITIVE_INFINITY;
  const saved = Float64Array.from(told, (_, i) => costAt(i, 0.5) - costAt(i, cheapest));
  const mean = (at: ArrayLike<number>) => Array.from(at, k => saved[k]!).reduce((a, b) => a + b, 0) / at.length;
  const value = mean(Int32Array.from(told, (_, i) => i));
  const isFlat = told.length < 2 || saved.every(s => s === saved[0]);
  const { low, high } = isFlat ? { low: value, high: value } : bootstrap(told.length, mean, { draws, clusters: clustersOf(told), seed: 1 });
  return { ...report, chosenBy: costs!.from, toldOf: split, saving: { value, low, high } };
}

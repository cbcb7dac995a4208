/**
 * The threshold that costs least by a task's `costs`: chosen on the items of one split, told on those of another, with what it saves beside a half, and what
 * two models cost, each at a threshold of its own. Both splits are samples: intervals draw items of either, and choose anew in every draw (`drawnCost`).
 */
import { bootstrap, type Interval, pairedPermutation } from "../../statistics/index.ts";
import { type CostRule, choiceWith, drawnCost, type ThresholdReport, thresholdReport } from "../classification/index.ts";
import { evaluateErrors } from "../errors.ts";
import { askOf } from "../tasks/ask.ts";
import { choosingTask, type LoadedTask } from "../tasks/read-task.ts";
import { type Difference, pairItems } from "./compare.ts";
import { scoredBy } from "./cost-measure.ts";
import { costRuleOf, type ItemResult } from "./item.ts";
import type { Figure } from "./measure.ts";
import { clustersOf, draws, strataOf } from "./score.ts";

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

const costAt = (rule: CostRule, threshold: number, i: ItemResult): number => choiceWith(scoredBy(rule, [i]), threshold, rule).cost;

/** Infinity: nothing is taken. */
const cheapestOf = ({ rows }: Pick<ThresholdReport, "rows">): number =>
  rows.find(r => r.by === "cheapest")!.threshold ?? Number.POSITIVE_INFINITY;

const indices = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** A figure of items told of and items that choose, the former first, with its 95 % interval and p: how the draws lie beside 0. */
function drawnInterval(figure: Figure, told: readonly ItemResult[], choosing: readonly ItemResult[]): Interval & { readonly p: number } {
  const all = [...told, ...asChoosing(choosing)];
  const value = figure(indices(all.length));
  const drawn: number[] = [];
  const seen: Figure = at => {
    const d = figure(at);
    drawn.push(d);
    return d;
  };
  const { low, high } = bootstrap(all.length, seen, {
    draws,
    method: "percentile",
    clusters: clustersOf(all),
    strata: strataOf(all),
    seed: 1,
  });
  // the whole sample was asked first
  const defined = drawn.slice(1).filter(d => !Number.isNaN(d));
  const share = (is: (d: number) => boolean) => (defined.filter(is).length + 1) / (defined.length + 1);
  const [below, above] = [share(d => d <= 0), share(d => d >= 0)];
  return { value, low, high, p: Math.min(1, 2 * below, 2 * above) };
}

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
  const atHalf = Float64Array.from(told, i => costAt(rule, 0.5, i));
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
  const { value, low, high } = drawnInterval(saved, told, choosing);
  return { ...report, chosenBy: costs!.from, toldOf: split, saving: { value, low, high } };
}

/** A model as it decides: its results, those of the items that choose, and the threshold that was chosen by them. */
export interface Deciding {
  readonly items: readonly ItemResult[];
  readonly choosing: readonly ItemResult[];
  readonly threshold: CostThreshold;
}

/**
 * Mean cost of an item of two models, each at the cheapest threshold of its own: what probabilities say differs from model to model, so the threshold of one
 * would judge how alike the other's are to its own, not how well it tells labels apart. Each draw of the interval is of the same items on both sides, those that
 * choose and those that are told of, and both thresholds are chosen anew in it. p is the greater of two: that of the draws, which know other thresholds, and that
 * of a permutation of signs at the thresholds as they are, which few items or clusters do not deceive. Errors: evaluate/compare.
 */
export function costDifference(first: Deciding, second: Deciding, place: string): Difference {
  const told = pairItems(first.items, second.items, place);
  const choosing = pairItems(first.choosing, second.choosing, `${place}: costs.from`);
  const n = told.first.length;
  const sides = (["first", "second"] as const).map((side, k) => {
    const { threshold } = [first, second][k]!;
    const costs = told[side].map(i => costAt(threshold, cheapestOf(threshold), i));
    return { costs, figure: drawnCost(threshold, scoredBy(threshold, told[side]), scoredBy(threshold, choosing[side])) };
  });
  const [a, b] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const { low, high, p: drawnP } = drawnInterval(at => a.figure(at) - b.figure(at), told.first, choosing.first);
  const permuted = pairedPermutation(b.costs, a.costs, { clusters: clustersOf(told.first), seed: 1 }).p;
  const mean = (costs: readonly number[]) => costs.reduce((sum, c) => sum + c, 0) / n;
  const [own, other] = [mean(a.costs), mean(b.costs)];
  return {
    metric: "cost",
    better: "lower",
    items: n,
    first: own,
    second: other,
    value: own - other,
    low,
    high,
    wins: a.costs.filter((c, i) => c < b.costs[i]!).length,
    losses: a.costs.filter((c, i) => c > b.costs[i]!).length,
    ...(drawnP > permuted ? { p: drawnP, test: "bootstrap" } : { p: permuted, test: "permutation" }),
  };
}

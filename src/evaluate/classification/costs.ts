/** A threshold by what wrong decisions cost: chosen on some items, told with what it costs on others. */
import type { ThresholdChoice } from "./curves.ts";
import { bestF1Threshold, type Costs, type Curve, cheapestThreshold, checkedCurve, type ScoredOutcomes } from "./curves.ts";

/** Which class a threshold is for, and what it costs to take another for it, or it for another. */
export interface CostRule extends Costs {
  readonly positive: string;
}

export interface ThresholdRow extends Omit<ThresholdChoice, "threshold"> {
  /** All but a half are chosen, on the items that choose. */
  readonly by: "cheapest" | "highest F1" | "a half";
  /** Null: nothing is taken for positive. */
  readonly threshold: number | null;
  readonly items: number;
  /** Mean cost of an item among those that chose. */
  readonly chosenAt: number;
}

export interface ThresholdReport extends CostRule {
  /** Items that chose. */
  readonly chosenOn: number;
  /** On the other items. */
  readonly rows: readonly ThresholdRow[];
}

/** What a threshold gives on items, which may be of one side only. `Infinity`: nothing is taken. */
export function choiceWith({ positive, score }: ScoredOutcomes, threshold: number, costs: Costs): ThresholdChoice {
  let [hits, misses, positives] = [0, 0, 0];
  for (let i = 0; i < positive.length; i++) {
    const isTaken = score[i]! >= threshold;
    if (positive[i]) positives++;
    if (isTaken && positive[i]) hits++;
    if (isTaken && !positive[i]) misses++;
  }
  return {
    threshold,
    truePositives: hits,
    falsePositives: misses,
    precision: hits === 0 ? 0 : hits / (hits + misses),
    recall: positives === 0 ? 0 : hits / positives,
    f1: hits === 0 ? 0 : (2 * hits) / (hits + misses + positives),
    cost: (costs.falsePositive * misses + costs.falseNegative * (positives - hits)) / positive.length,
  };
}

/** Midway to the next score below: the same decisions on the items that choose, and none of the others' hangs on a last digit. */
function midway({ thresholds }: Curve, threshold: number): number {
  const below = thresholds[thresholds.indexOf(threshold) + 1];
  return below === undefined || threshold === Number.POSITIVE_INFINITY ? threshold : (threshold + below) / 2;
}

/**
 * The cheapest threshold and the one of highest F1 of the items that choose, beside a half, each on the items that are told of. Errors: evaluate/empty,
 * evaluate/items, evaluate/score, evaluate/classes (of the items that choose).
 */
export function thresholdReport(rule: CostRule, choosing: ScoredOutcomes, told: ScoredOutcomes): ThresholdReport {
  const curve = checkedCurve(choosing);
  const rowOf = (by: ThresholdRow["by"], at: number): ThresholdRow => {
    const { threshold, ...choice } = choiceWith(told, at, rule);
    return {
      by,
      threshold: Number.isFinite(threshold) ? threshold : null,
      items: told.positive.length,
      ...choice,
      chosenAt: choiceWith(choosing, at, rule).cost,
    };
  };
  return {
    ...rule,
    chosenOn: choosing.positive.length,
    rows: [
      rowOf("cheapest", midway(curve, cheapestThreshold(curve, rule).threshold)),
      rowOf("highest F1", midway(curve, bestF1Threshold(curve).threshold)),
      rowOf("a half", 0.5),
    ],
  };
}

/** What `loam eval` tells of the answers that need no model: their figures, and the model's beside them, item by item. */
import {
  corrected,
  type Difference,
  differenceOf,
  type EvaluationMeasure,
  type LoadedTask,
  pairItems,
  type Score,
  scoreOf,
  taskBaselines,
} from "../../evaluate/index.ts";
import type { RecordedResult } from "./record.ts";

export interface BaselineReport {
  readonly name: string;
  readonly scores: readonly Score[];
  /** The model minus the baseline, paired. `pHolm`: corrected over all baselines and measures of the task. */
  readonly differences: readonly (Difference & { readonly pHolm: number })[];
}

/** Undefined where there is none. Errors: evaluate/task, evaluate/data. */
export function baselineReports(
  loaded: LoadedTask,
  { items, head }: RecordedResult,
  measures: readonly EvaluationMeasure[],
): BaselineReport[] | undefined {
  const compared = measures.filter(m => m.name !== "latencyMs");
  const others = taskBaselines(loaded, items);
  if (others.length === 0) return undefined;
  const told = others.map(b => ({
    name: b.name,
    scores: compared.map(m => scoreOf(m, b.items)),
    differences: compared.map(m => differenceOf(m, pairItems(items, b.items, head.task))),
  }));
  const p = corrected(told.flatMap(b => b.differences));
  return told.map((b, i) => ({ ...b, differences: b.differences.map((d, k) => ({ ...d, pHolm: p[i * compared.length + k]! })) }));
}

/** What a classifier with thresholds by group would have decided by its common threshold: the same items, with the figures of those decisions. */
import { type FairnessTable, fairnessTables } from "./fairness.ts";
import type { ItemResult, ResultHead } from "./item.ts";
import type { EvaluationMeasure } from "./measure.ts";
import { type Score, scoreOf } from "./score.ts";

export interface CommonThresholdReport {
  /** Items that the threshold of their group decided, and those of them that the common one decides otherwise. */
  readonly items: number;
  readonly differ: number;
  readonly scores: readonly Score[];
  readonly fairness?: readonly FairnessTable[];
}

/** Undefined where the common threshold decides each item alike. */
export function commonThresholdReport(
  { head, items }: { readonly head: Pick<ResultHead, "groups">; readonly items: readonly ItemResult[] },
  measures: readonly EvaluationMeasure[],
): CommonThresholdReport | undefined {
  const byGroup = items.filter(i => i.commonTold !== undefined);
  const differ = byGroup.filter(i => i.commonTold !== i.told).length;
  if (differ === 0) return undefined;
  const decided = items.map(i => (i.commonTold === undefined ? i : { ...i, told: i.commonTold }));
  return {
    items: byGroup.length,
    differ,
    scores: measures.map(m => scoreOf(m, decided)),
    ...(head.groups ? { fairness: fairnessTables(head, decided) } : {}),
  };
}

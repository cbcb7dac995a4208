/** The threshold by cost as lines for people: chosen on some items, evaluated on others. */
import { formatCount } from "../../base/index.ts";
import type { ThresholdReport } from "../classification/index.ts";

/** What the two parts are called. */
interface PartNames {
  readonly chosenOn: string;
  readonly toldOn: string;
}

/** Null: nothing is taken. */
export const thresholdText = (x: number | null): string => (x === null ? "none taken" : x.toFixed(4));

/** `of`: whose it is, where that is another's. */
export function thresholdLines(
  { positive, falsePositive, falseNegative, chosenOn, rows }: ThresholdReport,
  parts: PartNames = { chosenOn: "validation", toldOn: "held-out" },
  of?: string,
): string[] {
  const cells = (first: string, ...rest: string[]) => `    ${first.padEnd(12)}${rest.map(r => r.padStart(11)).join("")}`;
  return [
    `  Threshold${of === undefined ? "" : ` of ${of}`} for ${positive}: a false positive costs ${falsePositive}, a false negative ${falseNegative}; chosen on ${formatCount(chosenOn)} ${parts.chosenOn} items, evaluated on ${formatCount(rows[0]?.items ?? 0)} ${parts.toldOn} ones`,
    cells("", "threshold", "cost", parts.chosenOn.slice(0, 10), "precision", "recall", "F1"),
    ...rows.map(r => cells(r.by, thresholdText(r.threshold), ...[r.cost, r.chosenAt, r.precision, r.recall, r.f1].map(x => x.toFixed(4)))),
  ];
}

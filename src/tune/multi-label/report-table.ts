/** The report of a multi-label classifier as a table for the terminal. */
import { formatCount } from "../../base/index.ts";
import type { MultiLabelReport } from "./report.ts";

const three = (x: number): string => (Number.isFinite(x) ? x.toFixed(3) : "-");
const range = ({ value, low, high }: MultiLabelReport["scores"][number]["macroF1"]): string =>
  `${three(value)} [${three(low)}, ${three(high)}]`;

export function multiLabelTable(r: MultiLabelReport): string {
  const { documents, groups } = r.test;
  const width = Math.max(5, ...r.labels.map(l => l.length)) + 2;
  const head = `      ${"label".padEnd(width)}${"texts".padStart(9)}  ${"average precision".padEnd(22)}${"ROC area".padEnd(22)}${"F1".padEnd(22)}${"false alarms".padEnd(22)}threshold`;
  const lines = r.scores.flatMap(s => [
    "",
    `  ${s.name}: mean average precision ${range(s.meanAveragePrecision)}, F1 ${range(s.macroF1)} (macro), ${range(s.microF1)} (micro)`,
    head,
    ...s.labels.map(
      l =>
        `      ${l.label.padEnd(width)}${formatCount(l.positives).padStart(9)}  ${range(l.averagePrecision).padEnd(22)}${range(l.auc).padEnd(22)}${range(l.f1).padEnd(22)}${range(l.falseAlarms).padEnd(22)}${l.threshold == null ? "-" : l.threshold.toPrecision(3)}`,
    ),
  ]);
  return [
    "",
    `  ${formatCount(documents)} test documents in ${formatCount(groups)} groups of near-duplicates, ${Math.round(r.confidence * 100)} % bootstrap intervals over groups`,
    ...lines,
    "",
    ...r.comparisons.map(
      c =>
        `  ${r.model.name} against ${c.against}: mean average precision ${c.difference.value < 0 ? "" : "+"}${range(c.difference)}: ${c.verdict}`,
    ),
  ].join("\n");
}

/** Scores of each label of a multi-label classifier, with their intervals, and its mean beside each baseline's. */

import { formatCount, formatFixed } from "../format.ts";
import type { LabelsReport } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";

type Range = LabelsReport["scores"][number]["macroF1"];
const within = ({ value, low, high }: Range): string =>
  low === null || high === null ? formatFixed(value, 3) : `${formatFixed(value, 3)} (${formatFixed(low, 3)} to ${formatFixed(high, 3)})`;

export function Labels({ artifact, report }: { readonly artifact: string; readonly report: LabelsReport }) {
  const { test, scores, comparisons, confidence } = report;
  const own = scores.find(s => s.kind === "model");
  if (!own) return null;
  return (
    <section className="card" aria-labelledby={`labels-${artifact}`}>
      <header className="card-head">
        <h2 id={`labels-${artifact}`}>Held-out multi-label classification</h2>
        <p>
          {formatCount(test.documents)} documents in {formatCount(test.groups)} groups of near-duplicates, {Math.round(100 * confidence)} %
          intervals. Mean average precision {within(own.meanAveragePrecision)}, F1 {within(own.macroF1)} (macro), {within(own.microF1)}{" "}
          (micro).
          {comparisons.map(c => ` Beside ${c.against}: ${c.verdict}.`)}
        </p>
      </header>
      <NumberTable
        head={["Label", "Texts", "Average precision", "ROC area", "F1", "False alarms"]}
        rows={own.labels.map(l => [
          l.label,
          formatCount(l.positives),
          within(l.averagePrecision),
          within(l.auc),
          within(l.f1),
          within(l.falseAlarms),
        ])}
      />
    </section>
  );
}

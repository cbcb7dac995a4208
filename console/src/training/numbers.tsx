/** Errors and agreement of a model that gives numbers, with their intervals, beside the mean of what it was trained on. */

import { formatCount, formatFixed } from "../format.ts";
import type { NumbersReport } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";

type Range = NumbersReport["scores"]["mae"];
const names: Readonly<Record<keyof NumbersReport["scores"], string>> = {
  mae: "Mean absolute error",
  rmse: "Root mean squared error",
  r2: "R²",
  pearson: "Pearson's correlation",
  spearman: "Spearman's correlation",
};
const within = ({ low, high }: Range): string => (low === null || high === null ? "" : `${formatFixed(low, 3)} to ${formatFixed(high, 3)}`);

export function Numbers({ artifact, report }: { readonly artifact: string; readonly report: NumbersReport }) {
  const { test, label, scores, baseline, frozen, confidence } = report;
  return (
    <section className="card" aria-labelledby={`numbers-${artifact}`}>
      <header className="card-head">
        <h2 id={`numbers-${artifact}`}>Held-out regression</h2>
        <p>
          <code>{label}</code> of {formatCount(test.documents)} documents in {formatCount(test.groups)} groups of near-duplicates,{" "}
          {Math.round(100 * confidence)} % intervals. Beside their mean, whose mean absolute error is {formatFixed(baseline.mae.value, 3)},
          the model is: {baseline.verdict}.
          {frozen && ` Beside ridge regression on the frozen base (${formatFixed(frozen.mae.value, 3)}): ${frozen.verdict}.`}
        </p>
      </header>
      <NumberTable
        head={["Measure", "Value", "Interval"]}
        rows={Object.entries(names).map(([key, name]) => {
          const score = scores[key as keyof typeof names];
          return [name, formatFixed(score.value, 3), within(score)];
        })}
      />
    </section>
  );
}

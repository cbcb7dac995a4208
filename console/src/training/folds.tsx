/** A recipe's scores over folds and seeds: the mean of each measure with its interval, and how much folds and seeds move it; the model beside each baseline. */

import { formatCount, formatFixed } from "../format.ts";
import type { FoldsReport } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";

const names: Readonly<Record<string, string>> = {
  macroF1: "F1 (macro)",
  accuracy: "Accuracy",
  balancedAccuracy: "Balanced accuracy",
  mae: "Mean absolute error",
  rmse: "Root mean squared error",
  r2: "R²",
};
const within = ({ low, high }: { readonly low: number | null; readonly high: number | null }): string =>
  low === null || high === null ? "" : `${formatFixed(low, 3)} to ${formatFixed(high, 3)}`;
const counted = (n: number, one: string): string => `${formatCount(n)} ${one}${n === 1 ? "" : "s"}`;

export function Folds({ artifact, report: r }: { readonly artifact: string; readonly report: FoldsReport }) {
  const runs = [
    ...(r.folds > 1 ? [counted(r.folds, "fold")] : []),
    ...(r.repeats > 1 ? [counted(r.repeats, "repeat")] : []),
    counted(r.seeds.length, "seed"),
  ].join(" × ");
  const percent = `${Math.round(100 * r.confidence)} %`;
  return (
    <section className="card" aria-labelledby={`folds-${artifact}`}>
      <header className="card-head">
        <h2 id={`folds-${artifact}`}>Cross-validation of the recipe</h2>
        <p>
          {runs}, each trained on {formatCount(Math.round(r.trainSize))} documents and scored on {formatCount(Math.round(r.testSize))}; the
          test set is not used.{" "}
          {r.over === "folds"
            ? `${percent} intervals of the mean, corrected for folds that share training documents (Nadeau and Bengio 2003).`
            : `${percent} intervals of the mean over seeds on one split: they say nothing of other documents.`}
        </p>
      </header>
      <NumberTable
        head={["Measure", "Mean", "Interval", "SD over folds", "SD over seeds", "SD over all"]}
        rows={r.systems.flatMap(s =>
          Object.entries(s.measures).map(([measure, row]) => [
            s.kind === "model" ? names[measure] : `${s.name}: ${names[measure]}`,
            formatFixed(row.mean, 3),
            within(row),
            ...[row.deviation.folds, row.deviation.seeds, row.deviation.total].map(x => formatFixed(x, 3)),
          ]),
        )}
      />
      {r.comparisons.length > 0 && (
        <>
          <h3>Difference from each baseline, on the same folds</h3>
          <NumberTable
            head={["Baseline", names[r.decidedBy] ?? r.decidedBy, "Interval", "p", "Verdict"]}
            rows={r.comparisons.map(c => {
              const own = c.measures[r.decidedBy];
              return [c.against, formatFixed(own?.difference, 3), own ? within(own) : "", formatFixed(c.p, 3), c.verdict];
            })}
          />
        </>
      )}
    </section>
  );
}

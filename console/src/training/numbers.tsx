/** Errors and agreement of a model that gives numbers, with their intervals, beside the mean of what it was trained on. */
import type { NumbersReport } from "../contract.ts";
import { formatCount, formatFixed } from "../format.ts";

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
  const { test, label, scores, baseline, confidence } = report;
  return (
    <section className="card" aria-labelledby={`numbers-${artifact}`}>
      <header className="card-head">
        <h2 id={`numbers-${artifact}`}>Held-out numbers</h2>
        <p>
          <code>{label}</code> of {formatCount(test.documents)} documents in {formatCount(test.groups)} groups of near-duplicates,{" "}
          {Math.round(100 * confidence)} % intervals. Beside their mean, whose mean absolute error is {formatFixed(baseline.mae.value, 3)},
          the model is: {baseline.verdict}.
        </p>
      </header>
      <table className="bits">
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col" className="number">
              Value
            </th>
            <th scope="col" className="number wide">
              Interval
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(names).map(([key, name]) => (
            <tr key={key}>
              <th scope="row">{name}</th>
              <td className="number">{formatFixed(scores[key as keyof typeof names].value, 3)}</td>
              <td className="number wide">{within(scores[key as keyof typeof names])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

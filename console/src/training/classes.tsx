/** Scores of a classifier as bars with their intervals, best first, the model beside the baselines of the same run. */
import type { ClassesReport } from "../contract.ts";
import { formatCount, formatFixed } from "../format.ts";

type Range = ClassesReport["scores"][number]["macroF1"];
const within = ({ low, high }: Range): string =>
  low === null || high === null ? "" : ` ${formatFixed(low, 3)} to ${formatFixed(high, 3)}`;

export function Classes({ artifact, report }: { readonly artifact: string; readonly report: ClassesReport }) {
  const { test, label, scores, comparisons, confidence } = report;
  const sorted = scores.toSorted((a, b) => (b.macroF1.value ?? 0) - (a.macroF1.value ?? 0));
  const verdictOf = (name: string) => comparisons.find(c => c.against === name)?.verdict ?? "";
  return (
    <section className="card" aria-labelledby={`classes-${artifact}`}>
      <header className="card-head">
        <h2 id={`classes-${artifact}`}>Held-out classes</h2>
        <p>
          F1, the mean over the classes of <code>{label}</code>; higher is better. {formatCount(test.documents)} documents in{" "}
          {formatCount(test.groups)} groups of near-duplicates, {Math.round(100 * confidence)} % intervals.
        </p>
      </header>
      <table className="bits">
        <thead>
          <tr>
            <th scope="col">Classifier</th>
            <th scope="col">
              <span className="hidden">Bar</span>
            </th>
            <th scope="col" className="number">
              F1
            </th>
            <th scope="col" className="number wide">
              Accuracy
            </th>
            <th scope="col" className="number wide">
              The model is
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map(s => (
            <tr key={s.name} className={s.kind === "model" ? "is-model" : ""}>
              <th scope="row">{s.name}</th>
              <td className="bits-bar" aria-hidden="true">
                <i style={{ width: `${100 * (s.macroF1.value ?? 0)}%` }} />
              </td>
              <td className="number">
                {formatFixed(s.macroF1.value, 3)}
                <small>{within(s.macroF1)}</small>
              </td>
              <td className="number wide">{formatFixed(s.accuracy.value, 3)}</td>
              <td className="number wide">{s.kind === "model" ? "" : verdictOf(s.name)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

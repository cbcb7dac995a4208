/**
 * What a tuned classifier is worth: scores as bars with their intervals, best first, the model beside the baselines of the same run; then its classes one
 * by one, confusion matrix, thresholds, calibration and the most confident errors.
 */
import { reliabilityPlot } from "../../../src/evaluate/classification/plots.ts";
import { Confusion, PlotFigure } from "../evaluations/picture.tsx";
import { formatCount, formatFixed, formatP } from "../format.ts";
import type { ClassesReport } from "../generated/server.ts";
import { Figure } from "../parts/facts.tsx";
import { NumberTable } from "../parts/number-table.tsx";
import { GroupThresholds } from "./group-thresholds.tsx";

type Range = ClassesReport["scores"][number]["macroF1"];
const within = ({ low, high }: Range): string =>
  low === null || high === null ? "" : ` ${formatFixed(low, 3)} to ${formatFixed(high, 3)}`;

type Own = ClassesReport["scores"][number];

const Figures = ({ of: s, error }: { readonly of: Own; readonly error: number | null | undefined }) => (
  <dl className="figures">
    {(
      [
        ["Accuracy", s.accuracy.value, within(s.accuracy)],
        ["Balanced accuracy", s.balancedAccuracy, s.chance && within(s.chance.balancedAccuracy)],
        ["Matthews' correlation", s.mcc],
        ["Precision, macro", s.macro.precision],
        ["Recall, macro", s.macro.recall],
        ["F1, macro", s.macroF1.value, within(s.macroF1)],
        ["Calibration error", error],
      ] as const
    ).map(([label, value, note]) => (
      <Figure key={label} label={label} note={note}>
        {formatFixed(value, 3)}
      </Figure>
    ))}
  </dl>
);

const EachClass = ({ of }: { readonly of: NonNullable<Own["classes"]> }) => (
  <NumberTable
    head={["Class", "Documents", "Precision", "Recall", "F1"]}
    rows={of.map(c => [
      c.name,
      formatCount(c.support),
      formatFixed(c.precision, 3),
      formatFixed(c.recall, 3),
      <>
        {formatFixed(c.f1Range.value, 3)}
        <small>{within(c.f1Range)}</small>
      </>,
    ])}
  />
);

const Threshold = ({ of: t }: { readonly of: NonNullable<ClassesReport["threshold"]> }) => (
  <>
    <h3>Threshold for {t.positive}</h3>
    <p className="hint">
      A false positive costs {t.falsePositive}, a false negative {t.falseNegative}. Chosen on {formatCount(t.chosenOn)} validation
      documents; the figures are of the held-out ones.
    </p>
    <NumberTable
      head={["Chosen", "Threshold", "Mean cost", "Precision", "Recall", "F1"]}
      rows={t.rows.map(r => [
        r.by,
        r.threshold === null ? "none taken" : formatFixed(r.threshold, 3),
        ...[r.cost, r.precision, r.recall, r.f1].map(x => formatFixed(x, 3)),
      ])}
    />
  </>
);

/** The threshold that decides where no group's does, in words. */
function commonThreshold(of: ClassesReport["threshold"]): string {
  const cheapest = of?.rows.find(r => r.by === "cheapest");
  if (!cheapest) return "most probable class";
  return cheapest.threshold === null ? "none taken" : formatFixed(cheapest.threshold, 3);
}

const Wrongest = ({ of }: { readonly of: NonNullable<ClassesReport["wrongest"]> }) => (
  <details className="examples">
    <summary>{formatCount(of.length)} most confident errors</summary>
    <ul className="items">
      {of.map(w => (
        <li key={w.id}>
          <code>{w.id}</code>
          <p>{w.text}</p>
          <dl>
            <dt>predicted</dt>
            <dd>
              {w.predicted}, {formatFixed(w.probability, 3)}
            </dd>
            <dt>true class</dt>
            <dd>{w.truth}</dd>
          </dl>
        </li>
      ))}
    </ul>
  </details>
);

function Temperature({ error, logLoss, temperature: t }: NonNullable<ClassesReport["calibration"]>) {
  if (error === null || t?.error == null) return null;
  return (
    <p className="hint">
      Calibration error {formatFixed(error, 3)}, log loss {formatFixed(logLoss, 3)}. With temperature scaling (T = {formatFixed(t.value, 2)}
      , fitted on the validation part): {formatFixed(t.error, 3)}
      {t.logLoss == null ? "" : ` and ${formatFixed(t.logLoss, 3)}`}.
      {t.error < error - noticeable && isBelow(t.logLoss, logLoss) && " To apply it: loam serve --calibrated."}
    </p>
  );
}
const isBelow = (a: number | null | undefined, b: number | null | undefined): boolean => a != null && b != null && a < b;
/** A share of calibration error that is worth a sentence. */
const noticeable = 0.005;

export function Classes({ artifact, report }: { readonly artifact: string; readonly report: ClassesReport }) {
  const { test, label, scores, comparisons, confidence } = report;
  const sorted = scores.toSorted((a, b) => (b.macroF1.value ?? 0) - (a.macroF1.value ?? 0));
  const own = scores.find(s => s.kind === "model");
  const { classes, confusion, calibration, threshold, groupThresholds, wrongest = [], warnings = [], similarity = [] } = report;
  const verdictOf = (name: string) => comparisons.find(c => c.against === name)?.verdict ?? "";
  return (
    <section className="card" aria-labelledby={`classes-${artifact}`}>
      <header className="card-head">
        <h2 id={`classes-${artifact}`}>Held-out classification</h2>
        <p>
          F1, the mean over the classes of <code>{label}</code>; higher is better. {formatCount(test.documents)} documents in{" "}
          {formatCount(test.groups)} groups of near-duplicates, {Math.round(100 * confidence)} % intervals.
        </p>
      </header>
      <div className="scrolled">
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
                MCC
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
                <td className="number wide">{formatFixed(s.mcc, 3)}</td>
                <td className="number wide">{s.kind === "model" ? "" : verdictOf(s.name)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {warnings.length > 0 && (
        <ul className="warnings" aria-label="Warnings about the data">
          {warnings.map(w => (
            <li key={w.message}>{w.message}</li>
          ))}
        </ul>
      )}
      {own && (
        <>
          <h3>The model</h3>
          {own.chance && (
            <p className="hint">
              It is {own.chance.verdict}: balanced accuracy {formatFixed(own.chance.balancedAccuracy.value, 3)}, with permuted labels{" "}
              {formatFixed(own.chance.chance, 3)}, {formatP(own.chance.p)}.
            </p>
          )}
          <Figures of={own} error={calibration?.error} />
        </>
      )}
      {own?.classes && (
        <>
          <h3>Classes</h3>
          <EachClass of={own.classes} />
        </>
      )}
      {classes && confusion && (
        <>
          <h3>Confusion matrix</h3>
          <Confusion classes={classes} confusion={confusion} />
        </>
      )}
      {similarity.length > 0 && (
        <>
          <h3>Accuracy by similarity to the nearest training text</h3>
          <NumberTable
            head={["Jaccard similarity of words", "Documents", "Accuracy"]}
            rows={similarity.map(b => [
              `${formatFixed(b.from, 1)} to ${formatFixed(b.to, 1)}`,
              formatCount(b.texts),
              b.texts > 0 ? formatFixed(b.accuracy, 3) : "",
            ])}
          />
        </>
      )}
      {threshold && <Threshold of={threshold} />}
      {groupThresholds && <GroupThresholds of={groupThresholds} common={commonThreshold(threshold)} />}
      {calibration?.bins && (
        <>
          <h3>Calibration</h3>
          <Temperature {...calibration} />
          <div className="plots">
            <PlotFigure of={reliabilityPlot({ error: calibration.error, bins: calibration.bins })} />
          </div>
        </>
      )}
      {wrongest.length > 0 && <Wrongest of={wrongest} />}
    </section>
  );
}

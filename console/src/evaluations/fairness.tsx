/** Groups of a classification task: the rates of every group with their counts, and each fairness measure with its interval, or why it has none. */
import { formatCount } from "../format.ts";
import type { TaskReport } from "../generated/server.ts";
import { IntervalTable } from "./figures.tsx";
import { rangeOf } from "./interval.tsx";

type FairnessTable = NonNullable<TaskReport["fairness"]>[number];
type Rate = FairnessTable["groups"][number]["outcomes"][number]["baseRate"];

const rate = ({ value, count, of }: Rate): string =>
  value === undefined ? `- (0 of ${of})` : `${value.toFixed(3)} (${formatCount(count)}/${formatCount(of)})`;

const rates = [
  ["Base rate", "baseRate"],
  ["Selection rate", "selectionRate"],
  ["True positive rate", "truePositiveRate"],
  ["False positive rate", "falsePositiveRate"],
  ["Precision", "precision"],
] as const;

const Groups = ({ of: t }: { readonly of: FairnessTable }) => (
  <div className="scrolled">
    <table aria-label={`Groups by ${t.by.join(" and ")}`}>
      <thead>
        <tr>
          {["Group", "Class", "Items", ...rates.map(([name]) => name)].map(name => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {t.groups.flatMap(g =>
          g.outcomes.map(o => (
            <tr key={`${g.group} ${o.outcome}`}>
              <th scope="row">{g.isSmall ? `${g.group} (fewer than ${t.least})` : g.group}</th>
              <td>{o.outcome}</td>
              <td>{formatCount(g.items)}</td>
              {rates.map(([name, key]) => (
                <td key={name}>{rate(o[key])}</td>
              ))}
            </tr>
          )),
        )}
      </tbody>
    </table>
  </div>
);

/** Every grouping of a task. */
export const Fairness = ({ tables }: { readonly tables: readonly FairnessTable[] }) =>
  tables.map(t => {
    const measured = t.figures.flatMap(f =>
      f.value === undefined ? [] : [{ ...f, value: f.value, low: f.low ?? null, high: f.high ?? null }],
    );
    const unknown = t.figures.filter(f => f.value === undefined);
    return (
      <section key={t.name} aria-label={`Fairness by ${t.by.join(" and ")}`}>
        <h3>Groups by {t.by.join(" and ")}</h3>
        <Groups of={t} />
        {measured.length > 0 && (
          <IntervalTable
            head={["Fairness measure", "Groups", "Value, 95 % interval"]}
            rows={measured.map(f => ({
              name: f.measure,
              count: (f.groups ?? []).join(", "),
              ...f,
              range: rangeOf([f.value, f.low, f.high], 0, 1),
            }))}
          />
        )}
        {unknown.map(f => (
          <p key={f.measure}>
            {f.measure}: undefined, {f.undefined}
          </p>
        ))}
      </section>
    );
  });

/** Thresholds of one class by the group of a text: each group's threshold, and its rates on the test set with and without it. */
import { missingValue } from "../../../src/statistics/fairness/groups.ts";
import { formatCount, formatFixed } from "../format.ts";
import type { ClassesReport } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";

type Report = NonNullable<ClassesReport["groupThresholds"]>;
type Row = Report["rows"][number];
const rates = [
  ["Selection rate", "selectionRate"],
  ["True positive rate", "truePositiveRate"],
  ["False positive rate", "falsePositiveRate"],
] as const;
const gaps = [
  ["Equalised odds", "equalisedOdds"],
  ["Equal opportunity", "equalOpportunity"],
  ["Demographic parity", "demographicParity"],
] as const;

const goalText = (goal: string): string => gaps.find(([, key]) => key === goal)?.[0].toLowerCase() ?? goal;
const thresholdText = (at: number | null): string => (at === null ? "none taken" : formatFixed(at, 3));
const fixed = (value: number | undefined): string => (value === undefined ? "-" : formatFixed(value, 3));

function Gap({ of, measure }: { readonly of: Row; readonly measure: string }) {
  const { value, low, high } = of.fairness.figures.find(f => f.measure === measure) ?? {};
  return (
    <>
      {fixed(value)}
      {low !== undefined && high !== undefined && (
        <small>
          {" "}
          {formatFixed(low, 3)} to {formatFixed(high, 3)}
        </small>
      )}
    </>
  );
}

export function GroupThresholds({ of: t, common }: { readonly of: Report; readonly common: string }) {
  const own = t.rows.find(r => r.by === "group thresholds");
  const before = t.rows.find(r => r.by === "common threshold");
  const groupOf = (row: Row | undefined, name: string) => row?.fairness.groups.find(g => g.group === name);
  const rateOf = (row: Row | undefined, name: string, key: (typeof rates)[number][1]) =>
    groupOf(row, name)?.outcomes.find(o => o.outcome === t.label)?.[key].value;
  return (
    <section aria-label={`Thresholds by ${t.attribute}`}>
      <h3>
        Thresholds for {t.label} by {t.attribute}
      </h3>
      <p className="hint">
        Chosen on the validation set: {goalText(t.goal)} within {t.bound}. The figures are of the test set, with the thresholds of the
        groups; small: with the common threshold.
      </p>
      <NumberTable
        head={["Group", "Threshold", "Texts", ...rates.map(([name]) => name)]}
        rows={[
          ...t.groups.map(({ group, at }) => [
            group,
            thresholdText(at),
            formatCount(groupOf(own, group)?.items ?? 0),
            ...rates.map(([, key]) => (
              <>
                {fixed(rateOf(own, group, key))}
                <small> {fixed(rateOf(before, group, key))}</small>
              </>
            )),
          ]),
          [
            "common (no group)",
            common,
            formatCount(t.without),
            ...rates.map(([, key]) => (t.without > 0 ? fixed(rateOf(before, missingValue, key)) : "-")),
          ],
        ]}
      />
      <NumberTable
        head={["Decided by", ...t.rows.map(r => r.by)]}
        rows={[
          ["Accuracy", ...t.rows.map(r => formatFixed(r.accuracy, 3))],
          ...gaps.map(([name, measure]) => [name, ...t.rows.map(r => <Gap key={r.by} of={r} measure={measure} />)]),
        ]}
      />
    </section>
  );
}

/** Cost against quality: runs as points, what each group needs to the baseline's quality, two ledgers beside each other. All choices stand in the address. */
import { useMemo } from "react";
import { useChoice, useOption } from "../choices.ts";
import { CostChart } from "../cost/chart.tsx";
import { costColumns, costPoints, groupColumns, qualityColumns, usualBaseline, usualBetter, usualGroup } from "../cost/columns.ts";
import { Ledgers } from "../cost/ledgers.tsx";
import { type Better, type CostPoint, directions, type GroupCost, groupCosts } from "../cost/to-quality.ts";
import { formatNumber, formatShare, none } from "../format.ts";
import type { RunTable } from "../generated/runs.ts";
import { Empty, FailureNotice, Waiting } from "../parts/notice.tsx";
import { NumberTable } from "../parts/number-table.tsx";
import { Pick as PickOne } from "../parts/pick.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { useResource } from "../resource.ts";
import { runTable } from "../runs/api.ts";
import { columnLabel } from "../runs/cells.ts";
import { TypedField } from "../runs/controls.tsx";
import "../runs/details.css";
import "../runs/runs.css";
import "../cost/cost.css";

/** More points than this nobody reads. */
const mostRuns = 2_000;
/** More lines than this nobody tells apart: the groups that need the least. */
const mostGroups = 8;
const fresh = { on: ["runs", "artifacts"], everyMs: 10_000 } as const;
const headOf = (name: string) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
const labelOf = (key: string) => columnLabel({ key });

const savingText = ({ ratio, interval, isAtMost }: GroupCost): string => {
  if (ratio === null) return none;
  const range = interval ? ` [${formatShare(1 - interval[1])}, ${formatShare(1 - interval[0])}]` : "";
  return `${isAtMost ? "at least " : ""}${formatShare(1 - ratio)}${range}`;
};
const seedsText = ({ seeds, missed }: GroupCost): string =>
  seeds + missed === 0 ? "no seed of the baseline" : missed > 0 ? `${seeds} of ${seeds + missed} reached it` : String(seeds);

/** Bars from 0 to the greatest cost, one a group. */
function CostBars({ rows }: { readonly rows: readonly GroupCost[] }) {
  const told = rows.filter(r => r.cost !== null);
  const most = Math.max(...told.map(r => r.cost!));
  return (
    <ul className="cost-bars" aria-hidden="true">
      {told.map(r => (
        <li key={r.group}>
          <span>{r.group}</span>
          <i style={{ width: `${(100 * r.cost!) / most}%` }} />
          <b>{formatNumber(r.cost)}</b>
        </li>
      ))}
    </ul>
  );
}

interface ComparedProps {
  readonly points: readonly CostPoint[];
  readonly costName: string;
  readonly qualityName: string;
  readonly better: Better;
}

function Compared({ points, costName, qualityName, better }: ComparedProps) {
  const [baselineChoice, setBaseline] = useChoice("baseline");
  const [firstChoice, setFirst] = useChoice("first");
  const [secondChoice, setSecond] = useChoice("second");
  const names = [...new Set(points.map(p => p.group))];
  const baseline = names.includes(baselineChoice) ? baselineChoice : usualBaseline(points);
  const rows = useMemo(() => groupCosts(points, baseline, better), [points, baseline, better]);
  const shown = rows.slice(0, mostGroups).map(r => r.group);
  const targets = points.filter(p => p.group === baseline).map(p => p.quality);
  const target = targets.length === 0 ? null : better === "lower" ? Math.min(...targets) : Math.max(...targets);
  const nameOf = (artifact: string) => points.find(p => p.artifact === artifact)?.name ?? artifact;
  const made = points.flatMap(p => (p.artifact === null ? [] : [{ artifact: p.artifact, isBaseline: p.group === baseline }]));
  const ids = made.map(m => m.artifact);
  const first = ids.includes(firstChoice) ? firstChoice : ((made.find(m => !m.isBaseline) ?? made[0])?.artifact ?? "");
  const besides = made.filter(m => m.artifact !== first);
  const second = ids.includes(secondChoice) ? secondChoice : ((besides.find(m => m.isBaseline) ?? besides[0])?.artifact ?? "");
  return (
    <>
      <section className="card" aria-label="Cost against quality">
        <header className="card-head">
          <h2>Cost against quality</h2>
          {rows.length > shown.length && (
            <p>
              {shown.length} of {rows.length} groups
            </p>
          )}
        </header>
        <CostChart
          points={points.filter(p => shown.includes(p.group))}
          groups={shown}
          costName={costName}
          qualityName={qualityName}
          target={target}
        />
        <details className="examples">
          <summary>Run by run</summary>
          <NumberTable
            head={["Run", "Group", "Seed", headOf(costName), headOf(qualityName)]}
            rows={points.map(p => [p.name, p.group, p.seed || none, formatNumber(p.cost), formatNumber(p.quality, 4)])}
          />
        </details>
      </section>
      <section className="card" aria-label="Cost to the baseline's quality">
        <header className="card-head">
          <h2>Cost to the baseline's quality</h2>
          <p>Interpolated between the runs of a group, per seed. Cost of these runs alone, without data and searches.</p>
        </header>
        <div className="bar">
          <PickOne label="Baseline" value={baseline} options={names} nameOf={n => `Baseline: ${n}`} onPick={setBaseline} />
        </div>
        <CostBars rows={rows} />
        <NumberTable
          head={["Group", "Runs", "Seeds", headOf(costName), "Cost / baseline", "Saving, 95 % CI"]}
          rows={rows.map(r => [
            r.group,
            r.runs,
            seedsText(r),
            r.cost === null ? none : `${r.isAtMost ? "at most " : ""}${formatNumber(r.cost)}`,
            formatNumber(r.ratio),
            r.group === baseline ? "baseline" : savingText(r),
          ])}
        />
      </section>
      {second !== "" && (
        <section className="card costs" aria-label="Two ledgers">
          <header className="card-head">
            <h2>Two ledgers</h2>
            <p>Everything behind a run: data, tokenizer, searches, training, evaluations.</p>
          </header>
          <div className="bar">
            <PickOne label="First run" value={first} options={ids} nameOf={nameOf} onPick={setFirst} />
            <PickOne label="Second run" value={second} options={ids} nameOf={nameOf} onPick={setSecond} />
          </div>
          <Ledgers first={{ artifact: first, name: nameOf(first) }} second={{ artifact: second, name: nameOf(second) }} />
        </section>
      )}
    </>
  );
}

function Chosen({ table }: { readonly table: RunTable }) {
  const { columns, rows } = table;
  const [costs, qualities, groups] = [costColumns(columns), qualityColumns(columns), groupColumns(columns)];
  const [cost, setCost] = useChoice("cost", costs[0] ?? "");
  const [quality, setQuality] = useChoice("quality", qualities[0] ?? "");
  const [group, setGroup] = useChoice("group", usualGroup(columns));
  const [better, setBetter] = useOption("better", directions, usualBetter(quality));
  const { points, unit, otherUnits } = useMemo(
    () => costPoints(rows, columns, { cost, quality, group }),
    [rows, columns, cost, quality, group],
  );
  const costUnit = columns.find(c => c.key === cost)?.unit;
  const named = (key: string, of: string | null | undefined) => {
    const name = labelOf(key).toLowerCase();
    return of && of.replace("-", " ") !== name ? `${name}, ${of}` : name;
  };
  return (
    <>
      <div className="bar">
        <PickOne label="Cost" value={cost} options={costs} nameOf={labelOf} onPick={setCost} />
        <PickOne label="Quality" value={quality} options={qualities} nameOf={labelOf} onPick={setQuality} />
        <PickOne label="Group by" value={group} options={groups} nameOf={key => `By ${labelOf(key).toLowerCase()}`} onPick={setGroup} />
        <Segmented
          label="Better"
          options={directions}
          value={better}
          onChange={setBetter}
          names={{ lower: "Lower is better", higher: "Higher is better" }}
        />
      </div>
      {otherUnits > 0 && (
        <p className="hint">
          {otherUnits} runs have {labelOf(quality).toLowerCase()} in another unit and are left out. Filter, for example by kind, to see
          them.
        </p>
      )}
      {points.length === 0 ? (
        <Empty icon="cost" title="No run has both">
          <p>A run is a point here when it has a ledger and a result. Choose another cost or quality, or change the filter.</p>
        </Empty>
      ) : (
        <Compared points={points} costName={named(cost, costUnit)} qualityName={named(quality, unit)} better={better} />
      )}
    </>
  );
}

export function Cost() {
  const [filter, setFilter] = useChoice("filter");
  const query = { filter: filter || null, training: "yes", sort: "-started", limit: mostRuns } as const;
  const table = useResource(`cost-runs ${filter}`, signal => runTable.table(query, signal), fresh);
  const isOfFilter = table.failure?.kind === "refused" && table.failure.message.startsWith("filter ");
  const { data } = table;
  return (
    <>
      <header className="page-head">
        <h1>Cost</h1>
      </header>
      <div className="run-controls">
        <TypedField
          label="Filter"
          value={filter}
          placeholder="model = mail-small and not state = failed"
          problem={isOfFilter ? table.failure?.message : undefined}
          onValue={setFilter}
        />
      </div>
      {table.failure && !isOfFilter && table.failure.kind !== "unreachable" && (
        <FailureNotice failure={table.failure} retry={table.reload} />
      )}
      {data === undefined ? (
        !table.failure && <Waiting label="Loading runs" />
      ) : data.total === 0 ? (
        <Empty icon="cost" title="No run yet">
          <p>
            <code>loam train</code> and <code>loam tune</code> record what a run used. Train the same model in two ways to compare them
            here.
          </p>
        </Empty>
      ) : (
        <Chosen table={data} />
      )}
    </>
  );
}

/** Runs beside each other: curves over each other, a chart per figure and unit; options against a result; what differs; what they cost. */
import { useMemo } from "react";
import { api } from "../api.ts";
import { formatNumber, words } from "../format.ts";
import type { RunColumn, RunRow } from "../generated/runs.ts";
import type { Logged } from "../generated/server.ts";
import { Chart } from "../parts/chart.tsx";
import type { Series } from "../parts/chart-options.ts";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { colourOf, isDashed } from "./colours.ts";
import { RunDetails } from "./details.tsx";
import { byUnit, columnNames, type DifferingRow, differing, overlaid } from "./differing.ts";
import { Parallel } from "./parallel-view.tsx";

interface DifferingProps {
  readonly title: string;
  readonly rows: readonly DifferingRow[];
  readonly names: readonly string[];
}

const Differing = ({ title, rows, names }: DifferingProps) => (
  <section className="card" aria-label={title}>
    <header className="card-head">
      <h2>{title}</h2>
    </header>
    {rows.length === 0 ? (
      <p className="hint">The same in all.</p>
    ) : (
      <div className="table-frame">
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">Name</th>
              {names.map(n => (
                <th key={n} scope="col">
                  {n}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                {row.values.map((v, i) => (
                  <td key={names[i]} className="text">
                    {v ?? <span className="hint">none</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </section>
);

function Figures({ runs, names }: { readonly runs: readonly Logged[]; readonly names: readonly string[] }) {
  const charts = useMemo(
    () =>
      columnNames(runs).flatMap(name =>
        byUnit(runs, name).map(({ unit, members }) => {
          const { x, ys } = overlaid(
            members.map(i => runs[i]!),
            name,
          );
          const series = members.flatMap((run, i): Series[] =>
            ys[i]!.every(v => v === null)
              ? []
              : [
                  {
                    label: names[run] ?? "",
                    values: ys[i]!,
                    colour: colourOf(run),
                    width: 1.5,
                    ...(isDashed(run) ? { dash: [5, 4] } : {}),
                  },
                ],
          );
          return { name, unit, x, series };
        }),
      ),
    [runs, names],
  );
  if (charts.length === 0)
    return (
      <Empty icon="runs" title="They logged no figures">
        <p>
          Every number of a line of <code>metrics.jsonl</code> is a curve here, whatever its name.
        </p>
      </Empty>
    );
  return (
    <div className="two">
      {charts.map(({ name, unit, x, series }) => {
        const title = unit === null ? words(name) : `${words(name)}, ${unit}`;
        return (
          <section className="card" key={title} aria-label={title}>
            <Chart title={title} unit="step" x={x} series={series} height={180} group="runs" format={v => formatNumber(v)} />
          </section>
        );
      })}
    </div>
  );
}

const notLogged = (row: RunRow): Logged => ({
  artifact: row.id,
  stage: row.stage,
  options: {},
  summary: {},
  madeFrom: {},
  steps: [],
  columns: {},
  units: {},
});

/** Costs of that many runs are shown in full. */
const mostCosts = 4;
const lookMs = 5_000;

interface CompareProps {
  readonly rows: readonly RunRow[];
  readonly names: readonly string[];
  readonly columns: readonly RunColumn[];
}

export function Compare({ rows, names, columns }: CompareProps) {
  const isGoing = rows.some(r => r.values.state === "running");
  const loaded = useResource(
    `logged ${rows.map(r => r.id).join(" ")}`,
    signal => Promise.all(rows.map(row => (row.artifact === null ? notLogged(row) : api.logged(row.artifact, signal)))),
    isGoing ? { on: ["runs"], everyMs: lookMs } : {},
  );
  return (
    <Loaded resource={loaded} what="what they logged">
      {found => (
        <>
          <Figures runs={found} names={names} />
          {rows.length > 1 && (
            <>
              <Parallel rows={rows} names={names} columns={columns} />
              <Differing
                title="Options that differ"
                rows={differing(found.map(r => ({ stage: r.stage, ...Object(r.options) })))}
                names={names}
              />
              <Differing title="Inputs" rows={differing(found.map(r => r.madeFrom))} names={names} />
              <Differing title="Results" rows={differing(found.map(r => r.summary))} names={names} />
            </>
          )}
          {rows
            .slice(0, mostCosts)
            .map((row, i) =>
              row.artifact !== null && row.values.state === "done" ? (
                <RunDetails key={row.id} artifact={row.artifact} name={names[i]!} />
              ) : null,
            )}
        </>
      )}
    </Loaded>
  );
}

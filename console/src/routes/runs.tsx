/** Runs beside each other: the options, inputs and results that differ, and every figure that they logged, overlaid. */
import { useMemo, useState } from "react";
import { api } from "../api.ts";
import { formatAgo, formatMoment, formatNumber, words } from "../format.ts";
import type { Logged, Run } from "../generated/server.ts";
import { Chart } from "../parts/chart.tsx";
import type { Series } from "../parts/chart-options.ts";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useTheme } from "../parts/theme.ts";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { RunDetails } from "../runs/details.tsx";
import { columnNames, type DifferingRow, differing, overlaid } from "../runs/differing.ts";
import { runColours } from "../training/curves-view.tsx";

interface TableProps {
  readonly runs: readonly Run[];
  readonly shown: readonly string[];
  readonly nameOf: (artifact: string) => string;
  onTick(artifact: string): void;
}

function RunTable({ runs, shown, nameOf, onTick }: TableProps) {
  const theme = useTheme();
  return (
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Compare</th>
            <th scope="col">Run</th>
            <th scope="col">Stage</th>
            <th scope="col" className="wide">
              Ended
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => {
            const at = shown.indexOf(run.artifact);
            return (
              <tr key={run.artifact}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`Compare ${nameOf(run.artifact)}`}
                    checked={at >= 0}
                    disabled={at < 0 && shown.length >= runColours.length}
                    onChange={() => onTick(run.artifact)}
                  />
                </td>
                <th scope="row">
                  {at >= 0 && <i className="swatch run" style={{ color: theme[runColours[at]!] }} />}
                  <a href={routeHash("training", run.artifact)}>{nameOf(run.artifact)}</a>
                </th>
                <td>{run.stage}</td>
                <td className="wide" title={run.endedAt === null ? undefined : formatMoment(run.endedAt)}>
                  {run.endedAt === null ? "running" : formatAgo(run.endedAt, Date.now())}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

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
                    {v ?? <span className="hint">not said</span>}
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
      columnNames(runs).map(name => {
        const { x, ys } = overlaid(runs, name);
        const series = ys.flatMap((values, i): Series[] =>
          values.every(v => v === null) ? [] : [{ label: names[i] ?? "", values, colour: runColours[i]!, width: 1.5 }],
        );
        return { name, x, series };
      }),
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
      {charts.map(({ name, x, series }) => (
        <section className="card" key={name} aria-label={words(name)}>
          <Chart title={words(name)} unit="step" x={x} series={series} height={180} group="runs" format={v => formatNumber(v)} />
        </section>
      ))}
    </div>
  );
}

interface CostsProps {
  readonly artifacts: readonly string[];
  readonly runs: readonly Run[];
  readonly nameOf: (artifact: string) => string;
}

/** Of runs that have ended: what they cost, and what their kernels took where that was timed. */
const Costs = ({ artifacts, runs, nameOf }: CostsProps) =>
  artifacts
    .filter(a => runs.some(r => r.artifact === a && r.endedAt !== null))
    .map(a => <RunDetails key={a} artifact={a} name={nameOf(a)} />);

const lookMs = 10_000;

export function Runs({ id }: { readonly id: string | null }) {
  const runs = useResource("runs", api.runs, { on: ["runs"], everyMs: lookMs });
  const models = useResource("models", api.models, { on: ["artifacts"], everyMs: lookMs });
  const [ticked, setTicked] = useState<readonly string[] | null>(null);
  const all = runs.data ?? [];
  const given = id === null ? all.slice(0, 2).map(r => r.artifact) : id.split(",");
  const shown = (ticked ?? given).filter(a => all.some(r => r.artifact === a)).slice(0, runColours.length);
  const names = new Map((models.data ?? []).map(m => [m.artifact, m.id]));
  const nameOf = (artifact: string) => names.get(artifact) ?? artifact;
  const loaded = useResource(shown.length === 0 ? null : `logged ${shown.join(" ")}`, signal =>
    Promise.all(shown.map(artifact => api.logged(artifact, signal))),
  );
  const namesShown = shown.map(nameOf).join("\n");
  const named = useMemo(() => namesShown.split("\n"), [namesShown]);
  const tick = (artifact: string) => setTicked(shown.includes(artifact) ? shown.filter(a => a !== artifact) : [...shown, artifact]);
  return (
    <>
      <header className="page-head">
        <h1>Runs</h1>
      </header>
      <Loaded resource={runs} what="runs">
        {list =>
          list.length === 0 ? (
            <Empty icon="runs" title="No run yet">
              <p>
                <code>loam train</code> and <code>loam tune</code> record the options, logs and results of a run.
              </p>
            </Empty>
          ) : (
            <>
              <RunTable runs={list} shown={shown} nameOf={nameOf} onTick={tick} />
              {shown.length === 0 ? (
                <p className="hint">Choose up to four to compare.</p>
              ) : (
                <Loaded resource={loaded} what="what they logged">
                  {found => (
                    <>
                      {found.length > 1 && (
                        <>
                          <Differing
                            title="Options that differ"
                            rows={differing(found.map(r => ({ stage: r.stage, ...Object(r.options) })))}
                            names={named}
                          />
                          <Differing title="What they were made from" rows={differing(found.map(r => r.madeFrom))} names={named} />
                          <Differing title="What came of them" rows={differing(found.map(r => r.summary))} names={named} />
                        </>
                      )}
                      <Costs artifacts={shown} runs={list} nameOf={nameOf} />
                      <Figures runs={found} names={named} />
                    </>
                  )}
                </Loaded>
              )}
            </>
          )
        }
      </Loaded>
    </>
  );
}

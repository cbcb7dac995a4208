/** Training: the runs, the curves of the chosen one (beside others, if wanted), and what it scored. */
import { useMemo } from "react";
import { api } from "../api.ts";
import { useChoice, useRoute } from "../choices.ts";
import { formatAgo, formatFixed, formatMoment, formatShort, formatWait, none } from "../format.ts";
import type { Evaluation, Run } from "../generated/server.ts";
import { Id } from "../parts/copy.tsx";
import { Figure } from "../parts/facts.tsx";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { lastOf } from "../parts/value-at.ts";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { Bits } from "../training/bits.tsx";
import { Classes } from "../training/classes.tsx";
import { besideTrain, column, lowestOf, medianOf } from "../training/curves.ts";
import { Curves, type NamedRun, runColours } from "../training/curves-view.tsx";
import { Folds } from "../training/folds.tsx";
import { Labels } from "../training/labels.tsx";
import { hasMasks, Masks } from "../training/masks.tsx";
import { Numbers } from "../training/numbers.tsx";

const tookMs = (run: Run): number | null => (run.startedAt === null || run.endedAt === null ? null : run.endedAt - run.startedAt);
const isGoing = (run: Run): boolean => run.endedAt === null;
const numberOf = (value: unknown): number | null => (typeof value === "number" ? value : null);

interface RunsProps {
  readonly runs: readonly Run[];
  readonly chosen: string;
  readonly beside: readonly string[];
  readonly nameOf: (artifact: string) => string;
  onBeside(artifact: string): void;
}

function RunTable({ runs, chosen, beside, nameOf, onBeside }: RunsProps) {
  const { choices } = useRoute();
  // the other choices stay, but a run is not compared with itself
  const linkOf = (artifact: string) =>
    routeHash("training", artifact, { ...choices, beside: beside.filter(b => b !== artifact).join(",") });
  const isFull = beside.length >= runColours.length - 1;
  return (
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col" className="number">
              Held-out loss
            </th>
            <th scope="col" className="number">
              Tokens
            </th>
            <th scope="col" className="number wide">
              Took
            </th>
            <th scope="col" className="wide">
              Ended
            </th>
            {runs.length > 1 && <th scope="col">Compare</th>}
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <tr key={run.artifact} className={run.artifact === chosen ? "is-chosen" : ""}>
              <th scope="row">
                <a href={linkOf(run.artifact)} aria-current={run.artifact === chosen ? "true" : undefined}>
                  {nameOf(run.artifact)}
                </a>
              </th>
              <td className="number">{formatFixed(numberOf(run.summary.heldOutNats), 3)}</td>
              <td className="number">{formatShort(numberOf(run.summary.tokens))}</td>
              <td className="number wide">{formatWait(tookMs(run))}</td>
              <td className="wide" title={run.endedAt === null ? undefined : formatMoment(run.endedAt)}>
                {run.endedAt === null ? "running" : formatAgo(run.endedAt, Date.now())}
              </td>
              {runs.length > 1 && (
                <td>
                  {run.artifact === chosen ? (
                    <span className="hint">shown</span>
                  ) : (
                    <input
                      type="checkbox"
                      aria-label={`Compare with ${nameOf(run.artifact)}`}
                      checked={beside.includes(run.artifact)}
                      disabled={isFull && !beside.includes(run.artifact)}
                      onChange={() => onBeside(run.artifact)}
                    />
                  )}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ChosenProps {
  readonly run: Run;
  readonly runs: readonly NamedRun[];
  readonly evaluation: Evaluation | undefined;
}

function HeldOut({ report, stage }: { readonly report: Evaluation["report"] | undefined; readonly stage: string }) {
  if (report?.task === "classification") {
    const own = report.scores.find(s => s.kind === "model");
    return <Figure label="Held-out F1">{formatFixed(own?.macroF1.value, 3)}</Figure>;
  }
  if (report?.task === "multi-label classification") {
    const own = report.scores.find(s => s.kind === "model");
    return <Figure label="Held-out average precision">{formatFixed(own?.meanAveragePrecision.value, 3)}</Figure>;
  }
  if (report?.task === "regression") return <Figure label="Held-out error">{formatFixed(report.scores.mae.value, 3)}</Figure>;
  // a trial of a search is reported on by its study
  if ((!report || report.task === "cross-validation") && besideTrain(stage) === "validation") return null;
  const bits = report?.task === "bits-per-byte" ? report.scores.find(s => s.kind === "model") : undefined;
  return <Figure label="Held-out bits per byte">{formatFixed(bits?.bitsPerByte, 3)}</Figure>;
}

function Figures({ run, runs, evaluation }: ChosenProps) {
  const points = runs[0]?.points ?? [];
  const heldOut = column(points, "heldOut");
  return (
    <dl className="figures">
      <HeldOut report={evaluation?.report} stage={run.stage} />
      <Figure
        label={besideTrain(run.stage) === "validation" ? "Validation loss" : "Held-out loss"}
        note={`lowest ${formatFixed(lowestOf(heldOut), 3)}`}
      >
        {formatFixed(lastOf(heldOut), 3)}
      </Figure>
      <Figure label="Tokens" note={`${points.at(-1)?.step.toLocaleString("en-US") ?? none} steps`}>
        {formatShort(points.at(-1)?.tokens)}
      </Figure>
      <Figure label="Tokens per second" note="median">
        {formatShort(medianOf(column(points, "tokensPerSecond")))}
      </Figure>
      <Figure label="Took">{formatWait(tookMs(run))}</Figure>
    </dl>
  );
}

/** While a run goes on, its points come this often. */
const goingMs = 2_000;
/** Between looks at what there is. */
const lookMs = 10_000;

export function Training({ id }: { readonly id: string | null }) {
  const runs = useResource("runs", api.runs, { on: ["runs"], everyMs: lookMs });
  const models = useResource("models", api.models, { on: ["artifacts"], everyMs: lookMs });
  const evaluations = useResource("evaluations", api.evaluations, { on: ["artifacts"], everyMs: lookMs });
  const [besideChoice, setBeside] = useChoice("beside");
  const ticked = besideChoice === "" ? [] : besideChoice.split(",");
  const all = runs.data ?? [];
  // an id that is unknown is said to be so, and nothing else is shown in its place
  const chosen = id === null ? all[0] : all.find(r => r.artifact === id);
  const beside = ticked.filter(t => t !== chosen?.artifact && all.some(r => r.artifact === t)).slice(0, runColours.length - 1);
  const shown = chosen ? [chosen.artifact, ...beside] : [];
  const metrics = useResource(
    chosen ? `metrics ${shown.join(" ")}` : null,
    signal => Promise.all(shown.map(artifact => api.metrics(artifact, signal))),
    all.some(r => shown.includes(r.artifact) && isGoing(r)) ? { on: ["runs"], everyMs: goingMs } : {},
  );
  const masksOf = chosen && hasMasks(chosen.stage) && !isGoing(chosen) ? chosen.artifact : null;
  // a model whose examples are no longer kept has none to show
  const masks = useResource(masksOf && `examples ${masksOf}`, signal => api.examples(masksOf!, signal));
  const names = new Map((models.data ?? []).map(m => [m.artifact, m.id]));
  // what was made on the way to a version has a name, and others may have the same
  const nameOf = (artifact: string) => {
    const own = all.find(r => r.artifact === artifact)?.summary.name;
    return names.get(artifact) ?? (typeof own === "string" ? `${own} (${artifact.split("-").at(-1)?.slice(0, 4)})` : artifact);
  };
  const runOf = (artifact: string) => all.find(r => r.artifact === artifact);
  const runsShown = shown.map(a => `${runOf(a)?.stage ?? ""}\t${runOf(a)?.lossUnit ?? ""}\t${nameOf(a)}`).join("\n");
  const named = useMemo(() => {
    const told = runsShown.split("\n").map(line => line.split("\t"));
    return (metrics.data ?? []).map(
      (m, i): NamedRun => ({
        stage: told[i]?.[0] ?? "",
        lossUnit: told[i]?.[1] ?? "",
        name: told[i]?.[2] ?? "",
        points: m.points,
      }),
    );
  }, [metrics.data, runsShown]);
  const evaluation = evaluations.data?.find(e => e.model === chosen?.artifact && e.report.task !== "cross-validation");

  return (
    <>
      <header className="page-head">
        <h1>Training</h1>
      </header>
      <Loaded resource={runs} what="runs">
        {list =>
          chosen === undefined && id !== null ? (
            <Unknown what="run" id={id}>
              <a href={routeHash("runs")}>Runs</a> lists all of them.
            </Unknown>
          ) : chosen === undefined ? (
            <Empty icon="training" title="No training yet">
              <p>
                Describe a model in <code>loam.yaml</code> and run <code>loam train</code>. Its curves appear here.
              </p>
            </Empty>
          ) : (
            <>
              <RunTable
                runs={list}
                chosen={chosen.artifact}
                beside={beside}
                nameOf={nameOf}
                onBeside={artifact =>
                  setBeside((beside.includes(artifact) ? beside.filter(t => t !== artifact) : [...beside, artifact]).join(","))
                }
              />
              <div className="subject">
                <h2>{nameOf(chosen.artifact)}</h2>
                <Id id={chosen.artifact} />
                <a className="push" href={routeHash("lineage", chosen.artifact)}>
                  Lineage
                </a>
              </div>
              <Loaded resource={metrics} what="curves">
                {() => (
                  <>
                    <Figures run={chosen} runs={named} evaluation={evaluation} />
                    {named[0]?.points.length === 0 ? (
                      <Empty icon="training" title="No steps logged yet">
                        <p>The first points appear with the first steps.</p>
                      </Empty>
                    ) : (
                      <Curves runs={named} />
                    )}
                  </>
                )}
              </Loaded>
              {masksOf && masks.data && <Masks artifact={masksOf} examples={masks.data} />}
              <Loaded resource={evaluations} what="evaluations">
                {found => {
                  const own = found.filter(e => e.model === chosen.artifact);
                  return own.length === 0 ? (
                    <Empty icon="models" title="Not evaluated yet">
                      <p>
                        <code>loam eval</code> measures it on a task.
                      </p>
                    </Empty>
                  ) : (
                    own.map(({ artifact, report }) =>
                      report.task === "cross-validation" ? (
                        <Folds key={artifact} artifact={artifact} report={report} />
                      ) : report.task === "classification" ? (
                        <Classes key={artifact} artifact={artifact} report={report} />
                      ) : report.task === "multi-label classification" ? (
                        <Labels key={artifact} artifact={artifact} report={report} />
                      ) : report.task === "regression" ? (
                        <Numbers key={artifact} artifact={artifact} report={report} />
                      ) : (
                        <Bits key={artifact} artifact={artifact} report={report} />
                      ),
                    )
                  );
                }}
              </Loaded>
            </>
          )
        }
      </Loaded>
    </>
  );
}

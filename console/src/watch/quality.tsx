/** Quality on traffic: of labelled requests with intervals, estimated without labels, and as it was evaluated before. */

import { formatCount, formatFixed, formatShare, none, words } from "../format.ts";
import type { Interval, WatchQuality, WatchQualityVersion } from "../generated/watch.ts";
import { Chart } from "../parts/chart.tsx";
import { NumberTable } from "../parts/number-table.tsx";
import { useResource } from "../resource.ts";
import { watch } from "./api.ts";

const lookMs = 30_000;

const within = (i: Interval | null) =>
  i === null ? (
    none
  ) : (
    <>
      {formatFixed(i.value, 3)} <small className="within">{`[${formatFixed(i.low, 3)}, ${formatFixed(i.high, 3)}]`}</small>
    </>
  );

function figureRows({ true: of, estimated }: WatchQualityVersion) {
  const rows: readonly (readonly [string, Interval | null, Interval | null])[] = [
    ["accuracy", of.accuracy, estimated.accuracy],
    ["macro F1", of.macroF1, estimated.macroF1 === null ? null : { value: estimated.macroF1, low: null, high: null }],
    ["log loss, nats", of.logLoss, estimated.logLoss],
    ["mean score", of.score, null],
    ["NLL per token, nats", null, estimated.nll],
  ];
  return rows
    .filter(([, a, b]) => a !== null || b !== null)
    .map(([name, a, b]) => [name, within(a), b !== null && b.low === null ? formatFixed(b.value, 3) : within(b)]);
}

function Selection({ of }: { readonly of: WatchQualityVersion }) {
  const { selection: s, responses, true: figures } = of;
  const differ = s.p !== null && s.p < 0.05;
  return (
    <p className="hint">
      {formatCount(figures.requests)} of {formatCount(responses)} responses are labelled
      {s.share === null ? "" : ` (${formatShare(s.share)})`}, {formatCount(figures.trusted)} by trusted sources.{" "}
      {differ
        ? `They differ from the rest: mean confidence ${formatFixed(s.confidenceLabelled, 3)}, of all ${formatFixed(s.confidenceAll, 3)}.`
        : "Labelled requests may differ from the rest. The estimate holds as far as the model's probabilities are calibrated."}
    </p>
  );
}

const evaluated = ({ evaluation }: WatchQualityVersion): string =>
  Object.entries(evaluation ?? {})
    .flatMap(([name, value]) => (typeof value === "number" ? [`${words(name)} ${formatFixed(value, 3)}`] : []))
    .join(", ");

function DayChart({ days }: { readonly days: WatchQualityVersion["days"] }) {
  const rising = [...days].reverse();
  const values = (of: (d: WatchQualityVersion["days"][number]) => Interval | null) => rising.map(d => of(d)?.value ?? null);
  const [known, estimated] = [values(d => d.true.accuracy), values(d => d.estimated.accuracy)];
  if (rising.length < 2 || ![...known, ...estimated].some(v => v !== null)) return null;
  return (
    <Chart
      title="Accuracy by day"
      unit="time"
      isTime
      x={rising.map(d => Date.parse(d.day) / 1000)}
      height={150}
      series={[
        { label: "labelled", values: known, colour: "accent", width: 1.5 },
        { label: "estimated", values: estimated, colour: "slate", width: 1.5, dash: [5, 4] },
      ]}
      format={v => formatFixed(v, 3)}
    />
  );
}

function Version({ model, of }: { readonly model: string; readonly of: WatchQualityVersion }) {
  const rows = figureRows(of);
  const before = evaluated(of);
  return (
    <div className="card">
      <header className="card-head">
        <h3>{of.version === null ? model : `${model}@${of.version}`}</h3>
      </header>
      {rows.length > 0 && <NumberTable head={["last 30 days", "labelled, 95 % CI", "estimated, 95 % CI"]} rows={rows} />}
      <Selection of={of} />
      {before !== "" && <p className="hint">Evaluated on held-out data before it was served: {before}.</p>}
      <DayChart days={of.days} />
    </div>
  );
}

const nameOf = (model: string): string => model.split(/[@#]/)[0]!.replace(/^gateway:/, "");

interface QualityProps {
  readonly model: string | null;
  /** Says what to do where there are no figures. */
  readonly isSaidWhenEmpty: boolean;
}

export function Quality({ model, isSaidWhenEmpty }: QualityProps) {
  const quality = useResource("watch quality", watch.quality, { on: ["watch"], everyMs: lookMs });
  const all: readonly WatchQuality[] = quality.data ?? [];
  const shown = (model === null ? undefined : all.find(q => q.model === nameOf(model))) ?? all[0];
  const versions = shown?.versions.filter(v => v.responses > 0 || v.true.requests > 0) ?? [];
  if (!quality.data || (versions.length === 0 && !isSaidWhenEmpty)) return null;
  return (
    <section aria-label="Quality">
      <h2>Quality</h2>
      {shown === undefined || versions.length === 0 ? (
        <p className="hint">
          No figures yet: send <code>POST /v1/feedback</code> with a response's id and the right label, or serve a classifier.
        </p>
      ) : (
        <div className="two">
          {versions.slice(0, 4).map(v => (
            <Version key={v.version} model={shown.model} of={v} />
          ))}
        </div>
      )}
    </section>
  );
}

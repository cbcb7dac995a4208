/** Engine: what the server does this second, and the last minutes of it. */
import { useMemo } from "react";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { type Buckets, bucketsOf, quantile } from "../engine/histogram.ts";
import { LatencyBars } from "../engine/latency.tsx";
import { Versions } from "../engine/versions.tsx";
import { formatAgo, formatBytes, formatCount, formatNumber, formatShare, formatWait } from "../format.ts";
import type { Engine as EngineState, Overview } from "../generated/server.ts";
import { Chart } from "../parts/chart.tsx";
import { Facts, Figure } from "../parts/facts.tsx";
import { Icon } from "../parts/icons.tsx";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";

const pollMs = 1_000;
const metricsMs = 3_000;

function Slots({ slots, running }: { readonly slots: number; readonly running: number }) {
  // More than these are a number, not a picture.
  if (slots > 64) return null;
  return (
    <span className="slots" aria-hidden="true">
      {Array.from({ length: slots }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its number.
        <i key={i} className={i < running ? "on" : ""} />
      ))}
    </span>
  );
}

const milliseconds = (seconds: number | null) => (seconds === null ? null : seconds * 1000);

/** The middle and the slow end of a wait, over everything that the server has answered since its start. */
const Latency = ({ label, of }: { readonly label: string; readonly of: Buckets }) => {
  const slow = quantile(of, 0.99);
  return (
    <Figure label={label} note={slow === null ? "nothing asked yet" : `99 % within ${formatWait(milliseconds(slow))}`}>
      {formatWait(milliseconds(quantile(of, 0.5)))}
    </Figure>
  );
};

function Live({ state }: { readonly state: EngineState }) {
  const { model = null } = state;
  const metrics = useResource("metrics text", api.metricsText, { on: ["engine"], everyMs: metricsMs });
  const [firstToken, betweenTokens, answers] = useMemo(
    () =>
      ["loam_time_to_first_token_seconds", "loam_inter_token_seconds", "loam_answer_seconds"].map(name =>
        bucketsOf(metrics.data ?? "", name, model),
      ) as [Buckets, Buckets, Buckets],
    [metrics.data, model],
  );
  const { history } = state;
  const x = history.map(h => h.t / 1000);
  const busy = history.map(h => h.tokensPerSecond);
  const peak = busy.length === 0 ? null : Math.max(...busy);
  return (
    <>
      <dl className="figures">
        <Figure label="Running sequences" note={<Slots slots={state.slots} running={state.running} />}>
          {state.running} <span className="of">of {state.slots}</span>
        </Figure>
        <Figure label="Waiting" note={state.queued === 0 ? "nobody waits" : "until a running sequence ends"}>
          {formatCount(state.queued)}
        </Figure>
        <Figure label="Cache" note={state.cacheBytes ? `of ${formatBytes(state.cacheBytes)}` : null}>
          {formatShare(state.cacheUse)}
        </Figure>
        <Figure label="Tokens per second" note={peak === null ? null : `peak ${formatCount(peak)}`}>
          {formatCount(state.tokensPerSecond)}
        </Figure>
        <Latency label="First token" of={firstToken} />
        <Latency label="Between tokens" of={betweenTokens} />
        <Figure label="Requests" note="since it started">
          {formatCount(state.requests)}
        </Figure>
      </dl>
      <div className="two">
        <LatencyBars title="First token" of={firstToken} />
        <LatencyBars title="Between tokens" of={betweenTokens} />
        {answers.some(([, count]) => count > 0) && <LatencyBars title="Whole answers" of={answers} />}
      </div>
      <section className="card" aria-label="Speed">
        <Chart
          title="Tokens per second"
          unit="time"
          isTime
          fromZero
          x={x}
          height={200}
          group="engine"
          series={[{ label: "tokens per second", values: busy, colour: "accent", width: 1.5, isFilled: true }]}
          format={v => formatNumber(v)}
        />
      </section>
      <section className="card" aria-label="Load">
        <Chart
          title="Requests"
          unit="time"
          isTime
          fromZero
          isWhole
          x={x}
          height={140}
          group="engine"
          series={[
            { label: "running", values: history.map(h => h.running), colour: "slate", width: 1.5 },
            { label: "waiting", values: history.map(h => h.queued), colour: "clay", width: 1.5 },
          ]}
          format={v => formatNumber(v)}
        />
      </section>
    </>
  );
}

const Machine = ({ overview }: { readonly overview: Overview }) => {
  const { machine, model, loam, startedAt } = overview;
  return (
    <div className="two">
      <section className="card">
        <header className="card-head">
          <h2>Machine</h2>
        </header>
        <Facts
          of={{
            processor: machine.processor,
            cores: machine.cores,
            memory: formatBytes(machine.memoryBytes),
            ...(machine.vector.length > 0 ? { "vector units": machine.vector } : {}),
            started: formatAgo(startedAt, Date.now()),
            Loam: loam,
          }}
        />
      </section>
      {model && (
        <section className="card">
          <header className="card-head">
            <h2>{model.id}</h2>
          </header>
          <Facts
            of={{
              family: model.family,
              parameters: model.parameters,
              layers: model.layers,
              width: model.width,
              context: model.context,
              vocabulary: model.vocab,
            }}
          />
        </section>
      )}
    </div>
  );
};

export function Engine() {
  const overview = useResource("overview", api.overview, { on: ["serving"] });
  const serving = useResource("serving", api.serving, { on: ["serving", "engine"], everyMs: pollMs });
  const [model, setModel] = useChoice("model");
  // a version that is gone is looked at no longer
  const versions = serving.data?.versions ?? [];
  const chosen = versions.some(v => v.id === model && v.state === "ready") ? model : null;
  const engine = useResource(`engine ${chosen ?? ""}`, signal => api.engine(chosen, signal), { on: ["engine"], everyMs: pollMs });
  const shown = chosen ?? engine.data?.model ?? null;
  // what embeds has no slots, and nothing to show above
  const selectable = versions.filter(v => v.state === "ready" && v.slots > 0).map(v => v.id);
  return (
    <>
      <header className="page-head">
        <h1>Engine</h1>
        {selectable.length > 1 && (
          <label className="pick">
            <span className="hidden">Version</span>
            <select value={shown ?? ""} onChange={e => setModel(e.target.value)}>
              {selectable.map(id => (
                <option key={id}>{id}</option>
              ))}
            </select>
            <Icon name="down" />
          </label>
        )}
      </header>
      <Loaded resource={engine} what="the engine">
        {state =>
          serving.data && model !== "" && chosen === null ? (
            <Unknown what="served version" id={model} />
          ) : state.slots === 0 ? (
            <Empty icon="engine" title="No engine runs">
              <p>
                The server has no model to run. <code>loam serve</code> starts one with the model of <code>loam.yaml</code>.
              </p>
            </Empty>
          ) : (
            <Live state={state} />
          )
        }
      </Loaded>
      {versions.length > 0 && <Versions versions={versions} chosen={versions.length > 1 ? shown : null} onChoose={setModel} />}
      {overview.data && <Machine overview={overview.data} />}
    </>
  );
}

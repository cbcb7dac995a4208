/** Engine: what the server does this second, and the last minutes of it. */
import { useMemo, useRef } from "react";
import { api } from "../api.ts";
import type { Engine as EngineState, Overview } from "../contract.ts";
import { type Buckets, bucketsOf, quantile } from "../engine/histogram.ts";
import { formatAgo, formatBytes, formatCount, formatNumber, formatWait } from "../format.ts";
import { Chart } from "../parts/chart.tsx";
import { Facts, Figure } from "../parts/facts.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
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

function Live({ state, roundTripMs }: { readonly state: EngineState; readonly roundTripMs: number | null }) {
  const metrics = useResource("metrics text", api.metricsText, metricsMs);
  const [firstToken, betweenTokens] = useMemo(
    () =>
      ["loam_time_to_first_token_seconds", "loam_inter_token_seconds"].map(name => bucketsOf(metrics.data ?? "", name)) as [
        Buckets,
        Buckets,
      ],
    [metrics.data],
  );
  const { history } = state;
  const x = history.map(h => h.t / 1000);
  const busy = history.map(h => h.tokensPerSecond);
  const peak = busy.length === 0 ? null : Math.max(...busy);
  return (
    <>
      <dl className="figures">
        <Figure label="Slots in use" note={<Slots slots={state.slots} running={state.running} />}>
          {state.running} <span className="of">of {state.slots}</span>
        </Figure>
        <Figure label="Waiting" note={state.queued === 0 ? "nobody waits" : "until a slot is free"}>
          {formatCount(state.queued)}
        </Figure>
        <Figure label="Tokens a second" note={peak === null ? null : `peak ${formatCount(peak)}`}>
          {formatCount(state.tokensPerSecond)}
        </Figure>
        <Latency label="First token" of={firstToken} />
        <Latency label="Between tokens" of={betweenTokens} />
        <Figure label="Round trip" note="page and back">
          {formatWait(roundTripMs)}
        </Figure>
        <Figure label="Requests" note="since it started">
          {formatCount(state.requests)}
        </Figure>
      </dl>
      <section className="card" aria-label="Speed">
        <Chart
          title="Tokens a second"
          unit="time"
          isTime
          fromZero
          x={x}
          height={200}
          group="engine"
          series={[{ label: "tokens a second", values: busy, colour: "accent", width: 1.5, isFilled: true }]}
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
            "vector units": machine.vector,
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
  const overview = useResource("overview", api.overview);
  const roundTrip = useRef<number | null>(null);
  const engine = useResource(
    "engine",
    async signal => {
      const start = performance.now();
      const state = await api.engine(signal);
      roundTrip.current = performance.now() - start;
      return state;
    },
    pollMs,
  );
  return (
    <>
      <header className="page-head">
        <h1>Engine</h1>
      </header>
      <Loaded resource={engine} what="the engine">
        {state =>
          state.slots === 0 ? (
            <Empty icon="engine" title="No engine runs">
              <p>
                The server has no model to run. <code>loam serve</code> starts one with the model of <code>loam.yaml</code>.
              </p>
            </Empty>
          ) : (
            <Live state={state} roundTripMs={roundTrip.current} />
          )
        }
      </Loaded>
      {overview.data && <Machine overview={overview.data} />}
    </>
  );
}

/** Retraining loops: what each is doing, and its rounds with their evidence. */
import { formatAgo, formatDuration, formatMoment, formatNumber } from "../format.ts";
import type { WatchLoop, WatchRound } from "../generated/watch.ts";
import { Facts } from "../parts/facts.tsx";
import { useResource } from "../resource.ts";
import { watch } from "./api.ts";

const lookMs = 15_000;

function Round({ of: r }: { readonly of: WatchRound }) {
  const isBad = r.outcome === "rolled back" || r.outcome === "failed";
  return (
    <li>
      <details open={r.endedAt === null}>
        <summary>
          <span className={isBad ? "tag alarm" : "tag"}>{r.outcome ?? "under way"}</span> <b>Round {r.number}</b>
          {r.candidate && `: ${r.candidate}`}{" "}
          <small title={formatMoment(r.startedAt)}>
            {formatAgo(r.startedAt, Date.now())}
            {r.endedAt !== null && `, for ${formatDuration(r.endedAt - r.startedAt)}`}, by {r.trigger}, {formatNumber(r.coreSeconds ?? 0)}{" "}
            core-seconds
          </small>
        </summary>
        <p className="hint">{r.why}</p>
        {Object.entries(r.evidence).map(([phase, facts]) => (
          <section key={phase}>
            <h4>{phase}</h4>
            <Facts of={facts} />
          </section>
        ))}
      </details>
    </li>
  );
}

const stateOf = (l: WatchLoop): string => {
  if (l.paused !== null) return `paused by ${l.paused}`;
  return l.since === null ? l.phase : `${l.phase} for ${formatDuration(Math.max(0, Date.now() - l.since))}`;
};

function Loop({ of: l }: { readonly of: WatchLoop }) {
  return (
    <section className="card alarms" aria-label={`Retraining of ${l.model}`}>
      <header className="card-head">
        <h2>Retraining of {l.model}</h2>
        <span className={l.paused === null ? "tag" : "tag alarm"}>{stateOf(l)}</span>
      </header>
      <p className="hint">
        {l.alias} is {l.current ?? "no version yet"}.{" "}
        {l.directedBy === null ? "No process directs the loop now." : `Directed by ${l.directedBy}.`}
        {l.look && ` Last look ${formatAgo(l.look.at, Date.now())}: ${l.look.newDocuments} new labelled documents; ${l.look.why}.`}
        {l.problem && ` Problem: ${l.problem}`}
      </p>
      <ul>
        {l.rounds.map(r => (
          <Round key={r.number} of={r} />
        ))}
      </ul>
    </section>
  );
}

export function Loops() {
  const loops = useResource("watch-loops", watch.loops, { on: ["watch"], everyMs: lookMs });
  return (
    <>
      {(loops.data ?? []).map(l => (
        <Loop key={l.model} of={l} />
      ))}
    </>
  );
}

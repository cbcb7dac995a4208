/** Service level objectives: what is reached, how much of the error budget is left, how fast it burns. */
import { formatNumber, formatShare, none } from "../format.ts";
import type { WatchObjective } from "../generated/watch.ts";

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
/** An objective has more digits than other shares: 99.95 %. */
const percent = (share: number): string => `${number.format(100 * share)} %`;
const days = (ms: number): string => (ms >= 172_800_000 ? `${Math.round(ms / 86_400_000)} days` : `${Math.round(ms / 3_600_000)} h`);
const span = (ms: number): string => (ms >= 3_600_000 ? days(ms) : `${Math.round(ms / 60_000)} min`);

const isBurning = ({ long, short, limit }: WatchObjective["alerts"][number]): boolean =>
  long !== null && short !== null && long >= limit && short >= limit;

export const Objectives = ({ of }: { readonly of: readonly WatchObjective[] }) =>
  of.length === 0 ? (
    <p className="hint">
      No objectives: <code>slo</code> in loam.yaml says which share of requests must be good.
    </p>
  ) : (
    <section className="card" aria-label="Objectives">
      <header className="card-head">
        <h2>Objectives</h2>
      </header>
      <ul className="limits">
        {of.map(o => {
          const left = o.budgetLeft ?? 1;
          return (
            <li key={o.name}>
              <h3>
                {o.name}{" "}
                <small>
                  {percent(o.objective)} in {days(o.windowMs)}
                  {o.model && `, ${o.model}`}
                </small>
              </h3>
              <div className="limit">
                <span>{o.reached === null ? "no requests yet" : `${percent(o.reached)} reached`}</span>
                <meter
                  min={0}
                  max={1}
                  value={Math.max(0, Math.min(1, left))}
                  aria-label={`${o.name}: ${formatShare(left)} of the error budget left`}
                  className={left <= 0.1 ? "full" : ""}
                />
                <span className="limit-left">
                  <b>{o.budgetLeft === null ? none : formatShare(left)}</b> of the error budget left
                </span>
              </div>
              <ul className="burns">
                {o.alerts.map(a => (
                  <li key={a.longMs} className={isBurning(a) ? "is-burning" : ""}>
                    {span(a.longMs)}: {a.long === null ? none : `burns ${formatNumber(a.long)}×`}{" "}
                    <small>
                      {a.severity} from {formatNumber(a.limit)}×
                    </small>
                  </li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
    </section>
  );

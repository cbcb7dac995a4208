/** Servers behind the gateway with their models, and the models that are offered: requests, latency, open circuit breakers. */

import { formatCount, formatWait } from "../format.ts";
import type { GatewayState as State } from "../generated/gateway.ts";

type Server = State["upstreams"][number];
type Tag = { readonly text: string; readonly isBad: boolean };

const working: Tag = { text: "working", isBad: false };
const breakers = { open: "circuit breaker open", halfOpen: "on trial" } as const;

function stateOf(u: Server): Tag {
  if (!u.isHealthy) return { text: "failed its probe", isBad: true };
  if (u.breaker !== "closed") return { text: u.breaker === "open" ? "cannot be reached" : "on trial", isBad: true };
  return u.isAvailable ? working : { text: "on trial", isBad: true };
}

function modelStateOf(m: Server["models"][number]): Tag {
  if (m.refusesCredentials) return { text: "refuses the gateway's key", isBad: true };
  if (m.breaker !== "closed")
    return { text: `${breakers[m.breaker]}${m.breakerKey === undefined ? "" : ` for ${m.breakerKey}`}`, isBad: true };
  return m.isAvailable ? working : { text: "rests", isBad: true };
}

const StateTag = ({ of: { text, isBad } }: { readonly of: Tag }) => <span className={isBad ? "tag bad" : "tag strong"}>{text}</span>;

export const Upstreams = ({ of: { upstreams, models } }: { readonly of: State }) => (
  <>
    <section className="card" aria-label="Servers">
      <header className="card-head">
        <h2>Servers</h2>
      </header>
      <div className="table-frame">
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">Server</th>
              <th scope="col">State</th>
              <th scope="col" className="number">
                In flight
              </th>
              <th scope="col" className="number">
                First byte
              </th>
              <th scope="col" className="number">
                Answers
              </th>
              <th scope="col" className="number">
                Failures
              </th>
            </tr>
          </thead>
          <tbody>
            {upstreams.flatMap(u => [
              <tr key={u.id}>
                <th scope="row">{u.id}</th>
                <td>
                  <StateTag of={stateOf(u)} />
                  {u.lane && (
                    <small className="hint">
                      {" "}
                      {u.lane.running} of {u.lane.concurrency} in use{u.lane.waiting > 0 && `, ${u.lane.waiting} wait`}
                    </small>
                  )}
                </td>
                <td className="number">{formatCount(u.outstanding)}</td>
                <td className="number">{formatWait(u.latencyMs)}</td>
                <td className="number">{formatCount(u.answers)}</td>
                <td className="number">{formatCount(u.failures)}</td>
              </tr>,
              ...u.models.map(m => (
                <tr key={`${u.id}/${m.model}`}>
                  <td className="text">{m.model}</td>
                  <td>
                    <StateTag of={modelStateOf(m)} />
                  </td>
                  <td />
                  <td className="number">{formatWait(m.latencyMs)}</td>
                  <td className="number">{formatCount(m.answers)}</td>
                  <td className="number">{formatCount(m.failures)}</td>
                </tr>
              )),
            ])}
          </tbody>
        </table>
      </div>
    </section>
    <section className="card" aria-label="Models offered">
      <header className="card-head">
        <h2>Models offered</h2>
      </header>
      <div className="table-frame">
        <table className="rows">
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">Goes to</th>
            </tr>
          </thead>
          <tbody>
            {models.map(m => (
              <tr key={m.name}>
                <th scope="row">
                  <span className="version">
                    {m.name}
                    {m.aliases.map(a => (
                      <span key={a} className="tag">
                        {a}
                      </span>
                    ))}
                  </span>
                </th>
                <td className="text">
                  {m.targets
                    .map(t => `${t.id}${m.targets.length > 1 ? ` (${t.priority > 0 ? `spare ${t.priority}` : t.weight})` : ""}`)
                    .join(", ")}
                  {m.targets.length > 1 && <small className="hint"> {m.strategy}</small>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  </>
);

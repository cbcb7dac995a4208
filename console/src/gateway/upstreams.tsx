/** Servers behind the gateway, and the models that are offered: what is asked, how quick it is, which breaker is open. */
import type { State } from "../contract-gateway.ts";
import { formatCount, formatWait } from "../format.ts";

const breakers = { closed: "working", open: "left alone", halfOpen: "on trial" } as const;

function stateOf(u: State["upstreams"][number]): { readonly text: string; readonly isBad: boolean } {
  if (!u.isHealthy) return { text: "failed its probe", isBad: true };
  if (u.breaker !== "closed") return { text: breakers[u.breaker], isBad: true };
  return u.isAvailable ? { text: breakers.closed, isBad: false } : { text: "rests", isBad: true };
}

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
                Under way
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
            {upstreams.map(u => {
              const { text, isBad } = stateOf(u);
              return (
                <tr key={u.id}>
                  <th scope="row">{u.id}</th>
                  <td>
                    <span className={isBad ? "tag bad" : "tag strong"}>{text}</span>
                  </td>
                  <td className="number">{formatCount(u.outstanding)}</td>
                  <td className="number">{formatWait(u.latencyMs)}</td>
                  <td className="number">{formatCount(u.answers)}</td>
                  <td className="number">{formatCount(u.failures)}</td>
                </tr>
              );
            })}
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

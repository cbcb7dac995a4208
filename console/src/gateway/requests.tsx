/** The newest requests, all of them or those that were denied or failed: who, which model, where it went, what it came to. */
import { useOption } from "../choices.ts";
import { formatAgo, formatCount, formatMoment, formatWait, none } from "../format.ts";
import type { GatewayKey as Key } from "../generated/gateway.ts";
import { Id } from "../parts/copy.tsx";
import { Loaded } from "../parts/notice.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";

const pollMs = 2_000;
const kinds = ["all", "denied", "failed"] as const;
const kindNames = { all: "All", denied: "Denied", failed: "Failed" };
const statusOf = { all: null, denied: "4xx", failed: "5xx" } as const;

export function Requests({ keys }: { readonly keys: readonly Key[] }) {
  const [kind, setKind] = useOption("requests", kinds, "all");
  const requests = useResource(`gateway requests ${kind}`, signal => gateway.requests(statusOf[kind], signal), { everyMs: pollMs });
  return (
    <section className="card" aria-label="Requests">
      <header className="card-head gateway-head">
        <h2>Newest requests</h2>
        <Segmented label="Which" options={kinds} value={kind} onChange={setKind} names={kindNames} />
      </header>
      <Loaded resource={requests} what="requests">
        {({ data }) =>
          data.length === 0 ? (
            <p className="hint">{kind === "all" ? "Nothing has been asked yet." : "None."}</p>
          ) : (
            <div className="table-frame">
              <table className="rows">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Who</th>
                    <th scope="col" className="wide">
                      Model
                    </th>
                    <th scope="col">Status</th>
                    <th scope="col" className="number wide">
                      First byte
                    </th>
                    <th scope="col" className="number">
                      Took
                    </th>
                    <th scope="col" className="number wide">
                      Tokens
                    </th>
                    <th scope="col" className="wide">
                      Request
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {data.map((r, i) => (
                    // a client may give the same id twice
                    // biome-ignore lint/suspicious/noArrayIndexKey: see above.
                    <tr key={`${r.id} ${r.time} ${i}`}>
                      <td title={formatMoment(Date.parse(r.time))}>{formatAgo(Date.parse(r.time), Date.now())}</td>
                      <th scope="row" title={r.key ?? undefined}>
                        {keys.find(k => k.id === r.key)?.name ?? r.subject ?? "nobody"}
                      </th>
                      <td className="wide" title={r.target === null ? undefined : `answered by ${r.target}`}>
                        {r.model ?? r.path}
                      </td>
                      <td>
                        <span className={r.status >= 400 ? "tag bad" : "tag"} title={r.error ?? undefined}>
                          {r.status}
                          {r.error !== null && ` ${r.error.replace(/^\w+\//, "")}`}
                        </span>
                        {r.attempts.length > 1 && <small className="hint"> {r.attempts.length} tries</small>}
                      </td>
                      <td className="number wide">{formatWait(r.firstMs)}</td>
                      <td className="number">{formatWait(r.ms)}</td>
                      <td className="number wide">
                        {r.inputTokens + r.outputTokens === 0 ? none : `${formatCount(r.inputTokens)} + ${formatCount(r.outputTokens)}`}
                      </td>
                      <td className="wide">
                        <Id id={r.id} short={r.id.length > 14 ? `${r.id.slice(0, 13)}…` : r.id} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      <p className="hint below">
        No prompt and no answer is kept. <code>loam trace REQUEST</code> goes from a request to the version that answered and its data.
      </p>
    </section>
  );
}

/** Who changed keys, principals, policies and limits: the newest entries of the gateway's tamper-evident list. */
import { formatAgo, formatMoment, words } from "../format.ts";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";

const everyMs = 5_000;

/** What was changed: its name, kind or key, whichever the entry has. */
const subjectOf = (detail: Readonly<Record<string, unknown>>): string =>
  ["kind", "name", "prefix", "subject", "id"].flatMap(key => (typeof detail[key] === "string" ? [detail[key]] : [])).join(" ");

export function Changes() {
  const changes = useResource("gateway changes", gateway.changes, { everyMs });
  return (
    <section className="card" aria-label="Changes">
      <header className="card-head">
        <h2>Changes</h2>
        <p>
          Who changed what; <code>loam gateway changes --verify</code> verifies the list.
        </p>
      </header>
      <Loaded resource={changes} what="changes">
        {({ data }) => (
          <div className="table-frame">
            <table className="rows stacked">
              <thead>
                <tr>
                  <th scope="col">Change</th>
                  <th scope="col">Of</th>
                  <th scope="col">By</th>
                  <th scope="col">When</th>
                </tr>
              </thead>
              <tbody>
                {data.toReversed().map(c => (
                  <tr key={c.position}>
                    <th scope="row">{words(c.what)}</th>
                    <td data-label="Of" className="text">
                      {subjectOf(c.detail)}
                    </td>
                    <td data-label="By">{c.by}</td>
                    <td data-label="When" title={formatMoment(c.atMs)}>
                      {formatAgo(c.atMs, Date.now())}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
    </section>
  );
}

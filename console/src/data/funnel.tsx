/** From what was read to what is trained on, a bar a step. */

import { formatBytes, formatCount } from "../format.ts";
import type { DataReport } from "../generated/server.ts";

type Row = DataReport["funnel"][number];

/** What a step did, in words. */
const factsOf = (r: Row): string =>
  [
    r.what === "step" && r.dropped ? `${formatCount(r.dropped)} dropped` : "",
    r.what === "step" && r.edited ? `${formatCount(r.edited)} edited` : "",
    r.spared ? `${formatCount(r.spared)} kept by name` : "",
    r.bytes === undefined ? "" : formatBytes(r.bytes),
  ]
    .filter(Boolean)
    .join(", ");

export function Funnel({ rows }: { readonly rows: readonly Row[] }) {
  const most = rows[0]?.documents || 1;
  return (
    <dl className="bars">
      {rows.map((r, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a step may run twice.
        <div key={i}>
          <dt>{r.what === "step" ? <code>{r.step}</code> : r.what}</dt>
          <dd className="number">
            {r.what === "set aside" && r.documents > 0 ? `−${formatCount(r.documents)}` : formatCount(r.documents)}
          </dd>
          <dd className="bars-bar">
            {r.what !== "set aside" && <i style={{ width: `${(100 * r.documents) / most}%` }} />}
            <small>{factsOf(r)}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Where documents come from and of what kinds they are, with what became of them. */

import { formatBytes, formatCount, words } from "../format.ts";
import type { DataReport } from "../generated/server.ts";

type Facet = DataReport["facets"][number];
type Value = Facet["values"][number];

const all = (v: Value): number => v.train + v.heldOut + v.dropped;

export function FacetCard({ facet }: { readonly facet: Facet }) {
  const most = Math.max(...facet.values.map(all), 1);
  const title = facet.name === "source" ? "Sources" : words(facet.name);
  return (
    <section className="card">
      <header className="card-head">
        <h2>{title}</h2>
      </header>
      <dl className="bars">
        {facet.values.map(v => (
          <div key={v.value}>
            <dt>{v.value}</dt>
            <dd className="number">{formatCount(all(v))}</dd>
            <dd className="bars-bar">
              <i className="parts" style={{ width: `${(100 * all(v)) / most}%` }}>
                <i className="train" style={{ flexGrow: v.train }} />
                <i className="held-out" style={{ flexGrow: v.heldOut }} />
                <i className="dropped" style={{ flexGrow: v.dropped }} />
              </i>
              <small>
                {formatCount(v.train)} train, {formatCount(v.heldOut)} held out, {formatCount(v.dropped)} dropped; {formatBytes(v.bytes)}
              </small>
            </dd>
          </div>
        ))}
      </dl>
      {facet.others > 0 && <p className="hint">and {formatCount(facet.others)} more</p>}
    </section>
  );
}

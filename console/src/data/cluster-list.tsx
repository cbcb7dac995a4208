/** Groups of like documents, the largest first: those that stay, and those that were dropped for them. */
import { useState } from "react";
import { api } from "../api.ts";
import { formatCount } from "../format.ts";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { showValue } from "./rules.tsx";
import "./explorer.css";

export function ClusterList({ artifact, onOpen }: { readonly artifact: string; readonly onOpen: (id: string) => void }) {
  const [cursor, setCursor] = useState(0);
  const page = useResource(`clusters ${artifact} ${cursor}`, signal => api.clusters(artifact, cursor, signal));
  return (
    <Loaded resource={page} what="groups of similar documents">
      {({ clusters, count, next }) => (
        <section className="card">
          <header className="card-head">
            <h2>{formatCount(count)} groups of similar documents</h2>
            <p>By the steps deduplicate and semantic-duplicates, the largest first.</p>
          </header>
          {clusters.map(c => (
            <details key={`${c.steps.join()} ${c.survivors[0]}`} className="examples cluster">
              <summary>
                {formatCount(c.size)} alike by {c.steps.join(", ")}; <code>{c.survivors[0]}</code>{" "}
                {c.survivors.length === 1 ? "stays" : `and ${formatCount(c.survivors.length - 1)} more stay`}
              </summary>
              <ul className="story-like">
                {[
                  ...c.survivors.slice(0, 5).map(id => ({ id, note: "stays" })),
                  ...c.members.map(m => ({ id: m.id, note: `${m.rule} ${showValue(m.value)}` })),
                ].map(m => (
                  <li key={m.id}>
                    <button type="button" className="quiet" onClick={() => onOpen(m.id)}>
                      <code>{m.id}</code>
                    </button>
                    <small>{m.note}</small>
                  </li>
                ))}
                {c.size - c.survivors.length > c.members.length && (
                  <li>and {formatCount(c.size - c.survivors.length - c.members.length)} more</li>
                )}
              </ul>
            </details>
          ))}
          <div className="bar">
            <button type="button" disabled={cursor === 0} onClick={() => setCursor(Math.max(0, cursor - 100))}>
              Larger groups
            </button>
            <button type="button" disabled={next === null} onClick={() => setCursor(next ?? cursor)}>
              Smaller groups
            </button>
          </div>
        </section>
      )}
    </Loaded>
  );
}

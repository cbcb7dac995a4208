/** Every version that there is: what it does now, what points at it, its share. Choosing one shows its own figures above. */

import { formatCount, formatNumber, formatShare } from "../format.ts";
import type { ServedVersion } from "../generated/server.ts";

interface VersionsProps {
  readonly versions: readonly ServedVersion[];
  readonly chosen: string | null;
  onChoose(id: string): void;
}

/** Share of its model's requests: `90 %`; copies whose answers nobody sees apart. */
export function shareOf(version: ServedVersion, all: readonly ServedVersion[]): string {
  const { name, weight, shadow } = version;
  const total = all.filter(v => v.name === name).reduce((sum, v) => sum + (v.weight ?? 0), 0);
  const own = weight === null || total === 0 ? [] : [`${formatNumber((100 * weight) / total)} %`];
  return [...own, ...(shadow === null ? [] : [`copies of ${shadow} %`])].join(", ") || "–";
}

export const Versions = ({ versions, chosen, onChoose }: VersionsProps) => (
  <section className="card" aria-label="Versions">
    <header className="card-head">
      <h2>Versions</h2>
    </header>
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">State</th>
            <th scope="col">Share</th>
            <th scope="col" className="number">
              Sequences
            </th>
            <th scope="col" className="number">
              Waiting
            </th>
            <th scope="col" className="number">
              Cache
            </th>
            <th scope="col" className="number">
              Tokens per second
            </th>
            <th scope="col" className="number">
              Requests
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map(v => (
            <tr key={v.id} className={v.id === chosen ? "is-chosen" : ""} aria-current={v.id === chosen ? "true" : undefined}>
              <th scope="row">
                <span className="version">
                  {v.state === "ready" && v.slots > 0 && versions.length > 1 ? (
                    <button type="button" className="chip" aria-pressed={v.id === chosen} onClick={() => onChoose(v.id)}>
                      {v.id}
                    </button>
                  ) : (
                    v.id
                  )}
                  {v.labels.map(l => (
                    <span key={l} className="tag">
                      {l}
                    </span>
                  ))}
                  {v.adapters?.map(a => (
                    <span key={`adapter ${a.name}`} className="tag" title={`An adapter of rank ${a.rank}: ask for the model "${a.name}"`}>
                      + {a.name}
                    </span>
                  ))}
                </span>
              </th>
              <td data-label="State">{v.state}</td>
              <td data-label="Share">{shareOf(v, versions)}</td>
              <td data-label="Sequences" className="number">
                {v.slots === 0 ? "–" : `${v.running} of ${v.slots}`}
              </td>
              <td data-label="Waiting" className="number">
                {formatCount(v.queued)}
              </td>
              <td data-label="Cache" className="number">
                {formatShare(v.cacheUse)}
              </td>
              <td data-label="Tokens per second" className="number">
                {formatCount(Math.round(v.tokensPerSecond))}
              </td>
              <td data-label="Requests" className="number">
                {formatCount(v.requests)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);

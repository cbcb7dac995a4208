/** Models: every version with its scores, where it came from, and a way to talk to it. */
import { api } from "../api.ts";
import { formatAgo, formatMoment, formatNumber, words } from "../format.ts";
import type { ModelVersion } from "../generated/server.ts";
import { Id } from "../parts/copy.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { servedIds } from "../served.ts";

/** Scores of which less is better; of others the page marks no best one, as it does not know. */
const isLowerBetter = (name: string): boolean => /bits|loss|perplexity|error/i.test(name);

function bestOf(versions: readonly ModelVersion[], score: string): number | null {
  const values = versions.map(v => v.scores[score]).filter(v => typeof v === "number");
  return values.length < 2 || !isLowerBetter(score) ? null : Math.min(...values);
}

interface TableProps {
  readonly versions: readonly ModelVersion[];
  readonly served: ReadonlySet<string>;
  readonly talkable: ReadonlySet<string>;
}

function Versions({ versions, served, talkable }: TableProps) {
  const scores = [...new Set(versions.flatMap(v => Object.keys(v.scores)))];
  return (
    <div className="table-frame">
      <table className="rows stacked">
        <thead>
          <tr>
            <th scope="col">Version</th>
            {scores.map(s => (
              <th key={s} scope="col" className="number">
                {words(s)}
              </th>
            ))}
            <th scope="col">Registered</th>
            <th scope="col">
              <span className="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map(v => (
            <tr key={v.id}>
              <th scope="row">
                <span className="version">
                  {v.id}
                  {served.has(v.id) && <span className="tag strong">served</span>}
                  {v.aliases.map(a => (
                    <span key={a} className="tag">
                      {a}
                    </span>
                  ))}
                </span>
                <br />
                <Id id={v.artifact} />
              </th>
              {scores.map(s => (
                <td key={s} className="number" data-label={words(s)}>
                  {v.scores[s] === bestOf(versions, s) && v.scores[s] != null ? (
                    <b title="The lowest of these versions">{formatNumber(v.scores[s], 4)}</b>
                  ) : (
                    formatNumber(v.scores[s], 4)
                  )}
                </td>
              ))}
              <td data-label="Registered" title={formatMoment(v.createdAt)}>
                {formatAgo(v.createdAt, Date.now())}
              </td>
              <td className="row-links">
                {talkable.has(v.id) && <a href={routeHash("playground", null, { model: v.id })}>Playground</a>}
                <a href={routeHash("training", v.artifact)}>Training</a>
                <a href={routeHash("lineage", v.artifact)}>Lineage</a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Models() {
  const models = useResource("models", api.models, { on: ["artifacts"] });
  const serving = useResource("serving", api.serving, { on: ["serving"] });
  const served = useResource("served", api.served, { on: ["serving"] });
  return (
    <>
      <header className="page-head">
        <h1>Models</h1>
      </header>
      <Loaded resource={models} what="models">
        {versions =>
          versions.length === 0 ? (
            <Empty icon="models" title="No model yet">
              <p>
                <code>loam run</code> trains the models of <code>loam.yaml</code>; each training makes a new version, and its scores come
                with it.
              </p>
            </Empty>
          ) : (
            <Versions versions={versions} served={servedIds(serving.data)} talkable={new Set(served.data?.data.map(m => m.id))} />
          )
        }
      </Loaded>
    </>
  );
}

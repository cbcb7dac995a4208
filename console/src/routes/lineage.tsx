/** Lineage: what a thing was made from and what was made from it, as a graph; one node's record beside it. */
import { useMemo } from "react";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import type { Graph } from "../generated/server.ts";
import { Details } from "../lineage/details.tsx";
import { GraphView } from "../lineage/graph-view.tsx";
import { lineageOf } from "../lineage/subject.ts";
import { Icon } from "../parts/icons.tsx";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { servedIds } from "../served.ts";

function Shown({ graph }: { readonly graph: Graph }) {
  const models = useResource("models", api.models, { on: ["artifacts"] });
  const serving = useResource("serving", api.serving, { on: ["serving"] });
  const served = useMemo(() => servedIds(serving.data), [serving.data]);
  const lineage = useMemo(() => lineageOf(graph, models.data ?? [], served), [graph, models.data, served]);
  const [wanted, choose] = useChoice("node", graph.root);
  const node = lineage.nodes.find(n => n.id === wanted);
  if (!node)
    return (
      <Unknown what="artifact" id={wanted}>
        It is not in the lineage of {graph.root}.
      </Unknown>
    );
  return (
    <div className="lineage">
      <GraphView lineage={lineage} root={graph.root} chosen={node.id} onChoose={choose} />
      <Details node={node} lineage={lineage} isRoot={node.id === graph.root} onChoose={choose} />
    </div>
  );
}

export function Lineage({ id }: { readonly id: string | null }) {
  const overview = useResource("overview", api.overview, { on: ["serving"] });
  const models = useResource("models", api.models, { on: ["artifacts"] });
  const all = models.data ?? [];
  // A version is looked at as its artifact; without a wish, what is served, or the newest.
  const asked = id === null ? null : (all.find(m => m.id === id)?.artifact ?? id);
  const root = asked ?? overview.data?.model?.artifact ?? all[0]?.artifact ?? null;
  const graph = useResource(root === null ? null : `graph ${root}`, signal => api.graph(root ?? "", signal));
  const isKnown = all.some(m => m.artifact === root);
  return (
    <>
      <header className="page-head">
        <h1>Lineage</h1>
        {all.length > 0 && (
          <label className="pick">
            <span className="hidden">Look from</span>
            <select
              value={root ?? ""}
              onChange={e => {
                location.hash = routeHash("lineage", e.target.value);
              }}
            >
              {root !== null && !isKnown && <option value={root}>{root}</option>}
              {all.map(m => (
                <option key={m.id} value={m.artifact}>
                  {m.id}
                </option>
              ))}
            </select>
            <Icon name="down" />
          </label>
        )}
      </header>
      {root === null ? (
        <Loaded resource={overview} what="the artifact store">
          {() => (
            <Empty icon="lineage" title="Nothing is recorded yet">
              <p>
                Every stage of <code>loam run</code> records what it made and from what. The graph grows here from the first one on.
              </p>
            </Empty>
          )}
        </Loaded>
      ) : (
        <Loaded resource={graph} what="the graph">
          {data => <Shown graph={data} />}
        </Loaded>
      )}
    </>
  );
}

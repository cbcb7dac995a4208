/** Lineage: what a thing was made from and what was made from it, as a graph; one node's record beside it. */
import { useMemo, useState } from "react";
import { api } from "../api.ts";
import type { Graph } from "../generated/server.ts";
import { Details } from "../lineage/details.tsx";
import { GraphView } from "../lineage/graph-view.tsx";
import { lineageOf } from "../lineage/subject.ts";
import { Icon } from "../parts/icons.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

function Shown({ graph }: { readonly graph: Graph }) {
  const models = useResource("models", api.models, { on: ["artifacts"] });
  const overview = useResource("overview", api.overview, { on: ["serving"] });
  const served = overview.data?.model?.id ?? null;
  const lineage = useMemo(() => lineageOf(graph, models.data ?? [], served), [graph, models.data, served]);
  const [choice, setChoice] = useState<{ readonly root: string; readonly id: string } | null>(null);
  const wanted = choice?.root === graph.root ? choice.id : graph.root;
  const node = lineage.nodes.find(n => n.id === wanted) ?? lineage.nodes[0];
  if (!node)
    return (
      <Empty icon="lineage" title="Nothing is recorded of it">
        <p>The artifact store has no artifact of this name.</p>
      </Empty>
    );
  const choose = (id: string) => setChoice({ root: graph.root, id });
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

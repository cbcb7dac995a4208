/** Releases: who has which alias, what aliases ask of a version, who approved it, where it comes from, what was moved when; and moves them. */
import { useMemo } from "react";
import { type Permissions, usePermissions } from "../actions/permissions.ts";
import { api } from "../api.ts";
import type { ModelReleases } from "../generated/server.ts";
import { GraphView } from "../lineage/graph-view.tsx";
import { lineageOf } from "../lineage/subject.ts";
import { Id } from "../parts/copy.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { Gates } from "../releases/gates.tsx";
import { Said } from "../releases/said.tsx";
import { Aliases, History, Versions } from "../releases/tables.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { servedIds } from "../served.ts";

const lookMs = 10_000;

/** From the data to the version; a node opens on the page of lineage. */
function Origin({ artifact }: { readonly artifact: string }) {
  const graph = useResource(`graph ${artifact}`, signal => api.graph(artifact, signal));
  const models = useResource("models", api.models, { on: ["artifacts"] });
  const serving = useResource("serving", api.serving, { on: ["serving"] });
  const served = useMemo(() => servedIds(serving.data), [serving.data]);
  const lineage = useMemo(
    () => (graph.data ? lineageOf(graph.data, models.data ?? [], served) : { nodes: [], edges: [] }),
    [graph.data, models.data, served],
  );
  return (
    <section aria-label="Where it comes from">
      <Loaded resource={graph} what="the lineage">
        {data => (
          <GraphView
            lineage={lineage}
            root={data.root}
            chosen={data.root}
            onChoose={id => {
              location.hash = routeHash("lineage", id);
            }}
          />
        )}
      </Loaded>
    </section>
  );
}

interface ChosenProps {
  readonly id: string;
  readonly artifact: string;
  readonly permissions: Permissions;
  onDone(): void;
}

function Chosen({ id, artifact, permissions, onDone }: ChosenProps) {
  const verdicts = useResource(`verdicts ${id}`, signal => api.verdicts(id, signal), { on: ["artifacts"], everyMs: lookMs });
  return (
    <>
      <div className="subject">
        <h2>{id}</h2>
        <Id id={artifact} />
        <a className="push" href={routeHash("evaluations", id)}>
          What was measured
        </a>
      </div>
      <Loaded resource={verdicts} what="verdicts">
        {v => (
          <div className="two">
            <Gates
              of={v}
              permissions={permissions}
              onDone={() => {
                verdicts.reload();
                onDone();
              }}
            />
            <Said of={v} />
          </div>
        )}
      </Loaded>
      <Origin artifact={artifact} />
    </>
  );
}

export function Releases({ id }: { readonly id: string | null }) {
  const releases = useResource("releases", api.releases, { on: ["artifacts"], everyMs: lookMs });
  const permissions = usePermissions();
  const all = releases.data ?? [];
  const find = (list: readonly ModelReleases[]) =>
    list.find(m => m.versions.some(v => v.id === id)) ?? list.find(m => m.model === id) ?? (id === null ? list[0] : undefined);
  const model = find(all);
  const version = model?.versions.find(v => v.id === id) ?? (model?.model === id || id === null ? model?.versions[0] : undefined);
  return (
    <>
      <header className="page-head">
        <h1>Releases</h1>
        {model && all.length > 1 && (
          <Pick
            label="Model"
            value={model.model}
            options={all.map(m => m.model)}
            onPick={name => {
              location.hash = routeHash("releases", name);
            }}
          />
        )}
      </header>
      <Loaded resource={releases} what="releases">
        {() =>
          id !== null && version === undefined && all.length > 0 ? (
            <Empty icon="releases" title={`No model or version named ${id}`}>
              <p>
                <a href={routeHash("releases")}>Show all releases</a>
              </p>
            </Empty>
          ) : model === undefined || version === undefined ? (
            <Empty icon="releases" title="Nothing to release yet">
              <p>
                Versions appear with <code>loam run</code> and <code>loam models import</code>. <code>releases</code> in loam.yaml says what
                must hold before one gets an alias.
              </p>
            </Empty>
          ) : (
            <>
              <Aliases of={model} permissions={permissions} onDone={releases.reload} />
              <Versions of={model} chosen={version.id} />
              <Chosen key={version.id} id={version.id} artifact={version.artifact} permissions={permissions} onDone={releases.reload} />
              <h2>Every move</h2>
              <History of={model} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

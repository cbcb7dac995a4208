/** Evaluations: what was measured of a version, and what changed against another one. */
import { useState } from "react";
import { api } from "../api.ts";
import { Task, Tasks } from "../evaluations/task.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const nothing = "nothing";

export function Evaluations({ id }: { readonly id: string | null }) {
  const releases = useResource("releases", api.releases, { on: ["artifacts"], everyMs: 10_000 });
  const models = releases.data ?? [];
  const ids = models.flatMap(m => m.versions.map(v => v.id));
  const chosen = id !== null && ids.includes(id) ? id : (ids[0] ?? null);
  const own = models.find(m => m.versions.some(v => v.id === chosen))?.versions ?? [];
  const before = own[own.findIndex(v => v.id === chosen) + 1]?.id ?? nothing;
  const [choice, setChoice] = useState<{ readonly of: string; readonly against: string } | null>(null);
  // without a wish, the version before
  const wanted = choice?.of === chosen ? choice.against : before;
  const against = wanted === nothing ? null : wanted;
  const report = useResource(chosen === null ? null : `report ${chosen} ${against}`, signal => api.report(chosen ?? "", against, signal));
  return (
    <>
      <header className="page-head">
        <h1>Evaluations</h1>
        {chosen !== null && (
          <>
            <Pick
              label="Version"
              value={chosen}
              options={ids}
              onPick={v => {
                location.hash = routeHash("evaluations", v);
              }}
            />
            <span>against</span>
            <Pick
              label="Against"
              value={wanted}
              options={[nothing, ...ids.filter(v => v !== chosen)]}
              onPick={v => setChoice({ of: chosen, against: v })}
            />
          </>
        )}
      </header>
      {chosen === null ? (
        <Loaded resource={releases} what="versions">
          {() => (
            <Empty icon="evaluations" title="No version yet">
              <p>
                <code>loam run</code> trains and measures the models of loam.yaml.
              </p>
            </Empty>
          )}
        </Loaded>
      ) : (
        <Loaded resource={report} what="the report">
          {({ tasks }) =>
            tasks.length === 0 ? (
              <Empty icon="evaluations" title={`${chosen} has no evaluation yet`}>
                <p>
                  <code>loam eval TASK --model {chosen}</code> asks it, and the answers to every item are kept.
                </p>
              </Empty>
            ) : (
              <>
                {tasks.length > 1 && <Tasks of={tasks} />}
                {tasks.map(t => (
                  <Task key={t.artifact} of={t} against={against} />
                ))}
              </>
            )
          }
        </Loaded>
      )}
    </>
  );
}

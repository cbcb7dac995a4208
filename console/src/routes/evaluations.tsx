/** Evaluations: what was measured of a version, and what changed against another one. */
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { Task, Tasks } from "../evaluations/task.tsx";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const nothing = "nothing";

export function Evaluations({ id }: { readonly id: string | null }) {
  const releases = useResource("releases", api.releases, { on: ["artifacts"], everyMs: 10_000 });
  const models = releases.data ?? [];
  const ids = models.flatMap(m => m.versions.map(v => v.id));
  const isUnknown = id !== null && releases.data !== undefined && !ids.includes(id);
  const chosen = id !== null && ids.includes(id) ? id : isUnknown ? null : (ids[0] ?? null);
  const own = models.find(m => m.versions.some(v => v.id === chosen))?.versions ?? [];
  const before = own[own.findIndex(v => v.id === chosen) + 1]?.id ?? nothing;
  // the version before, where nobody chose another
  const [wanted, setAgainst] = useChoice("against", before);
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
            <Pick label="Against" value={wanted} options={[nothing, ...ids.filter(v => v !== chosen)]} onPick={setAgainst} />
          </>
        )}
      </header>
      {isUnknown ? (
        <Unknown what="version" id={id} />
      ) : chosen === null ? (
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

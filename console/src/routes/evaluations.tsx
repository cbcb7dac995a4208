/** Evaluations: every one of the project as a table; of a version all that was measured; two evaluations of one task compared item by item. */
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { listEvaluations } from "../evaluations/api.ts";
import { EvaluationList } from "../evaluations/list.tsx";
import { OneEvaluation } from "../evaluations/one.tsx";
import { VersionReport } from "../evaluations/version.tsx";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";

const nothing = "nothing";

/** An id of the address that is not there, and the way to what is. */
const NotHere = ({ what, id }: { readonly what: string; readonly id: string }) => (
  <Unknown what={what} id={id}>
    <a href={routeHash("evaluations")}>All evaluations</a>
  </Unknown>
);

export function Evaluations({ id }: { readonly id: string | null }) {
  const listed = useResource("evaluation list", listEvaluations, { on: ["artifacts"], everyMs: 15_000 });
  const releases = useResource(id === null ? null : "releases", api.releases, { on: ["artifacts"], everyMs: 10_000 });
  const models = releases.data ?? [];
  const ids = models.flatMap(m => m.versions.map(v => v.id));
  const isVersion = id !== null && ids.includes(id);
  const own = models.find(m => m.versions.some(v => v.id === id))?.versions ?? [];
  const before = own[own.findIndex(v => v.id === id) + 1]?.id ?? nothing;
  // without a wish, the version before
  const [wanted, setWanted] = useChoice("against", isVersion ? before : "");
  const all = listed.data ?? [];
  const one = all.find(e => e.artifact === id);
  const beside = all.find(e => e.artifact === wanted);
  return (
    <>
      <header className="page-head">
        <h1>Evaluations</h1>
        {id !== null && <a href={routeHash("evaluations")}>All evaluations</a>}
        {isVersion && (
          <>
            <Pick
              label="Version"
              value={id}
              options={ids}
              onPick={v => {
                location.hash = routeHash("evaluations", v);
              }}
            />
            <span>against</span>
            <Pick label="Against" value={wanted} options={[nothing, ...ids.filter(v => v !== id)]} onPick={setWanted} />
          </>
        )}
      </header>
      {id === null ? (
        <Loaded resource={listed} what="evaluations">
          {found =>
            found.length === 0 ? (
              <Empty icon="evaluations" title="No evaluation yet">
                <p>
                  <code>loam run</code> trains and evaluates the models of loam.yaml; <code>loam eval TASK</code> evaluates a model on a
                  task.
                </p>
              </Empty>
            ) : (
              <EvaluationList all={found} />
            )
          }
        </Loaded>
      ) : isVersion ? (
        wanted !== nothing && !ids.includes(wanted) ? (
          <NotHere what="version" id={wanted} />
        ) : (
          <VersionReport id={id} against={wanted === nothing ? null : wanted} />
        )
      ) : (
        <Loaded resource={listed} what="evaluations">
          {() =>
            one ? (
              wanted !== "" && !beside ? (
                <NotHere what="evaluation" id={wanted} />
              ) : (
                <OneEvaluation of={one} all={all} against={beside} />
              )
            ) : (
              <Loaded resource={releases} what="versions">
                {() => <NotHere what="version or evaluation" id={id} />}
              </Loaded>
            )
          }
        </Loaded>
      )}
    </>
  );
}

/** Start: a form for a model or data set of loam.yaml, the run under way with its output, classifiers from labels. */
import { useState } from "react";
import { usePermissions } from "../actions/permissions.ts";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { Empty, Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { PartFormView } from "../start/part-form.tsx";
import { RunView } from "../start/run-view.tsx";
import { TuneFromLabels } from "../start/tune-labels.tsx";

const runMs = 1_500;

export function Start({ id }: { readonly id: string | null }) {
  const [labels] = useChoice("labels");
  const parts = useResource("project parts", api.parts, { on: ["artifacts"] });
  const run = useResource("project run", api.run, { everyMs: runMs });
  const [round, setRound] = useState(0);
  const missing = usePermissions().missing("project");
  const all = parts.data?.parts ?? [];
  const path = id ?? all[0]?.path ?? null;
  const form = useResource(path === null ? null : `part ${path} ${labels} ${round}`, signal =>
    api.part(path ?? "", labels === "" ? null : labels, signal),
  );
  const closed = () => {
    parts.reload();
    setRound(n => n + 1);
  };
  return (
    <>
      <header className="page-head">
        <h1>Start a run</h1>
        {path !== null && all.length > 0 && (
          <Pick
            label="What to run"
            value={path}
            options={all.map(p => p.path)}
            onPick={p => {
              location.hash = routeHash("start", p);
            }}
          />
        )}
      </header>
      {run.data?.run && <RunView run={run.data.run} missing={missing} onChanged={run.reload} />}
      <Loaded resource={parts} what="the project's parts">
        {() =>
          path === null ? (
            <Empty icon="start" title="Nothing to run">
              <p>
                loam.yaml has no models and no data sets. <code>loam init</code> writes a project.
              </p>
            </Empty>
          ) : (
            <Loaded resource={form} what={path}>
              {of => (
                <PartFormView
                  key={`${of.path} ${of.digest} ${labels}`}
                  form={of}
                  labels={labels === "" ? undefined : labels}
                  missing={missing}
                  onStarted={run.reload}
                  onClosed={closed}
                />
              )}
            </Loaded>
          )
        }
      </Loaded>
      <TuneFromLabels missing={missing} />
    </>
  );
}

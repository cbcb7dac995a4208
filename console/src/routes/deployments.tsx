/** Deployments of loam.yaml: what is deployed where, who approved it and put it there, what differs; and back to an earlier generation. */
import { useState } from "react";
import { MissingRight } from "../actions/action-dialog.tsx";
import { usePermissions } from "../actions/permissions.ts";
import { deploymentCalls } from "../deployments/api.ts";
import { DeploymentFacts } from "../deployments/approvals.tsx";
import { Difference } from "../deployments/difference.tsx";
import { RollbackDeployment } from "../deployments/rollback.tsx";
import { AllDeployments, DeploymentActs } from "../deployments/tables.tsx";
import type { DeploymentView } from "../generated/deployments.ts";
import { Empty, Loaded, Unknown } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";

function Chosen({ of, onDone }: { readonly of: DeploymentView; onDone(): void }) {
  const permissions = usePermissions();
  // as it was when it was opened: the table changes under the dialog
  const [open, setOpen] = useState<{ readonly of: DeploymentView; readonly to: number } | null>(null);
  const hasEarlier = of.generations.length > 1;
  return (
    <>
      <div className="subject">
        <h2>{of.name}</h2>
      </div>
      <div className="two">
        <DeploymentFacts of={of} />
        <Difference of={of} />
      </div>
      <h2>Every act</h2>
      {hasEarlier && <MissingRight missing={permissions.missing("project")} />}
      <DeploymentActs of={of} permissions={permissions} onRollback={to => setOpen({ of, to })} />
      {open && <RollbackDeployment {...open} onDone={onDone} onClose={() => setOpen(null)} />}
    </>
  );
}

export function Deployments({ id }: { readonly id: string | null }) {
  // files are compared by their digests, so it is read when something was deployed, and not by a clock
  const list = useResource("deployments", deploymentCalls.list, { on: ["artifacts"] });
  const chosen = list.data?.find(d => d.name === id) ?? (id === null ? list.data?.[0] : undefined);
  return (
    <>
      <header className="page-head">
        <h1>Deployments</h1>
        <button type="button" className="push" onClick={list.reload}>
          Compare again
        </button>
      </header>
      <Loaded resource={list} what="deployments">
        {all =>
          all.length === 0 ? (
            <Empty icon="deployments" title="No deployments yet">
              <p>
                Name them under <code>deploy.deployments</code> of loam.yaml; <code>loam deploy apply</code> writes them.
              </p>
            </Empty>
          ) : chosen === undefined ? (
            <Unknown what="deployment" id={id ?? ""} />
          ) : (
            <>
              <AllDeployments of={all} chosen={chosen.name} />
              <Chosen key={chosen.name} of={chosen} onDone={list.reload} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** Requests that a guard holds until a person approves or refuses them. */
import { useState } from "react";
import { ActionButton, ActionDialog, MissingRight } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import type { Permissions } from "../actions/permissions.ts";
import { formatAgo } from "../format.ts";
import type { GatewayHeldRequest } from "../generated/gateway.ts";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";

const everyMs = 2_000;
/** Characters of a request that the table shows. */
const shown = 200;

export function Held({ permissions }: { readonly permissions: Permissions }) {
  const held = useResource("gateway held", gateway.held, { everyMs });
  const [open, setOpen] = useState<{ readonly of: GatewayHeldRequest; readonly decision: "approve" | "refuse" } | null>(null);
  const missing = permissions.missing("change");
  const rows = held.data?.data ?? [];
  // nothing waits, or this person may not look
  if (rows.length === 0 && !open) return null;
  return (
    <section className="card" aria-label="Held requests">
      <header className="card-head">
        <h2>Held requests</h2>
        <p>Requests that wait for a decision; their clients wait with them.</p>
      </header>
      <div className="table-frame">
        <table className="rows stacked">
          <thead>
            <tr>
              <th scope="col">Request</th>
              <th scope="col">Account</th>
              <th scope="col">Model</th>
              <th scope="col">Waits since</th>
              <th scope="col">
                <span className="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(h => (
              <tr key={h.id}>
                <th scope="row" className="text">
                  {h.text.slice(-shown)} <small>{h.flaggedBy.length > 0 ? `flagged by ${h.flaggedBy.join(", ")}` : h.guard}</small>
                </th>
                <td data-label="Account">{h.subject}</td>
                <td data-label="Model">{h.model}</td>
                <td data-label="Waits since">{formatAgo(h.sinceMs, Date.now())}</td>
                <td className="row-links">
                  <ActionButton
                    missing={missing}
                    icon="check"
                    label={`Approve ${h.id}`}
                    onClick={() => setOpen({ of: h, decision: "approve" })}
                  >
                    Approve
                  </ActionButton>
                  <ActionButton
                    missing={missing}
                    icon="close"
                    label={`Refuse ${h.id}`}
                    onClick={() => setOpen({ of: h, decision: "refuse" })}
                  >
                    Refuse
                  </ActionButton>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <MissingRight missing={missing} />
      {open && (
        <ActionDialog
          title={open.decision === "approve" ? "Approve the request" : "Refuse the request"}
          what={
            <>
              <p>
                {open.decision === "approve" ? "The request goes on to the model" : "The client gets an error"}: {open.of.subject},{" "}
                {open.of.model}.
              </p>
              <pre className="code">{open.of.text}</pre>
            </>
          }
          command={commands.decideHeld({ id: open.of.id, decision: open.decision })}
          confirm={open.decision === "approve" ? "Approve" : "Refuse"}
          run={() => gateway.decideHeld(open.of.id, open.decision)}
          result={({ decision }) => <p>The request is {decision}.</p>}
          onDone={held.reload}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

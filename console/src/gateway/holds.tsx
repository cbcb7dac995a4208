/** Holds: keys, accounts, teams, organisations and models whose requests are refused until the hold is released. */
import { useState } from "react";
import { ActionButton, ActionDialog, MissingRight } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import type { Permissions } from "../actions/permissions.ts";
import type { GatewayPolicy } from "../generated/gateway.ts";
import { Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import type { Resource } from "../resource.ts";
import { gateway } from "./api.ts";
import { type HoldKind, holdId, holdValue, isHold } from "./hold.ts";

const names: { readonly [K in HoldKind]: string } = {
  key: "key",
  users: "user",
  serviceAccounts: "service account",
  teams: "team",
  organisations: "organisation",
  model: "model",
};

interface HoldProps {
  readonly kind: HoldKind;
  readonly name: string;
  /** What people call it, where that is not its name. */
  readonly shown?: string;
  onDone(): void;
  onClose(): void;
}

export function Hold({ kind, name, shown = name, onDone, onClose }: HoldProps) {
  const [reason, setReason] = useState("");
  const id = holdId(kind, name);
  const value = holdValue(kind, name, reason);
  return (
    <ActionDialog
      title={`Hold the ${names[kind]} ${shown}`}
      what={
        <p>
          Requests {kind === "model" ? "for" : "of"} the {names[kind]} {shown} are refused (403, with the reason) until the hold is
          released. Requests that run go on to their end. The hold is the policy <code>{id}</code>.
        </p>
      }
      command={commands.hold({ id, value })}
      confirm="Hold"
      run={() => gateway.putPolicy(id, value)}
      result={() => (
        <p>
          The {names[kind]} {shown} is on hold.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      <label className="field">
        <span className="field-name">Reason: the caller reads it</span>
        <input value={reason} maxLength={250} onChange={e => setReason(e.target.value)} />
      </label>
    </ActionDialog>
  );
}

const Release = ({ id, onDone, onClose }: { readonly id: string; onDone(): void; onClose(): void }) => (
  <ActionDialog
    title={`Release ${id}`}
    what={
      <p>
        The policy <code>{id}</code> is deleted. Requests are decided by the other policies again.
      </p>
    }
    command={commands.release({ id })}
    confirm="Release"
    run={() => gateway.deletePolicy(id)}
    result={() => <p>Released.</p>}
    onDone={onDone}
    onClose={onClose}
  />
);

const heldOf = ({ who, models = [] }: GatewayPolicy): string =>
  [
    ...Object.entries(who).flatMap(([kind, of]) => (of ?? []).map(name => `${kind === "keys" ? "key" : kind} ${name}`)),
    ...models.map(m => `model ${m}`),
  ].join(", ");

interface HoldsProps {
  readonly policies: Resource<{ readonly data: readonly GatewayPolicy[] }>;
  readonly models: readonly string[];
  readonly permissions: Permissions;
}

export function Holds({ policies, models, permissions }: HoldsProps) {
  const [open, setOpen] = useState<{ readonly release: string } | { readonly model: string } | null>(null);
  const [model, setModel] = useState(models[0] ?? "");
  const missing = permissions.missing("change");
  return (
    <section className="card" aria-label="Holds">
      <header className="card-head gateway-head">
        <div>
          <h2>Holds</h2>
          <p>Keys, accounts, teams and models whose requests are refused until the hold is released.</p>
        </div>
        {models.length > 0 && (
          <div className="bar">
            <Pick label="Model to hold" value={model} options={models} onPick={setModel} />
            <ActionButton missing={missing} icon="stop" onClick={() => setOpen({ model })}>
              Hold the model
            </ActionButton>
          </div>
        )}
      </header>
      <Loaded resource={policies} what="holds">
        {({ data }) => {
          const holds = data.filter(isHold);
          return holds.length === 0 ? (
            <p className="hint">Nothing is on hold.</p>
          ) : (
            <div className="table-frame">
              <table className="rows stacked">
                <thead>
                  <tr>
                    <th scope="col">On hold</th>
                    <th scope="col">Reason</th>
                    <th scope="col">
                      <span className="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {holds.map(p => (
                    <tr key={p.id}>
                      <th scope="row">{heldOf(p)}</th>
                      <td data-label="Reason">{p.reason ?? ""}</td>
                      <td className="row-links">
                        <ActionButton
                          missing={missing}
                          className="quiet"
                          icon="check"
                          label={`Release ${p.id}`}
                          onClick={() => setOpen({ release: p.id })}
                        >
                          Release
                        </ActionButton>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Loaded>
      <MissingRight missing={missing} />
      {open && "release" in open && <Release id={open.release} onDone={policies.reload} onClose={() => setOpen(null)} />}
      {open && "model" in open && <Hold kind="model" name={open.model} onDone={policies.reload} onClose={() => setOpen(null)} />}
    </section>
  );
}

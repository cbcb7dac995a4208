/** Promote, roll back, approve: dialogs with the gates' state. The server judges again; its refusal is shown in its own words. */
import { useState } from "react";
import { ActionDialog } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import { api } from "../api.ts";
import type { Verdicts } from "../generated/server.ts";
import { useResource } from "../resource.ts";
import { GateRow } from "./gate-row.tsx";

interface ActionProps {
  onDone(): void;
  onClose(): void;
}

const Reason = ({ label, value, onChange }: { readonly label: string; readonly value: string; onChange(value: string): void }) => (
  <label className="field">
    <span className="field-name">{label}</span>
    <input value={value} maxLength={500} onChange={e => onChange(e.target.value)} />
  </label>
);

/** `alias`: the one to give; null where it is chosen here. */
export function Promote({ of, alias, onDone, onClose }: ActionProps & { readonly of: Verdicts; readonly alias: string | null }) {
  const [chosen, setChosen] = useState(alias ?? "");
  const [reason, setReason] = useState("");
  const asked = of.gates.find(g => g.alias === chosen);
  const numMissing = asked?.gates.filter(g => !g.passed).length ?? 0;
  return (
    <ActionDialog
      title={alias === null ? `Promote ${of.id}` : `Promote ${of.id} to ${alias}`}
      what={
        <>
          <p>
            {chosen || "The alias"} will point to {of.id}
            {asked && asked.holder !== null ? ` instead of version ${asked.holder}` : ""}. Servers that follow the alias switch at once.
          </p>
          {numMissing > 0 && (
            <p>
              {numMissing === 1 ? "1 gate is not passed" : `${numMissing} gates are not passed`}: the server will refuse unless that has
              changed.
            </p>
          )}
          {asked?.gates.map(g => (
            <GateRow key={g.gate} gate={g} />
          ))}
          {chosen !== "" && !asked && <p className="hint">No release guards this alias.</p>}
        </>
      }
      command={commands.promote({ version: of.id, alias: chosen || "ALIAS", reason })}
      confirm="Promote"
      isReady={chosen !== ""}
      run={() => api.promote(of.id, { alias: chosen, ...(reason === "" ? {} : { reason }) })}
      result={done => (
        <p>
          {done.release === null
            ? `${of.id} has ${done.alias} already.`
            : `${done.model}@${done.alias} is ${of.id}${done.release.previous === null ? "" : `, which was ${done.model}@${done.release.previous}`}.`}
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      {alias === null && (
        <label className="field">
          <span className="field-name">Alias</span>
          <input value={chosen} required maxLength={64} onChange={e => setChosen(e.target.value.trim())} placeholder="prod" />
        </label>
      )}
      <Reason label="Reason (recorded)" value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

interface RollbackProps extends ActionProps {
  readonly model: string;
  readonly alias: string;
  readonly from: number | null;
  readonly to: number;
}

export function Rollback({ model, alias, from, to, onDone, onClose }: RollbackProps) {
  const [reason, setReason] = useState("");
  return (
    <ActionDialog
      title={`Roll ${alias} back to ${model}@${to}`}
      what={
        <p>
          {alias} will point to {model}@{to} again{from === null ? "" : `, not to ${model}@${from}`}. Gates are not judged; the files of
          version {to} are verified.
        </p>
      }
      command={commands.rollback({ model, alias, reason })}
      confirm="Roll back"
      run={() => api.rollback(model, { alias, ...(reason === "" ? {} : { reason }) })}
      result={({ number }) => (
        <p>
          {model}@{alias} is {model}@{number} again.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      <Reason label="Reason (recorded)" value={reason} onChange={setReason} />
    </ActionDialog>
  );
}

/** `2 reviewers` -> `reviewer`: gates say a role with its count. */
export const roleOf = (gate: string): string => {
  const [, count, role = ""] = /^(\d+) (.+)$/.exec(gate) ?? [];
  return count !== undefined && Number(count) > 1 ? role.replace(/s$/, "") : role;
};

interface ApproveProps extends ActionProps {
  readonly id: string;
  readonly alias: string;
  readonly role: string;
}

export function Approve({ id, alias, role, onDone, onClose }: ApproveProps) {
  const [note, setNote] = useState("");
  const [withdraw, setWithdraw] = useState(false);
  const actions = useResource("actions", api.actions);
  return (
    <ActionDialog
      title={`Approve ${id} for ${alias}`}
      what={
        <p>
          Your approval as {role} is recorded for {actions.data?.who ?? "…"}, unsigned
          {actions.data && !actions.data.verified && " and unverified: the server has no account to check the name against"}. Where the
          release needs signed approvals, add <code>--key</code> to the command and run it in a terminal.
        </p>
      }
      command={commands.approve({ version: id, alias, role, note, withdraw })}
      confirm={withdraw ? "Withdraw" : "Approve"}
      run={() => api.approve(id, { alias, role, ...(note === "" ? {} : { note }), ...(withdraw ? { withdraw } : {}) })}
      result={({ changed, approvals }) => (
        <p>
          {changed ? "Recorded." : "Nothing changed."} Approvals of {id} for {alias}:{" "}
          {approvals.map(a => `${a.by} (${a.role}${a.isVerified ? "" : ", unverified"})`).join(", ") || "none"}.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      <Reason label="What you looked at" value={note} onChange={setNote} />
      <label className="field">
        <span>
          <input type="checkbox" checked={withdraw} onChange={e => setWithdraw(e.target.checked)} /> Withdraw my approval
        </span>
      </label>
    </ActionDialog>
  );
}

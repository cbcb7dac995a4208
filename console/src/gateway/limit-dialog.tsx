/** A limit or budget is created, changed, deleted: in the gateway's state. Those of the file are changed there. */
import { useState } from "react";
import { ActionDialog } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import type { GatewayLimitRule } from "../generated/gateway.ts";
import { gateway } from "./api.ts";
import { dimensions, type LimitForm, limitValueOf, measures, newLimit, subjects, times } from "./limit-choice.ts";

interface LimitDialogProps {
  onDone(): void;
  onClose(): void;
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly disabled?: boolean;
  onPick(value: string): void;
}

const Choice = ({ label, value, options, disabled = false, onPick }: ChoiceProps) => (
  <label className="field">
    <span className="field-name">{label}</span>
    <select value={value} disabled={disabled} onChange={e => onPick(e.target.value)}>
      {[...new Set([...options, value])].map(o => (
        <option key={o}>{o}</option>
      ))}
    </select>
  </label>
);

/** `from`: the limit that is changed; null for a new one. */
export function LimitDialog({
  from,
  currency,
  onDone,
  onClose,
}: LimitDialogProps & { readonly from: LimitForm | null; readonly currency: string }) {
  const [form, setForm] = useState(from ?? newLimit);
  const set = (change: Partial<LimitForm>) => setForm({ ...form, ...change });
  const value = limitValueOf(form);
  const { name, revision } = form;
  const unit = form.measure === "cost" ? currency : form.measure;
  return (
    <ActionDialog
      title={from === null ? "New limit" : `Change ${name}`}
      what={
        <p>
          {from === null
            ? "Counts from now on, in every process of the gateway. A limit with a calendar period is a budget."
            : "Applies to the next request. What is used of the limit stays used."}
        </p>
      }
      command={commands.putLimit({ name: name || "NAME", value, revision })}
      confirm={from === null ? "Create the limit" : "Change the limit"}
      isReady={name !== "" && Number(form.limit) > 0}
      run={() => gateway.putLimit(name, { ...value, ...(revision === null ? {} : { revision }) })}
      result={({ limit }) => (
        <p>
          {limit.name} is {limit.limit} {unit}
          {limit.window === undefined && limit.period === undefined ? "" : ` per ${limit.window ?? limit.period}`}, revision{" "}
          {limit.revision}.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      <div className="action-fields">
        <label className="field">
          <span className="field-name">Name</span>
          <input
            value={name}
            required
            disabled={from !== null}
            maxLength={63}
            placeholder="ann-tokens"
            onChange={e => set({ name: e.target.value })}
          />
        </label>
        <Choice label="What is counted" value={form.measure} options={measures} onPick={measure => set({ measure })} />
        <label className="field">
          <span className="field-name">Limit, {unit}</span>
          <input value={form.limit} required inputMode="decimal" onChange={e => set({ limit: e.target.value })} />
        </label>
        <Choice
          label="In which time"
          value={form.measure === "concurrency" ? "now" : form.time}
          disabled={form.measure === "concurrency"}
          options={times}
          onPick={time => set({ time })}
        />
        <Choice label="For" value={form.subject} options={subjects} onPick={subject => set({ subject })} />
        {form.subject !== "everybody" && (
          <label className="field">
            <span className="field-name">Names, separated by commas</span>
            <input value={form.names} required onChange={e => set({ names: e.target.value })} />
          </label>
        )}
        <Choice label="One bucket for each" value={form.per} options={dimensions} onPick={per => set({ per })} />
      </div>
      <label className="field">
        <span>
          <input type="checkbox" checked={form.isShadow} onChange={e => set({ isShadow: e.target.checked })} /> Shadow: count and report,
          never deny
        </span>
      </label>
    </ActionDialog>
  );
}

export const DeleteLimit = ({ of: { name, revision }, onDone, onClose }: LimitDialogProps & { readonly of: GatewayLimitRule }) => (
  <ActionDialog
    title={`Delete ${name}?`}
    what={<p>Requests are no longer held against this limit.</p>}
    command={commands.deleteLimit({ name, revision })}
    confirm="Delete the limit"
    run={() => gateway.deleteLimit(name)}
    result={() => <p>{name} is deleted.</p>}
    onDone={onDone}
    onClose={onClose}
  />
);

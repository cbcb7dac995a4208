/** A part of loam.yaml as a form, made from its JSON Schema; what it would make of the file is checked and shown while it is filled in. */
import { useDeferredValue, useId, useMemo, useState } from "react";
import { ActionButton, ActionDialog, MissingRight } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import type { EditedPart, FormField, PartForm } from "../generated/server.ts";
import { FailureNotice } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { type Change, changesOf, type Edits, fieldAt } from "./changes.ts";
import "./start.css";

interface FieldProps {
  readonly field: FormField;
  readonly text: string;
  readonly problem: string | undefined;
  onEdit(text: string): void;
}

function Field({ field, text, problem, onEdit }: FieldProps) {
  const [help, control] = [useId(), useId()];
  const { path, kind, choices, usual, example, isRequired } = field;
  const options = kind === "boolean" ? ["true", "false"] : choices;
  const shared = {
    id: control,
    value: text,
    "aria-describedby": help,
    "aria-invalid": problem !== undefined,
    onChange: (e: { readonly target: { readonly value: string } }) => onEdit(e.target.value),
  };
  return (
    <div className="field start-field">
      <label htmlFor={control}>
        <span className="field-name">
          <code>{path}</code>
          {isRequired && " (required)"}
        </span>
      </label>
      {kind === "choice" || kind === "boolean" ? (
        <select {...shared}>
          <option value="">{usual === null ? "not set" : `default: ${usual}`}</option>
          {[...new Set([...options, ...(text === "" ? [] : [text])])].map(o => (
            <option key={o}>{o}</option>
          ))}
        </select>
      ) : kind === "yaml" ? (
        <textarea {...shared} rows={1} spellCheck={false} placeholder={usual ?? example ?? ""} />
      ) : (
        <input {...shared} spellCheck={false} inputMode={kind === "number" ? "decimal" : "text"} placeholder={usual ?? example ?? ""} />
      )}
      <p id={help} className="hint">
        {field.help}
        {problem !== undefined && <span className="field-problem"> {problem}</span>}
      </p>
    </div>
  );
}

const Diff = ({ of }: { readonly of: readonly string[] }) =>
  of.length === 0 ? (
    <p className="hint">loam.yaml stays as it is.</p>
  ) : (
    <section aria-label="Changes of loam.yaml">
      <pre className="code diff">
        {of.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
          <span key={i} className={line.startsWith("+") ? "came" : line.startsWith("-") ? "gone" : ""}>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
    </section>
  );

interface RunDialogProps {
  readonly form: PartForm;
  readonly changes: readonly Change[];
  readonly labels: string | undefined;
  readonly edited: EditedPart | undefined;
  onDone(): void;
  onClose(): void;
}

/** Writes what was changed, then starts the part. */
function RunDialog({ form, changes, labels, edited, onDone, onClose }: RunDialogProps) {
  const [force, setForce] = useState(false);
  const run = async () => {
    const given = { changes, digest: form.digest, write: true, ...(labels === undefined ? {} : { labels }) };
    if (edited && edited.diff.length > 0) await api.editPart(form.path, given);
    return api.startRun(form.path, force);
  };
  return (
    <ActionDialog
      title={`Run ${form.path}`}
      what={
        <>
          <p>The server starts the command below in a process of its own. It goes on when this page is closed, and ends with the server.</p>
          {edited && <Diff of={edited.diff} />}
        </>
      }
      command={commands.run({ kind: form.kind, name: form.name, force })}
      confirm="Run"
      run={run}
      result={started => (
        <p>
          <code>loam {started.command.join(" ")}</code> runs.
        </p>
      )}
      onDone={onDone}
      onClose={onClose}
    >
      <label className="field">
        <span>
          <input type="checkbox" checked={force} onChange={e => setForce(e.target.checked)} /> Run even what is not stale
        </span>
      </label>
    </ActionDialog>
  );
}

interface PartFormProps {
  readonly form: PartForm;
  readonly labels: string | undefined;
  /** Why nothing may be started; null: it may. */
  readonly missing: string | null;
  onStarted(): void;
  /** The dialog is closed: what the file says may be another. */
  onClosed(): void;
}

export function PartFormView({ form, labels, missing, onStarted, onClosed }: PartFormProps) {
  const [edits, setEdits] = useState<Edits>({});
  const [all, setAll] = useChoice("all");
  const [isOpen, setOpen] = useState(false);
  const changes = useDeferredValue(useMemo(() => changesOf(form, edits), [form, edits]));
  const given = { changes, ...(labels === undefined ? {} : { labels }) };
  const isChanged = changes.length > 0 || labels !== undefined;
  const check = useResource(missing === null && isChanged ? `edit ${form.path} ${form.digest} ${JSON.stringify(given)}` : null, signal =>
    api.checkPart(form.path, given, signal),
  );
  const edited = isChanged ? check.data : undefined;
  const problem = edited?.problem ?? null;
  const at = fieldAt(form.fields, form.path, problem?.place);
  const shown = form.fields.filter(f => all === "yes" || f.isRequired || f.value !== null || edits[f.path] !== undefined || f.path === at);
  const hidden = form.fields.length - shown.length;
  const isBlocked = missing ?? (isChanged && !edited ? "The changes are being checked." : (problem?.message ?? null));
  return (
    <section className="card" aria-label={form.path}>
      <header className="card-head">
        <h2>{form.path}</h2>
        <p>
          {form.isThere
            ? "Values as loam.yaml has them; an empty field takes the key out."
            : "Not in loam.yaml yet: these values are a proposal."}
        </p>
      </header>
      <div className="start-fields">
        {shown.map(f => (
          <Field
            key={f.path}
            field={f}
            text={edits[f.path] ?? f.value ?? ""}
            problem={f.path === at ? problem?.message : undefined}
            onEdit={text => setEdits({ ...edits, [f.path]: text })}
          />
        ))}
      </div>
      {(hidden > 0 || all === "yes") && (
        <button type="button" className="quiet" onClick={() => setAll(all === "yes" ? "" : "yes")}>
          {all === "yes" ? "Show fewer options" : `Show all options (${hidden} more)`}
        </button>
      )}
      {check.failure && <FailureNotice failure={check.failure} />}
      {problem && at === undefined && (
        <div className="failure" role="alert">
          <div>
            <strong>loam.yaml would not be valid</strong>
            <p>{problem.message}</p>
          </div>
        </div>
      )}
      {edited && <Diff of={edited.diff} />}
      <div className="bar">
        <ActionButton missing={isBlocked} icon="send" className="primary" onClick={() => setOpen(true)}>
          Run…
        </ActionButton>
      </div>
      <MissingRight missing={missing} />
      {isOpen && (
        <RunDialog
          form={form}
          changes={changes}
          labels={labels}
          edited={edited}
          onDone={onStarted}
          onClose={() => {
            setOpen(false);
            onClosed();
          }}
        />
      )}
    </section>
  );
}

/** API keys: created (the secret is shown once), listed, rotated, held, revoked. */
import { useState } from "react";
import { ActionButton, ActionDialog, MissingRight } from "../actions/action-dialog.tsx";
import { commands } from "../actions/commands.ts";
import type { Permissions } from "../actions/permissions.ts";
import { formatAgo, formatDay, formatMoment, none } from "../format.ts";
import type { GatewayKeyCreated, GatewayKey as Key } from "../generated/gateway.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Loaded } from "../parts/notice.tsx";
import type { Resource } from "../resource.ts";
import { gateway } from "./api.ts";
import { Hold } from "./holds.tsx";

interface DialogProps {
  onDone(): void;
  onClose(): void;
}

/** Shown once, where a key has been created or rotated. */
const Secret = ({ of: { key, secret } }: { readonly of: GatewayKeyCreated }) => (
  <>
    <p>
      The secret of {key.name} ({key.subject}) is shown this once. Copy it now.
    </p>
    <pre className="code">{secret}</pre>
    <CopyButton text={secret} label="Copy the key" />
  </>
);

function NewKey({ subjects, onDone, onClose }: DialogProps & { readonly subjects: readonly string[] }) {
  const [name, setName] = useState("");
  const [subject, setSubject] = useState("");
  const [days, setDays] = useState("");
  return (
    <ActionDialog
      title="New key"
      what={<p>Creates an API key of a user or service account. What it may do follows from the policies.</p>}
      command={commands.createKey({ name: name || "NAME", subject: subject || "USER", days })}
      confirm="Create the key"
      run={() => gateway.createKey({ name, subject, ...(days === "" ? {} : { expiresIn: `${days}d` }) })}
      result={made => <Secret of={made} />}
      onDone={onDone}
      onClose={onClose}
    >
      <label className="field">
        <span className="field-name">What it is for</span>
        <input name="name" required maxLength={128} placeholder="ann-laptop" value={name} onChange={e => setName(e.target.value)} />
      </label>
      <label className="field">
        <span className="field-name">Whose it is: a user or service account of the configuration</span>
        <input name="subject" required maxLength={127} list="subjects" value={subject} onChange={e => setSubject(e.target.value)} />
        <datalist id="subjects">
          {subjects.map(s => (
            <option key={s} value={s} />
          ))}
        </datalist>
      </label>
      <label className="field">
        <span className="field-name">Days until it expires; empty: never</span>
        <input name="days" type="number" min={1} max={3650} value={days} onChange={e => setDays(e.target.value)} />
      </label>
    </ActionDialog>
  );
}

function Rotate({ of: key, onDone, onClose }: DialogProps & { readonly of: Key }) {
  const [hours, setHours] = useState("24");
  return (
    <ActionDialog
      title={`Rotate ${key.name}`}
      what={<p>Creates a new secret for the same key: limits and usage stay. The old secret works until the overlap is over.</p>}
      command={commands.rotateKey({ key: key.id, hours })}
      confirm="Rotate"
      run={() => gateway.rotateKey(key.id, hours === "" ? null : hours === "0" ? "0" : `${hours}h`)}
      result={made => <Secret of={made} />}
      onDone={onDone}
      onClose={onClose}
    >
      <label className="field">
        <span className="field-name">Hours that the old secret goes on working; 0: none</span>
        <input name="hours" type="number" min={0} max={8760} value={hours} onChange={e => setHours(e.target.value)} />
      </label>
    </ActionDialog>
  );
}

const Revoke = ({ of: key, onDone, onClose }: DialogProps & { readonly of: Key }) => (
  <ActionDialog
    title={`Revoke ${key.name}?`}
    what={
      <p>
        Requests with <code>{key.prefix}</code> are refused from now on, here at once and in other processes within two seconds. It cannot
        be undone; to stop a key for a while, hold it.
      </p>
    }
    command={commands.revokeKey({ key: key.id })}
    confirm="Revoke"
    run={() => gateway.revokeKey(key.id)}
    result={() => <p>{key.name} is revoked.</p>}
    onDone={onDone}
    onClose={onClose}
  />
);

const stateTags: Readonly<Record<string, string>> = { live: "tag strong", revoked: "tag bad", expired: "tag bad" };

interface KeysProps {
  readonly resource: Resource<{ readonly data: readonly Key[] }>;
  readonly permissions: Permissions;
  /** A key was put on hold. */
  onHeld(): void;
}

export function Keys({ resource, permissions, onHeld }: KeysProps) {
  const [open, setOpen] = useState<{ readonly act: "new" } | { readonly act: "rotate" | "revoke" | "hold"; readonly key: Key } | null>(
    null,
  );
  const missing = permissions.missing("changeKeys");
  const [showsAll, setShowsAll] = useState(false);
  const all = resource.data?.data ?? [];
  const live = all.filter(k => k.state === "live");
  const close = () => setOpen(null);
  return (
    <section className="card" aria-label="Keys">
      <header className="card-head gateway-head">
        <h2>Keys</h2>
        <ActionButton missing={missing} icon="plus" onClick={() => setOpen({ act: "new" })}>
          New key
        </ActionButton>
      </header>
      <Loaded resource={resource} what="keys">
        {() =>
          all.length === 0 ? (
            <p className="hint">No key has been made.</p>
          ) : (
            <div className="table-frame">
              <table className="rows stacked">
                <thead>
                  <tr>
                    <th scope="col">Key</th>
                    <th scope="col">Whose</th>
                    <th scope="col">State</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Ends</th>
                    <th scope="col">
                      <span className="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {(showsAll ? all : live).map(k => (
                    <tr key={k.id}>
                      <th scope="row">
                        {k.name}
                        <br />
                        <code className="hint">{k.prefix}…</code>
                      </th>
                      <td data-label="Whose">{k.subject}</td>
                      <td data-label="State">
                        <span className={stateTags[k.state] ?? "tag"}>{k.state}</span>
                      </td>
                      <td data-label="Last used" title={k.lastUsedMs === null ? undefined : formatMoment(k.lastUsedMs)}>
                        {k.lastUsedMs === null ? none : formatAgo(k.lastUsedMs, Date.now())}
                      </td>
                      <td data-label="Ends">{k.expiresMs === null ? "never" : formatDay(k.expiresMs)}</td>
                      <td className="row-links">
                        {k.state === "live" && (
                          <>
                            <ActionButton
                              missing={missing}
                              className="quiet"
                              icon="retry"
                              label={`Rotate ${k.name}`}
                              onClick={() => setOpen({ act: "rotate", key: k })}
                            >
                              Rotate
                            </ActionButton>
                            <ActionButton
                              missing={permissions.missing("change")}
                              className="quiet"
                              icon="stop"
                              label={`Hold ${k.name}`}
                              onClick={() => setOpen({ act: "hold", key: k })}
                            >
                              Hold
                            </ActionButton>
                            <ActionButton
                              missing={missing}
                              className="quiet"
                              icon="trash"
                              label={`Revoke ${k.name}`}
                              onClick={() => setOpen({ act: "revoke", key: k })}
                            >
                              Revoke
                            </ActionButton>
                          </>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      {all.length > live.length && (
        <label className="bar hint">
          <input type="checkbox" checked={showsAll} onChange={e => setShowsAll(e.target.checked)} /> also those that are revoked or expired
        </label>
      )}
      <MissingRight missing={missing} />
      {open?.act === "new" && <NewKey subjects={[...new Set(all.map(k => k.subject))]} onDone={resource.reload} onClose={close} />}
      {open?.act === "rotate" && <Rotate of={open.key} onDone={resource.reload} onClose={close} />}
      {open?.act === "revoke" && <Revoke of={open.key} onDone={resource.reload} onClose={close} />}
      {open?.act === "hold" && <Hold kind="key" name={open.key.id} shown={open.key.name} onDone={onHeld} onClose={close} />}
    </section>
  );
}

/** API keys: made (the secret is shown this once), listed, revoked. */
import { type FormEvent, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import { formatAgo, formatDay, formatMoment, none } from "../format.ts";
import type { GatewayKey as Key } from "../generated/gateway.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Icon } from "../parts/icons.tsx";
import { FailureNotice, Loaded } from "../parts/notice.tsx";
import type { Resource } from "../resource.ts";
import { gateway } from "./api.ts";

interface DialogProps {
  onDone(): void;
  onClose(): void;
}

const field = (form: FormData, name: string): string => String(form.get(name) ?? "").trim();

function NewKey({ subjects, onDone, onClose }: DialogProps & { readonly subjects: readonly string[] }) {
  const [secret, setSecret] = useState<string | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setBusy] = useState(false);
  const make = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = field(form, "days");
    setBusy(true);
    setFailure(null);
    try {
      const made = await gateway.createKey({
        name: field(form, "name"),
        subject: field(form, "subject"),
        ...(days === "" ? {} : { expiresIn: `${days}d` }),
      });
      setSecret(made.secret);
      onDone();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="A new key" onClose={onClose}>
      {secret !== null ? (
        <>
          <p>It is shown this once; keep it now.</p>
          <pre className="code">{secret}</pre>
          <div className="bar">
            <CopyButton text={secret} label="Copy the key" />
            <button type="button" className="primary" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      ) : (
        <form className="settings" onSubmit={e => void make(e)}>
          <label className="field">
            <span className="field-name">What it is for</span>
            <input name="name" required maxLength={128} placeholder="ann-laptop" />
          </label>
          <label className="field">
            <span className="field-name">Whose it is: a user or service account of the configuration</span>
            <input name="subject" required maxLength={127} list="subjects" />
            <datalist id="subjects">
              {subjects.map(s => (
                <option key={s} value={s} />
              ))}
            </datalist>
          </label>
          <label className="field">
            <span className="field-name">Days until it ends; empty: never</span>
            <input name="days" type="number" min={1} max={3650} />
          </label>
          {failure && <FailureNotice failure={failure} />}
          <button type="submit" className="primary" disabled={isBusy}>
            Make the key
          </button>
        </form>
      )}
    </Dialog>
  );
}

function Revoke({ of: key, onDone, onClose }: DialogProps & { readonly of: Key }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const revoke = async () => {
    try {
      await gateway.revokeKey(key.id);
      onDone();
      onClose();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <Dialog title={`Revoke ${key.name}?`} onClose={onClose}>
      <p>
        Requests with <code>{key.prefix}</code> are refused from now on, here at once and in other processes within two seconds. It cannot
        be taken back.
      </p>
      {failure && <FailureNotice failure={failure} />}
      <div className="bar">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="primary" onClick={() => void revoke()}>
          Revoke
        </button>
      </div>
    </Dialog>
  );
}

const stateTags: Readonly<Record<string, string>> = { live: "tag strong", revoked: "tag bad", expired: "tag bad" };

interface KeysProps {
  readonly resource: Resource<{ readonly data: readonly Key[] }>;
}

export function Keys({ resource }: KeysProps) {
  const [open, setOpen] = useState<"new" | Key | null>(null);
  const [showsAll, setShowsAll] = useState(false);
  const all = resource.data?.data ?? [];
  const live = all.filter(k => k.state === "live");
  const close = () => setOpen(null);
  return (
    <section className="card" aria-label="Keys">
      <header className="card-head gateway-head">
        <h2>Keys</h2>
        <button type="button" onClick={() => setOpen("new")}>
          <Icon name="plus" /> New key
        </button>
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
                          <button type="button" className="quiet" aria-label={`Revoke ${k.name}`} onClick={() => setOpen(k)}>
                            <Icon name="trash" /> Revoke
                          </button>
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
      {open === "new" && <NewKey subjects={[...new Set(all.map(k => k.subject))]} onDone={resource.reload} onClose={close} />}
      {open !== null && open !== "new" && <Revoke of={open} onDone={resource.reload} onClose={close} />}
    </section>
  );
}

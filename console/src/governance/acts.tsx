/** Who did what: the log of acts, with what proves that an entry is in it. */
import { useState } from "react";
import { formatMoment, none } from "../format.ts";
import type { LoggedAct } from "../generated/governance.ts";
import { CopyButton, Id } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Empty, Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource } from "../resource.ts";
import { governance } from "./api.ts";

const lookMs = 10_000;
/** Acts that a page begins with, and that each step adds. */
const step = 100;
const all = "all kinds";
/** Kinds of acts, as the address has them. */
export const actKinds = ["review", "policy", "access", "erasure", "loop", "incident", "release", "approval"] as const;
export type ActKind = (typeof actKinds)[number];

const short = (digest: string): string => digest.slice(0, 16);

function Proof({ act, onClose }: { readonly act: LoggedAct; onClose(): void }) {
  const proof = useResource(`proof ${act.position}`, signal => governance.proof(act.position, signal));
  return (
    <Dialog title={`Entry ${act.position} of the log`} onClose={onClose}>
      <Loaded resource={proof} what="the proof">
        {p => (
          <>
            <p>
              The entry's hash, with {p.path.length} others, gives the root of the tree of {p.tree.size} entries. Hold it against a signed
              checkpoint: <code>loam log prove {act.id} --json</code>.
            </p>
            <p className="hint">
              Root <Id id={p.tree.root} short={short(p.tree.root)} />, leaf <Id id={p.leaf} short={short(p.leaf)} />
            </p>
            <pre className="entry">{p.entry}</pre>
            {p.openings.length > 0 && (
              <>
                <h3>What opens its commitments</h3>
                <ul className="statements">
                  {p.openings.map(o => (
                    <li key={o.field}>
                      {o.field}: {o.value} <small>salt {o.salt.slice(0, 16)}…</small>
                    </li>
                  ))}
                </ul>
              </>
            )}
            <CopyButton text={JSON.stringify(p, null, 2)} label="Copy the proof" />
          </>
        )}
      </Loaded>
    </Dialog>
  );
}

/** A field of an act; one that an erasure took says so. */
const shown = (act: LoggedAct, field: "who" | "what" | "on"): string => act[field] ?? (act.erased.includes(field) ? "erased" : none);

function Row({ act, onProve }: { readonly act: LoggedAct; onProve(): void }) {
  const evidence = Object.entries(act.evidence ?? {});
  return (
    <tr>
      <td data-label="When">{formatMoment(act.at)}</td>
      <th scope="row">
        <span className="version">
          {shown(act, "what")}
          <span className="tag">{act.kind}</span>
        </span>
      </th>
      <td data-label="On" className="text">
        {shown(act, "on")}
      </td>
      <td data-label="Who" className="text">
        {shown(act, "who")}
      </td>
      <td data-label="Why" className="text">
        {[act.purpose, act.note].filter(Boolean).join("; ") || none}
        {evidence.map(([name, digest]) => (
          <small key={name} title={digest}>
            {" "}
            {name} {digest.slice(0, 12)}
          </small>
        ))}
      </td>
      <td className="row-links">
        <button type="button" className="quiet" onClick={onProve}>
          Proof<span className="hidden"> of entry {act.position}</span>
        </button>
      </td>
    </tr>
  );
}

interface ActsProps {
  readonly kind: ActKind | null;
  onKind(kind: ActKind | null): void;
}

export function Acts({ kind, onKind }: ActsProps) {
  const [most, setMost] = useState(step);
  const [proven, setProven] = useState<LoggedAct | null>(null);
  const acts = useResource(`acts ${kind} ${most}`, signal => governance.acts(kind, most, signal), { on: ["artifacts"], everyMs: lookMs });
  return (
    <>
      <div className="subject">
        <Pick
          label="Kind of act"
          value={kind ?? all}
          options={[all, ...actKinds]}
          onPick={k => onKind(actKinds.find(known => known === k) ?? null)}
        />
      </div>
      <Loaded resource={acts} what="the log">
        {({ acts: list, log }) =>
          list.length === 0 ? (
            <Empty icon="governance" title="No acts yet">
              <p>
                Releases, approvals, reviews and erasures write themselves. <code>loam log act incident "wrong label" MODEL@VERSION</code>{" "}
                records one by hand.
              </p>
            </Empty>
          ) : (
            <>
              <p className="hint">
                {log.size} entries, root <Id id={log.root} short={short(log.root)} />. <code>loam log export FOLDER --key FILE</code> writes
                the log for auditors.
              </p>
              <div className="table-frame">
                <table className="rows stacked">
                  <thead>
                    <tr>
                      <th scope="col">When</th>
                      <th scope="col">What</th>
                      <th scope="col">On</th>
                      <th scope="col">Who</th>
                      <th scope="col">Why</th>
                      <th scope="col">
                        <span className="hidden">Proof</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {list.map(act => (
                      <Row key={act.id} act={act} onProve={() => setProven(act)} />
                    ))}
                  </tbody>
                </table>
              </div>
              {list.length === most && (
                <button type="button" onClick={() => setMost(most + step)}>
                  Show {step} more
                </button>
              )}
            </>
          )
        }
      </Loaded>
      {proven && <Proof act={proven} onClose={() => setProven(null)} />}
    </>
  );
}

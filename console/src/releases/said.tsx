/** What people said of a version: who approved and signed it, tags and notes. */

import { formatMoment } from "../format.ts";
import type { Verdicts } from "../generated/server.ts";

export function Said({ of: { approvals, signatures, tags, notes } }: { readonly of: Verdicts }) {
  const isSilent = approvals.length + signatures.length + notes.length + Object.keys(tags).length === 0;
  return (
    <section className="card" aria-labelledby="said">
      <header className="card-head">
        <h2 id="said">Approvals and signatures</h2>
      </header>
      {isSilent && (
        <p className="hint">
          None yet: <code>loam models approve</code>, <code>sign</code>, <code>tag</code> and <code>note</code>.
        </p>
      )}
      <ul className="statements">
        {approvals.map(a => (
          <li key={`${a.alias} ${a.role} ${a.by}`}>
            {a.by} approved it for {a.alias} as {a.role}{" "}
            <span className={a.signedBy === null ? "tag" : "tag strong"}>
              {a.signedBy !== null ? "signed" : a.isVerified ? "unsigned, by account" : "unsigned, name unverified"}
            </span>
            {a.note && <> {a.note}</>}
            <br />
            <small>
              {formatMoment(a.at)}
              {a.signedBy && (
                <>
                  , key <code>{a.signedBy}</code>
                </>
              )}
            </small>
          </li>
        ))}
        {signatures.map(s => (
          <li key={s.fingerprint}>
            {s.by ?? "Somebody"} signed its content{" "}
            <span className={s.isValid ? "tag strong" : "tag bad"}>{s.isValid ? "valid" : "not over this content"}</span>
            <br />
            <small>
              {formatMoment(s.at)}, key <code>{s.fingerprint}</code>
            </small>
          </li>
        ))}
        {notes.map(n => (
          <li key={n.at}>
            {n.by}: {n.text}
            <br />
            <small>{formatMoment(n.at)}</small>
          </li>
        ))}
        {Object.entries(tags).map(([key, value]) => (
          <li key={key}>
            <span className="tag">{value === "" ? key : `${key} ${value}`}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** One document: where it is and why, what each step measured and changed, what is like it, and its text. */
import { useEffect, useRef } from "react";
import { api } from "../api.ts";
import { useChoice } from "../choices.ts";
import { formatCount } from "../format.ts";
import type { LookedAtDocument } from "../generated/server.ts";
import { Id } from "../parts/copy.tsx";
import { Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { DiffLines } from "./diff.tsx";
import { showValue } from "./rules.tsx";
import "./explorer.css";

interface DocumentProps {
  readonly artifact: string;
  readonly id: string;
  onOpen(id: string): void;
}

type Step = NonNullable<LookedAtDocument["steps"]>[number];
const outcomes = { passed: "passed", dropped: "dropped", overruled: "kept, because keep: names it", "not reached": "not reached" } as const;

const StepRows = ({ step: s }: { readonly step: Step }) => (
  <tr>
    <th scope="row">{s.step}</th>
    <td>{outcomes[s.outcome]}</td>
    <td>
      {s.verdicts.map(v => (
        <div key={v.rule}>
          {v.keep ? "" : "✗ "}
          {v.rule} <b>{showValue(v.value)}</b> <span className="hint">threshold {showValue(v.threshold)}</span>
        </div>
      ))}
      {s.edits.map(e => (
        <div key={e.rule}>
          edited by {e.rule} <b>{showValue(e.value)}</b>
        </div>
      ))}
      {s.verdicts.length + s.edits.length === 0 && <span className="hint">nothing to say</span>}
    </td>
  </tr>
);

const Steps = ({ document: { steps, entries } }: { readonly document: LookedAtDocument }) => (
  <section className="card">
    <header className="card-head">
      <h2>Steps</h2>
      {!steps && <p>Measured values were not kept when these documents were made.</p>}
    </header>
    {steps ? (
      <div className="scrolls">
        <table className="story-steps">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Outcome</th>
              <th scope="col">Measured and edited</th>
            </tr>
          </thead>
          <tbody>
            {entries.some(e => e.step === "read") && (
              <StepRows step={{ step: "read", outcome: "passed", verdicts: [], edits: entries.filter(e => e.step === "read") }} />
            )}
            {steps.map((s, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a step may run twice.
              <StepRows key={i} step={s} />
            ))}
          </tbody>
        </table>
      </div>
    ) : (
      <ul>
        {entries.map((e, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an entry is its place.
          <li key={i}>
            {e.step}: {e.action} {e.rule} {showValue(e.value)}
          </li>
        ))}
      </ul>
    )}
  </section>
);

const Changes = ({ history }: Pick<LookedAtDocument, "history">) =>
  history.changes.length === 0 && history.missing === null ? null : (
    <section className="card">
      <header className="card-head">
        <h2>Changes by step</h2>
        {history.missing && <p>{history.missing}</p>}
      </header>
      {history.changes.map(c => (
        <div key={c.steps.join()}>
          <h3>
            {c.steps.join(", ")}: {formatCount(c.before)} to {formatCount(c.after)} characters
          </h3>
          <DiffLines lines={c.lines} names={["the text before", "the text after"]} />
        </div>
      ))}
    </section>
  );

/** Has the focus when a document is opened: its list is gone. */
function Title({ id }: { readonly id: string }) {
  const title = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another document is another title.
  useEffect(() => title.current?.focus(), [id]);
  return (
    <h2 ref={title} tabIndex={-1}>
      <code>{id}</code>
    </h2>
  );
}

interface LikeProps extends DocumentProps {
  readonly document: LookedAtDocument;
  readonly against: string;
  onCompare(id: string): void;
}

function Like({ document: { id, cluster, group, difference }, against, onOpen, onCompare }: LikeProps) {
  const like = [
    ...(cluster?.survivors ?? []).map(other => ({ id: other, note: "stays" })),
    ...(cluster?.members ?? []).map(m => ({ id: m.id, note: `${m.step}/${m.rule} ${showValue(m.value)}` })),
    ...(group ?? []).map(other => ({ id: other, note: "near-duplicate on the same side" })),
  ].filter((o, i, all) => o.id !== id && all.findIndex(x => x.id === o.id) === i);
  if (like.length === 0) return null;
  return (
    <section className="card">
      <header className="card-head">
        <h2>{formatCount(like.length)} similar documents</h2>
      </header>
      <ul className="story-like">
        {like.slice(0, 50).map(o => (
          <li key={o.id}>
            <button type="button" className="quiet" onClick={() => onOpen(o.id)}>
              <code>{o.id}</code>
            </button>
            <small>{o.note}</small>
            <button type="button" aria-pressed={o.id === against} onClick={() => onCompare(o.id === against ? "" : o.id)}>
              {o.id === against ? "Hide the difference" : "Difference"}
            </button>
          </li>
        ))}
        {like.length > 50 && <li>and {formatCount(like.length - 50)} more</li>}
      </ul>
      {difference && <DiffLines lines={difference.lines} names={["this document", difference.id]} />}
    </section>
  );
}

export function DocumentPage({ artifact, id, onOpen }: DocumentProps) {
  const [against, setAgainst] = useChoice("against");
  const found = useResource(`document ${artifact} ${id} ${against}`, signal => api.document(artifact, id, against || null, signal));
  const open = (other: string) => {
    setAgainst("");
    onOpen(other);
  };
  return (
    <>
      <p>
        <button type="button" className="quiet" onClick={() => open("")}>
          ← Back to the list
        </button>
      </p>
      <Loaded resource={found} what="the document">
        {d => (
          <>
            <div className="subject">
              <Title id={d.id} />
              <Id id={d.id} />
              <span className={`tag ${d.side === "dropped" ? "lost" : ""}`}>{d.side}</span>
              <span className="hint">read from {d.source}</span>
            </div>
            <p className="hint">
              {Object.entries(d.attributes)
                .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : value}`)
                .join("; ")}
            </p>
            {d.where.trainedOnIt.length > 0 && (
              <p className="hint">Models trained on it: {d.where.trainedOnIt.map(m => m.versions.join(", ") || m.artifact).join("; ")}</p>
            )}
            <Steps document={d} />
            <Changes history={d.history} />
            <Like artifact={artifact} id={id} document={d} against={against} onOpen={open} onCompare={setAgainst} />
            <section className="card">
              <header className="card-head">
                <h2>Text</h2>
                <p>As the last step left it; private data is masked.</p>
              </header>
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a text that scrolls is scrolled by keys. */}
              <div className="story-text" tabIndex={0}>
                {d.text}
              </div>
            </section>
          </>
        )}
      </Loaded>
    </>
  );
}

/**
 * Review cases by the keyboard: j and k choose, Enter takes, a approves, r refuses, e escalates, u undoes. Keys work while the list has the focus, so
 * that no other part of the page loses its own. A vote is sent after some seconds, in which it can be undone; the server cannot take one back.
 */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import type { GatewayReviewCase as ReviewCase, GatewayTakenCase as TakenCase } from "../generated/gateway.ts";
import { FailureNotice, Loaded } from "../parts/notice.tsx";
import { useResource } from "../resource.ts";
import { gateway } from "./api.ts";

const everyMs = 2_000;
/** In which a vote can be undone. */
const undoMs = 4_000;

type Action = "approve" | "refuse" | "escalate";
const actions: readonly { readonly key: string; readonly action: Action; readonly label: string; readonly said: string }[] = [
  { key: "a", action: "approve", label: "Approve", said: "Approved" },
  { key: "r", action: "refuse", label: "Refuse", said: "Refused" },
  { key: "e", action: "escalate", label: "Escalate", said: "Escalated" },
];

interface Pending {
  readonly id: string;
  readonly said: string;
  readonly send: () => Promise<void>;
}

const aboutOf = (c: ReviewCase): string =>
  [
    `${c.subject}, ${c.model}`,
    c.flaggedBy.length > 0 ? `flagged by ${c.flaggedBy.join(", ")}` : "",
    `${c.votes} of ${c.needed} votes`,
    c.round > 1 ? "appeal" : "",
    c.isEscalated ? "escalated" : "",
    c.assigned.length > 0 ? "taken" : "",
  ]
    .filter(part => part !== "")
    .join("; ");

const Taken = ({ of }: { readonly of: TakenCase }) => (
  <div role="status">
    <p className="label-text">{of.text}</p>
    {of.appeal !== null && <p className="hint">Appeal: {of.appeal === "" ? "without a reason" : of.appeal}</p>}
  </div>
);

/** A vote that is sent when its time is over, or when the page is left. */
function usePending() {
  const [pending, setPending] = useState<Pending | null>(null);
  const now = useRef<Pending | null>(null);
  now.current = pending;
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(() => {
      setPending(null);
      void pending.send();
    }, undoMs);
    return () => clearTimeout(timer);
  }, [pending]);
  useEffect(() => () => void now.current?.send(), []);
  return {
    pending,
    put: (next: Pending) => {
      void now.current?.send();
      setPending(next);
    },
    undo: () => setPending(null),
  };
}

function Cases({ of, refresh }: { readonly of: readonly ReviewCase[]; readonly refresh: () => void }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [taken, setTaken] = useState<TakenCase | null>(null);
  const [category, setCategory] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const { pending, put, undo } = usePending();
  const cases = of.filter(c => c.id !== pending?.id);
  const at = Math.max(
    0,
    cases.findIndex(c => c.id === chosen),
  );
  const current = cases[at];

  const tried = async (work: () => Promise<unknown>) => {
    try {
      await work();
      setFailure(null);
    } catch (error) {
      setFailure(failureOf(error));
    }
    refresh();
  };
  const take = (id: string) => tried(async () => setTaken((await gateway.takeReview(id)).case));
  const vote = ({ action, said }: (typeof actions)[number]) => {
    if (!taken || taken.id !== current?.id) return;
    const { id } = taken;
    const given = { action, ...(action === "refuse" && category.trim() !== "" ? { category: category.trim() } : {}) };
    put({ id, said: `${said} ${id}`, send: () => tried(() => gateway.decideReview(id, given)) });
    setChosen(cases[at + 1]?.id ?? null);
    setTaken(null);
  };
  const undoVote = () => {
    if (pending) setChosen(pending.id);
    undo();
  };
  const press = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const row = actions.find(a => a.key === e.key);
    if (e.key === "j" || e.key === "ArrowDown") setChosen(cases[Math.min(cases.length - 1, at + 1)]?.id ?? null);
    else if (e.key === "k" || e.key === "ArrowUp") setChosen(cases[Math.max(0, at - 1)]?.id ?? null);
    else if (e.key === "Enter" && current) void take(current.id);
    else if (e.key === "u") undoVote();
    else if (row) vote(row);
    else return;
    e.preventDefault();
  };

  return (
    <>
      <div
        className="review-list"
        role="listbox"
        aria-label="Cases that wait"
        aria-activedescendant={current ? `case-${current.id}` : undefined}
        tabIndex={0}
        onKeyDown={press}
      >
        {cases.map((c, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the chosen option
          <div key={c.id} id={`case-${c.id}`} role="option" aria-selected={i === at} onClick={() => setChosen(c.id)}>
            <code>{c.id}</code> <small>{aboutOf(c)}</small>
          </div>
        ))}
      </div>
      {taken && taken.id === current?.id && <Taken of={taken} />}
      <div className="bar">
        <button type="button" onClick={() => current && void take(current.id)} aria-keyshortcuts="Enter">
          <kbd>⏎</kbd> Take
        </button>
        {actions.map(row => (
          <button key={row.key} type="button" onClick={() => vote(row)} disabled={taken?.id !== current?.id} aria-keyshortcuts={row.key}>
            <kbd>{row.key}</kbd> {row.label}
          </button>
        ))}
        <label className="field">
          <span className="field-name">Category of a refusal</span>
          <input value={category} onChange={e => setCategory(e.target.value)} maxLength={64} />
        </label>
        <span className="push" />
        <button type="button" className="quiet" onClick={undoVote} disabled={!pending} aria-keyshortcuts="u">
          <kbd>u</kbd> Undo
        </button>
      </div>
      <p className="hint" role="status">
        {pending ? `${pending.said}: sent in ${undoMs / 1000} seconds.` : "j and k choose, Enter takes, while the list has the focus."}
      </p>
      {failure && <FailureNotice failure={failure} />}
    </>
  );
}

export function Review() {
  const cases = useResource("review cases", gateway.reviews, { everyMs });
  // nothing waits, or nobody here may look
  if (!cases.data || cases.data.data.length === 0) return null;
  return (
    <section className="card" aria-label="Review cases">
      <header className="card-head">
        <h2>Review cases</h2>
        <p>Requests that wait for people. A case is yours for 15 minutes when you take it.</p>
      </header>
      <Loaded resource={cases} what="review cases">
        {({ data }) => <Cases of={data} refresh={cases.reload} />}
      </Loaded>
    </section>
  );
}

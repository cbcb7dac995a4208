/** One text at a time with its classes under keys: a label is kept by the server before the next text is shown; Backspace goes back. */

import { useEffect, useRef, useState } from "react";
import { api, type GivenLabel } from "../api.ts";
import { type Failure, failureOf } from "../failure.ts";
import { formatCount } from "../format.ts";
import type { LabelBatch, LabelItem, LabelState } from "../generated/server.ts";
import { isTyping } from "../parts/is-typing.ts";
import { FailureNotice } from "../parts/notice.tsx";
import { ClassToggles, SpanField } from "./several-desk.tsx";
import type { LabelledSpan } from "./spans.ts";

/** Keys of the classes, under the fingers of the home row; none that opens a page. */
const classKeys = [..."asdfghjkl"];

interface DeskProps {
  readonly set: LabelBatch;
  readonly by: string;
  onState(state: LabelState): void;
  /** All of them are done. */
  onEmpty(): void;
}

export function Desk({ set, by, onState, onEmpty }: DeskProps) {
  const { items } = set;
  const [at, setAt] = useState(0);
  const [failure, setFailure] = useState<Failure | null>(null);
  const isBusy = useRef(false);
  /** A person is at work: the next text of ranges has the focus. */
  const [hasMoved, setMoved] = useState(false);
  const item = items[at];

  /** Of a set of several classes, and of ranges: what is chosen for the text that is shown. */
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [spans, setSpans] = useState<readonly LabelledSpan[]>([]);
  const toggle = (label: string) => setChosen(all => (all.includes(label) ? all.filter(c => c !== label) : [...all, label]));

  const move = (to: number) => {
    setMoved(true);
    setChosen([]);
    setSpans([]);
    setAt(to);
  };
  const send = async (of: LabelItem, label: GivenLabel["label"], next: number) => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      onState(await api.label(set.name, { id: of.id, label, by }));
      setFailure(null);
      move(next);
      if (next >= items.length) onEmpty();
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      isBusy.current = false;
    }
  };
  const give = (label: GivenLabel["label"]) => item && void send(item, label, at + 1);
  const keep = () => give(set.kind === "spans" ? spans : chosen);
  const skip = () => (at + 1 < items.length ? move(at + 1) : onEmpty());
  const back = () => {
    const before = items[at - 1];
    if (before) void send(before, null, at - 1);
  };

  const press = useRef<(e: KeyboardEvent) => void>(() => {});
  press.current = e => {
    // a text of ranges stands in a field, into which nobody writes
    const isWritten = isTyping(e.target) && !(e.target instanceof HTMLTextAreaElement && e.target.ariaReadOnly === "true");
    if (e.ctrlKey || e.metaKey || e.altKey || isWritten || document.querySelector("dialog[open]")) return;
    const label = set.classes[classKeys.indexOf(e.key.toLowerCase())];
    if (label !== undefined && set.kind === "spans") return;
    if (label !== undefined && set.kind === "several") toggle(label);
    else if (label !== undefined) give(label);
    else if (e.key === "Enter" && set.kind !== "one" && !(e.target instanceof HTMLButtonElement)) keep();
    else if (e.key === "Backspace") back();
    else if (e.key === "n") skip();
    else return;
    e.preventDefault();
  };
  useEffect(() => {
    const listen = (e: KeyboardEvent) => press.current(e);
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);

  if (!item) return null;
  return (
    <section className="card" aria-label="Text to label">
      {set.kind === "spans" ? (
        <SpanField
          key={item.id}
          isFocused={hasMoved}
          text={item.text}
          classes={set.classes}
          keys={classKeys}
          spans={spans}
          onSpans={setSpans}
        />
      ) : (
        <p className="label-text" aria-live="polite">
          {item.text}
        </p>
      )}
      <div className="bar">
        {set.kind === "several" && <ClassToggles set={set} keys={classKeys} chosen={chosen} onToggle={toggle} />}
        {set.kind !== "one" && (
          <button type="button" className="primary" onClick={keep} aria-keyshortcuts="Enter">
            <kbd>⏎</kbd> Keep {set.kind === "spans" ? `${spans.length} ranges` : chosen.length === 0 ? "none" : chosen.join(", ")}
          </button>
        )}
        {set.kind === "one" &&
          set.classes.map((c, i) => (
            <button key={c} type="button" onClick={() => give(c)} aria-keyshortcuts={classKeys[i]}>
              <kbd>{classKeys[i]}</kbd> {c}
              {item.guess && <small>{Math.round(100 * (item.guess[c] ?? 0))} %</small>}
            </button>
          ))}
        <span className="push" />
        <button type="button" className="quiet" onClick={skip} aria-keyshortcuts="n">
          <kbd>n</kbd> Not now
        </button>
        <button type="button" className="quiet" onClick={back} disabled={at === 0} aria-keyshortcuts="Backspace">
          <kbd>⌫</kbd> Back
        </button>
      </div>
      {failure && <FailureNotice failure={failure} />}
      <p className="hint">
        {formatCount(at + 1)} of {formatCount(items.length)} in this round
      </p>
    </section>
  );
}

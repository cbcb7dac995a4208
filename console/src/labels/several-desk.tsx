/** What one text is given where a set takes several classes, or ranges of characters: chosen by keys or buttons, then kept by Enter. */
import { useEffect, useRef } from "react";
import type { LabelBatch } from "../generated/server.ts";
import { type LabelledSpan, placeInText, toggledSpan } from "./spans.ts";

interface SpanFieldProps {
  readonly text: string;
  /** The text has the focus when it is shown. */
  readonly isFocused: boolean;
  readonly classes: readonly string[];
  readonly keys: readonly string[];
  readonly spans: readonly LabelledSpan[];
  onSpans(spans: readonly LabelledSpan[]): void;
}

/** The text in a field into which nothing is written, since browsers select by keys only where one may write: a selection is made by mouse or by Shift and arrows, and a class's key or button gives it the class. */
export function SpanField({ text, isFocused, classes, keys, spans, onSpans }: SpanFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the text is shown.
  useEffect(() => {
    const element = field.current;
    if (isFocused) element?.focus();
    const refuse = (e: Event) => e.preventDefault();
    element?.addEventListener("beforeinput", refuse);
    return () => element?.removeEventListener("beforeinput", refuse);
  }, []);
  const give = (label: string) => {
    const { selectionStart, selectionEnd } = field.current ?? { selectionStart: 0, selectionEnd: 0 };
    const [start, end] = [placeInText(text, selectionStart), placeInText(text, selectionEnd)];
    if (end > start) onSpans(toggledSpan(spans, { start, end, label }));
    field.current?.focus();
  };
  return (
    <>
      <textarea
        ref={field}
        className="label-text"
        aria-readonly="true"
        inputMode="none"
        spellCheck={false}
        onChange={() => {}}
        rows={Math.min(16, 2 + text.split("\n").length)}
        value={text}
        aria-label="Text: select a range, then press a class's key"
        onKeyDown={e => {
          const label = e.ctrlKey || e.metaKey || e.altKey ? undefined : classes[keys.indexOf(e.key.toLowerCase())];
          if (label === undefined) return;
          e.preventDefault();
          give(label);
        }}
      />
      <div className="bar">
        {classes.map((c, i) => (
          <button key={c} type="button" onClick={() => give(c)} aria-keyshortcuts={keys[i]}>
            <kbd>{keys[i]}</kbd> {c}
          </button>
        ))}
      </div>
      <ul aria-label="Ranges">
        {spans.map(s => (
          <li key={`${s.start} ${s.end} ${s.label}`} className="bar">
            <span>
              <b>{s.label}</b> {text.slice(s.start, s.end)} <small>{`${s.start} to ${s.end}`}</small>
            </span>
            <button
              type="button"
              className="quiet push"
              onClick={() => {
                onSpans(toggledSpan(spans, s));
                field.current?.focus();
              }}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

interface ClassTogglesProps {
  readonly set: LabelBatch;
  readonly keys: readonly string[];
  readonly chosen: readonly string[];
  onToggle(label: string): void;
}

export const ClassToggles = ({ set, keys, chosen, onToggle }: ClassTogglesProps) => (
  <>
    {set.classes.map((c, i) => (
      <button key={c} type="button" aria-pressed={chosen.includes(c)} onClick={() => onToggle(c)} aria-keyshortcuts={keys[i]}>
        <kbd>{keys[i]}</kbd> {c}
      </button>
    ))}
  </>
);

/** What one text is given where a set takes several classes, or ranges of characters: chosen by keys or buttons, then kept by Enter. */
import { useRef } from "react";
import type { LabelBatch } from "../generated/server.ts";
import { type LabelledSpan, placeInText, toggledSpan } from "./spans.ts";

interface SpanFieldProps {
  readonly text: string;
  readonly classes: readonly string[];
  readonly keys: readonly string[];
  readonly spans: readonly LabelledSpan[];
  onSpans(spans: readonly LabelledSpan[]): void;
}

/** The text in a field that is only read: a selection is made by mouse or by Shift and arrows, and a class's key or button gives it the class. */
export function SpanField({ text, classes, keys, spans, onSpans }: SpanFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
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
        readOnly
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
            <button type="button" className="quiet push" onClick={() => onSpans(toggledSpan(spans, s))}>
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

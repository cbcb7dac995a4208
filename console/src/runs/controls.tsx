/** What the table of runs shows: its filter, search, grouping, columns; and the table as CSV. */
import { useEffect, useId, useRef, useState } from "react";
import type { RunColumn } from "../generated/runs.ts";
import { Dialog } from "../parts/dialog.tsx";
import { columnLabel } from "./cells.ts";

/** After the last key until what was typed is looked for. */
const typedMs = 350;

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  /** Why the server did not take it. */
  readonly problem?: string | undefined;
  onValue(value: string): void;
}

/** A line of text that counts when typing pauses, or on Enter. */
export function TypedField({ label, value, placeholder, problem, onValue }: FieldProps) {
  const [text, setText] = useState(value);
  const [id, given] = [useId(), useRef(value)];
  // what another control or a link sets
  useEffect(() => {
    if (value !== given.current) setText(value);
    given.current = value;
  }, [value, given]);
  useEffect(() => {
    if (text === given.current) return;
    const timer = setTimeout(() => {
      given.current = text;
      onValue(text);
    }, typedMs);
    return () => clearTimeout(timer);
  }, [text, onValue, given]);
  return (
    <div className="run-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="search"
        value={text}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onChange={e => setText(e.target.value)}
        onKeyDown={e => {
          if (e.key !== "Enter") return;
          given.current = text;
          onValue(text);
        }}
      />
      {problem !== undefined && (
        <p id={`${id}-problem`} className="run-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

const headings = { run: "Run", option: "Options", result: "Results" } as const;

interface ColumnsProps {
  readonly columns: readonly RunColumn[];
  readonly shown: readonly string[];
  onShown(keys: readonly string[]): void;
  onClose(): void;
}

/** Which columns are shown. */
export function ColumnsDialog({ columns, shown, onShown, onClose }: ColumnsProps) {
  const [search, setSearch] = useState("");
  const wanted = columns.filter(c => `${c.key} ${columnLabel(c)}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <Dialog title="Columns" onClose={onClose}>
      <label className="run-field">
        Search columns
        <input type="search" value={search} onChange={e => setSearch(e.target.value)} />
      </label>
      <div className="run-columns">
        {(["run", "option", "result"] as const).map(of => {
          const own = wanted.filter(c => c.of === of && c.key !== "name");
          return (
            own.length > 0 && (
              <fieldset key={of}>
                <legend>{headings[of]}</legend>
                {own.map(c => (
                  <label key={c.key}>
                    <input
                      type="checkbox"
                      checked={shown.includes(c.key)}
                      onChange={() => onShown(shown.includes(c.key) ? shown.filter(k => k !== c.key) : [...shown, c.key])}
                    />{" "}
                    {columnLabel(c)}
                    <small>
                      {" "}
                      {c.unit ?? ""} {c.count} {c.count === 1 ? "run" : "runs"}
                    </small>
                  </label>
                ))}
              </fieldset>
            )
          );
        })}
      </div>
    </Dialog>
  );
}

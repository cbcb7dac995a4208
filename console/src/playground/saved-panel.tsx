/** Conversations and presets: save what is on the page under a name, take one up again, export and import all as JSON. */
import { type FormEvent, useRef, useState } from "react";
import { choose } from "../choices.ts";
import { download } from "../parts/download.ts";
import {
  keepConversations,
  loadConversations,
  readConversations,
  type Saved,
  type Turn,
  withSaved,
  writeConversations,
} from "./conversations.ts";
import { type Exchange, hasAnswer, isRunning, type Side } from "./exchange.ts";
import { preferenceLines } from "./preferences.ts";
import type { Mode } from "./request.ts";
import { restore, type Session } from "./session.ts";

/** What is on the page, beside its session. */
interface Place {
  readonly mode: Mode;
  readonly model: string | null;
  /** Null: no comparison. */
  readonly beside: string | null;
}

const turnsOf = (exchanges: readonly Exchange[], mode: Mode, side: Side): Turn[] =>
  exchanges
    .filter(e => e.mode === mode && e.side === side && hasAnswer(e) && !isRunning(e))
    .map(({ prompt, text, calls, results }) => ({
      prompt,
      text,
      ...(calls.length > 0 ? { calls: [...calls] } : {}),
      ...(results.length > 0 ? { results: [...results] } : {}),
    }));

const savedFrom = ({ settings, beside, exchanges }: Session, at: Place, name: string, isPreset: boolean): Saved => ({
  ...{ name, savedAt: Date.now(), mode: at.mode, model: at.model, settings },
  turns: isPreset ? [] : turnsOf(exchanges, at.mode, 0),
  ...(at.beside === null ? {} : { beside: { model: at.beside, settings: beside, turns: isPreset ? [] : turnsOf(exchanges, at.mode, 1) } }),
});

function take(saved: Saved): void {
  if (restore(saved)) choose({ mode: saved.mode === "chat" ? "chat" : "", model: saved.model ?? "", beside: saved.beside?.model ?? "" });
}

export function SavedPanel({ session, at }: { readonly session: Session; readonly at: Place }) {
  const preferences = preferenceLines(session.exchanges, session.preferences);
  const [all, setAll] = useState(loadConversations);
  const [name, setName] = useState("");
  const [said, setSaid] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const keep = (next: readonly Saved[], done: string) => {
    setAll(next);
    setSaid(keepConversations(next) ? done : "This browser keeps nothing: export the conversations.");
  };
  const save = (e: FormEvent, isPreset: boolean) => {
    e.preventDefault();
    const given = name.trim();
    if (given === "") return;
    keep(withSaved(all, savedFrom(session, at, given, isPreset)), `Saved ${given}.`);
    setName("");
  };
  const read = async (file: File | undefined) => {
    if (!file) return;
    try {
      const found = readConversations(await file.text());
      keep(found.toReversed().reduce<readonly Saved[]>(withSaved, all), `Imported ${found.length} from ${file.name}.`);
    } catch (error) {
      setSaid(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return (
    <section className="saved" aria-label="Saved conversations and presets">
      <form className="field" onSubmit={e => save(e, false)}>
        <label className="field-name" htmlFor="saved-name">
          Save as
        </label>
        <input id="saved-name" value={name} autoComplete="off" placeholder="Name" onChange={e => setName(e.target.value)} />
        <div className="bar">
          <button type="submit" disabled={name.trim() === ""}>
            Conversation
          </button>
          <button type="button" disabled={name.trim() === ""} onClick={e => save(e, true)}>
            Preset
          </button>
        </div>
      </form>
      <ul>
        {all.map(s => (
          <li key={s.name}>
            <button type="button" className="quiet" disabled={session.exchanges.some(isRunning)} onClick={() => take(s)}>
              {s.name}
            </button>
            <small>{s.turns.length === 0 ? "preset" : `${s.turns.length} ${s.turns.length === 1 ? "turn" : "turns"}`}</small>
            <button
              type="button"
              className="quiet"
              aria-label={`Delete ${s.name}`}
              onClick={() =>
                keep(
                  all.filter(other => other !== s),
                  `Deleted ${s.name}.`,
                )
              }
            >
              Delete
            </button>
          </li>
        ))}
      </ul>
      <div className="bar">
        <button
          type="button"
          className="quiet"
          disabled={all.length === 0}
          onClick={() => download("loam-conversations.json", "application/json", writeConversations(all))}
        >
          Export
        </button>
        <button type="button" className="quiet" onClick={() => input.current?.click()}>
          Import
        </button>
        {preferences !== "" && (
          <button
            type="button"
            className="quiet"
            title="JSON Lines of prompt, chosen and rejected: the data of `task: preference`"
            onClick={() => download("preferences.jsonl", "application/json", preferences)}
          >
            Export preferences
          </button>
        )}
        <input
          ref={input}
          hidden
          type="file"
          accept="application/json,.json"
          aria-label="File of conversations to import"
          onChange={e => void read(e.target.files?.[0])}
        />
      </div>
      <p className="hint" role="status">
        {said}
      </p>
    </section>
  );
}

/** Conversations and presets: save what is on the page under a name, take one up again, export and import all as JSON. */
import { type FormEvent, useRef, useState } from "react";
import { keepConversations, loadConversations, readConversations, type Saved, withSaved, writeConversations } from "./conversations.ts";
import { isRunning } from "./exchange.ts";
import { restore, type Session } from "./session.ts";

const savedFrom = ({ mode, model, settings, exchanges }: Session, name: string, isPreset: boolean): Saved => ({
  ...{ name, savedAt: Date.now(), mode, model, settings },
  turns: isPreset
    ? []
    : exchanges.filter(e => e.mode === mode && e.text !== "" && !isRunning(e)).map(({ prompt, text }) => ({ prompt, text })),
});

function download(text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "loam-conversations.json";
  link.click();
  URL.revokeObjectURL(link.href);
}

export function SavedPanel({ session }: { readonly session: Session }) {
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
    keep(withSaved(all, savedFrom(session, given, isPreset)), `Saved ${given}.`);
    setName("");
  };
  const take = async (file: File | undefined) => {
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
            <button type="button" className="quiet" disabled={session.exchanges.some(isRunning)} onClick={() => restore(s)}>
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
        <button type="button" className="quiet" disabled={all.length === 0} onClick={() => download(writeConversations(all))}>
          Export
        </button>
        <button type="button" className="quiet" onClick={() => input.current?.click()}>
          Import
        </button>
        <input
          ref={input}
          hidden
          type="file"
          accept="application/json,.json"
          aria-label="File of conversations to import"
          onChange={e => void take(e.target.files?.[0])}
        />
      </div>
      <p className="hint" role="status">
        {said}
      </p>
    </section>
  );
}

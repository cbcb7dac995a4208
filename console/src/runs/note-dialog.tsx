/** The note and the tags of a run, with who wrote them and when. */
import { useId, useRef, useState } from "react";
import { type Failure, failureOf } from "../failure.ts";
import { formatMoment } from "../format.ts";
import type { RunRow } from "../generated/runs.ts";
import { Dialog } from "../parts/dialog.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { runTable } from "./api.ts";

/** Where the page Labels keeps the name too. */
const nameKey = "loam.console.labeller";

interface NoteProps {
  readonly row: RunRow;
  readonly name: string;
  onSaved(): void;
  onClose(): void;
}

const tagsOf = (text: string): string[] => [...new Set(text.split(",").map(t => t.trim()))].filter(Boolean);

export function NoteDialog({ row, name, onSaved, onClose }: NoteProps) {
  const before = row.tags.map(t => t.tag);
  const [note, setNote] = useState(row.note?.text ?? "");
  const [tags, setTags] = useState(before.join(", "));
  const [by, setBy] = useState(() => localStorage.getItem(nameKey) ?? "");
  const [failure, setFailure] = useState<Failure | null>(null);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);

  const save = async () => {
    const wanted = tagsOf(tags);
    try {
      await runTable.annotate(row.id, {
        note: note.trim() === "" ? null : note,
        addTags: wanted.filter(t => !before.includes(t)),
        removeTags: before.filter(t => !wanted.includes(t)),
        by,
      });
      localStorage.setItem(nameKey, by);
      onSaved();
      // as Escape does: the focus goes back to where it was
      form.current?.closest("dialog")?.close();
    } catch (error) {
      setFailure(failureOf(error));
    }
  };

  return (
    <Dialog title={`Note and tags of ${name}`} onClose={onClose}>
      <form
        ref={form}
        className="run-note-form"
        onSubmit={e => {
          e.preventDefault();
          void save();
        }}
      >
        <label htmlFor={`${id}-note`}>Note</label>
        <textarea id={`${id}-note`} rows={4} maxLength={10_000} value={note} onChange={e => setNote(e.target.value)} />
        {row.note && (
          <p className="hint">
            Written by {row.note.by}, {formatMoment(row.note.at)}
          </p>
        )}
        <label htmlFor={`${id}-tags`}>Tags, separated by commas</label>
        <input id={`${id}-tags`} type="text" value={tags} onChange={e => setTags(e.target.value)} />
        {row.tags.length > 0 && (
          <ul className="hint">
            {row.tags.map(t => (
              <li key={t.tag}>
                {t.tag}: {t.by}, {formatMoment(t.at)}
              </li>
            ))}
          </ul>
        )}
        <label htmlFor={`${id}-by`}>Your name</label>
        <input id={`${id}-by`} type="text" required maxLength={64} value={by} onChange={e => setBy(e.target.value)} />
        {failure && <FailureNotice failure={failure} />}
        <div className="bar">
          <button type="submit" className="primary">
            Save
          </button>
          <code className="hint">loam runs note {row.id} "..."</code>
        </div>
      </form>
    </Dialog>
  );
}

/** Saved conversations and presets: in the browser's storage, and as JSON that is exported and imported. What is read is checked; anything else is left out. */
import * as is from "../shape.ts";
import { defaults, readSettings, type Settings } from "./settings.ts";
import { toolCall, toolResult } from "./tools.ts";

const turn = is.object({
  prompt: is.string,
  text: is.string,
  calls: is.optional(is.array(toolCall)),
  results: is.optional(is.array(toolResult)),
});
const stored = is.object({
  name: is.string,
  /** Milliseconds since 1970. */
  savedAt: is.number,
  mode: is.oneOf("completion", "chat"),
  /** Null: the one that the server names first. */
  model: is.nullable(is.string),
  settings: is.unknown,
  /** Empty: a preset, which has settings alone. */
  turns: is.array(turn),
  /** Of a comparison: the second model. */
  beside: is.optional(is.object({ model: is.string, settings: is.unknown, turns: is.array(turn) })),
});
const file = is.object({ kind: is.oneOf("loam-conversations"), saved: is.array(is.unknown) });

export type Turn = Readonly<is.Infer<typeof turn>>;

export interface Saved {
  readonly name: string;
  readonly savedAt: number;
  readonly mode: "completion" | "chat";
  readonly model: string | null;
  readonly settings: Settings;
  readonly turns: readonly Turn[];
  readonly beside?: {
    readonly model: string;
    /** Null: those of the first. */
    readonly settings: Settings | null;
    readonly turns: readonly Turn[];
  };
}

/** The most that are kept; the oldest go first. A browser gives some 5 MB. */
export const mostSaved = 50;
const key = "loam.console.conversations";

/** Errors: a sentence, where the text is no export. */
export function readConversations(text: string): Saved[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("expected JSON that was exported here, got another text.");
  }
  const found = file.safeParse(value);
  if (!found.success) throw new Error('expected { "kind": "loam-conversations", "saved": [...] }, got another document.');
  return found.data.saved.flatMap(one => {
    const read = stored.safeParse(one);
    if (!read.success) return [];
    const { beside, ...own } = read.data;
    const settingsOf = (given: unknown) => readSettings(JSON.stringify(given ?? defaults));
    return [
      {
        ...own,
        settings: settingsOf(own.settings),
        ...(beside ? { beside: { ...beside, settings: beside.settings === null ? null : settingsOf(beside.settings) } } : {}),
      },
    ];
  });
}

export const writeConversations = (saved: readonly Saved[]): string => JSON.stringify({ kind: "loam-conversations", saved }, null, 1);

/** With one more, the newest first; one of the same name is replaced. */
export const withSaved = (saved: readonly Saved[], one: Saved): Saved[] =>
  [one, ...saved.filter(s => s.name !== one.name)].toSorted((a, b) => b.savedAt - a.savedAt).slice(0, mostSaved);

export function loadConversations(): readonly Saved[] {
  try {
    return readConversations(localStorage.getItem(key) ?? writeConversations([]));
  } catch {
    // storage is off, or holds something else
    return [];
  }
}

/** False where the browser keeps nothing: storage is off or full. */
export function keepConversations(saved: readonly Saved[]): boolean {
  try {
    localStorage.setItem(key, writeConversations(saved));
    return true;
  } catch {
    return false;
  }
}

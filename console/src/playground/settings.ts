/** How a model is asked: sampling, length, stops. Text fields as typed, read when a request is made; remembered by the browser. */

import * as is from "../shape.ts";
import { schemaProblem } from "./schema-problem.ts";
import { choicesOf, type ToolField, toolField, toolProblems } from "./tools.ts";

export interface Settings {
  readonly temperature: number;
  readonly topP: number;
  /** Empty: not sent. */
  readonly topK: string;
  /** Of a completion; empty: as few as the server likes. */
  readonly maxTokens: string;
  /** Of a chat's answer; empty: until it ends or the context is full. */
  readonly maxAnswer: string;
  /** Empty: the server draws one. */
  readonly seed: string;
  /** One a line; `\n` and `\t` stand for the characters. */
  readonly stop: string;
  /** Chat only; empty: none. */
  readonly system: string;
  /** Asks for the probability of each token and of the likeliest ones in its place. */
  readonly probabilities: boolean;
  /** Chat only: JSON Schema of the response; empty: any text. */
  readonly schema: string;
  /** Chat only: functions that the model may call. */
  readonly tools: readonly ToolField[];
  /** Chat only: one of `choicesOf`; empty: the server's default, `auto`. */
  readonly toolChoice: string;
}

export const defaults: Settings = {
  temperature: 0.8,
  topP: 0.95,
  topK: "",
  maxTokens: "160",
  maxAnswer: "",
  seed: "",
  stop: "",
  system: "",
  probabilities: false,
  schema: "",
  tools: [],
  toolChoice: "",
};

/** The object that a field holds as JSON, undefined when empty, or null when it is none. */
export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined | null {
  if (text.trim() === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** OpenAI's API takes four. */
export const maxStops = 4;

/** The whole number that a field says, undefined when empty, or null when it is none or out of range. */
export function wholeNumber(text: string, min: number, max: number): number | undefined | null {
  if (text.trim() === "") return undefined;
  if (!/^-?\d+$/.test(text.trim())) return null;
  const n = Number(text);
  return n >= min && n <= max ? n : null;
}

const escapes: Record<string, string> = { "\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\" };

/** Stop strings of the field: a line each, escapes undone, empty lines left out. */
export const stopStrings = (text: string): string[] =>
  text
    .split("\n")
    .filter(line => line !== "")
    .map(line => line.replace(/\\[ntr\\]/g, e => escapes[e] ?? e));

const maxSeed = 2 ** 31 - 1;
export type Problems = Partial<Record<keyof Settings, string>>;

/** What is wrong with the fields, a sentence each; empty when a request can be made. */
export function problems(s: Settings): Problems {
  const found: Problems = {};
  if (wholeNumber(s.topK, 1, 1e6) === null) found.topK = "A whole number from 1, or nothing.";
  for (const name of ["maxTokens", "maxAnswer"] as const)
    if (wholeNumber(s[name], 1, 1e6) === null) found[name] = "A whole number from 1, or nothing.";
  if (wholeNumber(s.seed, 0, maxSeed) === null) found.seed = `A whole number from 0 to ${maxSeed}, or nothing.`;
  const ofSchema = schemaProblem(s.schema);
  if (ofSchema) found.schema = ofSchema;
  if (toolProblems(s.tools).some(p => p.name !== undefined || p.parameters !== undefined)) found.tools = "A function is not complete.";
  if (!choicesOf(s.tools).includes(s.toolChoice)) found.toolChoice = "The function is gone: choose again.";
  if (stopStrings(s.stop).length > maxStops) found.stop = `At most ${maxStops} lines.`;
  return found;
}

const key = "loam.console.settings";
const storedTools = is.array(toolField);

/** Settings out of stored text; anything unreadable or of another type is the default. */
export function readSettings(text: string | null): Settings {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "{}");
  } catch {
    return defaults;
  }
  if (typeof stored !== "object" || stored === null) return defaults;
  const entries = Object.entries(defaults).map(([name, value]) => {
    const found = (stored as Record<string, unknown>)[name];
    if (name === "tools") {
      const tools = storedTools.safeParse(found);
      return [name, tools.success ? tools.data : value];
    }
    return [name, typeof found === typeof value ? found : value];
  });
  return Object.fromEntries(entries) as Settings;
}

export function loadSettings(): Settings {
  try {
    return readSettings(localStorage.getItem(key));
  } catch {
    // Storage is off (a private window): the defaults then.
    return defaults;
  }
}

const besideKey = `${key}.beside`;

/** Of the second model in a comparison; null: the same as of the first. */
export function loadBeside(): Settings | null {
  try {
    const text = localStorage.getItem(besideKey);
    return text === null ? null : readSettings(text);
  } catch {
    return null;
  }
}

export function saveSettings(settings: Settings, beside: Settings | null): void {
  try {
    localStorage.setItem(key, JSON.stringify(settings));
    if (beside === null) localStorage.removeItem(besideKey);
    else localStorage.setItem(besideKey, JSON.stringify(beside));
  } catch {
    // Storage is off or full: the settings last as long as the page.
  }
}

/** Items of a task from a file: JSON lines, a JSON list, or a table with a row of names. Every complaint names file and line. */

import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileError, hashOf, showValue } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import { stereosetEntries } from "../stereotype/index.ts";
import type { ItemFormat } from "./schema.ts";

export type ItemFields = Readonly<Record<string, unknown>>;

export interface TaskFileItem {
  readonly fields: ItemFields;
  /** File and line, for people. */
  readonly place: string;
}

/** Items of a task are held in memory: a file larger than this is a corpus. */
const maxFileBytes = 512 * 2 ** 20;

const bad = (place: string, expected: string, received: string, hint?: string) =>
  evaluateErrors.fail("data", { place, expected, received, ...(hint ? { hint } : {}) });

const formats: Readonly<Record<string, ItemFormat>> = {
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".qrels": "trec",
};

/** Lines and columns of a place in a text, from 1. */
const lineAt = (text: string, at: number): number => text.slice(0, at).split("\n").length;

function objectOf(value: unknown, place: string): ItemFields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as ItemFields;
  throw bad(place, 'an object such as {"question": "..."}', showValue(value));
}

function jsonError(error: unknown, text: string): { readonly line: number; readonly message: string } {
  const { message } = error as Error;
  const at = /position (\d+)/.exec(message)?.[1];
  return { line: at === undefined ? 1 : lineAt(text, Number(at)), message: message.replace(/ in JSON at position.*$/, "").slice(0, 120) };
}

function jsonLines(text: string, name: string): TaskFileItem[] {
  const items: TaskFileItem[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const place = `${name}:${i + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw bad(place, "a JSON object a line", jsonError(error, line).message, "A file that is one JSON list needs the ending .json.");
    }
    items.push({ fields: objectOf(value, place), place });
  }
  return items;
}

/** The lines at which the entries of a list begin: strings are skipped, depth is counted. */
function entryLines(text: string): number[] {
  const lines: number[] = [];
  let [depth, line, inText] = [0, 1, false];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === "\n") line++;
    else if (inText) {
      if (c === "\\") i++;
      else if (c === '"') inText = false;
    } else if (c === '"') inText = true;
    else if (c === "{" || c === "[") {
      if (depth === 1) lines.push(line);
      depth++;
    } else if (c === "}" || c === "]") depth--;
  }
  return lines;
}

function jsonList(text: string, name: string): TaskFileItem[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // files called .json are often JSON lines
    if (/^\s*\{/.test(text) && /\}\s*\n\s*\{/.test(text)) return jsonLines(text, name);
    const { line, message } = jsonError(error, text);
    throw bad(`${name}:${line}`, "JSON", message);
  }
  const entries = stereosetEntries(value);
  if (entries) return entries.map((fields, i) => ({ fields, place: `${name}[${i}]` }));
  if (!Array.isArray(value)) {
    if (/^\s*\{.*\}\s*$/.test(text)) return jsonLines(text, name);
    throw bad(name, "a list of objects", showValue(value));
  }
  const isPlain = value.every(v => typeof v === "object" && v !== null);
  const lines = isPlain ? entryLines(text) : [];
  // a line tells nothing of lists that have several entries on one
  const hasLines = new Set(lines).size === lines.length;
  return value.map((v, i) => {
    const place = hasLines && lines[i] !== undefined ? `${name}:${lines[i]}` : `${name}[${i}]`;
    return { fields: objectOf(v, place), place };
  });
}

async function table(text: string, name: string, delimiter: string): Promise<TaskFileItem[]> {
  const { parse } = await import("csv-parse/sync");
  let rows: { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  try {
    // with `info`, a row is an object, which the types of the package do not say
    rows = parse(text, { delimiter, info: true, bom: true, skip_empty_lines: true, relax_column_count: true }) as unknown as typeof rows;
  } catch (error) {
    const line = (error as { lines?: number }).lines;
    throw bad(line ? `${name}:${line}` : name, "a table with a row of names", (error as Error).message.slice(0, 160));
  }
  const [head, ...rest] = rows;
  const names = head?.record ?? [];
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw bad(`${name}:1`, "names of columns that differ", `"${twice}" twice`);
  // `lines` counts up to the end of a row; it begins behind the one before it
  return rest.map(({ record }, i) => {
    const place = `${name}:${(rows[i]?.info.lines ?? 0) + 1}`;
    if (record.length !== names.length)
      throw bad(place, `${names.length} columns`, String(record.length), "Text with a comma or a line end stands in quotes.");
    return { fields: Object.fromEntries(names.map((n, k) => [n, record[k]!])), place };
  });
}

/** Judgements of TREC: a query, a column that says nothing, a document, what finding it is worth. */
const judgements = (text: string, name: string): TaskFileItem[] =>
  text.split("\n").flatMap((line, i) => {
    const columns = line.trim().split(/\s+/);
    if (columns[0] === "") return [];
    const place = `${name}:${i + 1}`;
    if (columns.length !== 4) throw bad(place, "four columns: query, 0, document, what it is worth", String(columns.length));
    return [{ fields: { "query-id": columns[0], "corpus-id": columns[2], score: columns[3] }, place }];
  });

/** Items of a file's text. Errors: evaluate/data with file and line, evaluate/empty. */
export async function parseItems(text: string, name: string, format: ItemFormat): Promise<TaskFileItem[]> {
  const plain = text.replace(/^\uFEFF/, "");
  const readers: { readonly [F in ItemFormat]: () => TaskFileItem[] | Promise<TaskFileItem[]> } = {
    jsonl: () => (/^\s*\[/.test(plain) ? jsonList(plain, name) : jsonLines(plain, name)),
    json: () => jsonList(plain, name),
    csv: () => table(plain, name, ","),
    tsv: () => table(plain, name, "\t"),
    trec: () => judgements(plain, name),
  };
  const items = await readers[format]();
  if (items.length === 0) throw evaluateErrors.fail("empty", { place: name, expected: "an item or more", received: "none" });
  return items;
}

/** Items of a file. `shown` names it in complaints. Errors: as of `parseItems`, and base/missingFile. */
export async function readTaskItems(path: string, shown: string, given?: ItemFormat): Promise<TaskFileItem[]> {
  const format = given ?? formats[extname(path).toLowerCase()];
  if (format === undefined)
    throw bad(shown, `a file ending in ${Object.keys(formats).join(", ")}, or a \`format\``, extname(path) || "no ending");
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw fileError(error, shown);
  }
  if (bytes.length > maxFileBytes) throw bad(shown, `at most ${maxFileBytes} bytes`, String(bytes.length));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw bad(shown, "a file in UTF-8", "bytes that are none");
  }
  return parseItems(text, shown, format);
}

/** What names an item whatever place it has: a field's value, else a hash of all of them. */
export const itemId = (item: TaskFileItem, field: string | undefined): string => {
  if (field === undefined) return hashOf(item.fields).slice(0, 16);
  const value = item.fields[field];
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw bad(item.place, `a text or number in "${field}", which names the item`, showValue(value));
};

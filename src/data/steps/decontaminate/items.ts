/**
 * Evaluation sets: files of JSON Lines or CSV (compressed or not) whose records have a prompt and perhaps an answer and a passage. A record
 * that cannot be read is an error and not set aside: an item that was never looked for must not pass for clean.
 */

import { isUtf8 } from "node:buffer";
import { dataErrors } from "../../errors.ts";
import { BadFile } from "../../sources/bad-file.ts";
import { expand, openedName } from "../../sources/compressed/expand.ts";
import { csv } from "../../sources/csv.ts";
import { fieldValueAt, type RecordFields } from "../../sources/fields.ts";
import { readWholeRecord, type SourceFile, sourceLines } from "../../sources/file.ts";
import { sourceOptions } from "../../sources/options.ts";
import type { EvaluationSet } from "./options.ts";

/** What an item is made of. */
export const itemParts = ["prompt", "answer", "passage"] as const;
export type ItemPart = (typeof itemParts)[number];

export interface EvaluationItem extends Readonly<Record<ItemPart, string>> {
  /** `set#number`, or `set#id`. */
  readonly key: string;
}

const wrong = (place: string, expected: string, received: string) =>
  dataErrors.fail("resource", {
    place,
    expected,
    received,
    hint: "An unread item would pass for clean: correct or remove it.",
  });

/** Text, a number, or the first of a list of them; undefined for what is none. */
function written(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.length > 0 ? written(value[0]) : "";
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function chosen(fields: RecordFields, set: EvaluationSet, place: string): string | undefined {
  const answer = fieldValueAt(fields, set.answer!);
  if (set.choices === undefined) return written(answer);
  const choices = fieldValueAt(fields, set.choices);
  const at = typeof answer === "string" && /^[A-Z]$/i.test(answer) ? answer.toUpperCase().charCodeAt(0) - 65 : Number(answer);
  const text = Array.isArray(choices) ? written(choices[at]) : undefined;
  if (text === undefined)
    throw wrong(place, `the number or letter of one of "${set.choices}" in "${set.answer}"`, JSON.stringify(answer) ?? "nothing");
  return text;
}

function itemOf(fields: RecordFields, set: EvaluationSet, number: number, place: string): EvaluationItem {
  const text = (part: "prompt" | "passage"): string => {
    const name = set[part];
    const value = name === undefined ? "" : written(fieldValueAt(fields, name));
    if (value === undefined) throw wrong(place, `a text in field "${name}"`, Object.keys(fields).slice(0, 20).join(", ") || "no fields");
    return value;
  };
  const answer = set.answer === undefined ? "" : chosen(fields, set, place);
  if (answer === undefined)
    throw wrong(place, `a text in field "${set.answer}"`, Object.keys(fields).slice(0, 20).join(", ") || "no fields");
  const id = set.id === undefined ? number : written(fieldValueAt(fields, set.id));
  if (id === undefined) throw wrong(place, `an id in field "${set.id}"`, "none");
  return { key: `${set.name}#${id}`, prompt: text("prompt"), answer, passage: text("passage") };
}

async function* jsonFields(pieces: AsyncIterable<Buffer>, path: string): AsyncGenerator<{ fields: RecordFields; place: string }> {
  for await (const { bytes, number } of sourceLines(pieces)) {
    const place = `${path}:${number}`;
    if (bytes === undefined) throw wrong(place, "a record a line", "a line without end");
    if (bytes.every(b => b === 0x20 || b === 0x09)) continue;
    let value: unknown;
    try {
      if (!isUtf8(bytes)) throw new Error("not UTF-8");
      value = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
    } catch (error) {
      throw wrong(place, "JSON", (error as Error).message);
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw wrong(place, "an object", typeof value);
    yield { fields: value as RecordFields, place };
  }
}

async function* csvFields(pieces: AsyncIterable<Buffer>, set: EvaluationSet): AsyncGenerator<{ fields: RecordFields; place: string }> {
  const path = set.file;
  const file: SourceFile = {
    path,
    name: openedName(path),
    sizeBytes: 0,
    sha256: "",
    bytes: () => readWholeRecord(pieces),
    pieces: () => pieces as AsyncIterable<Buffer>,
    lines: () => sourceLines(pieces),
    random: () => Promise.reject(new Error("a table is read from its beginning")),
  };
  const options = sourceOptions.parse({ files: path, reader: "csv", field: set.prompt });
  for await (const row of csv.records(file, options)) {
    if (!row.ok) throw wrong(row.place, "a row with all columns and a prompt", row.message);
    // The reader takes the text and `id` out of what it passes on; its key ends in the id.
    const empty = Object.fromEntries([set.answer, set.passage].filter(f => f !== undefined).map(f => [f, ""]));
    yield { fields: { ...empty, ...row.attributes, [set.prompt]: row.text, id: row.key.slice(path.length + 1) }, place: row.place };
  }
}

/**
 * All items of a set, in the order of the file. Errors: `data/resource` for a file that cannot be opened, a record without the named
 * fields, an id that two records have.
 */
export async function readEvaluationItems(content: Buffer, set: EvaluationSet): Promise<EvaluationItem[]> {
  const pieces = expand(
    (async function* () {
      yield content;
    })(),
  );
  const isTable = /\.(?:csv|tsv)$/i.test(openedName(set.file));
  const items: EvaluationItem[] = [];
  const keys = new Set<string>();
  try {
    for await (const { fields, place } of isTable ? csvFields(pieces, set) : jsonFields(pieces, set.file)) {
      const item = itemOf(fields, set, items.length, place);
      if (keys.has(item.key)) throw wrong(place, "an id of its own", `${item.key}, which an earlier record has`);
      keys.add(item.key);
      items.push(item);
    }
  } catch (error) {
    if (error instanceof BadFile) throw wrong(error.place ?? set.file, "a file that can be read", error.message);
    throw error;
  }
  if (items.length === 0) throw wrong(set.file, "items", "none");
  // Of a table only filled cells are seen, so a column that is not there looks like one that is empty throughout.
  for (const part of ["answer", "passage"] as const)
    if (isTable && set[part] !== undefined && items.every(i => i[part] === ""))
      throw wrong(set.file, `texts in "${set[part]}"`, "a field that is empty or missing in all records");
  return items;
}

/** Records of JSON and JSON Lines files, and the reader that makes each a document. */
import { isUtf8 } from "node:buffer";
import { sha256 } from "../../base/index.ts";
import { type Field, fieldOf, fieldsRecord, fieldText, idOf, type RecordFields } from "./fields.ts";
import { maxLineBytes, readWholeRecord, type SourceFile, sourceLines } from "./file.ts";
import { firstByte, jsonElements } from "./json-array.ts";
import { withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";

type JsonRecord =
  | {
      readonly ok: true;
      readonly place: string;
      readonly key: string;
      readonly text: string;
      readonly fields: RecordFields;
    }
  | { readonly ok: false; readonly place: string; readonly reason: string; readonly message: string };

function one(bytes: Buffer, place: string, field: Field, key: (id: string | number | undefined, text: string) => string): JsonRecord {
  const bad = (reason: string, message: string): JsonRecord => ({ ok: false, place, reason, message });
  if (!isUtf8(bytes)) return bad("wrong-charset", "not utf-8, which JSON is");
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
  } catch (error) {
    return bad("json", (error as Error).message);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return bad("json", "expected an object");
  const found = fieldText(value as RecordFields, field);
  if ("message" in found) return bad("json", found.message);
  return { ok: true, place, key: key(idOf(value as RecordFields), found.text), text: found.text, fields: value as RecordFields };
}

type Piece = { readonly bytes: Buffer | undefined; readonly number: number };

/** Records of lines or elements, each in its place. */
async function* several(
  pieces: AsyncIterable<Piece>,
  field: Field,
  at: { readonly path: string; readonly what: string; readonly placeOf: (number: number) => string },
): AsyncGenerator<JsonRecord> {
  for await (const { bytes, number } of pieces) {
    const place = at.placeOf(number);
    if (bytes === undefined) yield { ok: false, place, reason: "too-long", message: `${at.what} longer than ${maxLineBytes} bytes` };
    else if (bytes.length > 0) yield one(bytes, place, field, (id, text) => `${at.path}#${id ?? sha256(text).slice(0, 12)}`);
  }
}

const lineRecords = (lines: AsyncIterable<Piece>, path: string, field: Field) =>
  several(lines, field, { path, what: "a line", placeOf: number => `${path}:${number}` });

/** A line that is an object of its own. */
function isObjectLine(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString("utf8").replace(/^\ufeff/, ""));
    return value !== null && typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** JSON Lines under the ending of JSON: the first line is an object, and something follows it. */
function areLines(head: Buffer): boolean {
  const end = head.indexOf(10);
  return end > 0 && firstByte(head.subarray(end)) !== undefined && isObjectLine(head.subarray(0, end));
}

/** Pieces, and what they begin with: the first that is not blank. */
async function withHead(pieces: AsyncIterable<Buffer>): Promise<{ readonly head: Buffer; readonly all: AsyncIterable<Buffer> }> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let head: Buffer = Buffer.alloc(0);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    first.push(next.value);
    head = next.value;
    if (firstByte(head) !== undefined) break;
  }
  const all = async function* () {
    try {
      yield* first;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  };
  return { head, all: all() };
}

/** Records of a `.json` file: its elements where it is an array, its lines where it is JSON Lines by another name, else the one object that it is. */
async function* documentRecords(file: SourceFile, field: Field): AsyncGenerator<JsonRecord> {
  const { path } = file;
  const { head, all } = await withHead(file.pieces());
  if (firstByte(head) === 0x5b)
    yield* several(jsonElements(all), field, { path, what: "an element", placeOf: number => `${path}[${number - 1}]` });
  else if (areLines(head)) yield* lineRecords(sourceLines(all), path, field);
  else yield one(await readWholeRecord(all), path, field, () => withoutExtension(file.name));
}

/**
 * Objects of a `.jsonl` file line by line, or those of a `.json` file: an array's, or the only one. A record keeps its own `id`, else its content names it.
 * Errors: `BadFile` "too-long" for one object of more than `maxRecordBytes`, "json" for an array that does not end.
 */
export async function* jsonRecords(file: SourceFile, field: Field): AsyncGenerator<JsonRecord> {
  if (file.name.endsWith(".json")) yield* documentRecords(file, field);
  else yield* lineRecords(file.lines(), file.path, field);
}

export const jsonl: Reader = {
  name: "jsonl",
  version: 4,
  extensions: [".jsonl", ".ndjson", ".json"],
  async *records(file, options) {
    for await (const r of jsonRecords(file, fieldOf(options)))
      yield r.ok ? fieldsRecord({ place: r.place, key: r.key, path: file.path }, r.text, r.fields, options) : r;
  },
};

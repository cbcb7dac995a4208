/** Records of JSON and JSON Lines files with a text field, and the reader that makes each a document. */
import { sha256 } from "../../base/index.ts";
import type { Attribute, Attributes } from "../document.ts";
import { maxRecordBytes, type SourceFile } from "./file.ts";
import { labelOf, withoutExtension } from "./labels.ts";
import type { Reader } from "./source.ts";
import { isBinary } from "./text.ts";

export type JsonRecord =
  | {
      readonly ok: true;
      readonly place: string;
      readonly key: string;
      readonly text: string;
      readonly rest: Readonly<Record<string, unknown>>;
    }
  | { readonly ok: false; readonly place: string; readonly reason: string; readonly message: string };

function one(json: string, place: string, field: string, key: (id: unknown, text: string) => string): JsonRecord {
  const bad = (message: string): JsonRecord => ({ ok: false, place, reason: "json", message });
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return bad((error as Error).message);
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return bad("expected an object");
  const { [field]: text, ...rest } = value as Record<string, unknown>;
  if (typeof text !== "string") return bad(`expected a text in field "${field}", got ${text === undefined ? "none" : typeof text}`);
  return { ok: true, place, key: key(rest.id, text), text, rest };
}

/** Objects of a `.jsonl` file line by line, or the one object of a `.json` file. A record keeps its own `id`, else its content names it. */
export async function* jsonRecords(file: SourceFile, field: string): AsyncGenerator<JsonRecord> {
  const { path } = file;
  if (path.endsWith(".json")) {
    if (file.sizeBytes > maxRecordBytes)
      yield { ok: false, place: path, reason: "too-long", message: `longer than ${maxRecordBytes} bytes` };
    else yield one((await file.bytes()).toString("utf8"), path, field, () => withoutExtension(path));
    return;
  }
  for await (const { bytes, number } of file.lines()) {
    const place = `${path}:${number}`;
    if (bytes === undefined) yield { ok: false, place, reason: "too-long", message: `a line longer than ${maxRecordBytes} bytes` };
    else if (bytes.length > 0)
      yield one(
        bytes.toString("utf8"),
        place,
        field,
        (id, text) => `${path}#${typeof id === "string" || typeof id === "number" ? id : sha256(text).slice(0, 12)}`,
      );
  }
}

/** Fields that can be attributes; deeper values stay in the source. */
const plainFields = (rest: Readonly<Record<string, unknown>>): Attributes =>
  Object.fromEntries(
    Object.entries(rest).filter(
      (e): e is [string, Attribute] => e[0] !== "id" && (e[1] === null || ["string", "number", "boolean"].includes(typeof e[1])),
    ),
  );

export const jsonl: Reader = {
  name: "jsonl",
  version: 1,
  extensions: [".jsonl", ".json"],
  async *records(file, options) {
    for await (const r of jsonRecords(file, options.field)) {
      if (!r.ok) yield r;
      else if (r.text.trim() === "") yield { ok: false, place: r.place, reason: "empty", message: "no text" };
      else if (isBinary(r.text)) yield { ok: false, place: r.place, reason: "binary", message: "control characters instead of text" };
      else {
        const attributes = { ...labelOf(file.path, options.labels), ...plainFields(r.rest) };
        yield { ok: true, place: r.place, key: r.key, text: r.text, attributes, edits: [] };
      }
    }
  },
};

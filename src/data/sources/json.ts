/** Records of JSON and JSON Lines files, and the reader that makes each a document. */
import { isUtf8 } from "node:buffer";
import { sha256 } from "../../base/index.ts";
import { type Field, fieldOf, fieldsRecord, fieldText, idOf, type RecordFields } from "./fields.ts";
import { maxLineBytes, maxRecordBytes, type SourceFile } from "./file.ts";
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

/** Objects of a `.jsonl` file line by line, or the one object of a `.json` file. A record keeps its own `id`, else its content names it. */
export async function* jsonRecords(file: SourceFile, field: Field): AsyncGenerator<JsonRecord> {
  const { path } = file;
  if (file.name.endsWith(".json")) {
    if (file.sizeBytes > maxRecordBytes)
      yield { ok: false, place: path, reason: "too-long", message: `longer than ${maxRecordBytes} bytes` };
    else yield one(await file.bytes(), path, field, () => withoutExtension(file.name));
    return;
  }
  for await (const { bytes, number } of file.lines()) {
    const place = `${path}:${number}`;
    if (bytes === undefined) yield { ok: false, place, reason: "too-long", message: `a line longer than ${maxLineBytes} bytes` };
    else if (bytes.length > 0) yield one(bytes, place, field, (id, text) => `${path}#${id ?? sha256(text).slice(0, 12)}`);
  }
}

export const jsonl: Reader = {
  name: "jsonl",
  version: 3,
  extensions: [".jsonl", ".ndjson", ".json"],
  async *records(file, options) {
    for await (const r of jsonRecords(file, fieldOf(options)))
      yield r.ok ? fieldsRecord({ place: r.place, key: r.key, path: file.path }, r.text, r.fields, options) : r;
  },
};

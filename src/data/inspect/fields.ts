/** Fields of the first records of a file, whatever its format, before it is known which one is the text. */
import { BadFile } from "../sources/bad-file.ts";
import type { RecordFields } from "../sources/fields.ts";
import type { SourceFile } from "../sources/file.ts";
import { sourceLines } from "../sources/file.ts";
import { firstByte, jsonElements } from "../sources/json-array.ts";
import type { ReaderName } from "../sources/options.ts";
import { allParquetRows } from "../sources/parquet.ts";
import { xlsxRows } from "../sources/xlsx/reader.ts";
import { delimiterOf, encodingOf, headText, sniffBytes } from "./sniff.ts";

/** What is found of a file with records. */
interface FileFields {
  readonly records: RecordFields[];
  readonly encoding?: string;
  readonly delimiter?: string;
}

/** The first bytes of a file, unpacked. */
export async function fileHead(file: SourceFile): Promise<{ readonly head: Buffer; readonly isWhole: boolean }> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const piece of file.pieces()) {
    parts.push(piece);
    size += piece.length;
    if (size > sniffBytes) return { head: Buffer.concat(parts).subarray(0, sniffBytes), isWhole: false };
  }
  return { head: Buffer.concat(parts), isWhole: true };
}

const isRecord = (value: unknown): value is RecordFields => value !== null && typeof value === "object" && !Array.isArray(value);

function* recordsIn(bytes: Buffer | undefined): Generator<RecordFields> {
  try {
    const value: unknown = JSON.parse(bytes?.toString("utf8").replace(/^\ufeff/, "") ?? "");
    if (isRecord(value)) yield value;
  } catch {
    // what is wrong with a record is counted when documents are read
  }
}

async function* jsonFields(file: SourceFile): AsyncGenerator<RecordFields> {
  const { head, isWhole } = await fileHead(file);
  if (firstByte(head) === 0x5b) {
    for await (const { bytes } of jsonElements(file.pieces())) yield* recordsIn(bytes);
    return;
  }
  if (isWhole && file.name.endsWith(".json")) {
    const found = [...recordsIn(head)];
    yield* found;
    if (found.length > 0) return;
  }
  for await (const { bytes } of sourceLines(file.pieces())) yield* recordsIn(bytes);
}

async function* sheetFields(file: SourceFile): AsyncGenerator<RecordFields> {
  for await (const { names, fields } of xlsxRows(file)) if (names === undefined) yield fields;
}

async function tableFields(file: SourceFile): Promise<FileFields> {
  const { head, isWhole } = await fileHead(file);
  const encoding = encodingOf(head, isWhole);
  const { delimiter, rows } = await delimiterOf(headText(head, encoding));
  const [names = [], ...values] = rows;
  const records = values.filter(row => row.length === names.length).map(row => Object.fromEntries(names.map((name, i) => [name, row[i]!])));
  return { records, encoding, delimiter };
}

const byFormat = { jsonl: jsonFields, xlsx: sheetFields, parquet: allParquetRows } as const;
const isFormat = (reader: ReaderName): reader is keyof typeof byFormat => Object.hasOwn(byFormat, reader);

/** Up to `most` records; undefined of a reader whose records have no fields. What is damaged gives what came before. */
export async function sampledFields(file: SourceFile, reader: ReaderName, most: number): Promise<FileFields | undefined> {
  if (reader === "csv") return tableFields(file);
  if (!isFormat(reader)) return undefined;
  const records: RecordFields[] = [];
  try {
    for await (const fields of byFormat[reader](file)) {
      records.push(fields);
      if (records.length >= most) break;
    }
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
  }
  return { records };
}

/**
 * The Parquet reader (hyparquet): a row is a document, one row group after another, and of each only the columns that can be text or
 * attributes. A group that cannot be read is set aside by its rows; the others are read. Not guarded against: the library believes the run
 * lengths inside a page, so a page made to mislead (not one that is cut) can cost it minutes and memory.
 */
import { isUtf8 } from "node:buffer";
import type { AsyncBuffer, Compressors, FileMetaData, SchemaTree } from "hyparquet";
import { formatBytes, sha256 } from "../../base/index.ts";
import { BadFile } from "./bad-file.ts";
import { type Field, type Fields, fieldsRecord, idOf, namesOf, textOf, valueAt } from "./fields.ts";
import type { RandomAccess } from "./file.ts";
import type { Reader, ReadRecord } from "./source.ts";

/** A row group whose wanted columns are larger than this when unpacked is set aside: all of it is in memory at once. */
const maxGroupBytes = 2 ** 30;
/** The same for its rows: a group of constant values takes no bytes. */
const maxGroupRows = 2 ** 24;

/**
 * The file as hyparquet wants it. It never rejects: the library starts reads that it may not wait for, and a rejection that nobody waits
 * for ends the process. What cannot be read comes back empty, which the library then finds wrong; the reason is kept for the message.
 */
function asyncBuffer(file: RandomAccess): AsyncBuffer & { failure: unknown } {
  const { sizeBytes } = file;
  const buffer = {
    failure: undefined as unknown,
    byteLength: sizeBytes,
    async slice(start: number, end: number = sizeBytes): Promise<ArrayBuffer> {
      const from = start < 0 ? sizeBytes + start : start;
      if (!(from >= 0 && end >= from && end <= sizeBytes)) {
        buffer.failure ??= new Error(`it points to bytes ${from} to ${end} of ${sizeBytes}`);
        return new ArrayBuffer(0);
      }
      try {
        return new Uint8Array(await file.read(from, end)).buffer;
      } catch (error) {
        buffer.failure ??= error;
        return new ArrayBuffer(0);
      }
    },
  };
  return buffer;
}

/** Compressors that make room for what a page says only where that can be. */
const limited = (compressors: Compressors): Compressors =>
  Object.fromEntries(
    Object.entries(compressors).map(([name, unpack]) => [
      name,
      (input: Uint8Array, length: number) => {
        if (length > maxGroupBytes) throw new Error(`a page of ${formatBytes(length)}`);
        return unpack(input, length);
      },
    ]),
  );

/** Columns that are read: those of the text and its id, and single values that can be attributes. */
function columnsOf(schema: SchemaTree, field: Field): string[] {
  const roots = new Set(namesOf(field).flatMap(name => [name, name.split(".")[0]!]));
  const isPlain = ({ element, children }: SchemaTree) =>
    children.length === 0 &&
    element.repetition_type !== "REPEATED" &&
    (element.type !== "BYTE_ARRAY" || element.converted_type !== undefined || element.logical_type !== undefined);
  return schema.children.filter(c => roots.has(c.element.name) || c.element.name === "id" || isPlain(c)).map(c => c.element.name);
}

/** Values as JSON would have them. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return value instanceof Date ? (Number.isNaN(value.getTime()) ? null : value.toISOString()) : value;
}

const because = (error: unknown) => (error as Error).message || String(error);

export const parquet: Reader = {
  name: "parquet",
  version: 1,
  extensions: [".parquet"],
  async *records(file, options) {
    const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import("hyparquet");
    const { compressors } = await import("hyparquet-compressors");
    const { path } = file;
    const access = await file.random();
    try {
      const source = asyncBuffer(access);
      let metadata: FileMetaData;
      let columns: string[];
      try {
        metadata = await parquetMetadataAsync(source);
        columns = columnsOf(parquetSchema(metadata), options.field);
      } catch (error) {
        throw new BadFile("parquet", because(source.failure ?? error));
      }
      const wanted = new Set(columns);
      let rowStart = 0;
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows);
        const place = `${path}:${rowStart + 1}-${rowEnd}`;
        const sizeBytes = group.columns
          .filter(c => wanted.has(c.meta_data?.path_in_schema[0] ?? ""))
          .reduce((n, c) => n + Number(c.meta_data?.total_uncompressed_size ?? 0), 0);
        if (sizeBytes > maxGroupBytes || rowEnd - rowStart > maxGroupRows) {
          const message = `a row group of ${formatBytes(sizeBytes)} and ${rowEnd - rowStart} rows; write it with smaller groups`;
          yield { ok: false, place, reason: "too-long", message };
        } else if (rowEnd > rowStart) {
          let rows: Fields[] = [];
          try {
            rows = await parquetReadObjects({
              file: source,
              metadata,
              columns,
              rowStart,
              rowEnd,
              compressors: limited(compressors),
              // A text that is none stays bytes, and is told by that.
              parsers: { stringFromBytes: (bytes: Uint8Array) => (isUtf8(bytes) ? Buffer.from(bytes).toString("utf8") : bytes) },
            });
          } catch (error) {
            yield { ok: false, place, reason: "parquet", message: because(source.failure ?? error) };
            source.failure = undefined;
          }
          for (const [i, row] of rows.entries()) yield document(row, `${path}:${rowStart + i + 1}`);
        }
        rowStart = rowEnd;
      }
    } finally {
      await access.close();
    }

    function document(row: Fields, place: string): ReadRecord {
      const fields: Fields = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
      if (namesOf(options.field).some(name => valueAt(fields, name) instanceof Uint8Array))
        return { ok: false, place, reason: "wrong-charset", message: "not utf-8, which Parquet's texts are" };
      const found = textOf(fields, options.field);
      if ("message" in found) return { ok: false, place, reason: "parquet", message: found.message };
      const key = `${path}#${idOf(fields) ?? sha256(found.text).slice(0, 12)}`;
      return fieldsRecord({ place, key, path }, found.text, fields, options);
    }
  },
};

/** Parquet in the guarded process (hyparquet): what the file says of itself, then each row group as rows, in batches. */
import { isUtf8 } from "node:buffer";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { chunksOf, wrongChecksum } from "./page-checksums.mjs";

/** Handed over at once: enough that messages cost nothing, little enough that two of them are nothing. */
const batchRows = 1024;
const batchChars = 2 ** 19;

/**
 * The file as hyparquet wants it. It never rejects: the library starts reads that it may not wait for. What cannot be read comes back empty,
 * which the library then finds wrong; the reason is kept for the message.
 */
function asyncBuffer(file) {
  const { sizeBytes } = file;
  const buffer = {
    failure: undefined,
    /** Column chunks whose pages are not held against their checksums yet. */
    unchecked: [],
    byteLength: sizeBytes,
    async slice(start, end = sizeBytes) {
      const from = start < 0 ? sizeBytes + start : start;
      if (!(from >= 0 && end >= from && end <= sizeBytes)) {
        buffer.failure ??= `it points to bytes ${from} to ${end} of ${sizeBytes}`;
        return new ArrayBuffer(0);
      }
      const bytes = await file.read(from, end);
      buffer.unchecked = buffer.unchecked.filter(c => {
        if (c.start < from || c.end > from + bytes.length) return true;
        buffer.failure ??= wrongChecksum(bytes.subarray(c.start - from, c.end - from), c.column);
        return false;
      });
      return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : new Uint8Array(bytes).buffer;
    },
  };
  return buffer;
}

/** Compressors that make room for what a page says only where that can be. */
const limited = maxBytes =>
  Object.fromEntries(
    Object.entries(compressors).map(([name, unpack]) => [
      name,
      (input, length) => {
        if (length > maxBytes) throw new Error(`a page of ${length} bytes`);
        return unpack(input, length);
      },
    ]),
  );

/** Columns that are read: those that are asked for, and those whose values can be attributes, alone or nested in groups. */
function columnsOf(schema, roots) {
  const wanted = new Set(roots);
  const isPlain = ({ element, children }) =>
    element.repetition_type !== "REPEATED" &&
    (children.length > 0
      ? children.every(isPlain)
      : element.type !== "BYTE_ARRAY" || element.converted_type !== undefined || element.logical_type !== undefined);
  return schema.children.filter(c => wanted.has(c.element.name) || isPlain(c)).map(c => c.element.name);
}

const isText = ({ element, children }) =>
  children.length === 0 &&
  element.repetition_type !== "REPEATED" &&
  element.type === "BYTE_ARRAY" &&
  (element.converted_type === "UTF8" || element.logical_type?.type === "STRING");

const sizeOf = row => {
  let n = 0;
  for (const value of row) n += typeof value === "string" ? value.length : 16;
  return n;
};

export async function* job(file, { roots, maxGroupBytes, maxGroupRows, onlySchema }) {
  const source = asyncBuffer(file);
  let metadata;
  let columns;
  try {
    metadata = await parquetMetadataAsync(source);
    const schema = parquetSchema(metadata);
    if (onlySchema) {
      yield { fields: schema.children.map(c => ({ name: c.element.name, isText: isText(c) })) };
      return;
    }
    columns = columnsOf(schema, roots);
  } catch (error) {
    throw new Error(source.failure ?? (error.message || String(error)));
  }
  const wanted = new Set(columns);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const sizeBytes = group.columns
      .filter(c => wanted.has(c.meta_data?.path_in_schema[0] ?? ""))
      .reduce((n, c) => n + Number(c.meta_data?.total_uncompressed_size ?? 0), 0);
    if (sizeBytes > maxGroupBytes || rowEnd - rowStart > maxGroupRows) yield { group: [rowStart, rowEnd], tooLarge: sizeBytes };
    else if (rowEnd > rowStart) {
      yield { group: [rowStart, rowEnd], ahead: sizeBytes };
      let objects = [];
      try {
        source.unchecked = chunksOf(group, wanted);
        objects = await parquetReadObjects({
          file: source,
          metadata,
          columns,
          rowStart,
          rowEnd,
          compressors: limited(maxGroupBytes),
          // A text that is none stays bytes, and is told by that.
          parsers: { stringFromBytes: bytes => (isUtf8(bytes) ? Buffer.from(bytes).toString("utf8") : bytes) },
        });
        for (const { start, end } of source.unchecked) await source.slice(start, end);
        if (source.failure) throw new Error(source.failure);
      } catch (error) {
        objects = [];
        yield { group: [rowStart, rowEnd], broken: source.failure ?? (error.message || String(error)) };
        source.failure = undefined;
      }
      let rows = [];
      let chars = 0;
      let at = rowStart;
      for (let i = 0; i < objects.length; i++) {
        const row = columns.map(name => objects[i][name]);
        objects[i] = undefined;
        rows.push(row);
        chars += sizeOf(row);
        if (rows.length < batchRows && chars < batchChars && i + 1 < objects.length) continue;
        yield { columns, at, rows };
        at += rows.length;
        rows = [];
        chars = 0;
      }
    }
    rowStart = rowEnd;
  }
}

/**
 * The Parquet reader: a row is a document, one row group after another, and of each only the columns that can be text or attributes. A
 * group that cannot be read is set aside by its rows; the others are read. The file is taken apart in the guarded process (hyparquet
 * believes the run lengths inside a page, so a page made to mislead costs minutes and memory: there it costs the file).
 */
import { formatBytes, sha256 } from "../../base/index.ts";
import { BadFile } from "./bad-file.ts";
import { type Field, fieldNames, fieldOf, fieldsRecord, fieldText, fieldValueAt, idOf, namedFields, type RecordFields } from "./fields.ts";
import type { SourceFile } from "./file.ts";
import { type ReaderLimits, readGuarded } from "./guarded/guarded.ts";
import type { SourceOptions } from "./options.ts";
import type { Reader, ReadRecord } from "./source.ts";

/** A row group whose wanted columns are larger than this when unpacked is set aside: all of it is in memory at once. */
const maxGroupBytes = 2 ** 30;
/** The same for its rows: a group of constant values takes no bytes. */
const maxGroupRows = 2 ** 24;

/** Honest groups are read at 100 MB/s and more: 5 MB/s is a machine that does ten things at once. As values they take three times their bytes. */
export const parquetLimits: ReaderLimits = { pieceMs: 20_000, msPerByte: 1 / 5000, fileMs: 3_600_000, memoryBytes: 4 * 2 ** 30 };

type Item =
  | { readonly group: readonly [number, number]; readonly tooLarge?: number; readonly broken?: string }
  | { readonly columns: readonly string[]; readonly at: number; readonly rows: readonly (readonly unknown[])[] };

/** Columns that the text and named attributes may mean: by a field's name, or by the first of the names between dots. */
const rootsOf = (field: Field, attributes: SourceOptions["attributes"]): string[] => [
  "id",
  ...[...fieldNames(field), ...namedFields(attributes).map(([, from]) => from)].flatMap(name => [name, name.split(".")[0]!]),
];

/** Values as JSON would have them. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value === null || typeof value !== "object" || Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, deeper]) => [name, plain(deeper)]));
}

function document(row: RecordFields, place: string, path: string, options: SourceOptions): ReadRecord {
  if (fieldNames(fieldOf(options)).some(name => fieldValueAt(row, name) instanceof Uint8Array))
    return { ok: false, place, reason: "wrong-charset", message: "not utf-8, which Parquet's texts are" };
  const found = fieldText(row, fieldOf(options));
  if ("message" in found) return { ok: false, place, reason: "parquet", message: found.message };
  const key = `${path}#${idOf(row) ?? sha256(found.text).slice(0, 12)}`;
  return fieldsRecord({ place, key, path }, found.text, row, options);
}

/** A column and whether its values are texts. */
interface ParquetField {
  readonly name: string;
  readonly isText: boolean;
}

/** The columns of a file. Errors: `BadFile`. */
export async function parquetFields(file: SourceFile, limits = parquetLimits): Promise<readonly ParquetField[]> {
  const access = await file.random();
  try {
    for await (const { fields } of readGuarded<{ fields: readonly ParquetField[] }>("parquet", access, { onlySchema: true }, limits))
      return fields;
    return [];
  } finally {
    await access.close();
  }
}

type ParquetRow = { readonly place: string; readonly row: RecordFields } | Extract<ReadRecord, { ok: false }>;

/** Rows with the columns that a name of `roots` means, and all that hold single values. Errors: `BadFile`. */
async function* parquetRows(file: SourceFile, roots: readonly string[], limits: ReaderLimits): AsyncGenerator<ParquetRow> {
  const { path } = file;
  const access = await file.random();
  let place = path;
  try {
    for await (const item of readGuarded<Item>("parquet", access, { roots, maxGroupBytes, maxGroupRows }, limits)) {
      if ("group" in item) {
        const [from, to] = item.group;
        place = `${path}:${from + 1}-${to}`;
        if (item.broken !== undefined) yield { ok: false, place, reason: "parquet", message: item.broken };
        if (item.tooLarge !== undefined) {
          const message = `a row group of ${formatBytes(item.tooLarge)} and ${to - from} rows; write it with smaller groups`;
          yield { ok: false, place, reason: "too-long", message };
        }
        continue;
      }
      const { columns, at, rows } = item;
      for (const [i, values] of rows.entries())
        yield { place: `${path}:${at + i + 1}`, row: Object.fromEntries(columns.map((name, c) => [name, plain(values[c])])) };
    }
  } catch (error) {
    // Who was ended says no more; where it was is known here.
    if (error instanceof BadFile && (error.reason === "too-slow" || error.reason === "too-large"))
      throw new BadFile(error.reason, error.message, place);
    throw error;
  } finally {
    await access.close();
  }
}

/** Rows of a file with all their columns. Errors: `BadFile`. */
export async function* allParquetRows(file: SourceFile): AsyncGenerator<RecordFields> {
  const names = (await parquetFields(file)).map(f => f.name);
  for await (const found of parquetRows(file, names, parquetLimits)) if ("row" in found) yield found.row;
}

export const parquetReader = (limits: ReaderLimits): Reader => ({
  name: "parquet",
  version: 2,
  extensions: [".parquet"],
  async *records(file, options) {
    for await (const found of parquetRows(file, rootsOf(fieldOf(options), options.attributes), limits))
      yield "row" in found ? document(found.row, found.place, file.path, options) : found;
  },
});

export const parquet: Reader = parquetReader(parquetLimits);

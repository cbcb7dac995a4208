/**
 * The Excel reader: a row of a sheet is a document, the first row that is not empty names the columns. Sheets are read one after another; one
 * without rows is passed over. Sheets are streamed; texts that cells share are held.
 */
import { sha256 } from "../../../base/index.ts";
import type { Member } from "../archive/archive.ts";
import { BadFile } from "../bad-file.ts";
import { checkColumns } from "../columns.ts";
import { fieldOf, fieldsRecord, fieldText, type RecordFields } from "../fields.ts";
import { maxRecordBytes, type SourceFile } from "../file.ts";
import type { SourceOptions } from "../options.ts";
import type { Reader, ReadRecord } from "../source.ts";
import { dateStyles, type RawCell, type RawRow, relationsOf, sharedTexts, sheetRows, workbookOf } from "./sheet-xml.ts";

/** Excel's own limit. */
const maxColumns = 16_384;
const dayMs = 86_400_000;

interface Workbook {
  readonly texts: readonly string[];
  readonly areDates: readonly boolean[];
  readonly from1904: boolean;
}

/** A day's number as a date or a time in ISO 8601, without a time zone, as the sheet has none. The leap day of 1900, which never was, is 1900-02-28. */
export function dateOf(serial: number, from1904: boolean): string {
  const days = from1904 ? serial + 1462 : serial < 60 ? serial + 1 : serial;
  const at = new Date(Date.UTC(1899, 11, 30) + Math.round(days * dayMs));
  if (Number.isNaN(at.getTime())) return String(serial);
  const iso = at.toISOString().slice(0, 19);
  return serial < 1 && !from1904 ? iso.slice(11) : iso.endsWith("T00:00:00") ? iso.slice(0, 10) : iso;
}

function cellValue({ type, style, value }: RawCell, { texts, areDates, from1904 }: Workbook): string | number | boolean | undefined {
  if (type === "s") return texts[Number(value)];
  if (type === "b") return value === "1";
  if (type === "e") return undefined;
  if (type !== "n") return value;
  const number = Number(value);
  if (!Number.isFinite(number)) return value;
  return areDates[style] ? dateOf(number, from1904) : number;
}

/** A row by the names of its columns. */
interface FieldsRow {
  readonly place: string;
  readonly sheet: string;
  /** The columns' names in the first row, values by name in all others. */
  readonly names?: readonly string[];
  readonly fields: RecordFields;
}

function namesOf(values: readonly (readonly [number, unknown])[], place: string): Map<number, string> {
  if (values.at(-1)![0] >= maxColumns) throw new BadFile("xlsx", `expected at most ${maxColumns} columns`, place);
  const names = new Map<number, string>();
  for (const [column, value] of values) {
    const name = String(value).trim();
    names.set(column, [...names.values()].includes(name) ? `${name}_${column + 1}` : name);
  }
  return names;
}

/** Rows of a sheet that hold something, the one with the columns' names first. */
async function* fieldsRows(path: string, sheet: string, rows: AsyncIterable<RawRow>, workbook: Workbook): AsyncGenerator<FieldsRow> {
  let names: ReadonlyMap<number, string> | undefined;
  for await (const { number, cells } of rows) {
    const place = `${path}:${sheet}!${number}`;
    const values = cells.flatMap(c => {
      const value = cellValue(c, workbook);
      return value === undefined || value === "" ? [] : [[c.column, value] as const];
    });
    if (values.length === 0) continue;
    const known = names;
    if (known === undefined) {
      names = namesOf(values, place);
      yield { place, sheet, names: [...names.values()], fields: {} };
    } else {
      const fields = Object.fromEntries(values.flatMap(([column, value]) => (known.has(column) ? [[known.get(column)!, value]] : [])));
      yield { place, sheet, fields };
    }
  }
}

/** A row as a record. Errors: `BadFile` "xlsx" for a first row without the columns that the source names. */
function recordOf({ place, sheet, names, fields }: FieldsRow, path: string, options: SourceOptions): ReadRecord | undefined {
  if (names !== undefined) {
    checkColumns(names, options, { place, format: "xlsx" });
    return undefined;
  }
  // a cell that was typed as a number is a text where it stands for one
  const field = fieldOf(options);
  const isNumber = typeof field === "string" && typeof fields[field] === "number";
  const found = fieldText(isNumber ? { ...fields, [field]: String(fields[field]) } : fields, field);
  if ("message" in found) return { ok: false, place, reason: "empty", message: found.message };
  const key = `${path}#${fields.id ?? sha256(`${sheet}\n${found.text}`).slice(0, 12)}`;
  return fieldsRecord({ place, key, path }, found.text, fields, options);
}

/** What a part unpacks to, at most `maxRecordBytes`: it is held. */
async function* bounded(pieces: AsyncIterable<Buffer>, what: string): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > maxRecordBytes) throw new BadFile("too-long", `${what} of more than ${maxRecordBytes} bytes`);
    yield piece;
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}

const parts = {
  workbook: "xl/workbook.xml",
  relations: "xl/_rels/workbook.xml.rels",
  texts: "xl/sharedStrings.xml",
  styles: "xl/styles.xml",
} as const;

/** A part by its name; a file may lack shared texts and styles. */
function partOf(members: ReadonlyMap<string, Member>, name: string): AsyncIterable<Buffer> {
  const member = members.get(name);
  if (member?.refused) throw member.refused;
  return member?.content ? bounded(member.content(), name) : nothing();
}

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function* workbookRows(path: string, members: ReadonlyMap<string, Member>): AsyncGenerator<FieldsRow> {
  if (!members.has(parts.workbook)) throw new BadFile("xlsx", "no workbook in it");
  const { sheets, from1904 } = await workbookOf(partOf(members, parts.workbook));
  const relations = await relationsOf(partOf(members, parts.relations));
  const workbook: Workbook = {
    texts: await listed(sharedTexts(partOf(members, parts.texts))),
    areDates: await dateStyles(partOf(members, parts.styles)),
    from1904,
  };
  for (const { name, relation } of sheets) {
    const target = relations.get(relation) ?? "";
    const member = members.get(target.startsWith("/") ? target.slice(1) : `xl/${target}`);
    if (member?.refused) throw member.refused;
    // a chart has no rows
    if (!member?.content || !target.includes("worksheets/")) continue;
    yield* fieldsRows(path, name, sheetRows(member.content()), workbook);
  }
}

async function firstBytes(file: SourceFile): Promise<Buffer> {
  for await (const piece of file.pieces()) return piece.subarray(0, 4);
  throw new BadFile("empty", "no bytes");
}

/** Rows of all sheets. Errors: `BadFile`. */
export async function* xlsxRows(file: SourceFile): AsyncGenerator<FieldsRow> {
  if ((await firstBytes(file)).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0])))
    throw new BadFile("xlsx", "an .xls file of before 2007, or one with a password: save it as .xlsx without one, or as .csv");
  const { openZip } = await import("../archive/zip.ts");
  const zip = await openZip(file);
  try {
    yield* workbookRows(file.path, new Map(zip.members.map(m => [m.name, m])));
  } finally {
    await zip.close();
  }
}

export const xlsx: Reader = {
  name: "xlsx",
  version: 1,
  extensions: [".xlsx", ".xlsm"],
  async *records(file, options) {
    for await (const row of xlsxRows(file)) {
      const record = recordOf(row, file.path, options);
      if (record) yield record;
    }
  },
};

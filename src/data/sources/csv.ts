/**
 * The CSV reader: a row is a document, the first row names the columns. csv-parse takes rows apart; here they are found, by counting quotes
 * line by line, so that a quote that never ends costs one line and not the rest of the file.
 */
import { isUtf8 } from "node:buffer";
import { sha256 } from "../../base/index.ts";
import { decodeBytes } from "../windows-1252.ts";
import { BadFile } from "./bad-file.ts";
import { checkColumns } from "./columns.ts";
import { charsetOf } from "./email/charset.ts";
import { fieldOf, fieldsRecord, fieldText, type RecordFields } from "./fields.ts";
import { maxLineBytes, type SourceLine, sourceLines } from "./file.ts";
import type { Reader, ReadRecord } from "./source.ts";

/** Rows parsed at once: the parser's start costs as much as some hundred rows. After a bad row it begins with one again. */
const batchBytes = 2 ** 18;
const firstBatchBytes = 2 ** 8;

/** Columns of a table that is one (Excel's limit); more is a file with the wrong delimiter or made to be slow. */
const maxColumns = 16_384;

/** The lines of one row. */
interface Row {
  readonly line: number;
  readonly text: string;
  readonly lines: readonly SourceLine[];
}
type Bad = Extract<ReadRecord, { ok: false }>;

const isUtf16 = (charset: string): boolean => charset.startsWith("utf-16");

/** UTF-16 files (by their mark, or as the source says) as UTF-8, for a line's end is two bytes there; all others as they are. */
async function* inUtf8(pieces: AsyncIterable<Buffer>, charset: string): AsyncGenerator<Buffer> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let first = true;
  for await (const piece of pieces) {
    if (first) {
      const mark = piece.length > 1 ? piece.readUInt16BE(0) : 0;
      const marked = mark === 0xfffe ? "utf-16le" : mark === 0xfeff ? "utf-16be" : undefined;
      const coded = marked ?? (isUtf16(charset) ? charset : undefined);
      decoder = coded === undefined ? undefined : new TextDecoder(coded);
      first = false;
      const hasMark = decoder === undefined && piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf;
      yield decoder ? Buffer.from(decoder.decode(piece, { stream: true })) : hasMark ? piece.subarray(3) : piece;
    } else yield decoder ? Buffer.from(decoder.decode(piece, { stream: true })) : piece;
  }
}

/** What to say of a first row that is no UTF-8, or holds NULs: without the columns' names no row can be read. */
function badHeader(bytes: Buffer, place: string): BadFile {
  const nuls = [0, 0];
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === 0) nuls[at % 2]!++;
  const [even = 0, odd = 0] = nuls;
  const says = even + odd === 0 ? "windows-1252 is the commonest" : `${odd >= even ? "utf-16le" : "utf-16be"}, by its bytes`;
  return new BadFile("wrong-charset", `the row that names the columns is not utf-8; name its \`encoding\` (${says})`, place);
}

const quotesIn = (bytes: Buffer): number => {
  let n = 0;
  for (let at = bytes.indexOf(34); at >= 0; at = bytes.indexOf(34, at + 1)) n++;
  return n;
};

/** Rows of lines, with what is wrong in between. `again` puts lines back that a row should not have taken. */
class Rows {
  private readonly source: AsyncIterator<SourceLine>;
  private readonly path: string;
  private readonly charset: string;
  private waiting: SourceLine[] = [];
  private hasHeader = false;

  constructor(lines: AsyncIterable<SourceLine>, path: string, charset: string) {
    this.source = lines[Symbol.asyncIterator]();
    this.path = path;
    this.charset = charset;
  }

  private async line(): Promise<SourceLine | undefined> {
    const again = this.waiting.pop();
    if (again) return again;
    const next = await this.source.next();
    return next.done ? undefined : next.value;
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes lines back, to be read again before all others. */
  again(lines: readonly SourceLine[]): void {
    for (let i = lines.length - 1; i >= 0; i--) this.waiting.push(lines[i]!);
  }

  /** The next row, what is wrong with it, or undefined at the end. Errors: BadFile for a first row in another encoding. */
  async next(): Promise<Row | Bad | undefined> {
    let first = await this.line();
    while (first?.bytes?.length === 0) first = await this.line();
    if (!first) return undefined;
    const place = `${this.path}:${first.number}`;
    const lines: SourceLine[] = [];
    let size = 0;
    let isOpen = false;
    for (let line: SourceLine | undefined = first; ; line = await this.line()) {
      if (line) {
        size += line.bytes?.length ?? maxLineBytes + 1;
        lines.push(line);
      }
      if (!line || size > maxLineBytes) {
        this.again(lines.slice(1));
        if (first.bytes === undefined) return { ok: false, place, reason: "too-long", message: `a line longer than ${maxLineBytes} bytes` };
        return {
          ok: false,
          place,
          reason: "csv",
          message: line ? `a quote that does not end in ${maxLineBytes} bytes` : "a quote that does not end",
        };
      }
      if (quotesIn(line.bytes!) % 2 === 1) isOpen = !isOpen;
      if (!isOpen) break;
    }
    const bytes =
      lines.length === 1 ? first.bytes! : Buffer.concat(lines.flatMap((l, i) => (i ? [Buffer.from("\n"), l.bytes!] : [l.bytes!])));
    if (!this.hasHeader && this.charset === "utf-8" && (bytes.includes(0) || !isUtf8(bytes))) throw badHeader(bytes, place);
    this.hasHeader = true;
    if (this.charset === "utf-8" && !isUtf8(bytes))
      return { ok: false, place, reason: "wrong-charset", message: "not utf-8; name its `encoding`" };
    return { line: first.number, text: decodeBytes(bytes, this.charset), lines };
  }
}

export const csv: Reader = {
  name: "csv",
  version: 1,
  extensions: [".csv", ".tsv"],
  async *records(file, options) {
    const { parse } = await import("csv-parse/sync");
    const { path } = file;
    const charset = charsetOf(options.encoding);
    if (charset === undefined) throw new BadFile("unknown-charset", `no such encoding: ${options.encoding}`);
    const rows = new Rows(sourceLines(inUtf8(file.pieces(), charset)), path, isUtf16(charset) ? "utf-8" : charset);
    const delimiter = options.delimiter ?? (file.name.endsWith(".tsv") ? "\t" : ",");
    const cells = (text: string): string[][] =>
      parse(text, { delimiter, relax_column_count: true, record_delimiter: ["\n", "\r\n", "\r"] });
    let names: readonly string[] | undefined;

    const document = (row: Row, values: readonly string[]): ReadRecord | undefined => {
      const place = `${path}:${row.line}`;
      if (names === undefined) {
        if (values.length > maxColumns) throw new BadFile("csv", `expected at most ${maxColumns} columns, got ${values.length}`, place);
        names = values.map((name, i) => (values.indexOf(name) === i ? name : `${name}_${i + 1}`));
        checkColumns(names, options, { place, format: "csv" });
        return undefined;
      }
      if (values.length !== names.length)
        return { ok: false, place, reason: "csv", message: `expected ${names.length} columns, got ${values.length}` };
      const fields: RecordFields = Object.fromEntries(names.map((name, i) => [name, values[i]!] as const).filter(e => e[1] !== ""));
      const found = fieldText(fields, fieldOf(options));
      if ("message" in found) return { ok: false, place, reason: "empty", message: found.message };
      const key = `${path}#${fields.id ?? sha256(found.text).slice(0, 12)}`;
      return fieldsRecord({ place, key, path }, found.text, fields, options);
    };
    const alone = (row: Row): ReadRecord | undefined => {
      try {
        const [values, ...more] = cells(row.text);
        if (values && more.length === 0) return document(row, values);
        throw new Error("more than one row");
      } catch (error) {
        if (error instanceof BadFile) throw error;
        return { ok: false, place: `${path}:${row.line}`, reason: "csv", message: (error as Error).message };
      }
    };

    let batch: Row[] = [];
    let size = 0;
    let limit = batchBytes;
    const flush = function* (): Generator<ReadRecord> {
      const now = batch;
      batch = [];
      size = 0;
      let parsed: string[][] | undefined;
      try {
        parsed = cells(now.map(r => r.text).join("\n"));
      } catch {}
      const fits = parsed?.length === now.length;
      limit = Math.min(limit * 2, batchBytes);
      for (const [i, row] of now.entries()) {
        const record = fits ? document(row, parsed![i]!) : alone(row);
        if (record) yield record;
        if (record?.ok === false && record.reason === "csv" && row.lines.length > 1) {
          // Its first line is lost; the others may be rows of their own, and come before the rows behind it.
          for (const later of now.slice(i + 1).reverse()) rows.again(later.lines);
          rows.again(row.lines.slice(1));
          limit = firstBatchBytes;
          return;
        }
      }
    };
    for (;;) {
      const row = await rows.next();
      const isRow = row !== undefined && "lines" in row;
      if (isRow) {
        batch.push(row);
        size += row.text.length;
        // Whether a row of several lines is one is known only when it is parsed, and what follows hangs on it.
        if (size < limit && row.lines.length === 1) continue;
      }
      yield* flush();
      if (row && !isRow) yield row;
      if (!row && !rows.hasWaiting) return;
    }
  },
};

/** XML of a spreadsheet, as events (ECMA-376 Part 1, 18.3 and 18.4): shared texts, formats of cells, rows. */
import { Parser } from "htmlparser2";

/** A cell as it stands in the file. */
export interface RawCell {
  /** From 0. */
  readonly column: number;
  /** `s`: index of a shared text; `inlineStr`, `str`: a text; `b`: 0 or 1; `e`: an error; `d`: a date in ISO; else a number. */
  readonly type: string;
  readonly style: number;
  readonly value: string;
}

export interface RawRow {
  /** From 1, as the program shows it. */
  readonly number: number;
  readonly cells: readonly RawCell[];
}

type Pieces = AsyncIterable<Buffer>;
type Attributes = Readonly<Record<string, string>>;
interface Handlers {
  open?(name: string, attributes: Attributes): void;
  text?(text: string): void;
  close?(name: string): void;
}

const localName = (name: string): string => name.slice(name.indexOf(":") + 1);

/** Feeds a parser, piece by piece; what handlers have collected is taken in between. */
async function* parsed<T>(pieces: Pieces, handlers: Handlers, taken: () => readonly T[]): AsyncGenerator<T> {
  const parser = new Parser(
    {
      onopentag: (name, attributes) => handlers.open?.(localName(name), attributes),
      ontext: text => handlers.text?.(text),
      onclosetag: name => handlers.close?.(localName(name)),
    },
    { xmlMode: true, decodeEntities: true },
  );
  const decoder = new TextDecoder();
  for await (const piece of pieces) {
    parser.write(decoder.decode(piece, { stream: true }));
    yield* taken();
  }
  parser.write(decoder.decode());
  parser.end();
  yield* taken();
}

/** Takes what a list holds and empties it. */
const takerOf =
  <T>(list: T[]) =>
  (): T[] =>
    list.splice(0);

/** Texts that cells name by their number, without how they are pronounced. */
export async function* sharedTexts(pieces: Pieces): AsyncGenerator<string> {
  const texts: string[] = [];
  let text = "";
  let isText = false;
  let isPhonetic = false;
  yield* parsed<string>(
    pieces,
    {
      open(name) {
        if (name === "si") text = "";
        else if (name === "rPh") isPhonetic = true;
        else if (name === "t") isText = !isPhonetic;
      },
      text(part) {
        if (isText) text += part;
      },
      close(name) {
        if (name === "si") texts.push(text);
        else if (name === "rPh") isPhonetic = false;
        else if (name === "t") isText = false;
      },
    },
    takerOf(texts),
  );
}

/** Formats of numbers that show dates and times, among those that every program knows (18.8.30). */
const isKnownDate = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

/** A format of one's own shows a date when it has a letter of one outside quotes, escapes and brackets. */
const showsDate = (code: string): boolean => /[dmyhs]/i.test(code.replace(/"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*./gi, ""));

/** Of each style of a cell, whether its numbers are dates. */
export async function dateStyles(pieces: Pieces): Promise<boolean[]> {
  const own = new Map<number, boolean>();
  const formats: number[] = [];
  let isCells = false;
  const handlers: Handlers = {
    open(name, attributes) {
      if (name === "numFmt") own.set(Number(attributes.numFmtId), showsDate(attributes.formatCode ?? ""));
      else if (name === "cellXfs") isCells = true;
      else if (name === "xf" && isCells) formats.push(Number(attributes.numFmtId ?? 0));
    },
    close(name) {
      if (name === "cellXfs") isCells = false;
    },
  };
  for await (const _ of parsed(pieces, handlers, () => [])) {
    // nothing is given before the end
  }
  return formats.map(id => own.get(id) ?? isKnownDate(id));
}

interface WorkbookSheet {
  readonly name: string;
  /** Of the relation that leads to its file. */
  readonly relation: string;
}

/** Sheets in their order, and whether days count from 1904. */
export async function workbookOf(pieces: Pieces): Promise<{ readonly sheets: WorkbookSheet[]; readonly from1904: boolean }> {
  let from1904 = false;
  const sheets: WorkbookSheet[] = [];
  const handlers: Handlers = {
    open(name, attributes) {
      if (name === "workbookPr") from1904 = ["1", "true"].includes(attributes.date1904 ?? "");
      if (name === "sheet") sheets.push({ name: attributes.name ?? "", relation: attributes["r:id"] ?? "" });
    },
  };
  for await (const _ of parsed(pieces, handlers, () => [])) {
    // nothing is given before the end
  }
  return { sheets, from1904 };
}

/** Paths of a part's relations by their id. */
export async function relationsOf(pieces: Pieces): Promise<Map<string, string>> {
  const targets = new Map<string, string>();
  const handlers: Handlers = {
    open(name, attributes) {
      if (name === "Relationship") targets.set(attributes.Id ?? "", attributes.Target ?? "");
    },
  };
  for await (const _ of parsed(pieces, handlers, () => [])) {
    // nothing is given before the end
  }
  return targets;
}

/** `BC12` is column 54, from 0; undefined for what is no such name. */
export function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}(?=\d)/.exec(reference ?? "")?.[0];
  if (letters === undefined) return undefined;
  return [...letters].reduce((n, letter) => n * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** Rows of a sheet in the order of the file; cells without a value are left out. */
export async function* sheetRows(pieces: Pieces): AsyncGenerator<RawRow> {
  const rows: RawRow[] = [];
  let number = 0;
  let column = 0;
  let cells: RawCell[] = [];
  let cell: { column: number; type: string; style: number; value: string } | undefined;
  let isValue = false;
  let isPhonetic = false;
  yield* parsed<RawRow>(
    pieces,
    {
      open(name, attributes) {
        if (name === "row") {
          number = Number(attributes.r ?? number + 1);
          column = 0;
          cells = [];
        } else if (name === "c") {
          column = columnOf(attributes.r) ?? column;
          cell = { column, type: attributes.t ?? "n", style: Number(attributes.s ?? 0), value: "" };
          column++;
        } else if (name === "rPh") isPhonetic = true;
        else if (name === "v" || name === "t") isValue = !isPhonetic;
      },
      text(part) {
        if (cell && isValue) cell.value += part;
      },
      close(name) {
        if (name === "v" || name === "t") isValue = false;
        else if (name === "rPh") isPhonetic = false;
        else if (name === "c") {
          if (cell && cell.value !== "") cells.push(cell);
          cell = undefined;
        } else if (name === "row") rows.push({ number, cells });
      },
    },
    takerOf(rows),
  );
}

/** Documents of a catalogue as a page of a list: filtered, sorted, searched, with what a person may see of each. */
import { shortened } from "../shown.ts";
import { type DocumentCatalog, type DocumentSide, documentSides, type ListedLine, readRows, type ValueColumn } from "./catalog.ts";
import { placeOfWord, searchedCatalog, searchOf, searchOn, type TextSearch } from "./text-search.ts";

export const documentSorts = ["id", "length", "source", "reason", "label", "language"] as const;
type DocumentSort = (typeof documentSorts)[number];

export interface DocumentFilter {
  /** Words that all occur in the text or the id; in double quotes a phrase. */
  readonly text?: string | undefined;
  /** `kept`: every side but `dropped`. */
  readonly side?: DocumentSide | "kept" | undefined;
  readonly edited?: boolean | undefined;
  /** `step/rule`, or the step alone. */
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  readonly label?: string | undefined;
  readonly language?: string | undefined;
  /** Characters of the text, both inclusive. */
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly sort?: DocumentSort | undefined;
  readonly descending?: boolean | undefined;
}

export interface DocumentPageOptions extends DocumentFilter {
  /** Place in the list of the first document; `next` of the page before. An artifact never changes, so a place stays valid. Default 0. */
  readonly cursor?: number | undefined;
  /** Documents a page; default 50. */
  readonly limit?: number | undefined;
}

/** A document of a list: one line of its text. */
export interface ListedDocument {
  readonly id: string;
  readonly side: DocumentSide;
  /** `step/rule` that dropped it. */
  readonly reason: string | null;
  readonly edited: boolean;
  readonly source: string;
  readonly label: readonly string[];
  readonly language: string | null;
  /** Characters (UTF-16 code units). */
  readonly length: number;
  /** The beginning of the text, or what is around the first word that was searched. */
  readonly text: string;
}

interface FacetCounts {
  readonly name: "side" | "reason" | "source" | "label" | "language";
  readonly values: readonly { readonly value: string; readonly documents: number }[];
  /** Values that are not listed. */
  readonly others: number;
}

export interface DocumentPage {
  readonly artifact: string;
  /** Documents that the filter takes; of an unfinished search those found so far. */
  readonly count: number;
  /** Documents searched, of all; equal once a search is complete. */
  readonly searched: number;
  readonly of: number;
  readonly cursor: number;
  /** Where the next page begins; null at the end. */
  readonly next: number | null;
  readonly documents: readonly ListedDocument[];
  /** Values to filter by, with how many documents have each, of the whole data set. */
  readonly facets: readonly FacetCounts[];
}

/** Values of a filter that are listed. */
const listedValues = 100;
/** Lists and searches that are remembered. */
const remembered = 8;

/** Codes of a column that hold a value. */
function codesWith({ values }: ValueColumn, takes: (value: string) => boolean): Uint8Array {
  return Uint8Array.from(values, own => Number(own.some(takes)));
}

/** Whether each document passes everything but the text. */
function passing(c: DocumentCatalog, f: DocumentFilter): (row: number) => boolean {
  const checks: ((row: number) => boolean)[] = [];
  const { side, edited, reason, source, label, language, minLength, maxLength } = f;
  const dropped = documentSides.indexOf("dropped");
  if (side === "kept") checks.push(row => c.sides[row] !== dropped);
  else if (side !== undefined) {
    const wanted = documentSides.indexOf(side);
    checks.push(row => c.sides[row] === wanted);
  }
  if (edited !== undefined) checks.push(row => (c.edited[row] === 1) === edited);
  const held = (column: ValueColumn, takes: (value: string) => boolean) => {
    const codes = codesWith(column, takes);
    checks.push(row => codes[column.codes[row]!] === 1);
  };
  if (reason !== undefined) held(c.reasons, v => v === reason || v.startsWith(`${reason}/`));
  if (source !== undefined) held(c.sources, v => v === source);
  if (label !== undefined) held(c.labels, v => v === label);
  if (language !== undefined) held(c.languages, v => v === language);
  if (minLength !== undefined) checks.push(row => c.lengths[row]! >= minLength);
  if (maxLength !== undefined) checks.push(row => c.lengths[row]! <= maxLength);
  return row => checks.every(check => check(row));
}

/** Rank of each code of a column, by its value. */
function ranksOf({ values }: ValueColumn): Uint32Array {
  const order = values
    .map((v, code) => ({ text: v.join("\u0000"), code }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  const ranks = new Uint32Array(values.length);
  for (const [rank, { code }] of order.entries()) ranks[code] = rank;
  return ranks;
}

/** Sorted in place; documents that are alike stay in the order of the files. */
function sortRows(c: DocumentCatalog, rows: Uint32Array, { sort = "id", descending = false }: DocumentFilter): void {
  const column = { source: c.sources, reason: c.reasons, label: c.labels, language: c.languages };
  const sign = descending ? -1 : 1;
  if (sort === "id") {
    if (descending) rows.reverse();
    return;
  }
  const keys = sort === "length" ? c.lengths : undefined;
  const ranks = sort === "length" ? undefined : ranksOf(column[sort]);
  const keyOf = (row: number): number => (keys ? keys[row]! : ranks![column[sort as keyof typeof column].codes[row]!]!);
  rows.sort((a, b) => sign * (keyOf(a) - keyOf(b)) || a - b);
}

function countsOf(c: DocumentCatalog): FacetCounts[] {
  const listed = (name: FacetCounts["name"], counts: ReadonlyMap<string, number>): FacetCounts => {
    const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return {
      name,
      values: sorted.slice(0, listedValues).map(([value, documents]) => ({ value, documents })),
      others: Math.max(0, sorted.length - listedValues),
    };
  };
  const ofColumn = (name: FacetCounts["name"], { values, codes }: ValueColumn) => {
    const times = new Float64Array(values.length);
    for (const code of codes) times[code]!++;
    const counts = new Map<string, number>();
    values.forEach((own, code) => {
      for (const v of new Set(own)) counts.set(v, (counts.get(v) ?? 0) + times[code]!);
    });
    return listed(name, counts);
  };
  const sides = new Map<string, number>();
  for (const file of c.files) if (file.to > file.from) sides.set(file.side, file.to - file.from);
  return [
    listed("side", sides),
    ofColumn("reason", c.reasons),
    ofColumn("source", c.sources),
    ofColumn("label", c.labels),
    ofColumn("language", c.languages),
  ];
}

/** Characters before the first word found that are shown. */
const before = 60;

/** A line of a text: its beginning, or what is around the first of the words. */
function excerpt(c: DocumentCatalog, { text, dropped }: ListedLine, words: readonly string[]): string {
  const masks = c.masksPrivate && dropped !== undefined;
  const word = words.find(w => placeOfWord(text, w) >= 0);
  if (word === undefined) return c.shown.line(text, dropped?.step);
  const visible = masks ? c.shown.masked(text, dropped.step) : text;
  const at = placeOfWord(visible, word);
  if (at <= before) return c.shown.line(text, dropped?.step);
  const from = Math.max(0, at - before);
  return `... ${shortened(visible.slice(from, from + 600).replace(/^[\udc00-\udfff]/, ""))}`;
}

export interface DocumentList {
  readonly catalog: DocumentCatalog;
  /** A page of it; a text search goes on for at most `budgetMs` before it answers what it has. Errors: those of the disk. */
  page(options: DocumentPageOptions, budgetMs?: number): Promise<DocumentPage>;
}

/** Default time of a search before a page answers, ms: a person waits for no longer without seeing something. */
const defaultBudgetMs = 1_500;

/** `mostIndexBytes`: memory of the index of words; documents past it are searched by reading. */
export function documentList(catalog: DocumentCatalog, mostIndexBytes?: number): DocumentList {
  const words = searchedCatalog(catalog, mostIndexBytes);
  const searches = new Map<string, TextSearch>();
  const lists = new Map<string, Uint32Array>();
  let facets: readonly FacetCounts[] | undefined;
  const keep = <T>(map: Map<string, T>, key: string, value: T): T => {
    map.delete(key);
    map.set(key, value);
    for (const oldest of map.keys()) if (map.size > remembered) map.delete(oldest);
    return value;
  };
  const rowsOf = (filter: DocumentFilter, search: TextSearch | undefined): Uint32Array => {
    const key = JSON.stringify([filter, search?.words ?? null, search?.searched ?? -1]);
    const known = lists.get(key);
    if (known) return keep(lists, key, known);
    const passes = passing(catalog, filter);
    const taken = new Uint32Array(search ? search.found.length : catalog.count);
    let count = 0;
    if (search) {
      for (const row of search.found) if (passes(row)) taken[count++] = row;
    } else for (let row = 0; row < catalog.count; row++) if (passes(row)) taken[count++] = row;
    const rows = taken.slice(0, count);
    sortRows(catalog, rows, filter);
    return keep(lists, key, rows);
  };
  return {
    catalog,
    async page({ cursor = 0, limit = 50, text, ...filter }, budgetMs = defaultBudgetMs) {
      const query = text === undefined ? "" : text.trim();
      const search = query === "" ? undefined : keep(searches, query, searches.get(query) ?? searchOf(words, query));
      const endMs = performance.now() + budgetMs;
      if (search) await searchOn(words, search, () => performance.now() >= endMs);
      const rows = rowsOf(filter, search);
      const shownRows = [...rows.subarray(cursor, cursor + limit)];
      const documents = (await readRows(catalog, shownRows)).map((line, i): ListedDocument => {
        const row = shownRows[i]!;
        return {
          id: line.id,
          side: documentSides[catalog.sides[row]!]!,
          reason: catalog.reasons.values[catalog.reasons.codes[row]!]![0] ?? null,
          edited: catalog.edited[row] === 1,
          source: line.source,
          label: catalog.labels.values[catalog.labels.codes[row]!]!,
          language: catalog.languages.values[catalog.languages.codes[row]!]![0] ?? null,
          length: catalog.lengths[row]!,
          text: excerpt(catalog, line, search?.words ?? []),
        };
      });
      const searched = search?.searched ?? catalog.count;
      const end = cursor + documents.length;
      facets ??= countsOf(catalog);
      return {
        artifact: catalog.artifact,
        count: rows.length,
        searched,
        of: catalog.count,
        cursor,
        next: end < rows.length || searched < catalog.count ? end : null,
        documents,
        facets,
      };
    },
  };
}

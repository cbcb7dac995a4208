/**
 * Full-text search: every word of a query must occur in a document's text or id, without regard to case; words in double quotes are one phrase. A search
 * is carried on in steps of bounded time and remembers how far it came. From the second search of a catalogue on a word index is made in the background, and
 * answers for the documents that it has. All others, and what may hold a phrase, are read: blocks of lines are searched as they lie in the file for the
 * longest plain run of characters of the query, and only lines that hold it are parsed. Texts dropped before a `private` step are held against their masked
 * form, so that a search finds nothing that the project may not show.
 */
import { open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import type { CatalogFile, DocumentCatalog, ListedLine } from "./catalog.ts";
import { type IndexedRows, WordIndex } from "./word-index.ts";

/** Words of a query, in lower case: `"free money" offer` is two. */
export const queryWords = (query: string): string[] =>
  [...query.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(m => (m[1] ?? m[2] ?? "").trim().toLowerCase()).filter(w => w !== "");

/** Where a word begins in a text; -1 where it does not occur. */
export const placeOfWord = (text: string, word: string): number => text.toLowerCase().indexOf(word);

/** The longest run of characters that stands in JSON as it is, of all words: printable ASCII without quotes and backslashes. */
const plainRun = (words: readonly string[]): string =>
  words.flatMap(w => w.match(/[ !#-[\]-~]+/g) ?? []).reduce((longest, run) => (run.length > longest.length ? run : longest), "");

/** Bytes that are searched at once: some milliseconds of work. */
const blockBytes = 2 ** 20;

export interface TextSearch {
  readonly words: readonly string[];
  /** Places of the documents found so far, in rising order. */
  readonly found: number[];
  /** Documents searched so far. */
  searched: number;
  /** A step under way, shared by all who ask. */
  step: Promise<void> | undefined;
}

const textSearch = (query: string): TextSearch => ({ words: queryWords(query), found: [], searched: 0, step: undefined });

/** The last document that begins before a byte, of those from `low` on. */
function rowAt({ starts }: DocumentCatalog, low: number, high: number, byte: number): number {
  let [a, b] = [low, high];
  while (b - a > 1) {
    const middle = (a + b) >> 1;
    if (starts[middle]! <= byte) a = middle;
    else b = middle;
  }
  return a;
}

/** Whether a document that may be shown holds all words. */
function matches({ shown, masksPrivate }: DocumentCatalog, { id, text, dropped }: ListedLine, words: readonly string[]): boolean {
  const visible = dropped && masksPrivate ? shown.masked(text, dropped.step) : text;
  const [lowText, lowId] = [visible.toLowerCase(), id.toLowerCase()];
  return words.every(w => lowText.includes(w) || lowId.includes(w));
}

/** Bytes in UTF-8, as Latin-1 in lower case, of the two other characters whose lower case begins with an ASCII letter: the Kelvin sign, and I with a dot. */
const [kelvin, dottedI] = ["\u00e2\u0084\u00aa", "\u00e4\u00b0"];

/** Finds the next place of a run in a text of bytes. */
function runFinder(text: string, run: string): (from: number) => number {
  const hasKelvin = run.includes("k") && text.includes(kelvin);
  // a dot goes between this letter and the next
  const hasDotted = run.endsWith("i") && text.includes(dottedI);
  if (!hasKelvin && !hasDotted) return from => text.indexOf(run, from);
  const pattern = new RegExp(
    run
      .replace(/[$()*+.?[\]^{|}-]/g, "\\$&")
      .replaceAll("k", `(?:k|${kelvin})`)
      .replace(/i$/, `(?:i|${dottedI})`),
    "g",
  );
  return from => {
    pattern.lastIndex = from;
    return pattern.exec(text)?.index ?? -1;
  };
}

/** Where `run` occurs in a block; of a query without a plain run every line may match. */
function* candidateRows(catalog: DocumentCatalog, block: Buffer, first: number, next: number, run: string): Generator<number> {
  const start = catalog.starts[first]!;
  if (run === "") {
    for (let row = first; row < next; row++) yield row;
    return;
  }
  const text = block.toString("latin1").toLowerCase();
  const placeFrom = runFinder(text, run);
  for (let at = placeFrom(0); at >= 0; ) {
    const row = rowAt(catalog, first, next, start + at);
    yield row;
    if (row + 1 >= next) return;
    at = placeFrom(catalog.starts[row + 1]! - start);
  }
}

/** The line of a row, in a block whose first row is `first`. */
function lineOf({ starts }: DocumentCatalog, block: Buffer, first: number, row: number): ListedLine {
  const from = starts[row]! - starts[first]!;
  const end = block.indexOf(10, from);
  return JSON.parse(block.toString("utf8", from, end < 0 ? block.length : end)) as ListedLine;
}

/** Rows of a file from `first` to before `next`. */
interface RowBlock {
  readonly first: number;
  readonly next: number;
  /** Their lines as they lie in the file; good until the next block. */
  read(): Promise<Buffer>;
}

async function* blocksOf(catalog: DocumentCatalog, file: CatalogFile, from: number): AsyncGenerator<RowBlock> {
  const { starts } = catalog;
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(file.path, "r");
    const { size } = await handle.stat();
    let buffer = Buffer.allocUnsafe(0);
    for (let first = from, next: number; first < file.to; first = next) {
      next = Math.max(first + 1, rowAt(catalog, first, file.to, starts[first]! + blockBytes));
      // what is erased may stand between two documents: its line is no candidate's
      const end = next < file.to ? starts[next]! : size;
      const [opened, at] = [handle, starts[first]!];
      yield {
        first,
        next,
        read: async () => {
          if (buffer.length < end - at) buffer = Buffer.allocUnsafe(end - at);
          await opened.read(buffer, 0, end - at, at);
          return buffer.subarray(0, end - at);
        },
      };
    }
  } catch (error) {
    throw fileError(error, file.path);
  } finally {
    await handle?.close();
  }
}

/** A catalogue that is searched: its index, shared by all searches. */
interface SearchedCatalog {
  readonly catalog: DocumentCatalog;
  readonly index: WordIndex;
  /** Different queries so far. */
  queries: number;
  /** The making of the index. */
  making: Promise<void> | undefined;
}

export const searchedCatalog = (catalog: DocumentCatalog, mostIndexBytes?: number): SearchedCatalog => ({
  catalog,
  index: new WordIndex(mostIndexBytes),
  queries: 0,
  making: undefined,
});

/** Adds the documents to the index until it has all or is full. `rest` is awaited after each block, with the milliseconds that it took. */
export async function indexAll({ catalog, index }: SearchedCatalog, rest: (ms: number) => Promise<void> = async () => {}): Promise<void> {
  for (const file of catalog.files)
    for await (const { first, next, read } of blocksOf(catalog, file, file.from)) {
      if (index.isFull) return;
      const beganMs = performance.now();
      const block = await read();
      for (let row = first; row < next && !index.isFull; row++) {
        const { id, text, dropped } = lineOf(catalog, block, first, row);
        // masking every text that was dropped costs more than reading those that a query may take
        index.add(dropped && catalog.masksPrivate ? undefined : [text, id]);
      }
      await rest(performance.now() - beganMs);
    }
}

/** Half of one processor, and no reason for a process to stay: who searches once from a terminal does not wait for it. */
const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms).unref());

/** A new query of a catalogue. The second one begins the index: a single search is read sooner than indexed. */
export function searchOf(searched: SearchedCatalog, query: string): TextSearch {
  if (++searched.queries === 2)
    // what cannot be read is reported by the searches themselves, which read it too
    searched.making = indexAll(searched, pause).catch(() => {});
  return textSearch(query);
}

/** Searches documents of one file; `indexed` says of the first ones what the index knows. */
async function searchFile(
  catalog: DocumentCatalog,
  file: CatalogFile,
  search: TextSearch,
  indexed: IndexedRows,
  isOver: () => boolean,
): Promise<void> {
  const run = plainRun(search.words);
  for await (const { first, next, read } of blocksOf(catalog, file, search.searched)) {
    if (isOver()) return;
    const isUnsure = next > indexed.length || indexed.subarray(first, next).includes(2);
    const held = new Set<number>();
    if (isUnsure) {
      const block = await read();
      for (const row of candidateRows(catalog, block, first, next, run))
        if ((indexed[row] ?? 2) === 2 && matches(catalog, lineOf(catalog, block, first, row), search.words)) held.add(row);
    }
    for (let row = first; row < next; row++) if (indexed[row] === 1 || held.has(row)) search.found.push(row);
    search.searched = next;
  }
}

async function searchStep({ catalog, index }: SearchedCatalog, search: TextSearch, isOver: () => boolean): Promise<void> {
  const indexed = index.rowsWith(search.words);
  for (const file of catalog.files)
    if (search.searched >= file.from && search.searched < file.to) await searchFile(catalog, file, search, indexed, isOver);
}

/** Searches on until the end, or until `isOver`. Concurrent callers share one step. Errors: those of the disk. */
export async function searchOn(searched: SearchedCatalog, search: TextSearch, isOver: () => boolean): Promise<void> {
  search.step ??= searchStep(searched, search, isOver).finally(() => {
    search.step = undefined;
  });
  await search.step;
}

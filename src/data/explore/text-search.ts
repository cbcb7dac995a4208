/**
 * Full-text search by reading: every word of a query must occur in a document's text or id, without regard to case; words in double quotes are one phrase.
 * Blocks of lines are searched as they lie in the file for the longest plain run of characters of the query, and only lines that hold it are parsed. A search
 * is carried on in steps of bounded time and remembers how far it came. Texts dropped before a `private` step are held against their masked form, so that
 * a search finds nothing that the project may not show.
 */
import { open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import type { CatalogFile, DocumentCatalog, ListedLine } from "./catalog.ts";

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

export const textSearch = (query: string): TextSearch => ({ words: queryWords(query), found: [], searched: 0, step: undefined });

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

/** Where `run` occurs in a block; of a query without a plain run every line may match. */
function* candidateRows(catalog: DocumentCatalog, block: Buffer, first: number, next: number, run: string): Generator<number> {
  const start = catalog.starts[first]!;
  if (run === "") {
    for (let row = first; row < next; row++) yield row;
    return;
  }
  const text = block.toString("latin1").toLowerCase();
  for (let at = text.indexOf(run); at >= 0; ) {
    const row = rowAt(catalog, first, next, start + at);
    yield row;
    if (row + 1 >= next) return;
    at = text.indexOf(run, catalog.starts[row + 1]! - start);
  }
}

async function searchFile(catalog: DocumentCatalog, file: CatalogFile, search: TextSearch, isOver: () => boolean): Promise<void> {
  const { starts } = catalog;
  const run = plainRun(search.words);
  let handle: Awaited<ReturnType<typeof open>> | undefined;
  try {
    handle = await open(file.path, "r");
    const { size } = await handle.stat();
    while (search.searched < file.to && !isOver()) {
      const first = search.searched;
      const next = Math.max(first + 1, rowAt(catalog, first, file.to, starts[first]! + blockBytes));
      // what is erased may stand between two documents: its line is no candidate's
      const end = next < file.to ? starts[next]! : size;
      const block = Buffer.allocUnsafe(end - starts[first]!);
      await handle.read(block, 0, block.length, starts[first]!);
      for (const row of candidateRows(catalog, block, first, next, run)) {
        const from = starts[row]! - starts[first]!;
        const lineEnd = block.indexOf(10, from);
        const line = JSON.parse(block.toString("utf8", from, lineEnd < 0 ? block.length : lineEnd)) as ListedLine;
        if (matches(catalog, line, search.words)) search.found.push(row);
      }
      search.searched = next;
    }
  } catch (error) {
    throw fileError(error, file.path);
  } finally {
    await handle?.close();
  }
}

/** Searches on until the end, or until `isOver`. Concurrent callers share one step. Errors: those of the disk. */
export async function searchOn(catalog: DocumentCatalog, search: TextSearch, isOver: () => boolean): Promise<void> {
  search.step ??= (async () => {
    for (const file of catalog.files)
      if (search.searched >= file.from && search.searched < file.to) await searchFile(catalog, file, search, isOver);
  })().finally(() => {
    search.step = undefined;
  });
  await search.step;
}

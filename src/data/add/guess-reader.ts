/** Which reader a heap of files wants, by their endings: the one that takes most of them, unless another takes nearly as many. */
import { openedName } from "../sources/compressed/expand.ts";
import type { ReaderName } from "../sources/options.ts";
import { readers } from "../sources/readers.ts";

export interface ReaderGuess {
  readonly reader: ReaderName;
  /** Files that it takes. */
  readonly files: number;
}

/** A guess needs this many times the files of the next best. */
const margin = 3;

/** Endings that several readers take belong here to the first that names it first, and to no data set's layout as a whole. */
function ownersOf(): Map<string, ReaderName> {
  const owners = new Map<string, ReaderName>();
  const names = (Object.keys(readers) as ReaderName[]).filter(name => name !== "huggingface");
  for (const at of [0, 1])
    for (const name of names)
      for (const ending of at === 0 ? readers[name].extensions.slice(0, 1) : readers[name].extensions)
        if (!owners.has(ending)) owners.set(ending, name);
  return owners;
}

/** Endings with their readers, the longest first. */
let byEnding: readonly (readonly [string, ReaderName])[] | undefined;

/** The reader of a file by its ending; undefined where none takes it. */
export function readerFor(name: string): ReaderName | undefined {
  byEnding ??= [...ownersOf()].sort(([a], [b]) => b.length - a.length);
  const plain = openedName(name.toLowerCase());
  return byEnding.find(([ending]) => plain.endsWith(ending))?.[1];
}

/** Readers that take some of the files, the likeliest first; a file counts for one. */
export function readersFor(names: readonly string[]): ReaderGuess[] {
  const counts = new Map<ReaderName, number>();
  for (const name of names) {
    const reader = readerFor(name);
    if (reader !== undefined) counts.set(reader, (counts.get(reader) ?? 0) + 1);
  }
  return [...counts].map(([reader, files]) => ({ reader, files })).sort((a, b) => b.files - a.files || (a.reader < b.reader ? -1 : 1));
}

/** The likeliest reader, undefined where it is a matter of taste. */
export function guessReader(names: readonly string[]): ReaderGuess | undefined {
  const [first, second] = readersFor(names);
  return first && (second === undefined || first.files >= margin * second.files) ? first : undefined;
}

/**
 * One source or several for one data set. Of several each has a name, its own reader and its own `maxBad`; a document of theirs has the
 * attribute `origin` and the name at the head of its key, so that equal paths in two folders stay two documents.
 */
import { type LoamError, sha256 } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";
import type { SetAside } from "../ledger.ts";
import type { ManifestEntry } from "./file.ts";
import type { HashOptions } from "./hashes.ts";
import { manifestOf, type SourceManifest } from "./manifest.ts";
import { type OpenSource, openSource, sourceRecords } from "./open.ts";
import type { SourceOptions, SourcesPart } from "./options.ts";
import type { ReadRecord } from "./source.ts";

export interface NamedSource {
  /** Undefined: the only one. */
  readonly name: string | undefined;
  readonly options: SourceOptions;
}

/** The sources of a part, in the order of their names. */
export function allSources({ source, sources }: SourcesPart): NamedSource[] {
  if (source !== undefined) return [{ name: undefined, options: source }];
  return Object.entries(sources ?? {})
    .map(([name, options]) => ({ name, options }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The files of all sources as they are now; each entry says which source it is `of`. The manifest of a single source is `manifestOf`'s.
 * Errors: those of `manifestOf`.
 */
export async function manifestOfAll(
  sources: readonly NamedSource[],
  options: HashOptions & { readonly folder: string },
): Promise<SourceManifest> {
  const parts: (SourceManifest & { readonly name: string | undefined })[] = [];
  for (const { name, options: source } of sources) parts.push({ name, ...(await manifestOf(source, options)) });
  if (parts.length === 1 && parts[0]!.name === undefined) {
    const { name: _, ...manifest } = parts[0]!;
    return manifest;
  }
  return {
    origin: parts.map(p => `${p.name}: ${p.origin}`).join(", "),
    root: "",
    files: parts.flatMap(({ name, files }) => files.map(f => ({ ...f, of: name! }))),
    identity: sha256(parts.map(p => `${p.name}\t${p.identity}\n`).join("")),
  };
}

export interface OpenSources {
  /** Records of one file of a manifest. Errors: those of reading, `data/sourceChanged`. */
  records(entry: ManifestEntry): AsyncGenerator<ReadRecord>;
  close(): Promise<void>;
}

/** Opens all sources of a part. Errors: `data/sourceMissing`. */
export async function openSources(sources: readonly NamedSource[], folder: string): Promise<OpenSources> {
  const open = new Map<string | undefined, { readonly source: OpenSource; readonly options: SourceOptions }>();
  const close = async () => {
    for (const { source } of open.values()) await source.close();
  };
  try {
    for (const { name, options } of sources) open.set(name, { source: await openSource(options, folder), options });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close,
    async *records(entry) {
      const { of, ...file } = entry;
      const found = open.get(of);
      if (!found)
        throw dataErrors.fail("sourceChanged", { place: entry.path, expected: `a source "${of ?? ""}"`, received: "none of that name" });
      const records = sourceRecords(found.source, found.options, file);
      if (of === undefined) {
        yield* records;
        return;
      }
      for await (const r of records)
        yield r.ok
          ? { ...r, key: `${of}/${r.key}`, place: `${of}/${r.place}`, attributes: { ...r.attributes, origin: of } }
          : { ...r, place: `${of}/${r.place}` };
    },
  };
}

/** A share of bad records is judged from this many on: of three records one is no pattern yet. */
const minForShare = 200;

/** How many records of a source were read, and what was set aside of them. */
interface SourceCount {
  /** The data set, and behind a slash the source's name where there are several. */
  readonly place: string;
  readonly maxBad: number;
  readonly read: number;
  readonly setAside: number;
  /** The first ones. */
  readonly first: readonly SetAside[];
}

/** The error of a source of which more was set aside than it allows; `isEnd`: all of it has been read. */
export function tooManyBad({ place, maxBad, read, setAside, first }: SourceCount, isEnd: boolean): LoamError | undefined {
  const isCount = maxBad >= 1 || maxBad === 0;
  const limit = isCount ? maxBad : isEnd || read >= minForShare ? maxBad * read : Number.POSITIVE_INFINITY;
  if (setAside <= limit) return undefined;
  const shown = first.slice(0, 3).map(s => `${s.place} (${s.reason}: ${s.message})`);
  return dataErrors.fail("tooManyBad", {
    place,
    expected: `at most ${isCount ? `${maxBad} records` : `${maxBad * 100} % of records`} that cannot be read`,
    received: `${setAside} of ${read}: ${shown.join("; ")}`,
    hint: "Check the reader and its options, or raise maxBad.",
  });
}

/**
 * A catalogue of the documents of an artifact: of each its side, reason, source, label, language and length as columns of numbers, and where its line begins,
 * so that a million documents are filtered and sorted in memory and read from the files only where they are shown. Nothing of it is written to a disk: texts
 * stay in the artifact's own (possibly encrypted) files, and what is erased leaves no index behind.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { fileError } from "../../base/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { Document } from "../document.ts";
import { ledgerLines, readMeasures } from "../explain.ts";
import { sourceOf } from "../facets.ts";
import type { LedgerEntry, LedgerMeasure } from "../ledger.ts";
import { type Shown, shownBy } from "../shown.ts";

/** Sides in the order in which their documents are listed. */
export const documentSides = ["train", "validation", "held-out", "dropped"] as const;
export type DocumentSide = (typeof documentSides)[number];

/** Different values of a column; the rest are counted as none. */
const mostValues = 10_000;

/** A column of values as places in a list; 0 is none. Several values of one document are one entry. */
export interface ValueColumn {
  readonly values: readonly (readonly string[])[];
  readonly codes: Uint32Array;
}

export interface DocumentCatalog {
  readonly artifact: string;
  readonly count: number;
  /** Places in `documentSides`. */
  readonly sides: Uint8Array;
  /** UTF-16 code units of the text, as it is stored. */
  readonly lengths: Uint32Array;
  /** 1: some step changed the text. */
  readonly edited: Uint8Array;
  /** `step/rule` of what was dropped. */
  readonly reasons: ValueColumn;
  readonly sources: ValueColumn;
  readonly labels: ValueColumn;
  readonly languages: ValueColumn;
  readonly shown: Shown;
  /** Steps of the run that mask private data. */
  readonly masksPrivate: boolean;
  /** First document and first byte of each file; documents of a file stand together, in the order of their ids. */
  readonly files: readonly CatalogFile[];
  /** Byte at which a document's line begins in its file. */
  readonly starts: Float64Array;
}

export interface CatalogFile {
  readonly side: DocumentSide;
  readonly path: string;
  /** Documents of the catalogue: from, and before which. */
  readonly from: number;
  readonly to: number;
}

/** A column in the making. */
class ValueList {
  readonly values: (readonly string[])[] = [[]];
  readonly #codes = new Map<string, number>();

  codeOf(values: readonly string[]): number {
    const key = values.join("\u0000");
    if (key === "") return 0;
    let code = this.#codes.get(key);
    if (code === undefined) {
      if (this.values.length > mostValues) return 0;
      code = this.values.push(values) - 1;
      this.#codes.set(key, code);
    }
    return code;
  }
}

/** Columns that grow with the documents that are read. */
class Columns {
  count = 0;
  sides = new Uint8Array(1024);
  lengths = new Uint32Array(1024);
  edited = new Uint8Array(1024);
  starts = new Float64Array(1024);
  codes = {
    reasons: new Uint32Array(1024),
    sources: new Uint32Array(1024),
    labels: new Uint32Array(1024),
    languages: new Uint32Array(1024),
  };

  grow(): void {
    const size = this.sides.length * 2;
    const larger = <A extends Uint8Array | Uint32Array | Float64Array>(old: A, next: A): A => {
      next.set(old);
      return next;
    };
    this.sides = larger(this.sides, new Uint8Array(size));
    this.lengths = larger(this.lengths, new Uint32Array(size));
    this.edited = larger(this.edited, new Uint8Array(size));
    this.starts = larger(this.starts, new Float64Array(size));
    const { reasons, sources, labels, languages } = this.codes;
    this.codes = {
      reasons: larger(reasons, new Uint32Array(size)),
      sources: larger(sources, new Uint32Array(size)),
      labels: larger(labels, new Uint32Array(size)),
      languages: larger(languages, new Uint32Array(size)),
    };
  }
}

interface DroppedAs {
  readonly dropped?: { readonly step: string; readonly rule: string; readonly value: LedgerMeasure; readonly threshold: LedgerMeasure };
}
/** A line of any of the files. */
export type ListedLine = Document & DroppedAs;

/** Whole lines of a local file with the byte at which each begins. */
async function* linesAt(path: string): AsyncGenerator<{ readonly start: number; readonly bytes: Buffer }> {
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      let from = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        if (end > from) yield { start: at + from, bytes: bytes.subarray(from, end) };
        from = end + 1;
      }
      rest = bytes.subarray(from);
      at += from;
    }
  } catch (error) {
    throw fileError(error, path);
  }
  if (rest.length > 0) yield { start: at, bytes: rest };
}

async function editedIds(artifact: ArtifactReader): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const line of ledgerLines(artifact, "ledger.jsonl")) {
    if (!line.includes('"action":"edit"')) continue;
    const { action, document } = JSON.parse(line) as LedgerEntry;
    if (action === "edit") ids.add(document);
  }
  return ids;
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)];

/** Reads all documents once; those of which `isErased` are left out. Errors: store/blobMissing, store/blobDamaged, those of the disk. */
export async function documentCatalog(artifact: ArtifactReader, isErased: (id: string) => boolean): Promise<DocumentCatalog> {
  const info = await readMeasures(artifact);
  const shown = shownBy(info?.steps ?? []);
  const known = new Set(artifact.files.map(f => f.name));
  const edits = known.has("ledger.jsonl") ? await editedIds(artifact) : new Set<string>();
  const lists = { reasons: new ValueList(), sources: new ValueList(), labels: new ValueList(), languages: new ValueList() };
  const columns = new Columns();
  const files: CatalogFile[] = [];
  const masked = (values: readonly string[]): string[] => values.map(v => String(shown.value(v)));
  for (const [place, side] of documentSides.entries()) {
    if (!known.has(`${side}.jsonl`)) continue;
    const path = await artifact.localPath(`${side}.jsonl`);
    const from = columns.count;
    for await (const { start, bytes } of linesAt(path)) {
      const { id, text, source, attributes, dropped } = JSON.parse(bytes.toString("utf8")) as ListedLine;
      if (isErased(id)) continue;
      if (columns.count === columns.sides.length) columns.grow();
      const at = columns.count++;
      columns.sides[at] = place;
      columns.lengths[at] = text.length;
      columns.edited[at] = edits.has(id) ? 1 : 0;
      columns.starts[at] = start;
      columns.codes.reasons[at] = dropped ? lists.reasons.codeOf([`${dropped.step}/${dropped.rule}`]) : 0;
      columns.codes.sources[at] = lists.sources.codeOf([sourceOf(source)]);
      columns.codes.labels[at] = lists.labels.codeOf(masked(textsOf(attributes.label ?? attributes.labels)));
      columns.codes.languages[at] = lists.languages.codeOf(textsOf(attributes.language));
    }
    files.push({ side, path, from, to: columns.count });
  }
  const { count } = columns;
  const column = (name: keyof typeof lists): ValueColumn => ({
    values: lists[name].values,
    codes: columns.codes[name].slice(0, count),
  });
  return {
    artifact: artifact.id,
    count,
    sides: columns.sides.slice(0, count),
    lengths: columns.lengths.slice(0, count),
    edited: columns.edited.slice(0, count),
    starts: columns.starts.slice(0, count),
    reasons: column("reasons"),
    sources: column("sources"),
    labels: column("labels"),
    languages: column("languages"),
    shown,
    masksPrivate: (info?.steps ?? []).some(s => s.step === "private"),
    files,
  };
}

/** The file that holds a document. */
const fileOfRow = ({ files }: DocumentCatalog, row: number): CatalogFile => files.find(f => row >= f.from && row < f.to)!;

/** First bytes of a line that are read before its end is known. */
const firstBytes = 2 ** 14;

async function lineFrom(handle: FileHandle, start: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let at = start, size = firstBytes; ; at += size, size *= 2) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size, at);
    const piece = buffer.subarray(0, bytesRead);
    const end = piece.indexOf(10);
    pieces.push(end < 0 ? piece : piece.subarray(0, end));
    if (end >= 0 || bytesRead < size) return Buffer.concat(pieces);
  }
}

/** Documents by their places, in the order asked for. Errors: those of the disk. */
export async function readRows(catalog: DocumentCatalog, rows: readonly number[]): Promise<ListedLine[]> {
  const handles = new Map<string, FileHandle>();
  try {
    const read: ListedLine[] = [];
    for (const row of rows) {
      const { path } = fileOfRow(catalog, row);
      try {
        const handle = handles.get(path) ?? (await open(path, "r"));
        handles.set(path, handle);
        read.push(JSON.parse((await lineFrom(handle, catalog.starts[row]!)).toString("utf8")) as ListedLine);
      } catch (error) {
        throw fileError(error, path);
      }
    }
    return read;
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}

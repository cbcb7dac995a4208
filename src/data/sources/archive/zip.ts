/** Members of a zip archive, by its directory (yauzl). */
import { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import yauzl from "yauzl";
import { BadFile } from "../bad-file.ts";
import { inflated } from "../compressed/gzip.ts";
import { Meter } from "../compressed/meter.ts";
import type { RandomAccess, SourceFile } from "../file.ts";
import type { Member } from "./archive.ts";
import { memberName } from "./member.ts";

/** Read at once, bytes. */
const pieceBytes = 2 ** 18;
const stored = 0;
const deflated = 8;

class Ranges extends yauzl.RandomAccessReader {
  readonly #from: RandomAccess;
  /** Why the archive's own bytes could not be read, which is no damage. */
  failure: unknown;

  constructor(from: RandomAccess) {
    super();
    this.#from = from;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#pieces(start, end), { objectMode: false });
  }

  async *#pieces(start: number, end: number): AsyncGenerator<Buffer> {
    try {
      for (let at = start; at < end; at += pieceBytes) yield await this.#from.read(at, Math.min(end, at + pieceBytes));
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  override close(done: (error: Error | null) => void): void {
    done(null);
  }
}

/** An open archive and what its bytes come from. */
interface Archive {
  readonly zip: yauzl.ZipFile;
  readonly ranges: Ranges;
}

/** What to throw of an error within the archive at `place`. */
function failureOf({ failure }: Ranges, error: unknown, place: string): unknown {
  if (failure !== undefined) return failure;
  return error instanceof BadFile ? error : new BadFile("damaged", `zip: ${error instanceof Error ? error.message : String(error)}`, place);
}

/** Content of one member. Errors: `BadFile` "damaged", "bomb". */
async function* contentOf({ zip, ranges }: Archive, entry: yauzl.Entry, place: string, meter: Meter): AsyncGenerator<Buffer> {
  try {
    const raw = await zip.openReadStreamPromise(entry, { decodeFileData: false });
    try {
      if (entry.compressionMethod === deflated) yield* inflated(raw, meter, "zip", createInflateRaw);
      else yield* raw;
    } finally {
      raw.destroy();
    }
  } catch (error) {
    throw failureOf(ranges, error, place);
  }
}

/** Why a member cannot be read. */
function refusalOf(entry: yauzl.Entry, place: string): BadFile | undefined {
  if (entry.isEncrypted()) return new BadFile("encrypted", "a member that a password opens", place);
  if (entry.compressionMethod === stored || entry.compressionMethod === deflated) return undefined;
  return new BadFile("damaged", `zip: expected a member that is stored or deflated, got method ${entry.compressionMethod}`, place);
}

/** Two members that share bytes are no archiver's work: a few kilobytes could be told to be terabytes so (Fifield 2019). */
function checkOverlap(entries: readonly yauzl.Entry[], place: string): void {
  const byStart = [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  for (const [i, entry] of byStart.entries()) {
    const next = byStart[i + 1];
    if (next && entry.relativeOffsetOfLocalHeader + entry.compressedSize > next.relativeOffsetOfLocalHeader)
      throw new BadFile("bomb", "zip: members that share their bytes", place);
  }
}

async function entriesOf(zip: yauzl.ZipFile): Promise<yauzl.Entry[]> {
  const entries: yauzl.Entry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(entry);
  return entries;
}

/** A zip archive whose members are read while it is open. */
export interface OpenZip {
  /** In the order of their bytes. */
  readonly members: readonly Member[];
  /** Errors: `data/sourceChanged` where the file changed since it was opened. */
  close(): Promise<void>;
}

async function membersOf(ranges: Ranges, sizeBytes: number, path: string): Promise<Member[]> {
  const options = { autoClose: false, decodeStrings: false, lazyEntries: true };
  const zip = await yauzl.fromRandomAccessReaderPromise(ranges, sizeBytes, options);
  const entries = await entriesOf(zip);
  checkOverlap(entries, path);
  const meter = new Meter();
  return entries
    .sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader)
    .flatMap(entry => {
      const raw = yauzl.getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
      if (raw.endsWith("/")) return [];
      const name = memberName(raw);
      const place = `${path}/${name}`;
      const refused = refusalOf(entry, place);
      const content = refused === undefined ? () => contentOf({ zip, ranges }, entry, place, meter) : undefined;
      return [{ name, sizeBytes: entry.uncompressedSize, content, refused }];
    });
}

/** Errors: `BadFile` "damaged", "bomb"; those of reading the archive itself. */
export async function openZip(file: SourceFile): Promise<OpenZip> {
  const from = await file.random();
  const ranges = new Ranges(from);
  try {
    return { members: await membersOf(ranges, from.sizeBytes, file.path), close: () => from.close() };
  } catch (error) {
    await from.close();
    throw failureOf(ranges, error, file.path);
  }
}

/** Members of a zip archive. Errors: as of `openZip`. */
export async function* zipMembers(file: SourceFile): AsyncGenerator<Member> {
  const zip = await openZip(file);
  try {
    yield* zip.members;
  } finally {
    await zip.close();
  }
}

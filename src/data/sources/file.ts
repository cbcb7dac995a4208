/**
 * One file of a source, read whole or line by line, and held against the manifest while it is read: a file that changed or vanished
 * since it was listed stops the run by name, because its documents would not be what the record says.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError, sha256 } from "../../base/index.ts";
import type { DocumentAttributes } from "../document.ts";
import { dataErrors } from "../errors.ts";
import { BadFile } from "./bad-file.ts";
import { compressionOf, expand, openedName } from "./compressed/expand.ts";
import type { Field } from "./fields.ts";

/** A file that is one record and longer than this is set aside: no text of that size is one document, and memory stays bounded. */
export const maxRecordBytes = 64 * 2 ** 20;
/** The same for a line or a row of a file of many: it is held several times over while it is taken apart. */
export const maxLineBytes = 32 * 2 ** 20;

/** A file of this size is read at once: the four hops of an asynchronous read cost more than the read itself. */
const smallBytes = 2 ** 18;

export interface ManifestEntry {
  /** Relative to the source's root, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Of its content, or of what stands for it (an object's ETag, a version of a query). */
  readonly sha256: string;
  /** Of an object in a bucket. */
  readonly etag?: string;
  /** Which of several sources it belongs to. */
  readonly of?: string;
  /** What the source says of all its records (`split`). */
  readonly attributes?: DocumentAttributes;
  /** The field that holds the text, where the source and not the project says so. */
  readonly field?: Field;
  /** Names of the classes that a field gives by number. */
  readonly classes?: Readonly<Record<string, readonly string[]>>;
}

export interface SourceLine {
  /** Without its line end; undefined when it was longer than `maxLineBytes`. */
  readonly bytes: Buffer | undefined;
  /** Line number from 1. */
  readonly number: number;
}

/** A file that is read here and there. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** Bytes from `start` to before `end`; fewer where the file ends. */
  read(start: number, end: number): Promise<Buffer>;
  /** Errors: `data/sourceChanged` where the file changed since it was opened. */
  close(): Promise<void>;
}

/** All ways of reading open a file that is compressed; what cannot be opened is a `BadFile`. */
export interface SourceFile extends ManifestEntry {
  /** Its path without the ending of its compression. */
  readonly name: string;
  /** The whole content. Errors: `BadFile` "too-long" beyond `maxRecordBytes` of a compressed file. */
  bytes(): Promise<Buffer>;
  pieces(): AsyncIterable<Buffer>;
  lines(): AsyncIterable<SourceLine>;
  /** The file held against the manifest, then opened; a compressed one is held in memory whole. */
  random(): Promise<RandomAccess>;
}

const changed = (path: string, cause?: unknown) =>
  dataErrors.fail(
    "sourceChanged",
    {
      place: path,
      expected: "the file as it was when the run began",
      received: cause ? "no file" : "other content",
      hint: "Run the same command again; it takes the files as they are then.",
    },
    cause,
  );

const readError = (error: unknown, path: string) =>
  (error as NodeJS.ErrnoException)?.code === "ENOENT" ? changed(path, error) : fileError(error, path);

/** Lines of pieces, cut at `\n`; a `\r` before it goes too. Of a line longer than the limit nothing is held. */
export async function* sourceLines(pieces: AsyncIterable<Buffer>, limitBytes = maxLineBytes): AsyncGenerator<SourceLine> {
  let parts: Buffer[] = [];
  let size = 0;
  let number = 1;
  const take = (): SourceLine => {
    const tooLong = size > limitBytes;
    let bytes = tooLong ? undefined : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (bytes?.at(-1) === 0x0d) bytes = bytes.subarray(0, -1);
    parts = [];
    size = 0;
    return { bytes, number: number++ };
  };
  for await (const piece of pieces) {
    let at = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, at)) {
      size += end - at;
      parts.push(piece.subarray(at, end));
      yield take();
      at = end + 1;
    }
    if (at < piece.length) {
      size += piece.length - at;
      if (size > limitBytes) parts = [];
      else parts.push(piece.subarray(at));
    }
  }
  if (size > 0) yield take();
}

/** All pieces in one, if they are not too many. */
export async function readWholeRecord(pieces: AsyncIterable<Buffer>, limitBytes = maxRecordBytes): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > limitBytes) throw new BadFile("too-long", `longer than ${limitBytes} bytes`);
    parts.push(piece);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Bytes as a file that is read here and there. */
export const inMemory = (bytes: Buffer): RandomAccess => ({
  sizeBytes: bytes.length,
  read: async (start, end) => bytes.subarray(start, end),
  close: async () => {},
});

async function onDisk(path: string): Promise<RandomAccess> {
  const file: FileHandle = await open(path);
  const { size, mtimeMs } = await file.stat();
  return {
    sizeBytes: size,
    async read(start, end) {
      const bytes = Buffer.alloc(Math.max(0, Math.min(end, size) - start));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    },
    async close() {
      await file.close();
      const now = await stat(path);
      if (now.size !== size || now.mtimeMs !== mtimeMs) throw changed(path);
    },
  };
}

/** A file below `root` as the manifest knows it. */
export function sourceFile(root: string, entry: ManifestEntry): SourceFile {
  const path = join(root, entry.path);
  async function* rawPieces(): AsyncGenerator<Buffer> {
    const hash = createHash("sha256");
    try {
      for await (const piece of createReadStream(path, { highWaterMark: 2 ** 18 }) as AsyncIterable<Buffer>) {
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      throw readError(error, path);
    }
    if (hash.digest("hex") !== entry.sha256) throw changed(path);
  }
  const pieces = () => expand(rawPieces());
  return {
    ...entry,
    name: openedName(entry.path),
    async bytes() {
      let bytes: Buffer;
      try {
        bytes = entry.sizeBytes <= smallBytes ? readFileSync(path) : await readFile(path);
      } catch (error) {
        throw readError(error, path);
      }
      if (sha256(bytes) !== entry.sha256) throw changed(path);
      if (compressionOf(bytes.subarray(0, 10)) === undefined) return bytes;
      return readWholeRecord(
        expand(
          (async function* () {
            yield bytes;
          })(),
        ),
      );
    },
    pieces,
    lines: () => sourceLines(pieces()),
    async random() {
      let head: Buffer | undefined;
      for await (const piece of rawPieces()) head ??= Buffer.from(piece.subarray(0, 10));
      if (head && compressionOf(head) !== undefined) return inMemory(await readWholeRecord(pieces()));
      try {
        return await onDisk(path);
      } catch (error) {
        throw readError(error, path);
      }
    },
  };
}

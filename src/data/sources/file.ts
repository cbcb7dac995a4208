/**
 * One file of a source, read whole or line by line, and held against the manifest while it is read: a file that changed or vanished
 * since it was listed stops the run by name, because its documents would not be what the record says.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileError, sha256 } from "../../base/index.ts";
import { dataErrors } from "../errors.ts";

/** A line or record longer than this is set aside: no text of that size is one document, and memory stays bounded. */
export const maxRecordBytes = 64 * 2 ** 20;

/** A file of this size is read at once: the four hops of an asynchronous read cost more than the read itself. */
const smallBytes = 2 ** 18;

export interface ManifestEntry {
  /** Relative to the source's root, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface Line {
  /** Without its line end; undefined when it was longer than `maxRecordBytes`. */
  readonly bytes: Buffer | undefined;
  /** Line number from 1. */
  readonly number: number;
}

export interface SourceFile extends ManifestEntry {
  /** The whole file. */
  bytes(): Promise<Buffer>;
  lines(): AsyncIterable<Line>;
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
export async function* cutLines(pieces: AsyncIterable<Buffer>, limitBytes = maxRecordBytes): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let size = 0;
  let number = 1;
  const take = (): Line => {
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

/** A file below `root` as the manifest knows it. */
export function sourceFile(root: string, entry: ManifestEntry): SourceFile {
  const path = join(root, entry.path);
  async function* pieces(): AsyncGenerator<Buffer> {
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
  return {
    ...entry,
    async bytes() {
      let bytes: Buffer;
      try {
        bytes = entry.sizeBytes <= smallBytes ? readFileSync(path) : await readFile(path);
      } catch (error) {
        throw readError(error, path);
      }
      if (sha256(bytes) !== entry.sha256) throw changed(path);
      return bytes;
    },
    lines: () => cutLines(pieces()),
  };
}

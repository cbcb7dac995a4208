/** Bytes through a reader, for tests: as a file of a source, without a disk. */
import { sha256 } from "../../base/index.ts";
import { BadFile } from "./bad-file.ts";
import { expand, openedName } from "./compressed/expand.ts";
import { inMemory, readWholeRecord, type SourceFile, sourceLines } from "./file.ts";
import type { SourceOptions } from "./options.ts";
import { readers } from "./readers.ts";
import type { ReadRecord } from "./source.ts";

export function fileOf(path: string, bytes: Buffer): SourceFile {
  const pieces = () =>
    expand(
      (async function* () {
        if (bytes.length > 0) yield bytes;
      })(),
    );
  return {
    path,
    name: openedName(path),
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    bytes: () => readWholeRecord(pieces()),
    pieces,
    lines: () => sourceLines(pieces()),
    random: async () => inMemory(await readWholeRecord(pieces())),
  };
}

/** The records of a file; what is wrong with the whole of it is a record too. */
export async function readBytes(
  path: string,
  bytes: Buffer,
  options: SourceOptions,
  reader = readers[options.reader],
): Promise<ReadRecord[]> {
  const out: ReadRecord[] = [];
  try {
    for await (const r of reader.records(fileOf(path, bytes), options)) out.push(r);
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    out.push({ ok: false, place: error.place ?? path, reason: error.reason, message: error.message });
  }
  return out;
}

/** A file that is being exported: bytes go in, their SHA-256 and number come out; durable when it is closed. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, makeFolder } from "../../base/index.ts";

interface WrittenExport {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface ExportSink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<WrittenExport>;
  /** Closes a file that nobody wants any more. */
  abandon(): Promise<void>;
}

/** Makes a new file and the folders above it. Errors: base/diskFull, base/readOnly, base/io. */
export async function exportFileSink(path: string): Promise<ExportSink> {
  makeFolder(dirname(path));
  const placed = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, path);
    }
  };
  const handle = await placed(() => open(path, "wx"));
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let isOpen = true;
  const end = async () => {
    if (isOpen) await handle.close();
    isOpen = false;
  };
  return {
    write: bytes =>
      placed(async () => {
        hash.update(bytes);
        sizeBytes += bytes.length;
        for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
      }),
    close: () =>
      placed(async () => {
        await handle.sync();
        await end();
        return { sha256: hash.digest("hex"), sizeBytes };
      }),
    abandon: () => end().catch(() => {}),
  };
}

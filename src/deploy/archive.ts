/** A tar archive, compressed by a coder in plain JavaScript: bytes that depend on its files alone. Written piece by piece, so that weights of any size fit. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { tarOf } from "../registry/index.ts";
import type { ModelFile } from "./image/build-image.ts";
import { gzipped } from "./image/layer.ts";
import { tarFiles, wholeTree } from "./image/tree.ts";

/** Writes `path`, which must not be there. Errors: those of the file system. */
export async function writeModelArchive(files: readonly ModelFile[], path: string, signal?: AbortSignal): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
  const entries = files.map(({ name, sizeBytes, open: read }) => ({
    path: name,
    mode: 0o644,
    content: { kind: "stream", sizeBytes, open: read } as const,
  }));
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const file = await open(path, "wx");
  try {
    for await (const piece of gzipped(tarOf(tarFiles(wholeTree(entries))))) {
      signal?.throwIfAborted();
      hash.update(piece);
      sizeBytes += piece.length;
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
  return { digest: hash.digest("hex"), sizeBytes };
}

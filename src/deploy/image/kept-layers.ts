/**
 * Compressed layers of earlier images, so that the next one compresses nothing again that has not changed: most of the time of a build. A cache in one
 * folder, a file a layer, named by the digest of its tar, the revision of the coder and the digest of the blob. What is damaged, or cannot be read
 * or written, counts as not kept. Weights are not kept: they are stored as they are, and the artifact store has them.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { makePrivateFolder, temporaryBeside } from "../../base/index.ts";

/** Raised when the coder gives other bytes for the same tar: the golden digest in image.test.ts tells. */
const coderRevision = 1;
/** Layers of three installations: some 170 MB. */
const mostKept = 9;

export interface KeptLayers {
  /** Puts the blob of a tar at `path`; undefined, and nothing there, where none is kept. */
  fetch(tarHex: string, path: string): Promise<{ readonly blobHex: string; readonly sizeBytes: number } | undefined>;
  /** Keeps the blob at `path`; does nothing where the folder cannot be written. */
  keep(tarHex: string, blobHex: string, path: string): Promise<void>;
}

/** Copies a file, durably; gives the digest and the number of the bytes that came. */
async function copied(from: string, to: string): Promise<{ readonly blobHex: string; readonly sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const file = await open(to, "w");
  try {
    for await (const piece of createReadStream(from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(piece);
      sizeBytes += piece.length;
      await file.writeFile(piece);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { blobHex: hash.digest("hex"), sizeBytes };
}

const ending = ".tar.gz";
const named = /^[0-9a-f]{64}-\d+-([0-9a-f]{64})\.tar\.gz$/;

/** Removes all but the newest. */
async function evict(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => named.test(name));
  const times = await Promise.all(names.map(async name => ({ name, time: (await stat(join(folder, name))).mtimeMs })));
  for (const { name } of times.sort((a, b) => b.time - a.time).slice(mostKept)) await rm(join(folder, name), { force: true });
}

/** What fails in the file system is as if nothing was kept. */
async function tried<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

export function keptLayers(folder: string): KeptLayers {
  const prefixOf = (tarHex: string) => `${tarHex}-${coderRevision}-`;
  return {
    async fetch(tarHex, path) {
      const found = await tried(async () => {
        const name = (await readdir(folder)).find(n => n.startsWith(prefixOf(tarHex)) && named.test(n));
        if (name === undefined) return undefined;
        const kept = join(folder, name);
        const blob = await copied(kept, path);
        if (blob.blobHex === named.exec(name)![1]) {
          const now = new Date();
          await utimes(kept, now, now).catch(() => {});
          return blob;
        }
        await rm(kept, { force: true });
        return undefined;
      });
      if (found === undefined) await rm(path, { force: true });
      return found;
    },
    async keep(tarHex, blobHex, path) {
      await tried(async () => {
        makePrivateFolder(folder);
        const kept = join(folder, `${prefixOf(tarHex)}${blobHex}${ending}`);
        const part = temporaryBeside(kept);
        try {
          await copyFile(path, part);
          await rename(part, kept);
        } finally {
          await rm(part, { force: true });
        }
        await evict(folder);
      });
    },
  };
}

/** A plain folder as a place to read and write model files; files are whole or absent, and are written in pieces. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileError, readBytes, syncFolder, temporaryBeside, writeAll, writeFileAtomic } from "../../base/index.ts";
import type { FilesReader, FilesWriter } from "./files.ts";

/** Writes a file from pieces, whole or not at all, durably; memory holds one piece. */
export async function writePieces(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const part = temporaryBeside(path);
  try {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(part, "wx");
    try {
      for await (const piece of pieces) writeAll(fd, piece);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(part, path);
    syncFolder(dirname(path));
  } catch (error) {
    if (existsSync(part)) rmSync(part, { force: true });
    throw fileError(error, path);
  }
}

/** The files of a folder: what `loadModel`, `importHuggingFace` and their writers take. */
export const folderFiles = (folder: string): FilesReader & FilesWriter => ({
  id: folder,
  get files() {
    try {
      return readdirSync(folder).map(name => ({ name }));
    } catch (error) {
      throw fileError(error, folder);
    }
  },
  read: async name => readBytes(join(folder, name)),
  localPath: async name => join(folder, name),
  write: async (name, data) => writeFileAtomic(join(folder, name), data),
  writeStream: (name, pieces) => writePieces(join(folder, name), pieces),
});

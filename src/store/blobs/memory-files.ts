/**
 * Files in memory, for readers that need a path: plain bytes of encrypted blobs never reach a disk. A file is made on tmpfs, opened and unlinked at once; its
 * path is that of the open descriptor (`/proc/PID/fd/N`), which other processes of the same user can open too while this one lives. What swaps memory
 * to a disk does so with these files as well: encrypt the swap, or turn it off.
 */
import { closeSync, existsSync, openSync, statfsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { fileError, temporaryBeside, writeAll } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";

/** `f_type` of tmpfs and of ramfs (statfs(2)). */
const memoryTypes = [0x01021994, 0x858458f6];
const places = ["/dev/shm", "/run/shm", "/tmp"];

const isMemory = (folder: string): boolean => {
  try {
    return memoryTypes.includes(statfsSync(folder).type);
  } catch {
    return false;
  }
};

/** A folder whose files lie in memory. Errors: noMemoryFiles. */
export function memoryFolder(): string {
  const found = existsSync("/proc/self/fd") ? places.find(isMemory) : undefined;
  if (found !== undefined) return found;
  throw storeErrors.fail("noMemoryFiles", {
    place: places[0]!,
    expected: "a file system in memory (tmpfs), and /proc",
    received: `none on ${process.platform}`,
    hint: "Encryption at rest needs Linux with a tmpfs; in a container, mount one on /dev/shm.",
  });
}

interface MemoryFiles {
  /** The path of the file `name`, filled from the pieces when it is asked for first. */
  path(name: string, pieces: () => AsyncIterable<Uint8Array>): Promise<string>;
  forget(names: readonly string[]): void;
  /** Gives the memory back; the paths are gone. */
  close(): void;
}

/** Files of this process alone. */
export function memoryFiles(): MemoryFiles {
  const open = new Map<string, Promise<number>>();
  const make = async (pieces: AsyncIterable<Uint8Array>): Promise<number> => {
    const path = temporaryBeside(join(memoryFolder(), "loam"));
    let file: number;
    try {
      file = openSync(path, "wx+", 0o600);
      unlinkSync(path);
    } catch (error) {
      throw fileError(error, path);
    }
    try {
      for await (const piece of pieces)
        try {
          writeAll(file, piece);
        } catch (error) {
          throw fileError(error, path);
        }
      return file;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  };
  return {
    async path(name, pieces) {
      let file = open.get(name);
      if (!file) {
        file = make(pieces());
        open.set(name, file);
        file.catch(() => open.delete(name));
      }
      return `/proc/${process.pid}/fd/${await file}`;
    },
    forget(names) {
      for (const name of names) {
        const file = open.get(name);
        open.delete(name);
        file?.then(closeSync, () => {});
      }
    },
    close() {
      this.forget([...open.keys()]);
    },
  };
}

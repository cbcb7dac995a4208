/** Whether a SQLite file is in the clear: an encrypted one begins with random bytes. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";

const sqliteMagic = "SQLite format 3\0";

/** Does the file hold a SQLite database in the clear? */
export function isPlainDatabase(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSync(path, "r");
  try {
    const begin = Buffer.alloc(sqliteMagic.length);
    return readSync(file, begin, 0, begin.length, 0) === begin.length && begin.toString("latin1") === sqliteMagic;
  } finally {
    closeSync(file);
  }
}

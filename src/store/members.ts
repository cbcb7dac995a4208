/**
 * Which documents an artifact holds. A stage that makes or chooses documents writes their ids into a file `members.txt`, one a line; the
 * writer adds `members.index`: the first 8 bytes of the SHA-256 of each id, sorted, so that "is this document in there?" is a binary search
 * of a file of 8 bytes a document, and "which artifacts hold it?" one such search an artifact that has members.
 *
 * Why not a table: a corpus has millions of documents and every stage of curation would repeat most of them, so a table grows by
 * documents times stages and every recording pays for it; files are written once, share blobs where the set is the same, and cost the
 * database nothing. Two ids share 8 bytes with probability n / 2^64: at 100 million documents one search in 10^11 errs.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { storeErrors } from "./errors.ts";
import { type Pieces, wholeBytes } from "./pieces.ts";

export const membersFile = "members.txt";
export const membersIndexFile = "members.index";
/** The files that stay when an artifact gives up its others. */
export const isList = (name: string): boolean => name === membersFile || name === membersIndexFile;
/** Longest id, in bytes of UTF-8: ids are for people and for lines; this keeps a file without line ends from being gathered in memory. */
const maxIdBytes = 4096;

const keyOf = (id: string | Uint8Array): bigint => createHash("sha256").update(id).digest().readBigUInt64BE();

/** Passes the pieces of `members.txt` through while it reads the ids; `index` is ready when they have all passed. */
export function indexing(data: Pieces): { readonly pieces: AsyncIterable<Uint8Array>; index(): Uint8Array } {
  let keys = new BigUint64Array(1024);
  let count = 0;
  const tooLong = (bytes: number) =>
    storeErrors.fail("fileName", {
      place: membersFile,
      expected: `one document id a line, at most ${maxIdBytes} bytes`,
      received: `a line of ${bytes} bytes`,
      hint: "End each id with a line feed.",
    });
  const add = (id: Uint8Array): void => {
    if (id.length === 0) return;
    if (id.length > maxIdBytes) throw tooLong(id.length);
    if (count === keys.length) {
      const larger = new BigUint64Array(count * 2);
      larger.set(keys);
      keys = larger;
    }
    keys[count++] = keyOf(id);
  };
  async function* pieces(): AsyncIterable<Uint8Array> {
    let rest: Buffer = Buffer.alloc(0);
    const whole = wholeBytes(data);
    for await (const piece of (whole ? [whole] : data) as AsyncIterable<string | Uint8Array>) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      let from = 0;
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
        const line = bytes.subarray(from, at);
        add(rest.length > 0 ? Buffer.concat([rest, line]) : line);
        rest = Buffer.alloc(0);
        from = at + 1;
      }
      rest = Buffer.concat([rest, bytes.subarray(from)]);
      if (rest.length > maxIdBytes) throw tooLong(rest.length);
      yield bytes;
    }
    add(rest);
  }
  return {
    pieces: pieces(),
    index() {
      const sorted = keys.subarray(0, count).sort();
      const bytes = Buffer.alloc(count * 8);
      for (let i = 0; i < count; i++) bytes.writeBigUInt64BE(sorted[i]!, i * 8);
      return bytes;
    },
  };
}

/** Whether an index file (by its local path) lists the id. Reads about log2(n) times 8 bytes. */
export async function indexHas(path: string, id: string): Promise<boolean> {
  const key = keyOf(id);
  const handle = await open(path, "r");
  try {
    const eight = Buffer.alloc(8);
    let low = 0;
    let high = (await handle.stat()).size / 8;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      await handle.read(eight, 0, 8, middle * 8);
      const found = eight.readBigUInt64BE();
      if (found === key) return true;
      if (found < key) low = middle + 1;
      else high = middle;
    }
    return false;
  } finally {
    await handle.close();
  }
}

/** The ids of a `members.txt`, in the order they were written. */
export async function* memberIds(pieces: AsyncIterable<Buffer>): AsyncIterable<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes: Buffer = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let from = 0;
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      if (at > from) yield bytes.toString("utf8", from, at);
      from = at + 1;
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  if (rest.length > 0) yield rest.toString("utf8");
}

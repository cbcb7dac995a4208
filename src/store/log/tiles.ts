/**
 * A log as static files (C2SP tlog-tiles): tiles of 256 hashes by level, `tile/0/x001/067`, the last of a level partial, `tile/0/000.p/5`; entries in
 * bundles of 256, `tile/entries/...`, each behind its length in two bytes. Full files never change. One extension: an entry of 65,536 bytes or more does
 * not fit a bundle; it stands there with the length 0 and in a file of its own, `tile/long/INDEX`. See https://c2sp.org/tlog-tiles.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "../../base/index.ts";
import { storeErrors } from "../errors.ts";
import { nodeHash } from "./merkle.ts";

/** Hashes in a tile, entries in a bundle. */
export const tileWidth = 256;
const mostBundled = 0xffff;

/** `67` -> `067`, `1234067` -> `x001/x234/067`. */
const indexPath = (index: number): string => {
  const groups: string[] = [];
  for (let n = index, last = true; last || n > 0; n = Math.floor(n / 1_000), last = false) {
    const digits = String(n % 1_000).padStart(3, "0");
    groups.unshift(last ? digits : `x${digits}`);
  }
  return groups.join("/");
};

/** `width` below 256: a partial one. */
export const tilePath = (level: number | "entries", index: number, width: number): string =>
  `tile/${level}/${indexPath(index)}${width < tileWidth ? `.p/${width}` : ""}`;

/** The leaves' hashes of a tree of `size` leaves whose files lie in a folder. Errors: base/missingFile. */
export function tileLeaves(folder: string, size: number): string[] {
  const leaves: string[] = [];
  for (let index = 0; leaves.length < size; index++) {
    const width = Math.min(tileWidth, size - leaves.length);
    const path = join(folder, tilePath(0, index, width));
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      throw fileError(error, path);
    }
    if (bytes.length !== width * 32)
      throw storeErrors.fail("note", { place: path, expected: `${width} hashes of 32 bytes`, received: `${bytes.length} bytes` });
    for (let i = 0; i < width; i++) leaves.push(bytes.toString("hex", i * 32, (i + 1) * 32));
  }
  return leaves;
}

export interface TileFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** The root of 256 hashes, or of any power of two. */
function perfectRoot(hashes: readonly string[]): string {
  let row = hashes;
  while (row.length > 1) row = Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i]!, row[2 * i + 1]!));
  return row[0]!;
}

/** All tiles of a tree, from its leaves' hashes. */
export function hashTiles(leaves: readonly string[]): TileFile[] {
  const files: TileFile[] = [];
  let row: readonly string[] = leaves;
  for (let level = 0; row.length > 0; level++) {
    const above: string[] = [];
    for (let at = 0, index = 0; at < row.length; at += tileWidth, index++) {
      const hashes = row.slice(at, at + tileWidth);
      files.push({ path: tilePath(level, index, hashes.length), bytes: Buffer.from(hashes.join(""), "hex") });
      if (hashes.length === tileWidth) above.push(perfectRoot(hashes));
    }
    row = above;
  }
  return files;
}

/** The bundle of up to 256 entries, the first of which has the position 256 `index`; with the files of those that are too long for it. */
export function entryBundle(index: number, entries: readonly string[]): TileFile[] {
  const parts: Buffer[] = [];
  const long: TileFile[] = [];
  for (const [i, entry] of entries.entries()) {
    const bytes = Buffer.from(entry);
    const fits = bytes.length <= mostBundled;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(fits ? bytes.length : 0);
    parts.push(length);
    if (fits) parts.push(bytes);
    else long.push({ path: `tile/long/${index * tileWidth + i}`, bytes });
  }
  return [{ path: tilePath("entries", index, entries.length), bytes: Buffer.concat(parts) }, ...long];
}

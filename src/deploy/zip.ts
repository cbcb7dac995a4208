/**
 * A zip archive as bytes that depend on its entries alone: sorted by path, one time, Unix modes, deflated by a coder in plain JavaScript. It is made in memory:
 * platforms that take zip archives bound them to some hundred megabytes.
 */
import { type Zippable, zipSync } from "fflate";

export interface ZipEntry {
  /** With slashes, without one at the front. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  /** Stored as it is: weights do not compress. */
  readonly isStored?: boolean;
}

/** The first time that the format has, by its own clock without a zone. */
const noTime = () => new Date(1980, 0, 1);
const unix = 3;
const regularFile = 0o100_000;
const deflateLevel = 6;

export function zipOf(entries: readonly ZipEntry[]): Uint8Array {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const tree: Zippable = {};
  for (const { path, bytes, mode, isStored } of sorted)
    tree[path] = [bytes, { level: isStored ? 0 : deflateLevel, mtime: noTime(), os: unix, attrs: ((regularFile | mode) << 16) >>> 0 }];
  return zipSync(tree);
}

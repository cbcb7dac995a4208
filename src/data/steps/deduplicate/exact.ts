/**
 * Exact comparison: the identity of a text without case, white space and form of characters. ASCII, which most text is, is written down in
 * one scan; everything else takes the way through Unicode's tables. Both give the same bytes for the same text.
 */
import { hash } from "node:crypto";
import { isAscii, maxScanBytes, scanner } from "../near-duplicates/index.ts";

/** What exact comparison looks at: NFKC, lower case, every run of white space one space (single spaces are left alone: it is faster). */
export const normalise = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\S ]\s*| \s+/g, " ")
    .trim();

/** Bytes of a hash. */
export const hashBytes = 16;

export interface ExactKey {
  /** The first 128 bits of SHA-256: as many as keep accidents and forgeries away. */
  readonly hash: Buffer;
  /** The normalised text as bytes where it is ASCII, valid until the next call. */
  readonly ascii: Uint8Array | undefined;
}

/** Texts with equal hashes are copies. */
export function exactKey(text: string): ExactKey {
  const ascii = isAscii(text) && text.length <= maxScanBytes ? scanner()?.normalise(text) : undefined;
  return {
    hash: hash("sha256", ascii ?? normalise(text), "buffer").subarray(0, hashBytes),
    ascii,
  };
}

/**
 * Exact comparison: the identity of a text without case, white space and form of characters. ASCII, which most text is, is written down in
 * one scan; everything else takes the way through Unicode's tables. Both give the same bytes for the same text.
 */
import { sha256 } from "../../../base/index.ts";
import { isAscii, maxScanBytes, scanner } from "../near-duplicates/index.ts";

/** What exact comparison looks at: NFKC, lower case, every run of white space one space (single spaces are left alone: it is faster). */
export const normalise = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\S ]\s*| \s+/g, " ")
    .trim();

export interface ExactKey {
  /** The first 128 bits of SHA-256, as hex: as many as keep accidents and forgeries away. */
  readonly hash: string;
  /** The normalised text as bytes where it is ASCII, valid until the next call. */
  readonly ascii: Uint8Array | undefined;
}

/** Texts with equal keys are copies. */
export function exactKey(text: string): ExactKey {
  const ascii = isAscii(text) && text.length <= maxScanBytes ? scanner()?.normalise(text) : undefined;
  return { hash: sha256(ascii ?? normalise(text)).slice(0, 32), ascii };
}

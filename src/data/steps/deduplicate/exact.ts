/**
 * Exact comparison: the identity of a text without case, white space and form of characters. ASCII, which most text is, is written down in
 * one scan; everything else takes the way through Unicode's tables. Both give the same bytes for the same text.
 */
import { sha256 } from "../../../base/index.ts";
import { isAscii } from "../near-duplicates/index.ts";

/** What exact comparison looks at. */
export const normalise = (text: string): string => text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();

/** What becomes of each ASCII character: lower case, white space as a space; and which are white space. */
const isSpace = Uint8Array.from({ length: 128 }, (_, c) => (c === 32 || (c >= 9 && c <= 13) ? 1 : 0));
const plain = isSpace.map((space, c) => (space === 1 ? 32 : c >= 65 && c <= 90 ? c + 32 : c));

let raw = Buffer.alloc(1024);

/** `normalise` of an ASCII text as bytes, valid until the next call. */
function normaliseAscii(text: string): Uint8Array {
  const { length } = text;
  if (raw.length < length + 1) raw = Buffer.alloc(2 * length + 1);
  const bytes = raw;
  bytes.write(text, 0, "latin1");
  // In place, without a branch: every character is written, and the place moves on unless it was white space after white space. As if white
  // space stood before the text.
  let [n, wasSpace] = [0, 1];
  for (let i = 0; i < length; i++) {
    const c = bytes[i]! & 127;
    const space = isSpace[c]!;
    bytes[n] = plain[c]!;
    n += 1 - (space & wasSpace);
    wasSpace = space;
  }
  return bytes.subarray(0, n > 0 && wasSpace === 1 ? n - 1 : n);
}

export interface ExactKey {
  /** The first 128 bits of SHA-256, as hex: as many as keep accidents and forgeries away. */
  readonly hash: string;
  /** The normalised text as bytes where it is ASCII, valid until the next call. */
  readonly ascii: Uint8Array | undefined;
}

/** Texts with equal keys are copies. */
export function exactKey(text: string): ExactKey {
  const ascii = isAscii(text) ? normaliseAscii(text) : undefined;
  return { hash: sha256(ascii ?? normalise(text)).slice(0, 32), ascii };
}

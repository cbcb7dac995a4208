/**
 * What scanners over UTF-8 share. A scanner cuts a text into pieces without copying: it writes where they end.
 * Classes of first bytes: an ASCII character's own class, or a hint that more must be looked at.
 */
import { classOf, codePointAt } from "../unicode.ts";

/**
 * Writes the ends of the pieces of `b[from, to)` into `ends`, at most `ends.length` of them, and returns how many; the next call goes
 * on from the last end. `from` is the start of a piece, `b[to]` is END and two more bytes may be read.
 */
export type ByteSplitter = (b: Uint8Array, from: number, to: number, ends: Int32Array) => number;

/** The byte after a text: UTF-8 never holds it. */
export const END = 0xff;

/** U+0020, which joins the piece that follows it. */
export const BLANK = 4;
/** First byte of a character outside ASCII. */
export const MULTI = 5;
/** The END byte. */
export const STOP = 6;
/** The apostrophe, which may start a contraction; OTHER in every other respect. */
export const QUOTE_BYTE = 7;

export const byteClass = Uint8Array.from({ length: 256 }, (_, b) =>
  b === 0x20 ? BLANK : b === 0x27 ? QUOTE_BYTE : b < 0x80 ? classOf(b) : b === END ? STOP : MULTI,
);

/** Class of the character at `i`: OTHER, LETTER, NUMBER, SPACE, BLANK, QUOTE or, at the end, STOP. */
export function classAt(b: Uint8Array, i: number): number {
  const c = byteClass[b[i]!]!;
  return c === MULTI ? classOf(codePointAt(b, i)) : c;
}

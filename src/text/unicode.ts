/**
 * Character classes for splitting, one byte a code point: letter (\p{L}), number (\p{N}), white space (\p{White_Space}) or other.
 * The table is filled in blocks of 256 code points when a block is first met, from the Unicode version of the running Node.
 */

export const OTHER = 0;
export const LETTER = 1;
export const NUMBER = 2;
export const SPACE = 3;

const classes = new Uint8Array(0x110000);
const filled = new Uint8Array(0x1100);

const letter = /^\p{L}$/u;
const number = /^\p{N}$/u;
const space = /^\p{White_Space}$/u;

function fill(block: number): void {
  for (let c = block << 8; c < (block + 1) << 8; c++) {
    const s = String.fromCodePoint(c);
    classes[c] = letter.test(s) ? LETTER : number.test(s) ? NUMBER : space.test(s) ? SPACE : OTHER;
  }
  filled[block] = 1;
}

/** Class of a code point in [0, 0x10FFFF]. A lone surrogate is OTHER, as is U+FFFD, which UTF-8 puts in its place. */
export function classOf(codePoint: number): number {
  if (filled[codePoint >> 8] === 0) fill(codePoint >> 8);
  return classes[codePoint]!;
}

/** Bytes of the UTF-8 character that starts with this byte. */
export const utf8Length = (lead: number): number => (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

/** Code point of the character that starts at `i` of valid UTF-8. */
export function codePointAt(b: Uint8Array, i: number): number {
  const c = b[i]!;
  if (c < 0x80) return c;
  if (c < 0xe0) return ((c & 31) << 6) | (b[i + 1]! & 63);
  if (c < 0xf0) return ((c & 15) << 12) | ((b[i + 1]! & 63) << 6) | (b[i + 2]! & 63);
  return ((c & 7) << 18) | ((b[i + 1]! & 63) << 12) | ((b[i + 2]! & 63) << 6) | (b[i + 3]! & 63);
}

/** Classes of UTF-16 code units, as the detectors need them. Outside the text `code` gives 0, which is of no class. */

export const code = (text: string, i: number): number => (i >= 0 && i < text.length ? text.charCodeAt(i) : 0);

export const isDigit = (c: number): boolean => c >= 48 && c <= 57;
export const isUpper = (c: number): boolean => c >= 65 && c <= 90;
export const isLetter = (c: number): boolean => isUpper(c & ~32) && c < 128;
export const isWord = (c: number): boolean => isDigit(c) || isLetter(c);
export const isHex = (c: number): boolean => isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 102);
/** Letters with accents, Greek and Cyrillic; not the scripts that write without spaces, where a value stands directly beside text. */
export const isOtherLetter = (c: number): boolean => (c >= 0xc0 && c <= 0x52f && c !== 0xd7 && c !== 0xf7) || (c >= 0x1e00 && c <= 0x1fff);
/** Space, no-break space, narrow no-break space, figure space. */
export const isBlank = (c: number): boolean => c === 32 || c === 0xa0 || c === 0x202f || c === 0x2007;
/** Hyphen, and the one that does not break. */
export const isHyphen = (c: number): boolean => c === 45 || c === 0x2010 || c === 0x2011;

/** A set of ASCII characters as a table. */
export function charSet(chars: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const c of chars) table[c.charCodeAt(0)] = 1;
  return table;
}
export const inSet = (set: Uint8Array, c: number): boolean => c < 128 && set[c] === 1;
export const letterCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
export const digitCharacters = "0123456789";

/** Whether a value that starts at `start` hangs on a word (`ORD-4111...`, `x_4111...`): then it is a part of something longer. */
export function hangsBefore(text: string, start: number): boolean {
  const c = code(text, start - 1);
  if (isWord(c) || isOtherLetter(c) || c === 35 /* # */ || c === 95 /* _ */ || c === 36 /* $ */ || c === 0x20ac || c === 0xa3) return true;
  if (isHyphen(c) || c === 47 /* / */ || c === 92 /* \ */ || c === 38 /* & */)
    return isWord(code(text, start - 2)) || code(text, start - 2) === c;
  return c === 46 /* . */ && isDigit(code(text, start - 2));
}

/** Whether a value that ends before `end` goes on. */
export function hangsAfter(text: string, end: number): boolean {
  const c = code(text, end);
  if (isWord(c) || isOtherLetter(c) || c === 95 || c === 37 /* % */) return true;
  return (isHyphen(c) || c === 47 || c === 46 || c === 44) && isWord(code(text, end + 1)) && (c !== 44 || isDigit(code(text, end + 1)));
}

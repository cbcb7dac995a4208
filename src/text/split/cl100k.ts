/**
 * The split pattern of cl100k and its kin (GPT-4, Llama 3; Qwen with one digit a piece) as a scanner over UTF-8, linear whatever the input:
 *   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 */
import { LETTER, NUMBER, SPACE, utf8Length } from "../unicode.ts";
import { BLANK, type ByteSplitter, classAt, STOP } from "./bytes.ts";

export const cl100kPattern = (digits: 1 | 3): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits === 1 ? "" : "{1,3}"}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const isSpace = (c: number): boolean => c === SPACE || c === BLANK;
const isSign = (c: number): boolean => c !== LETTER && c !== NUMBER && c !== STOP && !isSpace(c);
const isBreak = (byte: number): boolean => byte === 0x0a || byte === 0x0d;

/** End of the contraction that starts at the apostrophe at `i`, upper or lower case (and ſ for s); or `i`. */
function contractionEnd(b: Uint8Array, i: number): number {
  const x = b[i + 1]! | 0x20;
  if (x === 0x73 || x === 0x74 || x === 0x6d || x === 0x64) return b[i + 1]! < 0x80 ? i + 2 : i;
  if (b[i + 1] === 0xc5 && b[i + 2] === 0xbf) return i + 3;
  const y = b[i + 2]! | 0x20;
  const isTwo = ((x === 0x72 || x === 0x76) && y === 0x65) || (x === 0x6c && y === 0x6c);
  return isTwo && b[i + 1]! < 0x80 && b[i + 2]! < 0x80 ? i + 3 : i;
}

/** The scanner whose numbers have at most this many digits. */
export const splitCl100k = (digits: 1 | 3): ByteSplitter => {
  const pieceEnd = (b: Uint8Array, start: number, to: number): number => {
    let i = start;
    let c = classAt(b, i);
    if (b[i] === 0x27) {
      const end = contractionEnd(b, i);
      if (end > i) return end;
    }
    // A letter run, with one character before it that is neither letter, number nor line break.
    if (c !== LETTER && c !== NUMBER && !isBreak(b[i]!)) {
      const next = i + utf8Length(b[i]!);
      if (classAt(b, next) === LETTER) {
        i = next;
        c = LETTER;
      }
    }
    if (c === LETTER) {
      do i += utf8Length(b[i]!);
      while (classAt(b, i) === LETTER);
      return i;
    }
    if (c === NUMBER) {
      for (let n = 0; n < digits && classAt(b, i) === NUMBER; n++) i += utf8Length(b[i]!);
      return i;
    }
    // Signs, with a space before and line breaks after.
    if (c === BLANK && isSign(classAt(b, i + 1))) i++;
    if (isSign(classAt(b, i))) {
      while (isSign(classAt(b, i))) i += utf8Length(b[i]!);
      while (isBreak(b[i]!)) i++;
      return i;
    }
    // White space: up to its last line break, else all but the character that joins what follows.
    let last = i;
    let afterBreak = -1;
    while (isSpace(classAt(b, i))) {
      last = i;
      i += utf8Length(b[i]!);
      if (isBreak(b[last]!)) afterBreak = i;
    }
    if (afterBreak >= 0) return afterBreak;
    return i < to && last > start ? last : i;
  };
  return (b, from, to, ends) => {
    let count = 0;
    for (let at = from; at < to && count < ends.length; ) {
      at = pieceEnd(b, at, to);
      ends[count++] = at;
    }
    return count;
  };
};

/**
 * GPT-2's split pattern (Radford et al. 2019, `encoder.py`) as a scanner over UTF-8, linear whatever the input. `\s` is Unicode's
 * White_Space, as in Hugging Face's Rust library, not JavaScript's `\s` (which takes U+FEFF for a space and U+0085 for none).
 * ASCII without apostrophes needs no state: three neighbouring classes say whether a piece ends between the first two, so that part
 * runs without unpredictable branches. Whatever is near another character is cut by `pieceEnd`, which follows the pattern.
 */
import { OTHER, SPACE, utf8Length } from "../unicode.ts";
import { BLANK, byteClass, classAt, MULTI, QUOTE_BYTE, STOP } from "./bytes.ts";

export const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Classes from here on need `pieceEnd`. */
const HARD = MULTI;
const isSpace = (c: number): boolean => c === SPACE || c === BLANK;

/** 1 where a piece ends between the first and the second of three neighbours, at index (first * 8 + second) * 8 + third. */
const cut = Uint8Array.from({ length: 512 }, (_, i) => {
  const [first, second, third] = [i >> 6, (i >> 3) & 7, i & 7];
  if (isSpace(first) && isSpace(second)) return isSpace(third) ? 0 : 1; // \s+(?!\S) leaves the last space of a run
  return first === BLANK || first === second ? 0 : 1;
});

/** Class of a run: the apostrophe runs with the other signs. */
const runClass = (b: Uint8Array, i: number): number => {
  const c = classAt(b, i);
  return c === QUOTE_BYTE ? OTHER : c;
};

/** End of the contraction that starts at the apostrophe at `i`: 's 't 'm 'd 're 've 'll; or `i`. */
function contractionEnd(b: Uint8Array, i: number): number {
  const x = b[i + 1]!;
  if (x === 0x73 || x === 0x74 || x === 0x6d || x === 0x64) return i + 2;
  const y = b[i + 2]!;
  return ((x === 0x72 || x === 0x76) && y === 0x65) || (x === 0x6c && y === 0x6c) ? i + 3 : i;
}

/** End of the piece that starts at `start`. */
function pieceEnd(b: Uint8Array, start: number, to: number): number {
  let i = start;
  let c = runClass(b, i);
  if (b[i] === 0x27) {
    const end = contractionEnd(b, i);
    if (end > i) return end;
  } else if (c === BLANK) {
    const next = runClass(b, i + 1);
    if (!isSpace(next) && next !== STOP) {
      i++;
      c = next;
    }
  }
  let last = i; // where the run's last character starts
  i += utf8Length(b[i]!);
  if (!isSpace(c)) {
    while (runClass(b, i) === c) i += utf8Length(b[i]!);
    return i;
  }
  while (isSpace(runClass(b, i))) {
    last = i;
    i += utf8Length(b[i]!);
  }
  return i < to && last > start ? last : i;
}

/** The scanner; see ByteSplitter. */
export function splitGpt2(b: Uint8Array, from: number, to: number, ends: Int32Array): number {
  const most = ends.length;
  let count = 0;
  let start = from;
  while (start < to && count < most) {
    const before = count;
    let j = start + 1;
    let context = (byteClass[b[start]!]! << 3) | byteClass[b[j]!]!;
    if (context < HARD << 3 && (context & 7) < HARD) {
      for (; count < most; j++) {
        const third = byteClass[b[j + 1]!]!;
        if (third >= HARD) break;
        context = ((context << 3) | third) & 511;
        ends[count] = j;
        count += cut[context]!;
      }
    }
    if (count > before) start = ends[count - 1]!;
    // What could not be judged stands at j + 1 or before it: go exactly until that lies behind.
    for (const hard = j + 1; start <= hard && start < to && count < most; ) {
      start = pieceEnd(b, start, to);
      ends[count++] = start;
    }
  }
  return count;
}

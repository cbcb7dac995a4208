/**
 * Sets of characters as sorted ranges of code points, and the byte sequences that spell them in UTF-8. Surrogates are no characters and are
 * in no set. Cutting a range into byte ranges goes back to Ken Thompson's and Russ Cox's automata over UTF-8.
 */

/** Sorted, apart from each other, both ends included. */
export type CodePoints = readonly (readonly [first: number, last: number])[];

/** One range of bytes for each place. */
export type ByteSequence = readonly (readonly [first: number, last: number])[];

const lastCodePoint = 0x10ffff;

/** Any character. */
export const anyCodePoint: CodePoints = [
  [0, 0xd7ff],
  [0xe000, lastCodePoint],
];

/** The set of all that is in any of the ranges. */
export function union(ranges: CodePoints): CodePoints {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [first, last] of sorted) {
    const before = out.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else out.push([first, last]);
  }
  return intersection(out, anyCodePoint);
}

export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const first = Math.max(a[i]![0], b[j]![0]);
    const last = Math.min(a[i]![1], b[j]![1]);
    if (first <= last) out.push([first, last]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return out;
}

/** Every character that is not in the set. */
export function complement(set: CodePoints): CodePoints {
  const out: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) out.push([next, lastCodePoint]);
  return intersection(out, anyCodePoint);
}

export const contains = (set: CodePoints, c: number): boolean => set.some(([first, last]) => first <= c && c <= last);

/** Sets of one character below this are made once: most texts are in ASCII. */
const keptCharacters = 0x80;
const single: readonly CodePoints[] = Array.from({ length: keptCharacters }, (_, c) => [[c, c]]);

/** The single characters of a text. */
export function charactersOf(text: string): CodePoints {
  if (text.length === 1 && text.charCodeAt(0) < keptCharacters) return single[text.charCodeAt(0)]!;
  return union(Array.from(text, c => [c.codePointAt(0)!, c.codePointAt(0)!] as const));
}

const lengthEnds = [0x7f, 0x7ff, 0xffff, lastCodePoint];

const bytesOf = (c: number): number[] => {
  if (c < 0x80) return [c];
  if (c < 0x800) return [0xc0 | (c >> 6), 0x80 | (c & 63)];
  if (c < 0x10000) return [0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63)];
  return [0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63)];
};

const kept = new WeakMap<CodePoints, readonly ByteSequence[]>();

/** The byte sequences of a set. Each range is cut until first and last differ in bytes that run through all their values. */
export function utf8Sequences(set: CodePoints): readonly ByteSequence[] {
  const known = kept.get(set);
  if (known) return known;
  const out: ByteSequence[] = [];
  const cut = (first: number, last: number): void => {
    for (const end of lengthEnds)
      if (first <= end && end < last) {
        cut(first, end);
        cut(end + 1, last);
        return;
      }
    const length = bytesOf(first).length;
    // bits of the last k bytes must be all 0 in `first` and all 1 in `last` wherever a byte before them differs
    for (let k = 1; k < length; k++) {
      const low = (1 << (6 * k)) - 1;
      if ((first & ~low) === (last & ~low)) continue;
      if ((first & low) !== 0) {
        cut(first, first | low);
        cut((first | low) + 1, last);
        return;
      }
      if ((last & low) !== low) {
        cut(first, (last & ~low) - 1);
        cut(last & ~low, last);
        return;
      }
    }
    const to = bytesOf(last);
    out.push(bytesOf(first).map((b, i) => [b, to[i]!] as const));
  };
  for (const [first, last] of set) cut(first, last);
  kept.set(set, out);
  return out;
}

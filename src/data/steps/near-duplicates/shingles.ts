/**
 * Word n-gram shingles of a text as sorted, distinct 32-bit hashes. Words are lower-cased runs of letters and digits (numbers are kept: as
 * one symbol they make unlike mails alike); scripts that write no spaces count each character. Shingles: Broder 1997.
 */

/** Murmur3's finaliser: every input bit reaches every output bit. */
export function mix32(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 0 between words, 1 in a word, 2 a word by itself. */
function kindOf(c: number): 0 | 1 | 2 {
  if (c < 128) return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || (c >= 65 && c <= 90) ? 1 : 0;
  // Latin-1 signs, general punctuation to arrows and boxes, CJK punctuation, private use, full-width punctuation.
  if (c < 0xc0) return c === 0xaa || c === 0xb5 || c === 0xba ? 1 : 0;
  if (c === 0xd7 || c === 0xf7 || (c >= 0x2000 && c <= 0x2bff) || (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff0f)) return 0;
  // Kana, Han, and Thai to Khmer write no spaces.
  if ((c >= 0x3040 && c <= 0x9fff) || (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff))
    return 2;
  return c === 0xfffd ? 0 : 1;
}

let words = new Uint32Array(1024);

/** Hashes of the words of a text, in order; the view is valid until the next call. */
export function wordHashes(text: string): Uint32Array {
  const lower = text.toLowerCase();
  if (words.length < lower.length + 1) words = new Uint32Array(2 * lower.length);
  let n = 0;
  let h = 0x811c9dc5;
  let inWord = false;
  for (let i = 0; i < lower.length; i++) {
    const c = lower.charCodeAt(i);
    const kind = kindOf(c);
    if (kind !== 1 && inWord) {
      words[n++] = mix32(h);
      h = 0x811c9dc5;
      inWord = false;
    }
    if (kind === 1) {
      h = Math.imul(h ^ c, 0x01000193);
      inWord = true;
    } else if (kind === 2) words[n++] = mix32(c);
  }
  if (inWord) words[n++] = mix32(h);
  return words.subarray(0, n);
}

/** Distinct shingles of `n` words, sorted. Empty when the text has fewer words: such texts are left to exact comparison. */
export function shingles(text: string, n: number): Uint32Array {
  const w = wordHashes(text);
  const count = w.length - n + 1;
  if (count <= 0) return new Uint32Array(0);
  const all = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    let h = 0;
    // A product with an odd number before every word makes the order of words count.
    for (let k = 0; k < n; k++) h = Math.imul(h ^ w[i + k]!, 0x9e3779b1) + k;
    all[i] = mix32(h);
  }
  all.sort();
  let unique = 1;
  for (let i = 1; i < count; i++) if (all[i] !== all[i - 1]) all[unique++] = all[i]!;
  return all.slice(0, unique);
}

/** |A and B| / |A or B| of two sorted sets; two empty sets are not alike. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [i, j, both] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const [x, y] = [a[i]!, b[j]!];
    if (x === y) both++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  const either = a.length + b.length - both;
  return either === 0 ? 0 : both / either;
}

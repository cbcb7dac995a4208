/**
 * The words of a text as 32-bit hashes, in one scan over UTF-16 code units without making strings. Words are lower-cased runs of letters and
 * digits (numbers are kept: as one symbol they make unlike mails alike); scripts that write no spaces count each character. Leaves out
 * stemming and Unicode's word boundaries (UAX 29): duplicates need one rule, not the best one.
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

/** `kindOf` of every code unit: a look-up instead of a dozen comparisons. */
const kinds = Uint8Array.from({ length: 0x10000 }, (_, c) => kindOf(c));

/** Of every byte the lower-case letter or digit, 0 for what is in no ASCII word. */
export const folded = Uint8Array.from({ length: 256 }, (_, c) => (c > 127 || kindOf(c) === 0 ? 0 : c >= 65 && c <= 90 ? c + 32 : c));

/** FNV-1a (Fowler, Noll, Vo): where a word's hash begins, and its factor. */
export const fnv = { basis: 0x811c9dc5 | 0, prime: 0x01000193 } as const;

/** Odd, so that a product with it loses nothing: 2^32 / golden ratio. */
export const shingleFactor = 0x9e3779b1;

export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

let words = new Uint32Array(1024);

/** Hashes of the words of a text before mixing, in order; the view is valid until the next call. */
export function rawWordHashes(text: string): Uint32Array {
  const lower = text.toLowerCase();
  const { length } = lower;
  // Words of scripts with spaces take two code units at least, of others one.
  if (words.length < length) words = new Uint32Array(2 * length);
  const out = words;
  let n = 0;
  let i = 0;
  while (i < length) {
    let c = lower.charCodeAt(i++);
    let kind = kinds[c]!;
    if (kind === 1) {
      let h: number = fnv.basis;
      do {
        h = Math.imul(h ^ c, fnv.prime);
        if (i === length) {
          kind = 0;
          break;
        }
        c = lower.charCodeAt(i++);
        kind = kinds[c]!;
      } while (kind === 1);
      out[n++] = h;
    }
    if (kind === 2) out[n++] = c;
  }
  return out.subarray(0, n);
}

/** Hashes of the words of a text, in order. */
export const wordHashes = (text: string): Uint32Array => rawWordHashes(text).map(mix32);

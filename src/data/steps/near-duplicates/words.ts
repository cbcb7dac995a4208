/**
 * The words of a text as 32-bit hashes, in one scan over UTF-16 code units without making strings. Words are lower-cased runs of letters and
 * digits (numbers are kept: as one symbol they make unlike mails alike); scripts that write no spaces count each character. Leaves out
 * stemming and Unicode's word boundaries (UAX 29): duplicates need one rule, not the best one.
 */

/** Murmur3's finaliser: every input bit reaches every output bit. */
export function mixHash(h: number): number {
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

/** Of every code unit its lower case; one that becomes two stays as it is, and what stands around it does not matter. */
function loweredUnits(): Uint16Array {
  const lowered = Uint16Array.from({ length: 0x10000 }, (_, c) => c);
  const block = 256;
  for (let from = 0; from < lowered.length; from += block) {
    const units = Array.from(lowered.subarray(from, from + block));
    const lower = String.fromCharCode(...units).toLowerCase();
    for (let i = 0; i < block; i++) {
      const one = lower.length === block ? lower[i]! : String.fromCharCode(units[i]!).toLowerCase();
      if (one.length === 1) lowered[from + i] = one.charCodeAt(0);
    }
  }
  return lowered;
}

/** What `unitTable` says of a code unit beside its lower case: it is in a word, it is a word by itself. */
export const unitBits = { inWord: 0x40000, isWord: 0x80000 } as const;

let table: Uint32Array | undefined;
/** Of every code unit its lower case and `unitBits`: one look-up instead of a dozen comparisons. Made when the first text needs it. */
export function unitTable(): Uint32Array {
  table ??= Uint32Array.from(loweredUnits(), lower => lower | [0, unitBits.inWord, unitBits.isWord][kindOf(lower)]!);
  return table;
}

/** Of every byte the lower-case letter or digit, 0 for what is in no ASCII word. */
export const foldedBytes = Uint8Array.from({ length: 256 }, (_, c) => (c > 127 || kindOf(c) === 0 ? 0 : c >= 65 && c <= 90 ? c + 32 : c));

/** FNV-1a (Fowler, Noll, Vo): where a word's hash begins, and its factor. */
export const fnv = { basis: 0x811c9dc5 | 0, prime: 0x01000193 } as const;

/** Odd, so that a product with it loses nothing: 2^32 / golden ratio. */
export const shingleFactor = 0x9e3779b1;

export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

let words = new Uint32Array(1024);

/** Hashes of the first `most` words of a text before mixing, in order; the view is valid until the next call. */
export function rawWordHashes(text: string, most = Number.POSITIVE_INFINITY): Uint32Array {
  const { length } = text;
  const units = unitTable();
  // Words of scripts with spaces take two code units at least, of others one.
  if (words.length < length) words = new Uint32Array(2 * length);
  const out = words;
  let n = 0;
  let hash: number = fnv.basis;
  let inWord = false;
  for (let i = 0; i < length && n < most; i++) {
    const unit = units[text.charCodeAt(i)]!;
    const lower = unit & 0xffff;
    if ((unit & unitBits.inWord) !== 0) {
      hash = Math.imul(hash ^ lower, fnv.prime);
      inWord = true;
      continue;
    }
    if (inWord) out[n++] = hash;
    hash = fnv.basis;
    inWord = false;
    if ((unit & unitBits.isWord) !== 0) out[n++] = lower;
  }
  if (inWord) out[n++] = hash;
  return out.subarray(0, Math.min(n, most));
}

/** Hashes of the words of a text, in order. */
export const wordHashes = (text: string): Uint32Array => rawWordHashes(text).map(mixHash);

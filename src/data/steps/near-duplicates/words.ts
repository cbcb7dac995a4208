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

/** Of every byte the lower-case letter or digit, 0 for what is not in a word. */
const folded = Uint8Array.from({ length: 256 }, (_, c) => (c > 127 || kindOf(c) === 0 ? 0 : c >= 65 && c <= 90 ? c + 32 : c));

/** FNV-1a (Fowler, Noll, Vo): where a word's hash begins, and its factor. */
const [basis, prime] = [0x811c9dc5 | 0, 0x01000193];

let words = new Uint32Array(1024);
let bytes = Buffer.alloc(1024);

const reserve = (length: number) => {
  // A word takes at least two code units, one by itself takes one; one more for the unfinished word behind the last.
  if (words.length < length + 2) words = new Uint32Array(2 * length + 2);
};

export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** `wordHashes` of an ASCII text given as bytes. */
export function asciiWordHashes(text: Uint8Array): Uint32Array {
  const { length } = text;
  reserve(length);
  const out = words;
  let [n, h, inWord] = [0, basis, 0];
  // Without a branch: words end every six letters, too irregularly for a processor to foresee. The unfinished hash is written at every
  // letter and stays where a word ends.
  for (let i = 0; i < length; i++) {
    const c = folded[text[i]!]!;
    const isLetter = c === 0 ? 0 : 1;
    n += inWord & ~isLetter;
    const next = Math.imul(h ^ c, prime);
    h = basis ^ ((next ^ basis) & -isLetter);
    out[n] = h;
    inWord = isLetter;
  }
  n += inWord;
  for (let i = 0; i < n; i++) out[i] = mix32(out[i]!);
  return out.subarray(0, n);
}

/** Hashes of the words of a text, in order; the view is valid until the next call. */
export function wordHashes(text: string): Uint32Array {
  if (isAscii(text)) {
    if (bytes.length < text.length) bytes = Buffer.alloc(2 * text.length);
    return asciiWordHashes(bytes.subarray(0, bytes.write(text, 0, "latin1")));
  }
  const lower = text.toLowerCase();
  const { length } = lower;
  reserve(length);
  const out = words;
  let n = 0;
  let i = 0;
  while (i < length) {
    let c = lower.charCodeAt(i++);
    let kind = kinds[c]!;
    if (kind === 1) {
      let h = basis;
      do {
        h = Math.imul(h ^ c, prime);
        if (i === length) {
          kind = 0;
          break;
        }
        c = lower.charCodeAt(i++);
        kind = kinds[c]!;
      } while (kind === 1);
      out[n++] = mix32(h);
    }
    if (kind === 2) out[n++] = mix32(c);
  }
  return out.subarray(0, n);
}

/**
 * What the filters and the word splitter ask of a character, as bits of one table over UTF-16 units; characters outside the first plane are
 * classified when they come. The sets are those that datatrove 0.10 and spaCy 3.8 (both read, not copied) decide by: Python's white space,
 * letters and punctuation by Unicode category, sentence ends, the ranges of scripts that spaCy calls alphabetic. Left out: characters
 * younger than those lists are judged by their category here.
 */

/** White space as Python's `str.isspace` has it: information separators and NEL too, not the byte order mark. */
export const SPACE_BIT = 1;
/** Where Python's `str.splitlines` ends a line. */
export const BREAK = 2;
export const LETTER_BIT = 4;
/** spaCy's alphabetic characters, and which of them count as small and as capital; scripts without case count as both. */
export const ALPHA = 8;
export const LOWER = 16;
export const UPPER = 32;
/** A word of nothing but these is no word to Gopher's length rules. */
export const SYMBOL = 64;
export const PUNCTUATION = 128;
/** Ends a sentence when it stands as a word of its own. */
export const SENTENCE_END = 256;
/** Ends a line in FineWeb's sense. */
export const TERMINAL = 512;
/** Comes off the front, off the end of a word. */
export const PREFIX = 1024;
export const SUFFIX = 2048;
export const ICON = 4096;
export const QUOTE_BIT = 8192;
/** A single full stop comes off a word that has one of these before it. */
export const BEFORE_STOP = 16384;
/** May stand in a host name. */
export const HOST = 32768;
export const CURRENCY = 65536;

/** `"41-5a 61"`: code points in hexadecimal, as pairs of first and last. */
const ranges = (text: string): [number, number][] =>
  text.split(" ").map(r => {
    const [first, last] = r.split("-").map(x => Number.parseInt(x, 16));
    return [first!, last ?? first!];
  });
const pointsOf = (text: string): [number, number][] => Array.from(text, c => [c.codePointAt(0)!, c.codePointAt(0)!]);

const breaks = ranges("a-d 1c-1e 85 2028-2029");
const spaces = ranges("9-d 1c-20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000");
const alphabetic = ranges(
  "41-5a 61-7a c0-d6 d8-f6 f8-1bf 1c4-2af 386 388-38a 38c 38e-38f 391-3a9 3ac-3af 3b1-3c9 3cc-3ce 400-401 403-40a 40c-40d 410-451 453-45a " +
    "45c-45d 490-491 496-497 4a2-4a3 4ae-4af 4ba-4bb 4d8-4d9 4e8-4e9 591-5f4 620-64a 66e-6d5 6e5-6ff 750-77f 8a0-8bd 900-9ff b80-cff d80-dff " +
    "1100-137f 1d00-1d25 1d6b-1d77 1d79-1d9a 1e00-1eff 2c60-2c7b 2c7e-2c7f 2e80-2fdf 2ff0-30ff 31c0-31ef 3200-4dbf 4e00-9fff a722-a76f " +
    "a771-a787 a78b-a78e a790-a7b9 a7fa ab30-ab5a ab60-ab64 ac00-d7af f900-faff fb1d-fbb1 fbd3-fd3d fd50-fdc7 fdf0-fdfb fe30-fe4f fe70-fefc " +
    "ff21-ff3a ff41-ff5a 1ee00-1eebb 1f200-1f2ff 20000-2a6df 2a700-2ebef 2f800-2fa1f",
);
const sentenceEnds = ranges(
  "21 2e 3f 589 61f 6d4 700-702 7f9 964-965 104a-104b 1362 1367-1368 166e 1735-1736 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f " +
    "1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 2e2e 2e3c 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 " +
    "abeb fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df 11238-11239 " +
    "1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e 11a42-11a43 11a9b-11a9c 11c41-11c42 16a6e-16a6f 16af5 " +
    "16b37-16b38 16b44 1bc9f 1da88",
);
const moreTerminals = ranges(
  "61d-61e 837 839 83d-83e 17d4-17d6 17d9-17da 1b7d-1b7e 2e53-2e54 10f55-10f59 10f86-10f89 11944 11946 11ef7-11ef8 11f43-11f44 16e98",
);
const symbols = ranges(
  "0-8 b-1f 21-2f 3a-40 5b-60 7b-9f ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001 3008-300d 3010-3011 ff05 ff08-ff09 ff0c ff11 ff1a-ff1b ff5e",
);
const quotes = pointsOf("'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧");
const marks = pointsOf("…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪");
const currencies = pointsOf("$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿");

/** Bits by ranges. */
const byRange: readonly (readonly [number, readonly [number, number][]])[] = [
  [SPACE_BIT, spaces],
  [BREAK, breaks],
  [ALPHA, alphabetic],
  [SYMBOL | SENTENCE_END | TERMINAL, sentenceEnds],
  [SYMBOL | TERMINAL, moreTerminals],
  [SYMBOL, symbols],
  [QUOTE_BIT | PREFIX | SUFFIX | BEFORE_STOP, quotes],
  [PREFIX | SUFFIX | BEFORE_STOP, marks],
  [PREFIX | SUFFIX, pointsOf("—–")],
  [PREFIX, pointsOf("§%=")],
  [PREFIX | CURRENCY, currencies],
  [BEFORE_STOP, pointsOf("0123456789%²-+|")],
  [HOST, ranges("30-39 41-5a 61-7a a1-d7ff e000-ffff")],
];
/** Bits by Unicode category. */
const byCategory: readonly (readonly [number, string])[] = [
  [LETTER_BIT, "\\p{L}"],
  [PUNCTUATION, "\\p{P}"],
  [ICON | PREFIX | SUFFIX, "\\p{So}"],
  [LOWER, "[^\\p{Lu}\\p{Lt}\\u01bb]"],
  [UPPER, "[^\\p{Ll}\\p{Lt}\\u01bb\\u0294\\u0295]"],
];

/** Case counts only where a character is alphabetic to spaCy; a small letter lets a full stop go. */
const settled = (bits: number): number => {
  const kept = bits & ALPHA ? bits : bits & ~(LOWER | UPPER);
  return kept & LOWER ? kept | BEFORE_STOP : kept;
};

let table: Int32Array | undefined;

/** The bits of every UTF-16 unit; those of surrogates are 0. Made at first use. */
export function characterTable(): Int32Array {
  if (table) return table;
  const bits = new Int32Array(0x10000);
  for (const [bit, list] of byRange)
    for (const [first, last] of list) for (let c = first; c <= Math.min(last, 0xffff); c++) bits[c]! |= bit;
  const all = Array.from({ length: 0x10000 }, (_, c) => (c >= 0xd800 && c < 0xe000 ? " " : String.fromCharCode(c))).join("");
  for (const [bit, category] of byCategory)
    for (const match of all.matchAll(new RegExp(`${category}+`, "gu")))
      for (let c = match.index; c < match.index + match[0].length; c++) bits[c]! |= bit;
  for (let c = 0; c < 0x10000; c++) bits[c] = c >= 0xd800 && c < 0xe000 ? 0 : settled(bits[c]!);
  table = bits;
  return bits;
}

const categories = byCategory.map(([bit, category]) => [bit, new RegExp(category, "u")] as const);

/** The bits of a character outside the first plane. */
function astralBits(point: number): number {
  let bits = 0;
  for (const [bit, list] of byRange) for (const [first, last] of list) if (point >= first && point <= last) bits |= bit;
  const character = String.fromCodePoint(point);
  for (const [bit, category] of categories) if (category.test(character)) bits |= bit;
  return settled(bits);
}

/** Whether units[i] begins a character of two units that ends before `end`. */
export const isPair = (units: Uint16Array, i: number, end: number): boolean =>
  (units[i]! & 0xfc00) === 0xd800 && i + 1 < end && (units[i + 1]! & 0xfc00) === 0xdc00;

const pairPoint = (units: Uint16Array, i: number): number => 0x10000 + ((units[i]! & 0x3ff) << 10) + (units[i + 1]! & 0x3ff);

/** Bits of the character that begins at i. */
export const bitsAt = (units: Uint16Array, i: number, end: number): number => {
  if (i >= end) return 0;
  return isPair(units, i, end) ? astralBits(pairPoint(units, i)) : characterTable()[units[i]!]!;
};

/** Bits of the character that ends before i. */
export const bitsBefore = (units: Uint16Array, i: number, begin: number): number => {
  if (i <= begin) return 0;
  if (i - 2 >= begin && isPair(units, i - 2, i)) return astralBits(pairPoint(units, i - 2));
  return characterTable()[units[i - 1]!]!;
};

/** Characters (code points) of a range; a lone surrogate is one. */
export function countPoints(units: Uint16Array, begin: number, end: number): number {
  let pairs = 0;
  for (let i = begin; i < end; i++) if ((units[i]! & 0xfc00) === 0xdc00 && i > begin && (units[i - 1]! & 0xfc00) === 0xd800) pairs++;
  return end - begin - pairs;
}

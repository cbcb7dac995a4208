/**
 * Characters as a reader takes them, so that a list finds what looks like its words: compatibility forms and case are gone (full width, mathematical
 * and ligature letters: Unicode NFKD), accents and invisible characters too, and letters of other scripts that look like Latin ones are those.
 * A small part of Unicode's table of confusables (UTS 39): letters of living scripts that are seen in use. Digits are not letters here.
 */

/** Look-alike letters, in small letters without accents, behind the one that they look like. */
const lookAlikes: readonly (readonly [string, string])[] = [
  ["a", "аαɑａᴀ⍺𐊠"],
  ["b", "ЬьᏏƅʙᖯ"],
  ["c", "сϲᴄⅽꮯ"],
  ["d", "ԁᏧɗᴅꓒ"],
  ["e", "еєҽɛᴇεꬲ"],
  ["f", "ƒꬵϝꞙ"],
  ["g", "ɡցɢᶃ"],
  ["h", "һհʜᏂ"],
  ["i", "іıɩιɪӏᎥ"],
  ["j", "јϳʝᴊ"],
  ["k", "кκᴋĸқ"],
  ["l", "ʟⅼłŀꓡ"],
  ["m", "мᴍⅿ"],
  ["n", "ոռɴпη"],
  ["o", "оοօσᴏ໐ഠ౦ჿ०০੦૦௦"],
  ["p", "рρϱᴘ"],
  ["q", "ԛզգ"],
  ["r", "гᴦʀꭇ"],
  ["s", "ѕꜱƽ"],
  ["t", "тτᴛ"],
  ["u", "υսʋᴜᴗц"],
  ["v", "νѵᴠⅴ"],
  ["w", "ԝѡɯωաᴡ"],
  ["x", "хχⅹ᙮"],
  ["y", "уүγʏყ"],
  ["z", "ᴢʐ"],
  // letters with strokes and bars that NFKD leaves whole
  ["o", "øɵ"],
  ["d", "đð"],
  ["h", "ħ"],
  ["t", "ŧ"],
  ["ae", "æ"],
  ["oe", "œ"],
];

const likeOf = new Map<string, string>();
for (const [letter, others] of lookAlikes) for (const other of others) likeOf.set(other, letter);

/** Accents of alphabets; vowel signs of Indic and other scripts are letters to their readers and stay. */
const unseen = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]|\p{Default_Ignorable_Code_Point}|\p{Cf}/gu;

function folded(codePoint: number): readonly number[] {
  // to capitals first: that way "ß" is "ss", and so is "ẞ"
  const plain = String.fromCodePoint(codePoint).normalize("NFKD").replace(unseen, "").toUpperCase().toLowerCase().normalize("NFKD");
  return [...plain.replace(unseen, "")].flatMap(c => [...(likeOf.get(c) ?? c)].map(x => x.codePointAt(0)!));
}

const ascii: readonly (readonly number[])[] = Array.from({ length: 128 }, (_, c) => folded(c));
/** A text has few kinds of characters; one made to fill memory is forgotten. */
const mostKept = 20_000;
let kept = new Map<number, readonly number[]>();

/** What a code point stands for: nothing, one or a few. */
export function foldOf(codePoint: number): readonly number[] {
  if (codePoint < 128) return ascii[codePoint]!;
  let own = kept.get(codePoint);
  if (own === undefined) {
    if (kept.size >= mostKept) kept = new Map();
    own = folded(codePoint);
    kept.set(codePoint, own);
  }
  return own;
}

export const foldText = (text: string): number[] => [...text].flatMap(c => foldOf(c.codePointAt(0)!));

const wordCharacter = /[\p{L}\p{N}\p{M}_]/u;
const asciiWord = Uint8Array.from({ length: 128 }, (_, c) => (wordCharacter.test(String.fromCharCode(c)) ? 1 : 0));
/** Letters and digits, of which words are made. */
export const isWordUnit = (unit: number): boolean => (unit < 128 ? asciiWord[unit] === 1 : wordCharacter.test(String.fromCodePoint(unit)));

const white = /\s/u;
export const isSpaceUnit = (unit: number): boolean =>
  unit < 128 ? unit === 32 || (unit >= 9 && unit <= 13) : white.test(String.fromCodePoint(unit));

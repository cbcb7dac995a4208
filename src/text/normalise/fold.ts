/**
 * Characters as a reader takes them, for detectors that must find what looks like a word: compatibility forms and case are gone (full width,
 * mathematical letters, ligatures: NFKD), accents and invisible characters too, and look-alikes of Latin letters are those letters (UTS 39,
 * skeleton). Digits and signs that stand for letters are `readings.ts`. One character at a time, so a stream folds as the whole text does.
 */
import { confusables } from "./confusables.ts";

/** Seen in use, and not in Unicode's table: small capitals, letters with strokes, and letters whose capital is the look-alike. */
const moreConfusables: readonly (readonly [string, string])[] = [
  ["a", "ᴀ"],
  ["b", "вʙᖯьᏏ"],
  ["d", "đðᴅ"],
  ["e", "ɛᴇεє"],
  ["g", "ɢ"],
  ["h", "нʜħ"],
  ["i", "ɪ"],
  ["j", "ᴊ"],
  ["k", "ᴋ"],
  ["l", "ʟł"],
  ["m", "ᴍм"],
  ["n", "ɴпηոռ"],
  ["o", "øɵ"],
  ["p", "ᴘ"],
  ["r", "ʀг"],
  ["t", "ᴛŧт"],
  ["u", "ц"],
  ["w", "ωա"],
  ["y", "ү"],
];

const readingOf = new Map<string, string>();
for (const [reading, codes] of confusables)
  for (const code of codes.split(" ")) readingOf.set(String.fromCodePoint(Number.parseInt(code, 36)), reading);
for (const [reading, letters] of moreConfusables) for (const letter of letters) readingOf.set(letter, reading);

/** Letters that look like another letter than their capital or compatibility form does: Greek nu is a v, its capital an N; lunate sigma is a c. */
const smallConfusables = new Map(
  Object.entries({ ν: "v", η: "n", υ: "u", γ: "y", ω: "w", ι: "i", τ: "t", κ: "k", ρ: "p", ϲ: "c", Ϲ: "c" }).map(([c, x]) => [
    c.codePointAt(0)!,
    x.codePointAt(0)!,
  ]),
);

/** Accents of alphabets; vowel signs of Indic and other scripts are letters to their readers and stay. */
const accents = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/gu;
/** By category: format characters (zero width, bidi controls, soft hyphen, tags), variation selectors and fillers, controls that are no space. */
const invisible = /^(?:\p{Cf}|\p{Default_Ignorable_Code_Point}|(?![\t-\r\x85])\p{Cc})$/u;
/** A space to its reader, and a symbol to Unicode. */
const brailleBlank = 0x2800;

/** Whether a code point shows nothing and takes no room. */
export const isInvisible = (codePoint: number): boolean => invisible.test(String.fromCodePoint(codePoint));

/** Blocks of emoji that show the alphabet and have no compatibility form: regional indicators, letters in discs and in squares. */
const emojiAlphabets = [0x1f1e6, 0x1f150, 0x1f170].map(first => ({ first, last: first + 25 }));

/** The small letter that an emoji shows. */
function emojiLetter(codePoint: number): number | undefined {
  const block = emojiAlphabets.find(({ first, last }) => codePoint >= first && codePoint <= last);
  return block && 97 + codePoint - block.first;
}

function folded(codePoint: number): readonly number[] {
  if (isInvisible(codePoint)) return [];
  const shown = emojiLetter(codePoint);
  if (shown !== undefined) return [shown];
  const small = smallConfusables.get(codePoint);
  if (small !== undefined) return [small];
  if (codePoint === brailleBlank) return [32];
  // to capitals first: that way "ß" is "ss", and so is "ẞ"
  const plain = String.fromCodePoint(codePoint).normalize("NFKD").replace(accents, "").toUpperCase().toLowerCase().normalize("NFKD");
  return [...plain.replace(accents, "")].flatMap(c =>
    isInvisible(c.codePointAt(0)!) ? [] : [...(readingOf.get(c) ?? c)].map(x => x.codePointAt(0)!),
  );
}

const ascii: readonly (readonly number[])[] = Array.from({ length: 128 }, (_, c) => folded(c));
/** A text has few kinds of characters; one made to fill memory is forgotten. */
const mostKept = 20_000;
let kept = new Map<number, readonly number[]>();

/** What a code point stands for: nothing, one or a few. A lone surrogate stands for itself. */
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
const space = /\s/u;
const letter = /\p{L}/u;
const asciiTable = (form: RegExp): Uint8Array => Uint8Array.from({ length: 128 }, (_, c) => (form.test(String.fromCharCode(c)) ? 1 : 0));
const test = (form: RegExp) => {
  const table = asciiTable(form);
  return (unit: number): boolean => (unit < 128 ? table[unit] === 1 : form.test(String.fromCodePoint(unit)));
};
/** Letters and digits, of which words are made. */
export const isWordUnit = test(wordCharacter);
export const isSpaceUnit = test(space);
export const isLetterUnit = test(letter);

/**
 * What is seen of a word: itself, its form, its beginnings and ends, its neighbours and theirs, and whether it begins a line or sentence; each
 * hashed to a number of so many bits. The features are those of Ratnaparkhi (1996) and Zhang & Johnson (2003).
 */
import type { NameToken } from "./tokens.ts";

/** Raise it when the same text would have other features: models of another version are refused. */
export const nameFeaturesVersion = 1;

/** Longer words are seen as their first so many characters: no name is longer, and a text may be one word. */
const longestWord = 64;

const mixed = (h: number): number => {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
};

/** FNV-1a over code units. */
function hashed(text: string): number {
  let h = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mixed(h);
}

/** A hash of a hash and what comes behind it. */
const joined = (h: number, next: number): number => Math.imul((h << 5) ^ (h >>> 7) ^ next, 0x9e3779b1);

/** `McDonald` -> `XxXx`, `R2D2` -> `X9X9`: kinds of characters, runs of one kind once. */
const formOf = (word: string): string =>
  word
    .replace(/\p{Lu}+/gu, "X")
    .replace(/[\p{Ll}\p{M}]+/gu, "x")
    .replace(/\p{N}+/gu, "9")
    .replace(/[\p{Lt}\p{Lm}\p{Lo}]+/gu, "o");

/** Capitals: none, the first, all, others. */
const caseOf = (word: string): string =>
  !/\p{Lu}/u.test(word)
    ? "none"
    : !/\p{Ll}/u.test(word)
      ? word.length === 1
        ? "letter"
        : "all"
      : /^\p{Lu}\P{Lu}*$/u.test(word)
        ? "first"
        : "mixed";

/** What is seen of a word, as hashes. */
interface Seen {
  readonly word: number;
  readonly lower: number;
  readonly form: number;
  readonly cased: number;
  readonly endsSentence: boolean;
  /** The word, its beginnings and ends, each from a salt of its own. */
  readonly letters: readonly number[];
}

function seenOf({ text, isMask }: NameToken): Seen {
  const word = text.slice(0, longestWord);
  const lower = isMask ? word : word.toLowerCase();
  const letters = [joined(20, hashed(word)), joined(21, hashed(lower))];
  for (let n = 1; n <= 4 && n <= lower.length; n++)
    letters.push(joined(30 + n, hashed(lower.slice(0, n))), joined(40 + n, hashed(lower.slice(-n))));
  return {
    word: hashed(word),
    lower: hashed(lower),
    form: hashed(isMask ? "[]" : formOf(word)),
    cased: hashed(isMask ? "[]" : caseOf(word)),
    endsSentence: /^[.!?:]$/.test(word),
    letters,
  };
}
const nothing = hashed("");
const outside: Seen = { word: nothing, lower: nothing, form: nothing, cased: nothing, endsSentence: false, letters: [] };
const begins = { line: hashed("line"), sentence: hashed("sentence"), inside: nothing };

/** Features of a token: `own` says nothing of the word's letters, so that learning can hide those. */
export interface TokenFeatures {
  readonly own: Uint32Array;
  /** The word itself, its beginnings and ends. */
  readonly letters: Uint32Array;
  /** Joined with the label before, what speaks for the next label. */
  readonly form: number;
}

/** Features of every token of a text. */
export function featuresOf(tokens: readonly NameToken[], bits: number): TokenFeatures[] {
  const shift = 32 - bits;
  const feature = (salt: number, a: number): number => mixed(joined(salt, a)) >>> shift;
  const pair = (salt: number, a: number, b: number): number => mixed(joined(joined(salt, a), b)) >>> shift;
  const triple = (salt: number, a: number, b: number, c: number): number => mixed(joined(joined(joined(salt, a), b), c)) >>> shift;
  const words = new Map<string, Seen>();
  const seen = tokens.map(token => {
    // A mask and a word are never written alike: brackets stand alone.
    let found = words.get(token.text);
    if (found === undefined) {
      found = seenOf(token);
      words.set(token.text, found);
    }
    return found;
  });
  return tokens.map((token, i) => {
    const at = (k: number): Seen => seen[i + k] ?? outside;
    const here = at(0);
    const [b2, b1, n1, n2] = [at(-2), at(-1), at(1), at(2)];
    const begin = i === 0 || token.beginsLine ? begins.line : b1.endsSentence ? begins.sentence : begins.inside;
    const own = Uint32Array.of(
      feature(1, nothing),
      feature(2, here.form),
      pair(3, here.cased, begin),
      feature(4, b1.lower),
      feature(5, n1.lower),
      feature(6, b2.lower),
      feature(7, n2.lower),
      pair(8, b1.form, here.form),
      pair(9, here.form, n1.form),
      pair(10, b2.lower, b1.lower),
      pair(11, n1.lower, n2.lower),
      pair(12, b1.lower, here.cased),
      pair(13, here.cased, n1.lower),
      triple(14, b1.form, here.form, n1.form),
      triple(15, b1.lower, here.cased, n1.lower),
    );
    const letters = new Uint32Array(here.letters.length + 2);
    here.letters.forEach((h, k) => {
      letters[k] = mixed(h) >>> shift;
    });
    letters[letters.length - 2] = pair(22, here.lower, b1.lower);
    letters[letters.length - 1] = pair(23, here.lower, n1.lower);
    return { own, letters, form: joined(here.cased, begin) };
  });
}

/** The two features of a label that follows `before`: alone, and with the form of the word. */
export const transitionOf = (before: number, form: number, bits: number): readonly [number, number] => [
  mixed(joined(60, before)) >>> (32 - bits),
  mixed(joined(joined(61, form), before)) >>> (32 - bits),
];

/**
 * What is seen of a word: itself, its form, its beginnings and ends, its neighbours and theirs, and whether it begins a line or sentence; each
 * hashed to a number of so many bits. The features are those of Ratnaparkhi (1996) and Zhang & Johnson (2003).
 */
import type { NameToken } from "./tokens.ts";

/** Raise it when the same text would have other features: models of another version are refused. */
export const nameFeaturesVersion = 2;

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
  readonly lower: number;
  readonly form: number;
  readonly cased: number;
  readonly endsSentence: boolean;
  readonly hasNumber: boolean;
  /** The word, its beginnings and ends, each from a salt of its own. */
  readonly letters: readonly number[];
}

function seenOf({ text, isMask }: NameToken): Seen {
  const word = text.slice(0, longestWord);
  const lower = isMask ? word : word.toLowerCase();
  const letters = [joined(20, hashed(word)), joined(21, hashed(lower))].map(mixed);
  for (let n = 1; n <= 4 && n <= lower.length; n++)
    letters.push(mixed(joined(30 + n, hashed(lower.slice(0, n)))), mixed(joined(40 + n, hashed(lower.slice(-n)))));
  return {
    lower: hashed(lower),
    form: hashed(isMask ? "[]" : formOf(word)),
    cased: hashed(isMask ? "[]" : caseOf(word)),
    endsSentence: /^[.!?:]$/.test(word),
    hasNumber: /\p{N}/u.test(word),
    letters,
  };
}
const nothing = hashed("");
const outside: Seen = { lower: nothing, form: nothing, cased: nothing, endsSentence: false, hasNumber: false, letters: [] };
const begins = { line: hashed("line"), sentence: hashed("sentence"), inside: nothing };

/** Words seen lately, so that the usual ones are not taken apart again and again. Forgotten all at once: what is found never depends on it. */
const recent = new Map<string, Seen>();
const mostRecent = 2 ** 14;
function seenLately(token: NameToken): Seen {
  // A mask and a word are never written alike: brackets stand alone.
  let found = recent.get(token.text);
  if (found === undefined) {
    if (recent.size >= mostRecent) recent.clear();
    found = seenOf(token);
    if (token.text.length <= longestWord) recent.set(token.text, found);
  }
  return found;
}

/** Features of a token that say nothing of its letters, and of those that join its letters with neighbours. */
export const numOwn = 24;
export const numPairs = 2;

/** Features of the tokens of a text. Learning can hide a word's letters: `letters` and `pairs`. */
export interface TaggedFeatures {
  readonly length: number;
  /** [T, numOwn] */
  readonly own: Uint32Array;
  /** [T, numPairs] */
  readonly pairs: Uint32Array;
  /** By token, the same array for the same word: the word itself, its beginnings and ends. */
  readonly letters: readonly Uint32Array[];
  /** [T], joined with the label before, what speaks for the next label. */
  readonly form: Int32Array;
}

/** Of each token: whether its line and the lines before and behind hold a number, and whether the line has one to three words, or more. */
function lineKinds(tokens: readonly NameToken[], seen: readonly Seen[]): Uint8Array {
  const starts: number[] = [];
  for (let i = 0; i < tokens.length; i++) if (i === 0 || tokens[i]!.beginsLine) starts.push(i);
  const hasNumber = starts.map((from, k) => {
    for (let i = from; i < (starts[k + 1] ?? tokens.length); i++) if (seen[i]!.hasNumber) return 1;
    return 0;
  });
  const kinds = new Uint8Array(tokens.length);
  for (const [k, from] of starts.entries()) {
    const to = starts[k + 1] ?? tokens.length;
    const length = Math.min(3, to - from - 1);
    kinds.fill(1 + hasNumber[k]! + 2 * (hasNumber[k - 1] ?? 0) + 4 * (hasNumber[k + 1] ?? 0) + 8 * length, from, to);
  }
  return kinds;
}

/** Features of every token of a text. */
export function featuresOf(tokens: readonly NameToken[], bits: number): TaggedFeatures {
  const shift = 32 - bits;
  const pair = (salt: number, a: number, b: number): number => mixed(joined(joined(salt, a), b)) >>> shift;
  const triple = (salt: number, a: number, b: number, c: number): number => mixed(joined(joined(joined(salt, a), b), c)) >>> shift;
  const single = (salt: number, a: number): number => mixed(joined(salt, a)) >>> shift;
  const always = single(1, nothing);
  const { length } = tokens;
  const seen = tokens.map(seenLately);
  const lines = lineKinds(tokens, seen);
  const lettersOf = new Map<Seen, Uint32Array>();
  const letters: Uint32Array[] = [];
  const own = new Uint32Array(length * numOwn);
  const pairs = new Uint32Array(length * numPairs);
  const form = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const here = seen[i]!;
    const b3 = seen[i - 3] ?? outside;
    const b2 = seen[i - 2] ?? outside;
    const b1 = seen[i - 1] ?? outside;
    const n1 = seen[i + 1] ?? outside;
    const n2 = seen[i + 2] ?? outside;
    const n3 = seen[i + 3] ?? outside;
    const begin = i === 0 || tokens[i]!.beginsLine ? begins.line : b1.endsSentence ? begins.sentence : begins.inside;
    let at = i * numOwn;
    own[at++] = always;
    own[at++] = single(2, here.form);
    own[at++] = pair(3, here.cased, begin);
    own[at++] = single(4, b1.lower);
    own[at++] = single(5, n1.lower);
    own[at++] = single(6, b2.lower);
    own[at++] = single(7, n2.lower);
    own[at++] = pair(8, b1.form, here.form);
    own[at++] = pair(9, here.form, n1.form);
    own[at++] = pair(10, b2.lower, b1.lower);
    own[at++] = pair(11, n1.lower, n2.lower);
    own[at++] = pair(12, b1.lower, here.cased);
    own[at++] = pair(13, here.cased, n1.lower);
    own[at++] = triple(14, b1.form, here.form, n1.form);
    own[at++] = triple(15, b1.lower, here.cased, n1.lower);
    own[at++] = pair(16, here.cased, b3.lower);
    own[at++] = pair(17, here.cased, n3.lower);
    own[at++] = triple(18, here.form, n1.form, n2.form);
    own[at++] = triple(19, b2.form, b1.form, here.form);
    own[at++] = pair(24, here.cased, lines[i]!);
    own[at++] = triple(25, here.form, b1.form, lines[i]!);
    const glue = Number(tokens[i]!.isGlued) + 2 * Number(tokens[i + 1]?.isGlued ?? false);
    own[at++] = pair(26, here.cased, glue);
    own[at++] = triple(27, here.cased, b1.lower, glue);
    own[at++] = triple(28, here.cased, n1.lower, glue);
    pairs[i * numPairs] = pair(22, here.lower, b1.lower);
    pairs[i * numPairs + 1] = pair(23, here.lower, n1.lower);
    form[i] = joined(here.cased, begin);
    let shown = lettersOf.get(here);
    if (shown === undefined) {
      shown = Uint32Array.from(here.letters, h => h >>> shift);
      lettersOf.set(here, shown);
    }
    letters.push(shown);
  }
  return { length, own, pairs, letters, form };
}

/** The two features of a label that follows `before`: alone, and with the form of the word. */
export const transitionOf = (before: number, form: number, bits: number): readonly [number, number] => [
  mixed(joined(60, before)) >>> (32 - bits),
  mixed(joined(joined(61, form), before)) >>> (32 - bits),
];

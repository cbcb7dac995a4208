/**
 * What was learnt of runs and words, kept from document to document: mail repeats itself, and a run that was split once need not be split
 * again. Only a cache of a pure function: nothing that a caller sees depends on what is in it, and it is emptied when it has grown large.
 */
import { bitsAt, isPair, LETTER_BIT, PUNCTUATION, SENTENCE_END, SYMBOL } from "./characters.ts";
import { splitRun } from "./split.ts";
import { codeUnitsOf, grown, hashOfUnits, StringTable } from "./string-table.ts";

/** Bits of a run. */
export const HAS_PAIRS = 1;
/** Holds a # or a run of full stops or the ellipsis. */
export const HAS_SYMBOLS = 2;
export const HAS_CURLY = 4;
export const HAS_BRACKET = 8;
/** Holds a word by which one of C4's phrases may begin. */
export const HAS_PHRASE = 16;
export const IS_BULLET = 32;
export const ENDS_IN_ELLIPSIS = 64;

export const RUN_FIELDS = 4;
export const RUN_BITS = 0;
export const RUN_LENGTH = 1;
export const RUN_WORDS = 2;

/** Bits of a word, beside its length in characters: `info >>> WORD_SHIFT`. */
export const WORD_SYMBOLS = 1;
export const WORD_LETTER = 2;
export const WORD_PUNCTUATION = 4;
export const WORD_SENTENCE_END = 8;
/** Somebody counts this word (`watch`). */
export const WORD_WATCHED = 16;
export const WORD_SHIFT = 5;

/** Beyond this many runs or UTF-16 units the vocabulary is emptied between documents: some 100 MB. */
const MAX_RUNS = 1 << 20;
const MAX_UNITS = 1 << 24;

/** By the small letter they begin with, the words by which C4's phrases begin. */
const phrases = new Map(
  ["javascript", "lorem", "terms", "privacy", "cookie"].map(p => [p.charCodeAt(0), Array.from(p, c => c.charCodeAt(0))]),
);
const SHORTEST_PHRASE = 5;

function hasPhraseAt(units: Uint16Array, i: number, end: number): boolean {
  const phrase = phrases.get(units[i]! | 32);
  return phrase !== undefined && i + phrase.length <= end && phrase.every((c, k) => (units[i + k]! | 32) === c);
}

function bitsOfRun(units: Uint16Array, begin: number, end: number): number {
  let bits = 0;
  for (let i = begin; i < end; i++) {
    const c = units[i]!;
    if (c >= 128) {
      // Letters outside ASCII may become ASCII letters when made small (the Kelvin sign), so any may begin a phrase.
      if (end - begin >= SHORTEST_PHRASE) bits |= HAS_PHRASE;
      if (c === 0x2026) bits |= HAS_SYMBOLS;
      else if ((c & 0xfc00) === 0xd800 && isPair(units, i, end)) bits |= HAS_PAIRS;
    } else if (c >= 64) {
      if (c === 123) bits |= HAS_CURLY;
      else if (c === 91) bits |= HAS_BRACKET;
      else if (end - i >= SHORTEST_PHRASE && hasPhraseAt(units, i, end)) bits |= HAS_PHRASE;
    } else if (c === 35) bits |= HAS_SYMBOLS;
    else if (c === 46 && i + 2 < end && units[i + 1] === 46 && units[i + 2] === 46) bits |= HAS_SYMBOLS;
  }
  const first = units[begin]!;
  if (first === 45 || first === 0x2022) bits |= IS_BULLET;
  const last = units[end - 1]!;
  const endsInStops = last === 46 && end - begin >= 3 && units[end - 2] === 46 && units[end - 3] === 46;
  return last === 0x2026 || endsInStops ? bits | ENDS_IN_ELLIPSIS : bits;
}

function infoOfWord(units: Uint16Array, begin: number, end: number): number {
  let symbols = WORD_SYMBOLS;
  let letter = 0;
  let punctuation = WORD_PUNCTUATION;
  let points = 0;
  let ending = 0;
  for (let i = begin; i < end; points++) {
    const bits = bitsAt(units, i, end);
    if (!(bits & SYMBOL)) symbols = 0;
    if (bits & LETTER_BIT) letter = WORD_LETTER;
    if (!(bits & PUNCTUATION)) punctuation = 0;
    ending = bits & SENTENCE_END ? WORD_SENTENCE_END : 0;
    i += isPair(units, i, end) ? 2 : 1;
  }
  return (points << WORD_SHIFT) | symbols | letter | punctuation | (points === 1 ? ending : 0);
}

export class WordVocabulary {
  /** Of each word, its length and bits. */
  wordInfo = new Int32Array(1 << 9);
  /** Of each run `RUN_FIELDS` numbers: its bits, how many words it has, and its only word or where in `words` they begin. */
  runs = new Int32Array(1 << 11);
  words = new Int32Array(1 << 9);
  private numWords = 0;
  private readonly runTable = new StringTable();
  private readonly wordTable = new StringTable();

  /** Different words known; their numbers are below it. */
  get size(): number {
    return this.wordTable.size;
  }

  get isLarge(): boolean {
    return this.runTable.size > MAX_RUNS || this.runTable.numUnits > MAX_UNITS;
  }

  /** The number of a run with the given hash; splits it when it is new. */
  run(units: Uint16Array, begin: number, end: number, hash: number): number {
    const known = this.runTable.find(units, begin, end, hash);
    return known < 0 ? this.learn(units, begin, end, hash) : known;
  }

  private learn(units: Uint16Array, begin: number, end: number, hash: number): number {
    const run = this.runTable.add(units, begin, end, hash);
    const at = run * RUN_FIELDS;
    if (at + RUN_FIELDS > this.runs.length) this.runs = grown(this.runs, at + RUN_FIELDS);
    const bits = bitsOfRun(units, begin, end);
    this.runs[at + RUN_BITS] = bits;
    const cuts = splitRun(units, begin, end);
    this.runs[at + RUN_LENGTH] = cuts.length;
    if (cuts.length === 1) {
      this.runs[at + RUN_WORDS] = this.word(units, begin, end, hash);
      return run;
    }
    if (this.numWords + cuts.length > this.words.length) this.words = grown(this.words, this.numWords + cuts.length);
    this.runs[at + RUN_WORDS] = this.numWords;
    let from = begin;
    for (const cut of cuts) {
      this.words[this.numWords++] = this.word(units, from, cut, hashOfUnits(units, from, cut));
      from = cut;
    }
    return run;
  }

  private word(units: Uint16Array, begin: number, end: number, hash: number): number {
    const known = this.wordTable.find(units, begin, end, hash);
    if (known >= 0) return known;
    const word = this.wordTable.add(units, begin, end, hash);
    if (word >= this.wordInfo.length) this.wordInfo = grown(this.wordInfo, word + 1);
    this.wordInfo[word] = infoOfWord(units, begin, end);
    return word;
  }

  /** The number of a word, whose info says from now on that it is watched. */
  watch(word: string): number {
    const units = codeUnitsOf(word);
    const number = this.word(units, 0, units.length, hashOfUnits(units, 0, units.length));
    this.wordInfo[number]! |= WORD_WATCHED;
    return number;
  }
}

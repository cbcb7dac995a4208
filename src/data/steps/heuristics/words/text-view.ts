/**
 * One pass over a text that all filters share: its words by number, its lines with what C4 and Gopher ask of them, its characters. The view
 * of the last text is kept, so that several filters over one document read it once; its arrays are used again for the next text.
 */
import { BREAK, characterTable, countPoints, SPACE_BIT } from "./characters.ts";
import { grown, HASH_START, hashStep } from "./string-table.ts";
import {
  HAS_PAIRS,
  HAS_SYMBOLS,
  RUN_BITS,
  RUN_FIELDS,
  RUN_LENGTH,
  RUN_WORDS,
  WORD_PUNCTUATION,
  WORD_SENTENCE_END,
  WordVocabulary,
} from "./vocabulary.ts";

const SPACE_UNIT = 32;
const CARRIAGE_RETURN = 13;
const NEWLINE = 10;
/** Work arrays larger than this many units are given back after their text. */
const MAX_KEPT = 1 << 22;

/** Fields of a line, side by side in one array. */
export const LINE_FIELDS = 7;
/** First unit, end without the line break; the same without white space at the edges. */
export const LINE_BEGIN = 0;
export const LINE_TEXT_BEGIN = 1;
export const LINE_TEXT_END = 2;
/** Words before the line, runs in it, characters of its longest run, bits of all runs, with those of first and last apart (`LINE_FIRST`). */
export const LINE_WORD = 3;
export const LINE_RUNS = 4;
export const LINE_LONGEST = 5;
export const LINE_BITS = 6;
/** Bits of the first run and of the last run of a line stand above those of all. */
export const FIRST_SHIFT = 8;
export const LAST_SHIFT = 16;

export class TextView {
  vocabulary = new WordVocabulary();
  units = new Uint16Array(1 << 12);
  /** UTF-16 units; characters (code points). */
  length = 0;
  numCharacters = 0;
  hasPairs = false;
  /** Word numbers, white space left out; `gaps[i]` is 1 where white space other than one space stands before word i. */
  words = new Int32Array(1 << 10);
  gaps = new Uint8Array(1 << 10);
  numWords = 0;
  /** Lines as Python's `splitlines` has them. */
  lines = new Int32Array(LINE_FIELDS << 6);
  numLines = 0;
  numNewlines = 0;
  /** How often # and "..." or "…" stand in the text. */
  numHashes = 0;
  numEllipses = 0;
  private text: string | undefined;

  /** The view of a text; valid until the next call. */
  of(text: string): this {
    if (this.text !== text) {
      this.text = undefined;
      this.read(text);
      this.text = text;
    }
    return this;
  }

  /** Takes another vocabulary: an empty one, or that of another view to learn into. */
  use(vocabulary: WordVocabulary): this {
    if (this.vocabulary !== vocabulary) this.text = undefined;
    this.vocabulary = vocabulary;
    return this;
  }

  private load(text: string): void {
    const n = text.length;
    if (n > this.units.length || (this.units.length > MAX_KEPT && n < MAX_KEPT)) {
      this.units = new Uint16Array(Math.max(1 << 12, 2 ** Math.ceil(Math.log2(n + 1))));
      this.words = new Int32Array(1 << 10);
      this.gaps = new Uint8Array(1 << 10);
    }
    Buffer.from(this.units.buffer).write(text, "utf16le");
    this.length = n;
  }

  private read(text: string): void {
    if (this.vocabulary.isLarge) this.vocabulary = new WordVocabulary();
    this.load(text);
    const { vocabulary, units, length } = this;
    const table = characterTable();
    let { words, gaps } = this;
    let numWords = 0;
    this.numLines = 0;
    let numNewlines = 0;
    let pairs = 0;
    this.numHashes = 0;
    this.numEllipses = 0;
    let gap = 0;
    // The line at hand.
    let begin = 0;
    let textBegin = -1;
    let textEnd = 0;
    let firstWord = 0;
    let runs = 0;
    let longest = 0;
    let bits = 0;
    let lastBits = 0;

    for (let i = 0; i < length; ) {
      let c = units[i]!;
      if (table[c]! & SPACE_BIT) {
        const from = i;
        do {
          if (table[c]! & BREAK) {
            this.addLine(
              begin,
              textBegin < 0 ? i : textBegin,
              textBegin < 0 ? i : textEnd,
              firstWord,
              runs,
              longest,
              bits | (lastBits << LAST_SHIFT),
            );
            if (c === NEWLINE) numNewlines++;
            else if (c === CARRIAGE_RETURN && i + 1 < length && units[i + 1] === NEWLINE) {
              numNewlines++;
              i++;
            }
            begin = i + 1;
            textBegin = -1;
            firstWord = numWords;
            runs = longest = bits = lastBits = 0;
          }
          i++;
          c = i < length ? units[i]! : 0;
        } while (table[c]! & SPACE_BIT);
        gap = i - from > 1 || units[from] !== SPACE_UNIT || from === 0 ? 1 : 0;
        continue;
      }
      const from = i;
      let hash = HASH_START;
      do {
        const second = i + 1 < length ? units[i + 1]! : SPACE_UNIT;
        if (table[second]! & SPACE_BIT) {
          hash = hashStep(hash, c, 0);
          i++;
          break;
        }
        hash = hashStep(hash, c, second);
        i += 2;
        c = i < length ? units[i]! : SPACE_UNIT;
      } while (!(table[c]! & SPACE_BIT));
      const run = vocabulary.run(units, from, i, hash) * RUN_FIELDS;
      const { runs: known } = vocabulary;
      lastBits = known[run + RUN_BITS]!;
      let size = i - from;
      if (lastBits & (HAS_PAIRS | HAS_SYMBOLS)) {
        if (lastBits & HAS_PAIRS) {
          size = countPoints(units, from, i);
          pairs += i - from - size;
        }
        if (lastBits & HAS_SYMBOLS) this.countSymbols(from, i);
      }
      if (textBegin < 0) {
        textBegin = from;
        bits = lastBits << FIRST_SHIFT;
      }
      bits |= lastBits;
      textEnd = i;
      runs++;
      if (size > longest) longest = size;
      const count = known[run + RUN_LENGTH]!;
      if (numWords + count > words.length) {
        words = grown(words, numWords + count);
        const larger = new Uint8Array(words.length);
        larger.set(gaps);
        gaps = larger;
      }
      gaps[numWords] = gap;
      gap = 0;
      const first = known[run + RUN_WORDS]!;
      if (count === 1) words[numWords++] = first;
      else
        for (let k = 0; k < count; k++) {
          if (k > 0) gaps[numWords] = 0;
          words[numWords++] = vocabulary.words[first + k]!;
        }
    }
    if (begin < length)
      this.addLine(
        begin,
        textBegin < 0 ? length : textBegin,
        textBegin < 0 ? length : textEnd,
        firstWord,
        runs,
        longest,
        bits | (lastBits << LAST_SHIFT),
      );
    this.words = words;
    this.gaps = gaps;
    this.numWords = numWords;
    this.numNewlines = numNewlines;
    this.hasPairs = pairs > 0;
    this.numCharacters = length - pairs;
  }

  private addLine(begin: number, textBegin: number, textEnd: number, word: number, runs: number, longest: number, bits: number): void {
    const at = this.numLines++ * LINE_FIELDS;
    if (at + LINE_FIELDS > this.lines.length) this.lines = grown(this.lines, at + LINE_FIELDS);
    const { lines } = this;
    lines[at + LINE_BEGIN] = begin;
    lines[at + LINE_TEXT_BEGIN] = textBegin;
    lines[at + LINE_TEXT_END] = textEnd;
    lines[at + LINE_WORD] = word;
    lines[at + LINE_RUNS] = runs;
    lines[at + LINE_LONGEST] = longest;
    lines[at + LINE_BITS] = bits;
  }

  private countSymbols(begin: number, end: number): void {
    const { units } = this;
    for (let i = begin; i < end; i++) {
      const c = units[i]!;
      if (c === 35) this.numHashes++;
      else if (c === 0x2026) this.numEllipses++;
      else if (c === 46 && i + 2 < end && units[i + 1] === 46 && units[i + 2] === 46) {
        this.numEllipses++;
        i += 2;
      }
    }
  }

  /** Characters of units[begin] to units[end]. */
  charactersOf(begin: number, end: number): number {
    return this.hasPairs ? countPoints(this.units, begin, end) : end - begin;
  }

  /**
   * Sentences in the words from first to end, of one line: a new one begins at a word that follows a sentence's end and is no punctuation
   * (spaCy's sentencizer).
   */
  sentencesOf(first: number, end: number): number {
    const { words, gaps } = this;
    const { wordInfo } = this.vocabulary;
    let ended = false;
    let sentences = 1;
    for (let i = first; i < end; i++) {
      const info = wordInfo[words[i]!]!;
      if (ended && ((gaps[i] === 1 && i > first) || !(info & (WORD_PUNCTUATION | WORD_SENTENCE_END)))) {
        sentences++;
        ended = false;
      }
      if (info & WORD_SENTENCE_END) ended = true;
    }
    return sentences;
  }
}

const shared = new TextView();

/** Empties what was learnt of words: for measuring what learning costs. */
export const forgetWords = (): void => {
  shared.use(new WordVocabulary());
};

/** The view of a document's text, shared by all filters; valid until the next call. */
export const viewOf = (text: string): TextView => shared.of(text);

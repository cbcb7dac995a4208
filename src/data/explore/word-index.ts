/**
 * Which documents hold which words, in memory: the distinct lower-case words of all texts and ids, each with the places of its documents as differences
 * of one to five bytes, in chained slices that grow (the layout of Lucene's in-memory index). A word is what stands between ASCII white space, so a query's
 * word occurs in a text exactly where it occurs within one of the text's words: such a query needs no text. Of a phrase the index has the documents that may
 * hold it. Memory is bounded: past `mostBytes` it takes no more documents, and those are searched by reading.
 */

/** Memory of an index: about a million documents of 1 kB. */
const defaultMostBytes = 2 ** 27;
/** Bytes of a posting's slices, the first to the last; the last four of each are the place of the next. */
const sliceBytes = [8, 16, 32, 64, 128, 256] as const;
/** Parts of a query that are looked up; one with more is held against the texts. */
const mostParts = 200;

/** FNV-1a of 32 bits. */
const [hashStart, hashPrime] = [0x811c9dc5, 0x01000193];

const separator = /[\t\n\v\f\r ]+/;
const isSeparator = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** What a part of a query must be of a word: `between`: anywhere in it. */
interface QueryPart {
  readonly text: string;
  readonly place: "between" | "end" | "whole" | "start";
}

function partsOf(word: string): QueryPart[] {
  const pieces = word.split(separator).filter(p => p !== "");
  if (pieces.length === 1) return [{ text: pieces[0]!, place: "between" }];
  return pieces.map((text, i) => ({ text, place: i === 0 ? "end" : i === pieces.length - 1 ? "start" : "whole" }));
}

const larger = <A extends Uint8Array | Uint32Array>(old: A, make: (size: number) => A, atLeast: number): A => {
  const next = make(Math.max(old.length * 2, atLeast));
  next.set(old);
  return next;
};
const moreBytes = (old: Uint8Array<ArrayBuffer>, atLeast: number) => larger(old, n => new Uint8Array(n), atLeast);
const moreNumbers = (old: Uint32Array<ArrayBuffer>, atLeast: number) => larger(old, n => new Uint32Array(n), atLeast);

/** Documents that a query may take: per place 0 none, 1 it holds all words, 2 its text has to be read. */
export type IndexedRows = Uint8Array;

export class WordIndex {
  /** Documents that were added; their places are 0 to before this. */
  rows = 0;
  readonly #mostBytes: number;
  /** Documents whose words are not in the index. */
  readonly #unread: number[] = [];
  readonly #encoder = new TextEncoder();
  #line = new Uint8Array(2 ** 16);
  /** Words with a space before, between and after. */
  #words = new Uint8Array(2 ** 16).fill(32, 0, 1);
  #wordsEnd = 1;
  #count = 0;
  /** Of each word: first byte, slice that is written and its end, size class, first slice, last document. */
  #starts = new Uint32Array(2 ** 12);
  #tails = new Uint32Array(2 ** 12);
  #ends = new Uint32Array(2 ** 12);
  #levels = new Uint8Array(2 ** 12);
  #heads = new Uint32Array(2 ** 12);
  #lasts = new Uint32Array(2 ** 12);
  /** Hash table of words: number + 1. */
  #table = new Uint32Array(2 ** 13);
  #slices = new Uint8Array(2 ** 16);
  #slicesEnd = 0;

  constructor(mostBytes = defaultMostBytes) {
    this.#mostBytes = mostBytes;
  }

  /** Whether it takes no more documents. */
  get isFull(): boolean {
    return this.#wordsEnd + this.#slicesEnd + this.#count * 29 >= this.#mostBytes;
  }

  /** The next document, with what may be searched of it; undefined: its text has to be read. */
  add(texts: readonly string[] | undefined): void {
    const row = this.rows++;
    const lower = texts?.map(t => t.toLowerCase()).join("\n");
    // half a character pair has no UTF-8
    if (lower === undefined || /\p{Surrogate}/u.test(lower)) {
      this.#unread.push(row);
      return;
    }
    if (this.#line.length < lower.length * 3 + 1) this.#line = new Uint8Array(lower.length * 4);
    const line = this.#line;
    const { written } = this.#encoder.encodeInto(lower, line);
    line[written] = 32;
    let [from, hash] = [0, hashStart];
    for (let at = 0; at <= written; at++) {
      const byte = line[at]!;
      if (!isSeparator(byte)) {
        hash = Math.imul(hash ^ byte, hashPrime);
        continue;
      }
      if (at > from) this.#post(this.#wordNumber(from, at, hash), row);
      from = at + 1;
      hash = hashStart;
    }
  }

  #isWord(number: number, from: number, to: number): boolean {
    const [words, line, start] = [this.#words, this.#line, this.#starts[number]!];
    const length = to - from;
    if (words[start + length] !== 32) return false;
    for (let i = 0; i < length; i++) if (words[start + i] !== line[from + i]) return false;
    return true;
  }

  /** Number of a word of the line; a new one is added. */
  #wordNumber(from: number, to: number, hash: number): number {
    const mask = this.#table.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let entry = this.#table[slot]!; entry !== 0; entry = this.#table[slot]!) {
      if (this.#isWord(entry - 1, from, to)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    const number = this.#count++;
    if (number === this.#starts.length) {
      const size = number * 2;
      this.#starts = moreNumbers(this.#starts, size);
      this.#tails = moreNumbers(this.#tails, size);
      this.#ends = moreNumbers(this.#ends, size);
      this.#heads = moreNumbers(this.#heads, size);
      this.#lasts = moreNumbers(this.#lasts, size);
      this.#levels = moreBytes(this.#levels, size);
    }
    const end = this.#wordsEnd + to - from;
    if (end >= this.#words.length) this.#words = moreBytes(this.#words, end + 1);
    this.#words.set(this.#line.subarray(from, to), this.#wordsEnd);
    this.#words[end] = 32;
    this.#starts[number] = this.#wordsEnd;
    this.#wordsEnd = end + 1;
    this.#lasts[number] = 0xffffffff;
    this.#table[slot] = number + 1;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    return number;
  }

  #rehash(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let hash = hashStart;
      for (let at = this.#starts[number]!; this.#words[at] !== 32; at++) hash = Math.imul(hash ^ this.#words[at]!, hashPrime);
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = number + 1;
    }
  }

  /** A slice for a word, of the next size; its place. */
  #slice(number: number, level: number): number {
    const size = sliceBytes[level]!;
    const at = this.#slicesEnd;
    this.#slicesEnd += size;
    if (this.#slicesEnd > this.#slices.length) this.#slices = moreBytes(this.#slices, this.#slicesEnd);
    this.#levels[number] = level;
    this.#tails[number] = at;
    this.#ends[number] = at + size - 4;
    return at;
  }

  #put(number: number, byte: number): void {
    if (this.#tails[number] === this.#ends[number]) {
      const link = this.#ends[number]!;
      const next = this.#slice(number, Math.min(this.#levels[number]! + 1, sliceBytes.length - 1));
      for (let i = 0; i < 4; i++) this.#slices[link + i] = next >>> (8 * i);
    }
    this.#slices[this.#tails[number]!++] = byte;
  }

  #post(number: number, row: number): void {
    const last = this.#lasts[number]!;
    if (last === row) return;
    if (last === 0xffffffff) this.#heads[number] = this.#slice(number, 0);
    let difference = last === 0xffffffff ? row : row - last;
    this.#lasts[number] = row;
    for (; difference > 127; difference >>>= 7) this.#put(number, (difference & 127) | 128);
    this.#put(number, difference);
  }

  /** Marks each document of a word that has passed all parts before. */
  #take(number: number, hits: Uint8Array, part: number): void {
    const slices = this.#slices;
    const tail = this.#tails[number]!;
    let [at, level, row, value, shift] = [this.#heads[number]!, 0, 0, 0, 0];
    let end = at + sliceBytes[0] - 4;
    while (at !== tail) {
      if (at === end) {
        at = (slices[end]! | (slices[end + 1]! << 8) | (slices[end + 2]! << 16) | (slices[end + 3]! << 24)) >>> 0;
        level = Math.min(level + 1, sliceBytes.length - 1);
        end = at + sliceBytes[level]! - 4;
      }
      const byte = slices[at++]!;
      value += (byte & 127) * 2 ** shift;
      shift += 7;
      if (byte > 127) continue;
      row += value;
      if (hits[row] === part) hits[row] = part + 1;
      value = 0;
      shift = 0;
    }
  }

  /** Numbers of the words in which a part occurs, in rising order. */
  *#wordsWith({ text, place }: QueryPart): Generator<number> {
    const before = place === "start" || place === "whole" ? " " : "";
    const after = place === "end" || place === "whole" ? " " : "";
    const needle = Buffer.from(`${before}${text}${after}`);
    const words = Buffer.from(this.#words.buffer, 0, this.#wordsEnd);
    let number = 0;
    for (let at = words.indexOf(needle); at >= 0; at = words.indexOf(needle, this.#starts[number]! - 1)) {
      const first = at + before.length;
      while (number + 1 < this.#count && this.#starts[number + 1]! <= first) number++;
      yield number++;
      if (number >= this.#count) return;
    }
  }

  /** The documents that may hold all words, of those added. */
  rowsWith(words: readonly string[]): IndexedRows {
    const hits = new Uint8Array(this.rows);
    const parts = words.filter(w => !/\p{Surrogate}/u.test(w)).flatMap(partsOf);
    const looked = parts.slice(0, mostParts);
    for (const [place, part] of looked.entries()) for (const number of this.#wordsWith(part)) this.#take(number, hits, place);
    const isSure = looked.length === words.length && parts.every(p => p.place === "between");
    for (let row = 0; row < hits.length; row++) hits[row] = hits[row] === looked.length ? (isSure ? 1 : 2) : 0;
    for (const row of this.#unread) hits[row] = 2;
    return hits;
  }
}

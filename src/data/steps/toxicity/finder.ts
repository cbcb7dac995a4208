/**
 * Looks for the words of a table in a text: whole words and runs of words, plain or disguised, each place once. How a word may be written follows
 * from the normaliser that the gateway's guards use too (`text/normalise`).
 */
import {
  fitsStars,
  foldedText,
  foldText,
  hiddenTexts,
  isDisguised,
  type LetterApart,
  longestWord,
  readingsOf,
  wordsApart,
} from "../../../text/index.ts";
import type { WordTable } from "./words.ts";

interface Entry {
  readonly category: string;
  readonly weight: number;
}

export interface Found {
  /** Words of the text. */
  readonly words: number;
  /** Sum of weights. */
  readonly weight: number;
  readonly categories: ReadonlyMap<string, { readonly count: number; readonly weight: number }>;
}

interface Phrase extends Entry {
  readonly words: readonly string[];
}

/** Characters that words are made of, disguised ones too. */
const wordsIn = /[\p{L}\p{M}\p{N}@$!+*€]+(?:['’-][\p{L}\p{M}\p{N}@$!+*€]+)*/gu;
/** Single letters with the same marks or spaces between them; stars are a matter of readings. */
const apart = /(?<![\p{L}\p{N}])[\p{L}@$0-9](?:[^\p{L}\p{N}@$*\n]{1,3}[\p{L}@$0-9](?![\p{L}\p{N}])){2,}/gu;
const apartLetter = /([^\p{L}\p{N}@$*\n]{0,3})([\p{L}@$0-9])/gu;

/** Words remembered, plain ones of a text and what they were: a cache of a pure function. */
const maxKnown = 200_000;
/** Texts inside of a text inside of a text are looked at, and no deeper. */
const deepest = 2;

const unitsOf = (word: string): number[] => Array.from(word, c => c.codePointAt(0)!);
const wordOf = (units: readonly number[]): string => String.fromCodePoint(...units);
/** As the words of a table are compared. */
const foldWord = (word: string): string => wordOf(foldText(word));

export class Finder {
  readonly #exact = new Map<string, Entry>();
  /** Beginnings by their first three letters. */
  readonly #beginnings = new Map<string, (Entry & { readonly begin: string })[]>();
  readonly #phrases = new Map<string, Phrase[]>();
  readonly #known = new Map<string, Entry | undefined>();

  constructor(table: WordTable) {
    for (const [category, words] of Object.entries(table))
      for (const [written, weight] of Object.entries(words)) {
        const [first = "", ...more] = foldWord(written.trim()).split(/\s+/);
        if (more.length > 0) this.#phrases.set(first, [...(this.#phrases.get(first) ?? []), { words: [first, ...more], category, weight }]);
        else if (first.endsWith("*")) {
          const begin = first.slice(0, -1);
          const key = begin.slice(0, 3);
          this.#beginnings.set(key, [...(this.#beginnings.get(key) ?? []), { begin, category, weight }]);
        } else this.#exact.set(first, { category, weight });
      }
  }

  find(text: string): Found {
    const { words, entries } = this.#look(text, 0);
    const categories = new Map<string, { count: number; weight: number }>();
    let weight = 0;
    for (const [entry, count] of entries) {
      const c = categories.get(entry.category) ?? { count: 0, weight: 0 };
      categories.set(entry.category, { count: c.count + count, weight: c.weight + count * entry.weight });
      weight += count * entry.weight;
    }
    return { words, weight, categories };
  }

  #look(text: string, depth: number): { readonly words: number; readonly entries: Map<Entry, number> } {
    const entries = new Map<Entry, number>();
    const hit = (e: Entry, count = 1) => entries.set(e, (entries.get(e) ?? 0) + count);
    const { text: folded } = foldedText(text);
    const words = folded.match(wordsIn) ?? [];
    for (let i = 0; i < words.length; i++) {
      const phrase = this.#phrases.size > 0 ? this.#phraseAt(words, i) : undefined;
      if (phrase) {
        hit(phrase);
        i += phrase.words.length - 1;
        continue;
      }
      const entry = this.#lookUp(words[i]!);
      if (entry) hit(entry);
    }
    // the same letters were no word above: each is one there
    for (const [run] of folded.matchAll(apart)) for (const entry of this.#apart(run)) hit(entry);
    if (depth < deepest)
      for (const { text: hidden, starts } of hiddenTexts(text)) {
        const inside = this.#look(hidden, depth + 1).entries;
        if (inside.size === 0) continue;
        // a percent-encoded text repeats what stands there plainly
        const plain = this.#look(text.slice(starts[0], starts.at(-1)), deepest).entries;
        for (const [entry, count] of inside) if (count > (plain.get(entry) ?? 0)) hit(entry, count - (plain.get(entry) ?? 0));
      }
    return { words: words.length, entries };
  }

  #apart(run: string): Entry[] {
    const letters: LetterApart[] = [];
    for (const { 1: gap = "", 2: letter = "" } of run.matchAll(apartLetter))
      letters.push({ unit: letter.codePointAt(0)!, start: letters.length, end: letters.length + 1, gap });
    const found: Entry[] = [];
    let until = 0;
    for (const word of wordsApart(letters)) {
      if (word[0]!.start < until) continue;
      const entry = this.#lookUp(wordOf(word.map(l => l.unit)));
      if (!entry) continue;
      found.push(entry);
      until = word.at(-1)!.end;
    }
    return found;
  }

  #phraseAt(words: readonly string[], at: number): Phrase | undefined {
    let longest: Phrase | undefined;
    for (const p of this.#phrases.get(words[at]!) ?? [])
      if (p.words.length > (longest?.words.length ?? 0) && p.words.every((w, i) => words[at + i] === w)) longest = p;
    return longest;
  }

  #plain(word: string): Entry | undefined {
    const exact = this.#exact.get(word);
    if (exact) return exact;
    for (const b of this.#beginnings.get(word.slice(0, 3)) ?? []) if (word.startsWith(b.begin)) return b;
    return undefined;
  }

  #lookUp(word: string): Entry | undefined {
    if (this.#known.has(word)) return this.#known.get(word);
    const entry = this.#judge(word);
    if (this.#known.size >= maxKnown) this.#known.clear();
    if (word.length <= longestWord) this.#known.set(word, entry);
    return entry;
  }

  #judge(word: string): Entry | undefined {
    if (word.length > longestWord) return undefined;
    const plain = this.#plain(word);
    if (plain) return plain;
    // `idiot-proof` is two words, `idiot's` is one and a bit.
    const parts = word.split(/['’-]/).slice(0, 8);
    for (const part of parts) {
      const found = part === word ? undefined : this.#plain(part);
      if (found) return found;
    }
    for (const part of new Set([word, ...parts])) {
      const units = unitsOf(part);
      if (!isDisguised(units)) continue;
      for (const read of [units, ...readingsOf(units).map(r => r.units)]) {
        const meant = wordOf(read);
        const found = this.#plain(meant) ?? (meant.includes("*") ? this.#starred(read) : undefined);
        if (found) return found;
      }
    }
    return undefined;
  }

  #starred(word: readonly number[]): Entry | undefined {
    for (const [other, entry] of this.#exact) if (fitsStars(word, unitsOf(other))) return entry;
    for (const list of this.#beginnings.values())
      for (const b of list) if (word.length >= b.begin.length && fitsStars(word.slice(0, b.begin.length), unitsOf(b.begin))) return b;
    return undefined;
  }
}

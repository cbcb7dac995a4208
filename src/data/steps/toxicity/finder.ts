/**
 * Looks for the words of a table in a text: whole words and runs of words, plain or disguised, each place once. How a word may be written follows
 * from the normaliser that the gateway's guards use too (`text/normalise`).
 */
import {
  fitsStars,
  foldedString,
  foldText,
  hiddenTexts,
  isDisguised,
  type LetterApart,
  longestWord,
  readingsOf,
  turnedForms,
  wordsApart,
} from "../../../text/index.ts";
import { WordMemory } from "./word-memory.ts";
import { beginningUnits, eachWord, HashSieve, hashOfWord, type WordPlace, wordPattern } from "./word-spans.ts";
import type { WordTable } from "./words.ts";

interface Entry {
  readonly category: string;
  readonly weight: number;
}

interface FoundTerm {
  /** Words of the text. */
  readonly words: number;
  /** Sum of weights. */
  readonly weight: number;
  readonly categories: ReadonlyMap<string, { readonly count: number; readonly weight: number }>;
}

interface Phrase extends Entry {
  readonly words: readonly string[];
}

/** Of a word in a text. */
interface Meaning {
  readonly entry: Entry | undefined;
  /** Those that begin with it. */
  readonly phrases: readonly Phrase[] | undefined;
}

/** Single letters with the same marks or spaces between them; stars are a matter of readings. */
const apart = /(?<![\p{L}\p{N}])[\p{L}@$0-9](?:[^\p{L}\p{N}@$*]{1,3}[\p{L}@$0-9](?![\p{L}\p{N}])){2,}/gu;
/** The same for texts of ASCII in small letters, at half the time. */
const apartInAscii = /(?<![a-z0-9])[a-z@$0-9](?:[^a-z0-9@$*]{1,3}[a-z@$0-9](?![a-z0-9])){2,}/g;
const isAscii = /^[\0-\x7f]*$/;
const apartLetter = /([^\p{L}\p{N}@$*]{0,3})([\p{L}@$0-9])/gu;

/** Words remembered, plain ones of a text and what they were: a cache of a pure function. */
const maxKnown = 200_000;
/** Texts inside of a text inside of a text are looked at, and no deeper. */
const deepest = 2;

const unitsOf = (word: string): number[] => Array.from(word, c => c.codePointAt(0)!);
const wordOf = (units: readonly number[]): string => String.fromCodePoint(...units);
/** As the words of a table are compared. */
const foldWord = (word: string): string => wordOf(foldText(word));

const plainWord: Meaning = { entry: undefined, phrases: undefined };

/** The longest of phrases that stands at a word of a text, of which the first word is known to fit. */
function longestPhrase(phrases: readonly Phrase[], text: string, from: number): Phrase | undefined {
  const words: string[] = [];
  const most = Math.max(...phrases.map(p => p.words.length));
  wordPattern.lastIndex = from;
  for (let match = wordPattern.exec(text); match && words.push(match[0]) < most; match = wordPattern.exec(text));
  let longest: Phrase | undefined;
  for (const p of phrases) if (p.words.length > (longest?.words.length ?? 0) && p.words.every((w, i) => words[i] === w)) longest = p;
  return longest;
}

export class ToxicTermFinder {
  readonly #exact = new Map<string, Entry>();
  /** Beginnings by their first three letters. */
  readonly #beginnings = new Map<string, (Entry & { readonly begin: string })[]>();
  readonly #phrases = new Map<string, Phrase[]>();
  /** Of exact words and first words of phrases, and of beginnings: most words of a text are none of them and need no looking up. */
  readonly #whole = new HashSieve();
  readonly #begun = new HashSieve();
  readonly #known = new WordMemory<Meaning>(maxKnown);

  constructor(table: WordTable) {
    for (const [category, words] of Object.entries(table))
      for (const [written, weight] of Object.entries(words)) {
        const [first = "", ...more] = foldWord(written.trim()).split(/\s+/);
        if (more.length > 0) this.#phrases.set(first, [...(this.#phrases.get(first) ?? []), { words: [first, ...more], category, weight }]);
        else if (first.endsWith("*")) {
          const begin = first.slice(0, -1);
          const key = begin.slice(0, beginningUnits);
          this.#beginnings.set(key, [...(this.#beginnings.get(key) ?? []), { begin, category, weight }]);
        } else this.#exact.set(first, { category, weight });
      }
    // beginnings and phrases are too often other words when they are turned
    for (const [word, entry] of [...this.#exact])
      for (const units of turnedForms(unitsOf(word))) if (!this.#exact.has(wordOf(units))) this.#exact.set(wordOf(units), entry);
    for (const word of [...this.#exact.keys(), ...this.#phrases.keys()]) this.#whole.add(hashOfWord(word));
    for (const begin of this.#beginnings.keys()) this.#begun.add(hashOfWord(begin));
  }

  find(text: string): FoundTerm {
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
    const folded = foldedString(text);
    const meant: { readonly at: number; readonly from: number; readonly meaning: Meaning }[] = [];
    let words = 0;
    eachWord(folded, word => {
      const meaning = this.#meaningAt(folded, word);
      if (meaning !== plainWord) meant.push({ at: words, meaning, from: word.from });
      words++;
    });
    let until = 0;
    for (const { at, from, meaning } of meant) {
      if (at < until) continue;
      const { entry, phrases } = meaning;
      const phrase = phrases && longestPhrase(phrases, folded, from);
      if (phrase) {
        hit(phrase);
        until = at + phrase.words.length;
      } else if (entry) hit(entry);
    }
    // the same letters were no word above: each is one there
    for (const [run] of folded.matchAll(isAscii.test(folded) ? apartInAscii : apart)) for (const entry of this.#apart(run)) hit(entry);
    if (depth < deepest)
      for (const { text: hidden, starts } of hiddenTexts(text)) {
        const inside = this.#look(hidden, depth + 1).entries;
        if (inside.size === 0) continue;
        // a percent-encoded text repeats what stands there plainly
        const plain = this.#look(text.slice(starts[0], starts.at(-1)), deepest).entries;
        for (const [entry, count] of inside) if (count > (plain.get(entry) ?? 0)) hit(entry, count - (plain.get(entry) ?? 0));
      }
    return { words, entries };
  }

  #apart(run: string): Entry[] {
    const letters: LetterApart[] = [];
    for (const { 1: gap = "", 2: letter = "" } of run.matchAll(apartLetter))
      letters.push({ unit: letter.codePointAt(0)!, start: letters.length, end: letters.length + 1, gap });
    const found: Entry[] = [];
    let until = 0;
    for (const word of wordsApart(letters)) {
      if (word[0]!.start < until) continue;
      const entry = this.#judge(wordOf(word.map(l => l.unit)));
      if (!entry) continue;
      found.push(entry);
      until = word.at(-1)!.end;
    }
    return found;
  }

  #plain(word: string): Entry | undefined {
    const exact = this.#exact.get(word);
    if (exact) return exact;
    for (const b of this.#beginnings.get(word.slice(0, beginningUnits)) ?? []) if (word.startsWith(b.begin)) return b;
    return undefined;
  }

  #meaningAt(text: string, { from, to, hash, beginning, isPlain }: WordPlace): Meaning {
    if (isPlain && !this.#whole.mayHave(hash) && !this.#begun.mayHave(beginning)) return plainWord;
    const known = this.#known.find(text, from, to, hash);
    if (known) return known;
    const word = text.slice(from, to);
    const phrases = this.#phrases.get(word);
    const entry = this.#judge(word);
    const meaning = phrases || entry ? { entry, phrases } : plainWord;
    // a copy: a part of a text would keep the text
    if (word.length <= longestWord) this.#known.set(Buffer.from(word, "utf16le").toString("utf16le"), hash, meaning);
    return meaning;
  }

  #judge(word: string): Entry | undefined {
    if (word.length > longestWord) return undefined;
    const plain = this.#plain(word);
    if (plain) return plain;
    // `idiot-proof` is two words, `idiot's` is one and a bit; bars stand between cells too
    const parts = word.split(/['’|-]/).slice(0, 8);
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

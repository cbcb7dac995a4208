/** Looks for the words of a table in a text: whole words and runs of words, plain or disguised, each place once. */
import { apart, disguises, fitsStars, fold, wordsIn } from "./fold.ts";
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

const beyondAscii = /[^\x20-\x7e]/;

/** Words remembered, plain ones of a text and what they were: a cache of a pure function. */
const maxKnown = 200_000;

export class Finder {
  readonly #exact = new Map<string, Entry>();
  /** Beginnings by their first three letters. */
  readonly #beginnings = new Map<string, (Entry & { readonly begin: string })[]>();
  readonly #phrases = new Map<string, Phrase[]>();
  readonly #known = new Map<string, Entry | undefined>();

  constructor(table: WordTable) {
    for (const [category, words] of Object.entries(table))
      for (const [written, weight] of Object.entries(words)) {
        const [first = "", ...more] = fold(written.trim()).split(/\s+/);
        if (more.length > 0) this.#phrases.set(first, [...(this.#phrases.get(first) ?? []), { words: [first, ...more], category, weight }]);
        else if (first.endsWith("*")) {
          const begin = first.slice(0, -1);
          const key = begin.slice(0, 3);
          this.#beginnings.set(key, [...(this.#beginnings.get(key) ?? []), { begin, category, weight }]);
        } else this.#exact.set(first, { category, weight });
      }
  }

  find(text: string): Found {
    const categories = new Map<string, { count: number; weight: number }>();
    let weight = 0;
    const hit = (e: Entry) => {
      const c = categories.get(e.category) ?? { count: 0, weight: 0 };
      categories.set(e.category, { count: c.count + 1, weight: c.weight + e.weight });
      weight += e.weight;
    };
    const words = text.toLowerCase().match(wordsIn) ?? [];
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
    for (const m of text.match(apart) ?? []) {
      const entry = this.#lookUp(m.toLowerCase().replace(/[ ._*-]/g, ""));
      // Between letters a star is a space here; the same run was no word above.
      if (entry) hit(entry);
    }
    return { words: words.length, weight, categories };
  }

  #phraseAt(words: readonly string[], at: number): Phrase | undefined {
    const plain = (i: number): string | undefined => (words[i] !== undefined && beyondAscii.test(words[i]!) ? fold(words[i]!) : words[i]);
    let longest: Phrase | undefined;
    for (const p of this.#phrases.get(plain(at)!) ?? [])
      if (p.words.length > (longest?.words.length ?? 0) && p.words.every((w, i) => plain(at + i) === w)) longest = p;
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
    if (word.length <= 40) this.#known.set(word, entry);
    return entry;
  }

  #judge(word: string): Entry | undefined {
    // Longer runs are no words, and not worth the looking.
    if (word.length > 60) return undefined;
    const plain = this.#plain(word);
    if (plain) return plain;
    // `idiot-proof` is two words, `idiot's` is one and a bit.
    for (const part of word.split(/['’-]/).slice(0, 8)) {
      const found = part === word ? undefined : this.#plain(part);
      if (found) return found;
    }
    if (/^[a-z'’-]*$/.test(word) && !/(.)\1\1/.test(word)) return undefined;
    for (const meant of disguises(word)) {
      const found = this.#plain(meant) ?? (meant.includes("*") ? this.#starred(meant) : undefined);
      if (found) return found;
    }
    return word.includes("*") ? this.#starred(fold(word)) : undefined;
  }

  #starred(word: string): Entry | undefined {
    for (const [other, entry] of this.#exact) if (fitsStars(word, other)) return entry;
    for (const list of this.#beginnings.values())
      for (const b of list) if (word.length >= b.begin.length && fitsStars(word.slice(0, b.begin.length), b.begin)) return b;
    return undefined;
  }
}

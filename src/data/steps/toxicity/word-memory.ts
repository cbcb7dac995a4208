/**
 * What is known of words, found by a place in a text without making a string of it. Open addressing; a word that is not within a few places of its
 * own is not remembered, so words made to collide cost what unknown ones do.
 */

/** Places that are looked at. */
const longestProbe = 16;
const leastPlaces = 1024;

const placeOf = (hash: number, mask: number): number => (hash ^ (hash >>> 15)) & mask;

export class WordMemory<V extends object> {
  readonly #most: number;
  #words: (string | undefined)[] = [];
  #values: (V | undefined)[] = [];
  #hashes = new Int32Array(0);
  #size = 0;

  /** Forgets all when it knows `most` words. */
  constructor(most: number) {
    this.#most = most;
    this.#empty(leastPlaces);
  }

  #empty(places: number): void {
    this.#words = new Array<string | undefined>(places).fill(undefined);
    this.#values = new Array<V | undefined>(places).fill(undefined);
    this.#hashes = new Int32Array(places);
    this.#size = 0;
  }

  /** Of the word from `from` to `to`. */
  find(text: string, from: number, to: number, hash: number): V | undefined {
    const mask = this.#hashes.length - 1;
    for (let k = 0, at = placeOf(hash, mask); k < longestProbe; k++, at = (at + 1) & mask) {
      const word = this.#words[at];
      if (word === undefined) return undefined;
      if (this.#hashes[at] !== hash || word.length !== to - from) continue;
      let i = 0;
      while (i < word.length && word.charCodeAt(i) === text.charCodeAt(from + i)) i++;
      if (i === word.length) return this.#values[at];
    }
    return undefined;
  }

  /** Of a word that it does not know yet. */
  set(word: string, hash: number, value: V): void {
    if (this.#size >= this.#most) this.#empty(leastPlaces);
    else if (2 * this.#size >= this.#hashes.length) this.#grow();
    if (this.#put(word, hash, value)) this.#size++;
  }

  #put(word: string, hash: number, value: V): boolean {
    const mask = this.#hashes.length - 1;
    for (let k = 0, at = placeOf(hash, mask); k < longestProbe; k++, at = (at + 1) & mask) {
      if (this.#words[at] !== undefined) continue;
      this.#words[at] = word;
      this.#values[at] = value;
      this.#hashes[at] = hash;
      return true;
    }
    return false;
  }

  #grow(): void {
    const [words, values, hashes] = [this.#words, this.#values, this.#hashes];
    this.#empty(2 * hashes.length);
    for (const [i, word] of words.entries()) if (word !== undefined && this.#put(word, hashes[i]!, values[i]!)) this.#size++;
  }
}

/**
 * Repeated word n-grams of a document, n = 2 to 10 (Rae et al. 2021, table A1). An n-gram is named by the place where it came first; an
 * n-gram can only repeat where its two (n-1)-grams do, so each length looks at what the length before left over, and most texts are done
 * after three. Names are compared exactly: hashes only find candidates.
 */
import type { TextView } from "../words/text-view.ts";
import { WORD_SHIFT } from "../words/vocabulary.ts";

const topLengths = [2, 3, 4] as const;
const repeatedLengths = [5, 6, 7, 8, 9, 10] as const;

interface NgramMeasures {
  /** By n: characters of the most frequent n-gram, its spaces included, times how often it stands (overlaps count); of equals the first. */
  readonly top: Readonly<Record<(typeof topLengths)[number], number>>;
  /** By n: characters of n-grams that stood before, read from left to right, one that repeats being stepped over whole; no spaces. */
  readonly repeated: Readonly<Record<(typeof repeatedLengths)[number], number>>;
}

let room = 0;
/** Characters before each word. */
let ahead = new Int32Array(0);
/** The name of the (n-1)-gram and of the n-gram at each place, and how often each name stands. */
let shorter = new Int32Array(0);
let names = new Int32Array(0);
let counts = new Int32Array(0);
/** For a name: the last n for which it was stepped on. */
let stepped = new Uint8Array(0);
/** Places whose n-gram stands at least twice. */
let places = new Int32Array(0);
let slots = new Int32Array(0);
/** How often each word of the vocabulary stands in the document; all zero between calls. */
let wordCounts = new Int32Array(0);

function makeRoom(numWords: number, vocabulary: number): void {
  if (numWords + 1 > room || room > 1 << 22) {
    room = Math.max(64, 2 ** Math.ceil(Math.log2(numWords + 2)));
    ahead = new Int32Array(room);
    shorter = new Int32Array(room);
    names = new Int32Array(room);
    counts = new Int32Array(room);
    places = new Int32Array(room);
    stepped = new Uint8Array(room);
    slots = new Int32Array(room * 2);
  }
  if (vocabulary > wordCounts.length) wordCounts = new Int32Array(2 ** Math.ceil(Math.log2(vocabulary + 1)));
}

export function measureNgrams({ words, numWords, vocabulary }: TextView): NgramMeasures {
  const top = { 2: 0, 3: 0, 4: 0 };
  const repeated = { 5: 0, 6: 0, 7: 0, 8: 0, 9: 0, 10: 0 };
  makeRoom(numWords, vocabulary.size);
  const { wordInfo } = vocabulary;
  ahead[0] = 0;
  for (let i = 0; i < numWords; i++) {
    const word = words[i]!;
    wordCounts[word]!++;
    shorter[i] = word;
    ahead[i + 1] = ahead[i]! + (wordInfo[word]! >>> WORD_SHIFT);
  }
  let numPlaces = 0;
  for (let i = 0; i < numWords; i++) if (wordCounts[words[i]!]! > 1) places[numPlaces++] = i;
  for (let i = 0; i < numWords; i++) wordCounts[words[i]!] = 0;
  stepped.fill(0, 0, numWords);

  for (let n = 2; n <= 10; n++) {
    numPlaces = nameNgrams(words, n, numPlaces);
    if (n <= 4 && numWords >= n) top[n as 2] = topOf(n, numPlaces);
    if (n >= 5) repeated[n as 5] = repeatedOf(n, numPlaces);
    [shorter, names] = [names, shorter];
  }
  return { top, repeated };
}

/** From the places whose (n-1)-gram repeats to those whose n-gram does; fills `names` and `counts` there. How many are left. */
function nameNgrams(words: Int32Array, n: number, numPlaces: number): number {
  let size = 16;
  while (size < numPlaces * 2) size *= 2;
  const mask = size - 1;
  slots.fill(0, 0, Math.min(size, slots.length));
  let kept = 0;
  for (let k = 0; k + 1 < numPlaces; k++) {
    const i = places[k]!;
    if (places[k + 1] !== i + 1) continue;
    const name = shorter[i]!;
    const last = words[i + n - 1]!;
    let at = Math.imul(Math.imul(name, 0x1e35a7bd) ^ last, 0x2c1b3c6d);
    at ^= at >>> 15;
    for (; ; at++) {
      const first = slots[at & mask]! - 1;
      if (first < 0) {
        slots[at & mask] = i + 1;
        names[i] = i;
        counts[i] = 1;
        break;
      }
      if (shorter[first] === name && words[first + n - 1] === last) {
        names[i] = first;
        counts[first]!++;
        break;
      }
    }
    places[kept++] = i;
  }
  let numLeft = 0;
  for (let k = 0; k < kept; k++) {
    const i = places[k]!;
    if (counts[names[i]!]! > 1) places[numLeft++] = i;
  }
  return numLeft;
}

/** Of the n-grams at the places left the most frequent, the first of equals; where none repeats, the document's first. */
function topOf(n: number, numPlaces: number): number {
  let first = 0;
  let most = 1;
  for (let k = 0; k < numPlaces; k++) {
    const i = places[k]!;
    if (names[i] === i && counts[i]! > most) {
      most = counts[i]!;
      first = i;
    }
  }
  return (ahead[first + n]! - ahead[first]! + n - 1) * most;
}

function repeatedOf(n: number, numPlaces: number): number {
  let characters = 0;
  let next = 0;
  for (let k = 0; k < numPlaces; k++) {
    const i = places[k]!;
    if (i < next) continue;
    const name = names[i]!;
    if (stepped[name] === n) {
      characters += ahead[i + n]! - ahead[i]!;
      next = i + n;
    } else stepped[name] = n;
  }
  return characters;
}

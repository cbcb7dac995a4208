/**
 * Words of a folded text by their places, in one pass without a string for each: letters, marks, digits and signs that stand for letters, joined by
 * apostrophes and hyphens between them.
 */

/** What a word is made of; a differential test compares `eachWord` with it. */
export const wordPattern = /[\p{L}\p{M}\p{N}@$!|+*€]+(?:['’-][\p{L}\p{M}\p{N}@$!|+*€]+)*/gu;

const character = /[\p{L}\p{M}\p{N}@$!|+*€]/u;
const joint = /['’-]/;
const [inside, joins, outside] = [1, 2, 3] as const;
/** Of UTF-16 units; 0 until one comes. */
const kinds = new Uint8Array(0x10000);

function kindOf(unit: number): number {
  const c = String.fromCharCode(unit);
  const kind = character.test(c) ? inside : joint.test(c) ? joins : outside;
  kinds[unit] = kind;
  return kind;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

/** Units of the word's character at `i`; 0 where there is none. */
function widthAt(text: string, i: number): number {
  const unit = text.charCodeAt(i);
  if (isHigh(unit) && i + 1 < text.length && isLow(text.charCodeAt(i + 1)))
    return character.test(String.fromCodePoint(text.codePointAt(i)!)) ? 2 : 0;
  return (kinds[unit] || kindOf(unit)) === inside ? 1 : 0;
}

/** FNV-1a of UTF-16 units. */
const firstHash = 0x811c9dc5 | 0;
const nextHash = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

/** Of the first units of a word, by which a table of beginnings is looked up. */
export const beginningUnits = 3;
const [smallA, smallZ] = [97, 122] as const;

/** A word's place and its hashes; the same object for all words of a text. */
export interface WordPlace {
  from: number;
  to: number;
  hash: number;
  /** Of its first three units. */
  beginning: number;
  /** Small letters of ASCII alone, none three times in a row and not each of them twice: it reads as itself and in no other way. */
  isPlain: boolean;
}

/** Tells each word's place, in order. */
export function eachWord(text: string, tell: (word: Readonly<WordPlace>) => void): void {
  const word: WordPlace = { from: 0, to: 0, hash: 0, beginning: 0, isPlain: true };
  const { length } = text;
  for (let i = 0; i < length; ) {
    let width = widthAt(text, i);
    if (width === 0) {
      const isPair = isHigh(text.charCodeAt(i)) && i + 1 < length && isLow(text.charCodeAt(i + 1));
      i += isPair ? 2 : 1;
      continue;
    }
    const from = i;
    let hash = firstHash;
    let beginning = firstHash;
    let isPlain = true;
    let last = 0;
    let times = 0;
    let hasSingle = false;
    while (i < length) {
      width = widthAt(text, i);
      if (width === 0) {
        // a joint only between two characters of words
        if (kinds[text.charCodeAt(i)] !== joins || i + 1 >= length || widthAt(text, i + 1) === 0) break;
        width = 1;
      }
      for (const end = i + width; i < end; i++) {
        const unit = text.charCodeAt(i);
        hash = nextHash(hash, unit);
        if (i - from < beginningUnits) beginning = hash;
        if (unit !== last && times === 1) hasSingle = true;
        times = unit === last ? times + 1 : 1;
        last = unit;
        if (unit < smallA || unit > smallZ || times > 2) isPlain = false;
      }
    }
    word.from = from;
    word.to = i;
    word.hash = hash;
    word.beginning = beginning;
    word.isPlain = isPlain && (hasSingle || times === 1);
    tell(word);
  }
}

/** Of a whole word, as `eachWord` tells it. */
export function hashOfWord(word: string): number {
  let hash = firstHash;
  for (let i = 0; i < word.length; i++) hash = nextHash(hash, word.charCodeAt(i));
  return hash;
}

/** Hashes of which none that was added is missed. */
export class HashSieve {
  readonly #bits = new Uint8Array(1 << 16);

  add(hash: number): void {
    this.#bits[(hash ^ (hash >>> 16)) & 0xffff] = 1;
  }

  mayHave(hash: number): boolean {
    return this.#bits[(hash ^ (hash >>> 16)) & 0xffff] === 1;
  }
}

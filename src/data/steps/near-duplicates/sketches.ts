/**
 * What is kept of each text to compare it: its shingles (4 bytes each), one key a band (4 bytes each), and 16 bytes to find them. Shingles
 * are made distinct when they are first asked for: most texts are never compared. All in few flat arrays: an object with two arrays of its own would take some 250 bytes a text before it holds anything.
 */

import type { Send } from "../step.ts";
import { type HashSet, hashSet } from "./hash-set.ts";
import { bandKeys, minHasherView } from "./minhash.ts";
import type { NearDuplicateOptions } from "./options.ts";
import { shingleHashes } from "./shingles.ts";

/** Sketches by number, 0 to `size` - 1. */
export interface Sketches {
  readonly size: number;
  /**
   * Distinct, in the order of the text; none for texts too short to shingle, of which nothing is known to be like them. A view. Loaded into `into`, where
   * it is given: a set that has to be made distinct is so on the way.
   */
  shingles(i: number, into?: HashSet): Uint32Array;
  /** Key of band `b`; without meaning where there are no shingles. */
  key(i: number, b: number): number;
  /** Whether there are no shingles. */
  isShort(i: number): boolean;
  /** Bytes held. */
  readonly sizeBytes: number;
}

export interface SketchStore extends Sketches {
  /** Takes a text in, or its ASCII bytes, and gives its number. */
  add(text: string | Uint8Array): number;
}

const placeWidth = 4;
/** Texts whose keys lie in one array. */
const textsInBlock = 1024;
/** Shingles in one array; a text with more gets an array of its own. */
const shinglesInBlock = 2 ** 18;

const none = new Uint32Array(0);

/** Makes sets distinct for those who want nothing else of a table. */
const scratch = hashSet();

export function sketchStore(options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const { words, bands } = options;
  const sign = minHasherView(options);
  const keyBlocks: Uint32Array[] = [];
  const shingleBlocks: Uint32Array[] = [];
  // Of each text: block of its shingles, where they begin in it, how many they are, whether they are distinct.
  const placeBlocks: Uint32Array[] = [];
  let size = 0;
  let used = shinglesInBlock;
  let open = -1;
  let sizeBytes = 0;
  const allocate = (blocks: Uint32Array[], length: number): number => {
    sizeBytes += 4 * length;
    return blocks.push(new Uint32Array(length)) - 1;
  };

  const keep = (all: Uint32Array, place: Uint32Array, at: number) => {
    const isLong = all.length > shinglesInBlock;
    const set = isLong ? all.subarray(0, scratch.load(all)) : all;
    const n = set.length;
    place[at + 2] = n;
    place[at + 3] = isLong ? 1 : 0;
    if (n === 0) return;
    const isLarge = n > shinglesInBlock >> 2;
    if (!isLarge && used + n > shinglesInBlock) [open, used] = [allocate(shingleBlocks, shinglesInBlock), 0];
    const block = isLarge ? allocate(shingleBlocks, n) : open;
    place[at] = block;
    place[at + 1] = isLarge ? 0 : used;
    shingleBlocks[block]!.set(set, place[at + 1]);
    if (!isLarge) used += n;
  };

  const nextRow = (): number => {
    const row = size % textsInBlock;
    if (row === 0) {
      allocate(keyBlocks, textsInBlock * bands);
      allocate(placeBlocks, textsInBlock * placeWidth);
    }
    return row;
  };
  return {
    get size() {
      return size;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    add(text) {
      const row = nextRow();
      const set = shingleHashes(text, words);
      if (set.length > 0) bandKeys(sign(set), options, keyBlocks.at(-1)!, row * bands);
      keep(set, placeBlocks.at(-1)!, placeWidth * row);
      return size++;
    },
    shingles(i, into) {
      const place = placeBlocks[Math.floor(i / textsInBlock)]!;
      const at = placeWidth * (i % textsInBlock);
      const from = place[at + 1]!;
      const n = place[at + 2]!;
      const all = n === 0 ? none : shingleBlocks[place[at]!]!.subarray(from, from + n);
      const isDistinct = n === 0 || place[at + 3] === 1;
      if (isDistinct && !into) return all;
      const distinct = (into ?? scratch).load(all);
      if (isDistinct) return all;
      place[at + 2] = distinct;
      place[at + 3] = 1;
      return all.subarray(0, distinct);
    },
    isShort: i => placeBlocks[Math.floor(i / textsInBlock)]![placeWidth * (i % textsInBlock) + 2] === 0,
    key: (i, b) => keyBlocks[Math.floor(i / textsInBlock)]![(i % textsInBlock) * bands + b]!,
  };
}

/** Sketches of what `stored` of a sketcher made. Holds the bytes, and distinct shingles of what is compared. */
export function storedSketches(all: readonly Buffer[], { bands }: Pick<NearDuplicateOptions, "bands">): Sketches {
  const sets: (Uint32Array | undefined)[] = [];
  return {
    size: all.length,
    sizeBytes: all.reduce((n, b) => n + b.length, 0),
    isShort: i => all[i]!.length === 0,
    key: (i, b) => all[i]!.readUInt32LE(4 * b),
    shingles(i, into) {
      const known = sets[i];
      if (known) {
        into?.load(known);
        return known;
      }
      const bytes = all[i]!.subarray(4 * bands);
      const set = new Uint32Array(bytes.length / 4);
      Buffer.from(set.buffer).set(bytes);
      const distinct = set.subarray(0, (into ?? scratch).load(set));
      sets[i] = distinct;
      return distinct;
    },
  };
}

/** Makes sketches of one shape and sends them about. Texts of the same identity have the same words. */
export interface Sketcher {
  /** Sends `name` under each band key of a text, or of ASCII bytes; texts too short to shingle send nothing. */
  sendBands(identity: string, text: () => string | Uint8Array, name: Buffer, send: Send): void;
  /** A text's band keys and shingles as bytes, valid until the next call; none of a text too short to shingle. */
  stored(identity: string, text: () => string | Uint8Array): Buffer;
}

/** Tells band keys from other keys. */
const bandMark = 0x62616e64;
/** Sketches that a sketcher remembers, bytes: a text that comes twice, as a copy or in a later phase, is not taken apart again. */
const rememberedBytes = 2 ** 24;

export interface SketcherMemory {
  readonly bytes: number;
  /** One task sees all documents: what it sent of a text need not be sent again. */
  readonly sendsOnce?: boolean;
}

/** A sketcher. Memory: `memory.bytes`. */
export function sketcher(
  options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">,
  memory: SketcherMemory = { bytes: rememberedBytes },
): Sketcher {
  const { words, bands } = options;
  const sign = minHasherView(options);
  /** Where a sketch lies, by identity: numbers, because thousands of small objects that live long are dear to collect. */
  const known = new Map<string, number>();
  /** Piece, first byte, and bytes of each sketch. */
  let places = new Uint32Array(3 * 256);
  let count = 0;
  let pieces: Buffer[] = [];
  let [used, knownBytes] = [0, 0];
  const key: [number, number, number, number] = [0, 0, bandMark, 0];
  const make = (identity: string, text: string | Uint8Array): number => {
    const set = shingleHashes(text, words);
    const length = set.length === 0 ? 0 : 4 * (bands + set.length);
    if (knownBytes + length > memory.bytes) {
      known.clear();
      // One piece stays to be written over: nobody may hold what is in it.
      pieces = pieces.slice(-1);
      count = used = knownBytes = 0;
    }
    const last = pieces.at(-1);
    if (!last || used + length > last.length) {
      pieces.push(Buffer.allocUnsafeSlow(Math.max(2 ** 20, length)));
      used = 0;
    }
    const piece = pieces.at(-1)!;
    if (set.length > 0) {
      const all = new Uint32Array(piece.buffer, piece.byteOffset + used, length / 4);
      bandKeys(sign(set), options, all, 0);
      all.set(set, bands);
    }
    if (3 * count === places.length) {
      const more = new Uint32Array(2 * places.length);
      more.set(places);
      places = more;
    }
    places.set([pieces.length - 1, used, length], 3 * count);
    used += length;
    knownBytes += length;
    known.set(identity, count);
    return count++;
  };
  return {
    sendBands(identity, text, name, send) {
      const sent = known.get(identity);
      if (sent !== undefined && memory.sendsOnce) return;
      const at = 3 * (sent ?? make(identity, text()));
      if (places[at + 2] === 0) return;
      const [piece, from] = [pieces[places[at]!]!, places[at + 1]!];
      for (let b = 0; b < bands; b++) {
        key[0] = piece.readUInt32LE(from + 4 * b);
        key[1] = b;
        send(0, key, name);
      }
    },
    stored(identity, text) {
      const at = 3 * (known.get(identity) ?? make(identity, text()));
      const from = places[at + 1]!;
      return pieces[places[at]!]!.subarray(from, from + places[at + 2]!);
    },
  };
}

/** Sketches of some texts. */
export function sketchAll(texts: Iterable<string>, options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const store = sketchStore(options);
  for (const text of texts) store.add(text);
  return store;
}

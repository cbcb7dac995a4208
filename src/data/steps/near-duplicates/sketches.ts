/**
 * What is kept of each text to compare it: its shingles (4 bytes each), one key a band (4 bytes each), and 16 bytes to find them. Shingles
 * are sorted when they are first asked for: most texts are never compared. All in few flat arrays: an object with two arrays of its own would take some 250 bytes a text before it holds anything.
 */
import type { NearDuplicateOptions } from "./index.ts";
import { bandKeys, minHasherView } from "./minhash.ts";
import { shingleHashes, sortDistinct } from "./shingles.ts";

/** Sketches by number, 0 to `size` - 1. */
export interface Sketches {
  readonly size: number;
  /** Sorted and distinct; none for texts too short to shingle, of which nothing is known to be like them. A view. */
  shingles(i: number): Uint32Array;
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

export function sketchStore(options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const { words, bands } = options;
  const sign = minHasherView(options);
  const keyBlocks: Uint32Array[] = [];
  const shingleBlocks: Uint32Array[] = [];
  // Of each text: block of its shingles, where they begin in it, how many they are, whether they are sorted and distinct.
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
    const set = isLong ? all.subarray(0, sortDistinct(all)) : all;
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

  return {
    get size() {
      return size;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    add(text) {
      const row = size % textsInBlock;
      if (row === 0) {
        allocate(keyBlocks, textsInBlock * bands);
        allocate(placeBlocks, textsInBlock * placeWidth);
      }
      const set = shingleHashes(text, words);
      if (set.length > 0) bandKeys(sign(set), options, keyBlocks.at(-1)!, row * bands);
      keep(set, placeBlocks.at(-1)!, placeWidth * row);
      return size++;
    },
    shingles(i) {
      const place = placeBlocks[Math.floor(i / textsInBlock)]!;
      const at = placeWidth * (i % textsInBlock);
      const from = place[at + 1]!;
      const n = place[at + 2]!;
      if (n === 0) return none;
      const block = shingleBlocks[place[at]!]!;
      if (place[at + 3] === 0) {
        place[at + 2] = sortDistinct(block.subarray(from, from + n));
        place[at + 3] = 1;
      }
      return block.subarray(from, from + place[at + 2]!);
    },
    isShort: i => placeBlocks[Math.floor(i / textsInBlock)]![placeWidth * (i % textsInBlock) + 2] === 0,
    key: (i, b) => keyBlocks[Math.floor(i / textsInBlock)]![(i % textsInBlock) * bands + b]!,
  };
}

/** Sketches of some texts. */
export function sketchAll(texts: Iterable<string>, options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const store = sketchStore(options);
  for (const text of texts) store.add(text);
  return store;
}

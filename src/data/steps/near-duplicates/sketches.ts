/**
 * What is kept of each text to compare it: its distinct shingles (4 bytes each), one key a band (4 bytes each), and 12 bytes to find them.
 * All in few flat arrays: an object with two arrays of its own would take some 250 bytes a text before it holds anything.
 */
import type { NearDuplicateOptions } from "./index.ts";
import { bandKeys, minHasherView } from "./minhash.ts";
import { shinglesView } from "./shingles.ts";

/** Sketches by number, 0 to `size` - 1. */
export interface Sketches {
  readonly size: number;
  /** Sorted and distinct; none for texts too short to shingle, of which nothing is known to be like them. A view. */
  shingles(i: number): Uint32Array;
  /** Key of band `b`; without meaning where there are no shingles. */
  key(i: number, b: number): number;
  /** Bytes held. */
  readonly sizeBytes: number;
}

export interface SketchStore extends Sketches {
  /** Takes a text in, or its ASCII bytes, and gives its number. */
  add(text: string | Uint8Array): number;
}

/** Texts whose keys lie in one array. */
const textsInBlock = 1024;
/** Shingles in one array; a text with more gets an array of its own. */
const shinglesInBlock = 2 ** 18;

export function sketchStore(options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const { words, bands } = options;
  const sign = minHasherView(options);
  const keyBlocks: Uint32Array[] = [];
  const shingleBlocks: Uint32Array[] = [];
  // Of each text: block of its shingles, where they begin in it, how many they are.
  const placeBlocks: Uint32Array[] = [];
  let size = 0;
  let used = shinglesInBlock;
  let open = -1;
  let sizeBytes = 0;
  const allocate = (blocks: Uint32Array[], length: number): number => {
    sizeBytes += 4 * length;
    return blocks.push(new Uint32Array(length)) - 1;
  };

  const keep = (set: Uint32Array, place: Uint32Array, at: number) => {
    const n = set.length;
    place[at + 2] = n;
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
        allocate(placeBlocks, textsInBlock * 3);
      }
      const set = shinglesView(text, words);
      keep(set, placeBlocks.at(-1)!, 3 * row);
      if (set.length > 0) bandKeys(sign(set), options, keyBlocks.at(-1)!, row * bands);
      return size++;
    },
    shingles(i) {
      const place = placeBlocks[Math.floor(i / textsInBlock)]!;
      const at = 3 * (i % textsInBlock);
      const n = place[at + 2]!;
      const from = place[at + 1]!;
      return n === 0 ? new Uint32Array(0) : shingleBlocks[place[at]!]!.subarray(from, from + n);
    },
    key: (i, b) => keyBlocks[Math.floor(i / textsInBlock)]![(i % textsInBlock) * bands + b]!,
  };
}

/** Sketches of some texts. */
export function sketchAll(texts: Iterable<string>, options: Pick<NearDuplicateOptions, "words" | "bands" | "rows">): SketchStore {
  const store = sketchStore(options);
  for (const text of texts) store.add(text);
  return store;
}

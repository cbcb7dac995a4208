/**
 * Repeated passages of a corpus: every byte that lies in a window of `length` bytes which occurs earlier too. Windows are hashed in one
 * rolling pass (Karp and Rabin 1987) and compared byte by byte where hashes meet, so the result is exact: the one a suffix array with its
 * longest common prefixes would give for one least length (Lee et al. 2022). Where memory is short there are several passes, each over the
 * windows whose hash falls in its part.
 */
import { mixHash } from "../near-duplicates/words.ts";

interface PassageOptions {
  /** Bytes a window. */
  readonly length: number;
  /** Bytes that the table of one pass may take; more memory, fewer passes, the same result. */
  readonly tableBytes: number;
}

/** Bytes a slot of the table, its window's hash and place, and slots a window: two thirds full. */
const [slotBytes, slotsPerWindow] = [8, 1.5];
const factor = 0x01000193;

/** Documents one after the other in one array. */
interface PassageCorpus {
  readonly bytes: Uint8Array;
  /** Where each document begins and, at the end, the last one ends. Not above 2^32 - 2. */
  readonly starts: ArrayLike<number>;
}

/** One bit a byte of the corpus. */
export interface Marks {
  has(at: number): boolean;
  /** Marks [from, to). */
  add(from: number, to: number): void;
}

function marks(length: number): Marks {
  const bits = new Uint8Array(Math.ceil(length / 8));
  return {
    has: at => (bits[at >>> 3]! & (1 << (at & 7))) !== 0,
    add(from, to) {
      for (let at = from; at < to; at++) bits[at >>> 3]! |= 1 << (at & 7);
    },
  };
}

/** How many passes a corpus of so many bytes takes. */
export const numPasses = (sizeBytes: number, { tableBytes }: PassageOptions): number =>
  Math.max(1, Math.ceil((sizeBytes * slotBytes * slotsPerWindow) / tableBytes));

/**
 * Marks what repeats, document by document in the given order: of equal windows the first stays. Where a window overlaps its own first
 * occurrence only what lies behind that is marked, so that a run keeps one whole window.
 */
export function repeatedPassages({ bytes, starts }: PassageCorpus, order: ArrayLike<number>, options: PassageOptions): Marks {
  const { length } = options;
  const found = marks(bytes.length);
  const parts = numPasses(bytes.length, options);
  const capacity = Math.ceil((slotsPerWindow * bytes.length) / parts) + 1024;
  const places = new Uint32Array(capacity);
  const hashes = new Uint32Array(capacity);
  // What the oldest byte of a window weighs.
  let oldest = 1;
  for (let i = 1; i < length; i++) oldest = Math.imul(oldest, factor);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let part = 0; part < parts; part++) {
    places.fill(0);
    let used = 0;
    for (let o = 0; o < order.length; o++) {
      const [start, end] = [starts[order[o]!]!, starts[order[o]! + 1]!];
      if (end - start < length) continue;
      let rolling = 0;
      for (let at = start; at < start + length - 1; at++) rolling = Math.imul(rolling, factor) + bytes[at]!;
      // The window before this one and its first occurrence, where it had one in this pass.
      let [previous, previousFirst] = [-1, -1];
      // What was marked last, in one piece: windows that follow one another add a byte each.
      let [markedFrom, markedTo] = [start, start];
      for (let at = start; at + length <= end; at++) {
        rolling = (Math.imul(rolling, factor) + bytes[at + length - 1]!) | 0;
        const hash = mixHash(rolling);
        rolling = (rolling - Math.imul(oldest, bytes[at]!)) | 0;
        // Parts by the lower bits, slots by the upper ones.
        if (parts > 1 && hash % parts !== part) continue;
        let slot = Math.floor((hash / 2 ** 32) * capacity);
        let first = -1;
        for (; places[slot] !== 0; slot = slot + 1 === capacity ? 0 : slot + 1) {
          if (hashes[slot] !== hash) continue;
          const other = places[slot]! - 1;
          // The windows before were the same: only the last byte is new.
          const isSame =
            previous === at - 1 && previousFirst === other - 1
              ? bytes[other + length - 1] === bytes[at + length - 1]
              : buffer.compare(buffer, other, other + length, at, at + length) === 0;
          if (!isSame) continue;
          first = other;
          break;
        }
        if (first < 0) {
          places[slot] = at + 1;
          hashes[slot] = hash;
          used++;
          if (used === capacity) throw new RangeError(`substrings: expected fewer than ${capacity} windows in part ${part} of ${parts}`);
          continue;
        }
        [previous, previousFirst] = [at, first];
        const overlaps = first >= start && first < at && at - first < length;
        const from = overlaps ? first + length : at;
        const isNext = from >= markedFrom && from <= markedTo;
        found.add(isNext ? markedTo : from, at + length);
        if (!isNext) markedFrom = from;
        markedTo = at + length;
      }
    }
  }
  return found;
}

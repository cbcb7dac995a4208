/**
 * Counts the distinct pieces of a corpus for the trainer: a hash table over bytes in one growing arena, no strings. Pieces of one byte
 * are not kept, for they hold no pair. Pieces of up to 7 bytes carry themselves in their slot, so most counts touch one cache line.
 */
import { type ByteSplitter, END } from "../split/bytes.ts";
import { firstMask, NEAR, secondMask } from "./piece-cache.ts";

const encoder = new TextEncoder();
const SLACK = 16;
const START_SLOTS = 1 << 16;

export class WordCounts {
  /** Bytes of all words, one after the other. */
  arena = new Uint8Array(1 << 20);
  /** Where word i starts; `starts[size]` is the end of the last. */
  starts = new Uint32Array(1 << 14);
  counts = new Float64Array(1 << 14);
  size = 0;
  /** Bytes and pieces of all texts so far. */
  numBytes = 0;
  numPieces = 0;

  private slots = new Int32Array(START_SLOTS * 4); // first key word, second, word + 1, hash
  private mask = START_SLOTS - 1;
  private bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  private readonly ends = new Int32Array(4096);

  add(text: string, split: ByteSplitter): void {
    if (this.bytes.length < text.length * 3 + SLACK) {
      this.bytes = new Uint8Array(text.length * 3 + SLACK);
      this.view = new DataView(this.bytes.buffer);
    }
    const n = encoder.encodeInto(text, this.bytes).written;
    this.bytes[n] = END;
    this.numBytes += n;
    for (let from = 0; from < n; ) {
      const count = split(this.bytes, from, n, this.ends);
      this.numPieces += count;
      this.pieces(count, from);
      from = this.ends[count - 1]!;
    }
  }

  private pieces(count: number, from: number): void {
    const { ends, view } = this;
    let { slots, mask } = this;
    let at = from;
    for (let k = 0; k < count; k++) {
      const start = at;
      at = ends[k]!;
      const length = at - start;
      if (length === 1) continue;
      let first: number;
      let second: number;
      if (length <= NEAR) {
        first = view.getInt32(start, true) & firstMask[length]!;
        second = (view.getInt32(start + 4, true) & secondMask[length]!) | (length << 24);
      } else {
        first = this.hash(start, length);
        second = length | (1 << 31); // told from a short piece's length, which is below 8 in the top byte
      }
      const h = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
      let slot = (h ^ (h >>> 15)) & mask;
      for (;;) {
        const s = slot * 4;
        const word = slots[s + 2]! - 1;
        if (word < 0) {
          slots[s] = first;
          slots[s + 1] = second;
          slots[s + 2] = this.append(start, length) + 1;
          if (this.size * 2 > mask) {
            this.grow();
            ({ slots, mask } = this);
          }
          break;
        }
        if (slots[s] === first && slots[s + 1] === second && (length <= NEAR || this.same(word, start, length))) {
          this.counts[word]!++;
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
  }

  private hash(at: number, length: number): number {
    const { view } = this;
    const words = length & ~3;
    const rest = length === words ? 0 : view.getInt32(at + words, true) & ((1 << (8 * (length - words))) - 1);
    let h = Math.imul(rest, 0x9e3779b1);
    for (let i = 0; i < words; i += 4) h = Math.imul(h ^ (h >>> 15) ^ view.getInt32(at + i, true), 0x85ebca6b);
    return h;
  }

  private same(word: number, at: number, length: number): boolean {
    const from = this.starts[word]!;
    for (let i = 0; i < length; i++) if (this.arena[from + i] !== this.bytes[at + i]) return false;
    return true;
  }

  /** A new word, counted once; returns its index. */
  private append(at: number, length: number): number {
    const word = this.size++;
    if (word + 2 > this.starts.length) {
      const starts = new Uint32Array(this.starts.length * 2);
      starts.set(this.starts);
      this.starts = starts;
      const counts = new Float64Array(starts.length);
      counts.set(this.counts);
      this.counts = counts;
    }
    const from = this.starts[word]!;
    if (from + length > this.arena.length) {
      const arena = new Uint8Array(Math.max(this.arena.length * 2, from + length));
      arena.set(this.arena);
      this.arena = arena;
    }
    this.arena.set(this.bytes.subarray(at, at + length), from);
    this.starts[word + 1] = from + length;
    this.counts[word] = 1;
    return word;
  }

  private grow(): void {
    const old = this.slots;
    const size = (this.mask + 1) * 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size * 4);
    for (let s = 0; s < old.length; s += 4) {
      if (old[s + 2] === 0) continue;
      const h = Math.imul(old[s]!, 0x9e3779b1) ^ Math.imul(old[s + 1]!, 0x85ebca6b);
      let slot = (h ^ (h >>> 15)) & this.mask;
      while (this.slots[slot * 4 + 2] !== 0) slot = (slot + 1) & this.mask;
      this.slots.set(old.subarray(s, s + 4), slot * 4);
    }
  }
}

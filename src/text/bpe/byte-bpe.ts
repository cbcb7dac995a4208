/**
 * Byte-level byte-pair encoding, text to ids, written for speed: the text becomes UTF-8 once, a scanner marks where pieces end, and a
 * piece is a range of bytes whose ids come from a cache or from its merges. No string is made on the way.
 */

import type { Ids } from "../ids.ts";
import { type ByteSplitter, END } from "../split/bytes.ts";
import { Merger } from "./merge.ts";
import { FAR, firstMask, fourthMask, MID, MID_IDS, NEAR, NEAR_IDS, PieceCache, secondMask, thirdMask } from "./piece-cache.ts";
import type { MergeRule } from "./ranks.ts";
import { MergeRanks } from "./ranks.ts";

/** Bytes that may be read behind a text: a key is up to four words from the start of its piece. */
const SLACK = 16;
/** Buffers up to this many bytes are kept between calls; larger ones are given back. */
const KEPT = 1 << 22;
const encoder = new TextEncoder();

interface ByteVocabulary {
  /** Id of every byte. */
  readonly byteIds: ArrayLike<number>;
  readonly rules: readonly MergeRule[];
  /** Pieces that are tokens as they stand, merges or not (`ignore_merges`), by their bytes as Latin-1. */
  readonly whole?: ReadonlyMap<string, number> | undefined;
}

export class ByteBpe {
  readonly merger: Merger;
  private readonly byteIds: Int32Array;
  private readonly whole: ReadonlyMap<string, number> | undefined;
  private readonly cache = new PieceCache();
  private readonly ends = new Int32Array(4096);
  private bytes = new Uint8Array(1 << 16);
  private view = new DataView(this.bytes.buffer);
  private symbols = new Int32Array(FAR);

  constructor(vocabulary: ByteVocabulary) {
    this.merger = new Merger(new MergeRanks(vocabulary.rules));
    this.byteIds = Int32Array.from(vocabulary.byteIds);
    this.whole = vocabulary.whole;
  }

  /** Appends the ids of a text, cut by `split`. Places are not written. Lone surrogates are read as U+FFFD, as TextEncoder does. */
  encode(text: string, split: ByteSplitter, out: Ids): void {
    const n = this.load(text);
    out.reserve(n + 1); // an id is at least a byte; what is remembered is written at least two at a time
    for (let from = 0; from < n; ) {
      const count = split(this.bytes, from, n, this.ends);
      out.size = this.pieces(count, from, out.ids, out.size);
      from = this.ends[count - 1]!;
    }
    if (this.bytes.length > KEPT) this.resize(1 << 16);
  }

  /** The text as UTF-8 in `bytes`, the end mark after it; returns its length. */
  private load(text: string): number {
    // Three bytes a unit is the most there can be; half of that room is enough for nearly all, so try it first.
    if (this.bytes.length < text.length + SLACK) this.resize(Math.ceil(text.length * 1.5) + SLACK);
    let { read, written } = encoder.encodeInto(text, this.bytes.subarray(0, this.bytes.length - SLACK));
    if (read < text.length) {
      this.resize(text.length * 3 + SLACK);
      ({ read, written } = encoder.encodeInto(text, this.bytes));
    }
    this.bytes[written] = END;
    return written;
  }

  private resize(sizeBytes: number): void {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Encodes the pieces that end at `ends[0, count)`, the first from `from`; returns the new size of `out`. */
  private pieces(count: number, from: number, out: Uint32Array, size: number): number {
    const { ends, bytes, view, byteIds, cache } = this;
    const { near, nearMask, mid, midMask } = cache;
    let o = size;
    let at = from;
    for (let k = 0; k < count; k++) {
      const end = ends[k]!;
      const length = end - at;
      if (length === 1) {
        out[o++] = byteIds[bytes[at]!]!;
      } else if (length <= NEAR) {
        const first = view.getInt32(at, true) & firstMask[length]!;
        const second = (view.getInt32(at + 4, true) & secondMask[length]!) | (length << 24);
        const h = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
        let slot = ((h ^ (h >>> 15)) << 3) & nearMask;
        if (near[slot] !== first || near[slot + 1] !== second) slot ^= 8;
        if (near[slot] === first && near[slot + 1] === second) {
          const n = near[slot + 2]!;
          out[o] = near[slot + 3]!;
          out[o + 1] = near[slot + 4]!;
          for (let i = 2; i < n; i++) out[o + i] = near[slot + 3 + i]!;
          o += n;
        } else {
          const n = this.merged(at, length, out, o);
          if (n <= NEAR_IDS) cache.addNear(first, second, slot ^ 8, out, o, n);
          o += n;
        }
      } else if (length <= MID) {
        const first = view.getInt32(at, true);
        const second = view.getInt32(at + 4, true);
        const third = view.getInt32(at + 8, true) & thirdMask[length]!;
        const fourth = (view.getInt32(at + 12, true) & fourthMask[length]!) | (length << 24);
        const h =
          Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b) ^ Math.imul(Math.imul(third, 0xc2b2ae35) ^ fourth, 0x27d4eb2f);
        let slot = ((h ^ (h >>> 15)) << 4) & midMask;
        if (mid[slot] !== first || mid[slot + 1] !== second || mid[slot + 2] !== third || mid[slot + 3] !== fourth) slot ^= 16;
        if (mid[slot] === first && mid[slot + 1] === second && mid[slot + 2] === third && mid[slot + 3] === fourth) {
          const n = mid[slot + 4]!;
          for (let i = 0; i < n; i++) out[o + i] = mid[slot + 5 + i]!;
          o += n;
        } else {
          const n = this.merged(at, length, out, o);
          if (n <= MID_IDS) cache.addMid(first, second, third, fourth, slot ^ 16, out, o, n);
          o += n;
        }
      } else {
        const known = length <= FAR ? cache.findFar(view, at, length, out, o) : -1;
        const n = known >= 0 ? known : this.merged(at, length, out, o);
        if (known < 0 && length <= FAR) cache.addFar(view, at, length, out, o, n);
        o += n;
      }
      at = end;
    }
    return o;
  }

  /** Ids of one piece by its merges, written to `out` at `o`; returns how many. */
  private merged(at: number, length: number, out: Uint32Array, o: number): number {
    const { bytes, byteIds } = this;
    const whole = this.whole?.get(Buffer.from(bytes.buffer, at, length).toString("latin1"));
    if (whole !== undefined) {
      out[o] = whole;
      return 1;
    }
    const symbols = length <= this.symbols.length ? this.symbols : new Int32Array(length);
    for (let i = 0; i < length; i++) symbols[i] = byteIds[bytes[at + i]!]!;
    const n = this.merger.merge(symbols, length);
    for (let i = 0; i < n; i++) out[o + i] = symbols[i]!;
    return n;
  }
}

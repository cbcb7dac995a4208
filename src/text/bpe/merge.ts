/**
 * Applies merge rules to the symbols of one piece: always the rule of lowest rank, leftmost first (Sennrich et al. 2016).
 * Short pieces scan for the lowest rank: quadratic, but in a few words of memory. Long ones keep a heap of pairs over a linked list,
 * O(n log n), so that a megabyte of one letter costs what a megabyte of text costs.
 */
import { type MergeRanks, NO_RANK } from "./ranks.ts";

/** Up to this many symbols the scan is the faster way (measured on mails: the two cross between 60 and 100). */
const SHORT = 64;

export class Merger {
  private readonly ranks: MergeRanks;
  private readonly rank = new Int32Array(SHORT);
  /** Heap entries taken so far: the work on long pieces, which a test holds to n log n. */
  numPopped = 0;

  constructor(ranks: MergeRanks) {
    this.ranks = ranks;
  }

  /** Merges `symbols[0, n)` in place and returns how many are left; `widths`, where given, is added up alike. */
  merge(symbols: Int32Array, n: number, widths?: Int32Array): number {
    if (n < 2) return n;
    return n <= SHORT ? this.scan(symbols, n, widths) : this.heap(symbols, n, widths);
  }

  private scan(symbols: Int32Array, count: number, widths: Int32Array | undefined): number {
    const { rank, ranks } = this;
    const { merged } = ranks;
    let n = count;
    let best = NO_RANK;
    let at = 0;
    for (let i = 0; i < n - 1; i++) {
      const r = ranks.of(symbols[i]!, symbols[i + 1]!);
      rank[i] = r;
      if (r < best) {
        best = r;
        at = i;
      }
    }
    while (best !== NO_RANK) {
      symbols[at] = merged[best]!;
      n--;
      for (let i = at + 1; i < n; i++) {
        symbols[i] = symbols[i + 1]!;
        rank[i] = rank[i + 1]!;
      }
      if (widths) {
        widths[at]! += widths[at + 1]!;
        widths.copyWithin(at + 1, at + 2, n + 1);
      }
      if (at > 0) rank[at - 1] = ranks.of(symbols[at - 1]!, symbols[at]!);
      if (at < n - 1) rank[at] = ranks.of(symbols[at]!, symbols[at + 1]!);
      best = NO_RANK;
      for (let i = 0; i < n - 1; i++) {
        const r = rank[i]!;
        if (r < best) {
          best = r;
          at = i;
        }
      }
    }
    return n;
  }

  private heap(symbols: Int32Array, n: number, widths: Int32Array | undefined): number {
    const { ranks } = this;
    const next = new Int32Array(n);
    const previous = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      next[i] = i + 1 < n ? i + 1 : -1;
      previous[i] = i - 1;
    }
    const queue = new PairQueue(n);
    const look = (i: number): void => {
      const rank = ranks.of(symbols[i]!, symbols[next[i]!]!);
      if (rank !== NO_RANK) queue.push(rank, i);
    };
    for (let i = 0; i + 1 < n; i++) look(i);
    for (let at = queue.pop(); at >= 0; at = queue.pop()) {
      this.numPopped++;
      const right = symbols[at]! < 0 ? -1 : next[at]!;
      if (right < 0 || ranks.of(symbols[at]!, symbols[right]!) !== queue.poppedRank) continue; // a neighbour has changed since
      symbols[at] = ranks.merged[queue.poppedRank]!;
      symbols[right] = -1;
      if (widths) widths[at]! += widths[right]!;
      const after = next[right]!;
      next[at] = after;
      if (after >= 0) {
        previous[after] = at;
        look(at);
      }
      if (previous[at]! >= 0) look(previous[at]!);
    }
    let left = 0;
    for (let i = 0; i >= 0; i = next[i]!) {
      if (widths) widths[left] = widths[i]!;
      symbols[left++] = symbols[i]!;
    }
    return left;
  }
}

/** Positions fit below 2^30 (a V8 string is shorter) and ranks below 2^23, so that both fit one double exactly. */
const POSITIONS = 2 ** 30;

/** A binary heap of (rank, position), least first. */
class PairQueue {
  private keys: Float64Array;
  private size = 0;
  poppedRank = 0;

  constructor(capacity: number) {
    this.keys = new Float64Array(Math.max(16, capacity));
  }

  push(rank: number, position: number): void {
    if (this.size === this.keys.length) {
      const grown = new Float64Array(this.size * 2);
      grown.set(this.keys);
      this.keys = grown;
    }
    const { keys } = this;
    const key = rank * POSITIONS + position;
    let i = this.size++;
    for (let up = (i - 1) >> 1; i > 0 && keys[up]! > key; up = (i - 1) >> 1) {
      keys[i] = keys[up]!;
      i = up;
    }
    keys[i] = key;
  }

  /** Position of the least entry, or -1 when none is left; its rank is in `poppedRank`. */
  pop(): number {
    if (this.size === 0) return -1;
    const { keys } = this;
    const top = keys[0]!;
    const key = keys[--this.size]!;
    const n = this.size;
    let i = 0;
    for (let down = 1; down < n; down = 2 * i + 1) {
      if (down + 1 < n && keys[down + 1]! < keys[down]!) down++;
      if (keys[down]! >= key) break;
      keys[i] = keys[down]!;
      i = down;
    }
    keys[i] = key;
    this.poppedRank = Math.floor(top / POSITIONS);
    return top - this.poppedRank * POSITIONS;
  }
}

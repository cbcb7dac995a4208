/**
 * Merge rules: pair of token ids -> rank, rank -> id of the merged token. Pairs of small ids (single bytes, in practice) are looked up
 * in a square; the rest in a hash table with open addressing, at most half full, whose slots are (left, right, rank, unused).
 */

/** Rank of a pair that no rule merges: later than every rule. */
export const NO_RANK = 0x7fffffff;
/** Ids below this are looked up in the square: 256 bytes and some special tokens; 4 * 320^2 bytes stay in the second cache. */
const SQUARE = 320;

export interface MergeRule {
  readonly left: number;
  readonly right: number;
  readonly merged: number;
}

export class MergeRanks {
  /** Id of the merged token of every rank. */
  readonly merged: Int32Array;
  private readonly slots: Int32Array;
  private readonly mask: number;
  private readonly square = new Int32Array(SQUARE * SQUARE).fill(NO_RANK);

  /** Rules in order of rank; where a pair stands twice the later rule holds, as in the Rust library. */
  constructor(rules: readonly MergeRule[]) {
    let size = 16;
    while (size < rules.length * 2) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size * 4).fill(-1);
    this.merged = Int32Array.from(rules, r => r.merged);
    for (const [rank, { left, right }] of rules.entries()) {
      if (left < SQUARE && right < SQUARE) this.square[left * SQUARE + right] = rank;
      const at = this.slot(left, right);
      this.slots[at] = left;
      this.slots[at + 1] = right;
      this.slots[at + 2] = rank;
    }
  }

  private slot(left: number, right: number): number {
    const { slots, mask } = this;
    const h = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    for (let at = (h ^ (h >>> 15)) & mask; ; at = (at + 1) & mask) {
      const found = slots[at * 4]!;
      if (found < 0 || (found === left && slots[at * 4 + 1] === right)) return at * 4;
    }
  }

  /** Rank of the rule for a pair, or NO_RANK. */
  of(left: number, right: number): number {
    if (left < SQUARE && right < SQUARE) return this.square[left * SQUARE + right]!;
    const at = this.slot(left, right);
    return this.slots[at]! < 0 ? NO_RANK : this.slots[at + 2]!;
  }
}

/**
 * One set of uniform 32-bit hashes, held in a table so that others can be compared with it one hash at a time: taking a set in makes it
 * distinct, and nothing needs an order. Open addressing, at most half full; where a hash falls depends on a number drawn when the process
 * starts, so that nobody can write texts whose hashes all fall together.
 */
import { randomBytes } from "node:crypto";

/** Odd: a product with it moves every bit of a hash into the upper ones. */
const factor = randomBytes(4).readUInt32LE() | 1;

export interface HashSet {
  /** Takes a set in, in place of the one before, and puts its distinct hashes in front; gives how many they are. */
  load(values: Uint32Array): number;
  /**
   * The Jaccard similarity of the set and of distinct `others` where it is at least `threshold`; otherwise undefined, as soon as that is
   * certain. An empty set is like nothing.
   */
  similarityFrom(others: Uint32Array, threshold: number): number | undefined;
}

/** The fewest common members with which sets of `n` and `m` reach the threshold: both / (n + m - both) >= t, corrected for rounding. */
export function leastCommon(n: number, m: number, threshold: number): number {
  let need = Math.floor((threshold * (n + m)) / (1 + threshold));
  while (need > 0 && (need - 1) / (n + m - need + 1) >= threshold) need--;
  while (need / (n + m - need) < threshold) need++;
  return need;
}

export function hashSet(): HashSet {
  let slots = new Uint32Array(64);
  let shift = 26;
  let size = 0;
  // A free slot holds 0, so the hash 0 is noted here.
  let hasZero = false;
  return {
    load(values) {
      const bits = Math.max(6, 34 - Math.clz32(values.length));
      if (slots.length < 2 ** bits) slots = new Uint32Array(2 ** bits);
      else slots.fill(0, 0, 2 ** bits);
      shift = 32 - bits;
      const mask = 2 ** bits - 1;
      const table = slots;
      hasZero = false;
      let distinct = 0;
      for (let i = 0; i < values.length; i++) {
        const v = values[i]!;
        if (v === 0) {
          if (!hasZero) values[distinct++] = 0;
          hasZero = true;
          continue;
        }
        let at = Math.imul(v, factor) >>> shift;
        let there = table[at]!;
        while (there !== 0 && there !== v) {
          at = (at + 1) & mask;
          there = table[at]!;
        }
        if (there === v) continue;
        table[at] = v;
        values[distinct++] = v;
      }
      size = distinct;
      return distinct;
    },
    similarityFrom(others, threshold) {
      const [n, m] = [size, others.length];
      if (n === 0 || m === 0) return threshold > 0 ? undefined : 0;
      const need = leastCommon(n, m, threshold);
      // How many of the others may still turn out to be alone.
      let spare = m - need;
      if (n < need || spare < 0) return undefined;
      const table = slots;
      const mask = 2 ** (32 - shift) - 1;
      for (let i = 0; i < m; i++) {
        const v = others[i]!;
        if (v === 0) {
          if (!hasZero && --spare < 0) return undefined;
          continue;
        }
        let at = Math.imul(v, factor) >>> shift;
        let there = table[at]!;
        while (there !== 0 && there !== v) {
          at = (at + 1) & mask;
          there = table[at]!;
        }
        if (there !== v && --spare < 0) return undefined;
      }
      const both = need + spare;
      const similarity = both / (n + m - both);
      return similarity >= threshold ? similarity : undefined;
    },
  };
}

/**
 * The n-grams of one order: exact pairs (prefix n-gram, token) numbered in order of arrival, found by open addressing in typed arrays.
 * At most 32 bytes a distinct n-gram (half of that when full), three times as much for a moment while it grows.
 */

export interface GramTable {
  /** Number of n-grams. */
  readonly size: number;
  /** The number of a pair, or -1. */
  find(prefix: number, token: number): number;
  /** The number of a pair, made if it is new: then `size` has grown. */
  insert(prefix: number, token: number): number;
  prefixOf(gram: number): number;
}

const mixPair = (prefix: number, token: number): number => {
  let h = Math.imul(prefix, 0x9e3779b1) ^ Math.imul(token + 0x7f4a7c15, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
};

export function gramTable(expected = 1024): GramTable {
  let bits = 10;
  while (2 ** bits < expected * 2) bits++;
  /** Number + 1, 0 where free. */
  let slots = new Uint32Array(2 ** bits);
  /** Prefix and token of each n-gram side by side: a look-up then touches two cache lines, not three. */
  let pairs = new Uint32Array(2 ** bits);
  let size = 0;

  /** The slot that holds a pair, or the free one where it belongs. */
  const slotOf = (prefix: number, token: number): number => {
    const mask = slots.length - 1;
    let at = mixPair(prefix, token) & mask;
    for (;;) {
      const gram = slots[at]!;
      if (gram === 0 || (pairs[2 * gram - 2] === prefix && pairs[2 * gram - 1] === token)) return at;
      at = (at + 1) & mask;
    }
  };
  const grow = () => {
    slots = new Uint32Array(slots.length * 2);
    const wider = new Uint32Array(pairs.length * 2);
    wider.set(pairs);
    pairs = wider;
    for (let g = 0; g < size; g++) slots[slotOf(pairs[2 * g]!, pairs[2 * g + 1]!)] = g + 1;
  };
  return {
    get size() {
      return size;
    },
    find: (prefix, token) => slots[slotOf(prefix, token)]! - 1,
    insert(prefix, token) {
      const at = slotOf(prefix, token);
      if (slots[at]! > 0) return slots[at]! - 1;
      if (2 * size === pairs.length) {
        grow();
        return this.insert(prefix, token);
      }
      pairs[2 * size] = prefix;
      pairs[2 * size + 1] = token;
      slots[at] = ++size;
      return size - 1;
    },
    prefixOf: gram => pairs[2 * gram]!,
  };
}

/** A column of numbers that grows with a table. */
export interface GramColumn {
  get(i: number): number;
  add(i: number, n: number): void;
  readonly values: Uint32Array;
}

export function column(size = 1024): GramColumn {
  let values = new Uint32Array(size);
  return {
    get values() {
      return values;
    },
    get: i => values[i] ?? 0,
    add(i, n) {
      if (i >= values.length) {
        const wider = new Uint32Array(Math.max(i + 1, values.length * 2));
        wider.set(values);
        values = wider;
      }
      values[i] = values[i]! + n;
    },
  };
}

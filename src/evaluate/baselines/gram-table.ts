/**
 * The n-grams of one order: exact pairs (prefix n-gram, token) numbered in order of arrival, found by open addressing in typed arrays.
 * At most 28 bytes a distinct n-gram, while growing twice that.
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
  let prefixes = new Uint32Array(2 ** (bits - 1));
  let tokens = new Uint32Array(2 ** (bits - 1));
  let size = 0;

  /** The slot that holds a pair, or the free one where it belongs. */
  const slotOf = (prefix: number, token: number): number => {
    const mask = slots.length - 1;
    let at = mixPair(prefix, token) & mask;
    for (;;) {
      const gram = slots[at]!;
      if (gram === 0 || (prefixes[gram - 1] === prefix && tokens[gram - 1] === token)) return at;
      at = (at + 1) & mask;
    }
  };
  const widen = (from: Uint32Array<ArrayBuffer>) => {
    const to = new Uint32Array(from.length * 2);
    to.set(from);
    return to;
  };
  const grow = () => {
    slots = new Uint32Array(slots.length * 2);
    prefixes = widen(prefixes);
    tokens = widen(tokens);
    for (let g = 0; g < size; g++) slots[slotOf(prefixes[g]!, tokens[g]!)] = g + 1;
  };
  return {
    get size() {
      return size;
    },
    find: (prefix, token) => slots[slotOf(prefix, token)]! - 1,
    insert(prefix, token) {
      const at = slotOf(prefix, token);
      if (slots[at]! > 0) return slots[at]! - 1;
      if (size === prefixes.length) {
        grow();
        return this.insert(prefix, token);
      }
      prefixes[size] = prefix;
      tokens[size] = token;
      slots[at] = ++size;
      return size - 1;
    },
    prefixOf: gram => prefixes[gram]!,
  };
}

/** A column of numbers that grows with a table. */
export interface Column {
  get(i: number): number;
  add(i: number, n: number): void;
  readonly values: Uint32Array;
}

export function column(size = 1024): Column {
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

/**
 * Numbers by 32-bit key, several a key: open addressing with linear probing in one flat array, 4 bytes a slot. The keys themselves stay
 * where they are; the table holds entry numbers and asks for the key of an entry.
 */

interface KeyTable {
  /** Calls `visit` for every entry of the key, in the order of insertion. */
  visit(key: number, visit: (entry: number) => void): void;
  insert(key: number, entry: number): void;
  clear(): void;
  readonly sizeBytes: number;
}

/** A table for at most `capacity` entries, two thirds full at the most. */
export function keyTable(capacity: number, keyOf: (entry: number) => number): KeyTable {
  const size = 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * capacity)));
  const mask = size - 1;
  // Entry + 1; 0 is free.
  const slots = new Uint32Array(size);
  return {
    visit(key, visit) {
      for (let at = key & mask; slots[at] !== 0; at = (at + 1) & mask) {
        const entry = slots[at]! - 1;
        if (keyOf(entry) === key) visit(entry);
      }
    },
    insert(key, entry) {
      let at = key & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = entry + 1;
    },
    clear: () => {
      slots.fill(0);
    },
    sizeBytes: 4 * size,
  };
}

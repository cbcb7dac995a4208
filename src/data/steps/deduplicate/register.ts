/**
 * What the deduplication step keeps of the documents it saw, beside ids and sketches: 8 bytes a document (size, group of copies) and of every
 * group 24 bytes (hash, leader, sketch) and 6 to 12 of a hash table. Texts are not held.
 */
import { type KeyTable, keyTable } from "../near-duplicates/key-table.ts";

/** Rows of `width` 32-bit numbers in one array that grows. */
export interface Columns {
  readonly rows: number;
  /** Adds a row of zeros and gives its number. */
  add(): number;
  get(row: number, column: number): number;
  set(row: number, column: number, value: number): void;
}

export function columns(width: number): Columns {
  let values = new Uint32Array(256 * width);
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add() {
      if ((rows + 1) * width > values.length) {
        // A quarter more each time: growing copies, but little lies idle.
        const more = new Uint32Array(Math.ceil(1.25 * rows) * width);
        more.set(values);
        values = more;
      }
      return rows++;
    },
    get: (row, column) => values[row * width + column]!,
    set(row, column, value) {
      values[row * width + column] = value;
    },
  };
}

/** Numbers of hashes in the order they first came: equal hashes, equal numbers. */
export interface HashIndex {
  readonly size: number;
  /** The number of a hash of so many 32-bit words, a new one where it was not seen. */
  number(hash: readonly number[]): number;
  /** The number of a hash that was seen. */
  find(hash: readonly number[]): number | undefined;
  /** Whether the hash of one number comes before that of another. */
  isBefore(a: number, b: number): boolean;
}

export function hashIndex(words: number): HashIndex {
  const hashes = columns(words);
  let capacity = 1024;
  const fresh = (): KeyTable => keyTable(capacity, g => hashes.get(g, 0));
  let table = fresh();
  const find = (hash: readonly number[]): number | undefined => {
    let found: number | undefined;
    table.visit(hash[0]!, g => {
      if (hash.every((p, k) => hashes.get(g, k) === p)) found = g;
    });
    return found;
  };
  return {
    get size() {
      return hashes.rows;
    },
    find,
    number(hash) {
      const found = find(hash);
      if (found !== undefined) return found;
      const g = hashes.add();
      for (const [k, p] of hash.entries()) hashes.set(g, k, p);
      if (g === capacity) {
        capacity *= 2;
        table = fresh();
        for (let i = 0; i < g; i++) table.insert(hashes.get(i, 0), i);
      }
      table.insert(hash[0]!, g);
      return g;
    },
    isBefore(a, b) {
      for (let k = 0; k < words; k++) if (hashes.get(a, k) !== hashes.get(b, k)) return hashes.get(a, k) < hashes.get(b, k);
      return false;
    },
  };
}

/**
 * Numbers for strings that lie in arrays of UTF-16 units, without making strings of them: open addressing over a 32-bit hash, every hit
 * compared unit by unit, so that a collision costs time and nothing else.
 */

/** The UTF-16 units of a string. */
export const codeUnitsOf = (text: string): Uint16Array => Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));

/** The array, or a larger copy that has room for `least`. */
export const grown = <A extends Int32Array | Uint16Array>(array: A, least: number): A => {
  let size = array.length;
  while (size < least) size *= 2;
  const larger = (array instanceof Int32Array ? new Int32Array(size) : new Uint16Array(size)) as A;
  larger.set(array);
  return larger;
};
export const HASH_START = 0x2c1b3c6d;

/** The hash goes on by two units, or by one and 0 at the end: a step less for each pair than unit by unit. */
export const hashStep = (hash: number, first: number, second: number): number =>
  Math.imul(((hash << 5) | (hash >>> 27)) ^ (first | (second << 16)), 0x9e3779b1);

/** The hash of a range; the document scan makes the same as it goes. */
export function hashOfUnits(units: Uint16Array, begin: number, end: number): number {
  let hash = HASH_START;
  let i = begin;
  for (; i + 1 < end; i += 2) hash = hashStep(hash, units[i]!, units[i + 1]!);
  return i < end ? hashStep(hash, units[i]!, 0) : hash;
}

/** Where a hash begins to be looked for. */
export const slotOf = (hash: number): number => hash ^ (hash >>> 15);

export class StringTable {
  /** Strings held; their numbers are 0 to size - 1. */
  size = 0;
  /** Hash and number + 1 (0: free), side by side: most misses and hits touch one line of the processor's cache here. */
  private slots = new Int32Array(1 << 11);
  /** String k is pool[starts[k]] to pool[starts[k + 1]]. */
  private starts = new Int32Array(1 << 9);
  private pool = new Uint16Array(1 << 12);

  /** Units held, of all strings. */
  get numUnits(): number {
    return this.starts[this.size]!;
  }

  /** The number of the string, or -1. */
  find(units: Uint16Array, begin: number, end: number, hash: number): number {
    const { slots } = this;
    const mask = slots.length - 2;
    for (let at = (slotOf(hash) << 1) & mask; ; at = (at + 2) & mask) {
      const k = slots[at + 1]! - 1;
      if (k < 0) return -1;
      if (slots[at] === hash && this.equals(k, units, begin, end)) return k;
    }
  }

  private equals(k: number, units: Uint16Array, begin: number, end: number): boolean {
    const { pool, starts } = this;
    let from = starts[k]!;
    if (starts[k + 1]! - from !== end - begin) return false;
    for (let i = begin; i < end; i++, from++) if (pool[from] !== units[i]) return false;
    return true;
  }

  /** Adds a string that `find` did not know; its number. */
  add(units: Uint16Array, begin: number, end: number, hash: number): number {
    const k = this.size++;
    const start = this.starts[k]!;
    if (k + 2 > this.starts.length) this.starts = grown(this.starts, k + 2);
    if (start + end - begin > this.pool.length) this.pool = grown(this.pool, start + end - begin);
    for (let i = begin, to = start; i < end; i++, to++) this.pool[to] = units[i]!;
    this.starts[k + 1] = start + end - begin;
    if (this.size * 4 > this.slots.length) this.widen();
    this.place(k + 1, hash);
    return k;
  }

  private place(entry: number, hash: number): void {
    const { slots } = this;
    const mask = slots.length - 2;
    let at = (slotOf(hash) << 1) & mask;
    while (slots[at + 1] !== 0) at = (at + 2) & mask;
    slots[at] = hash;
    slots[at + 1] = entry;
  }

  private widen(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) if (old[at + 1] !== 0) this.place(old[at + 1]!, old[at]!);
  }
}

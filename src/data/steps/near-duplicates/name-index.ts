/**
 * Names of 128 bits numbered in the order they first came, in flat arrays that grow: 16 bytes a name and 6 to 12 of a hash table; and sets of
 * them, 4 bytes more.
 */
interface NameIndex {
  readonly size: number;
  /** The number of the name that begins at `at`, a new one where it was not seen. */
  number(bytes: Buffer, at: number): number;
  /** Word `k` of a name. */
  word(number: number, k: 0 | 1 | 2 | 3): number;
  /** Whether one name comes before another, by their words. */
  isBefore(a: number, b: number): boolean;
}

export function nameIndex(): NameIndex {
  let words = new Uint32Array(1024);
  let size = 0;
  // Number + 1; 0 is free. At most two thirds full.
  let slots = new Uint32Array(512);
  const slotOf = (a: number, b: number): number => (a ^ Math.imul(b, 0x85ebca6b)) & (slots.length - 1);
  const grow = () => {
    slots = new Uint32Array(2 * slots.length);
    for (let n = 0; n < size; n++) {
      let at = slotOf(words[4 * n]!, words[4 * n + 1]!);
      while (slots[at] !== 0) at = (at + 1) & (slots.length - 1);
      slots[at] = n + 1;
    }
  };
  return {
    get size() {
      return size;
    },
    number(bytes, from) {
      const [a, b, c, d] = [
        bytes.readUInt32LE(from),
        bytes.readUInt32LE(from + 4),
        bytes.readUInt32LE(from + 8),
        bytes.readUInt32LE(from + 12),
      ];
      let at = slotOf(a, b);
      for (; slots[at] !== 0; at = (at + 1) & (slots.length - 1)) {
        const k = 4 * (slots[at]! - 1);
        if (words[k] === a && words[k + 1] === b && words[k + 2] === c && words[k + 3] === d) return slots[at]! - 1;
      }
      if (4 * size === words.length) {
        const more = new Uint32Array(Math.ceil(size * 1.5) * 4);
        more.set(words);
        words = more;
      }
      words.set([a, b, c, d], 4 * size);
      slots[at] = ++size;
      if (3 * size > 2 * slots.length) grow();
      return size - 1;
    },
    word: (n, k) => words[4 * n + k]!,
    isBefore(a, b) {
      for (let k = 0; k < 4; k++) if (words[4 * a + k] !== words[4 * b + k]) return words[4 * a + k]! < words[4 * b + k]!;
      return false;
    },
  };
}

/**
 * Records of a keyed shuffle: a key of 128 bits and a value of bytes, appended to flat arrays, one set a bin. A bin is what one reduce task
 * works on. As bytes a bin is blocks one behind the other: `count`, the keys, the lengths of the values, the values (32-bit words, little
 * endian), so that bins of many tasks are read by joining them.
 */
import type { Group, GroupRound, Key, KeyedBlock } from "../steps/step.ts";

/** The bin of a key among `bins`. */
export const binOf = (key: Key, bins: number): number =>
  ((key[0] ^ Math.imul(key[1], 0x9e3779b1) ^ Math.imul(key[2], 0x85ebca6b)) >>> 0) % bins;

/** Records that can be grouped; values are views. */
interface BinRecords {
  readonly count: number;
  /** Four words a record. */
  readonly keys: Uint32Array;
  value(i: number): Buffer;
  /** Where a value lies. */
  visit(i: number, visit: (bytes: Buffer, from: number, to: number) => void): void;
}

/** Records under way to one bin. */
export interface Bin {
  readonly count: number;
  readonly sizeBytes: number;
  /** Copies the value, unless it is `owned` (nobody writes there any more) and large. */
  add(key: Key, value: Uint8Array, owned?: boolean): void;
  /** The records as a block; the bin is empty after. */
  take(): Buffer[];
  /** The records as they are; the bin is empty after. */
  records(): BinRecords;
}

const grown = <A extends Uint32Array>(old: A, next: A): A => {
  next.set(old);
  return next;
};
const bytesOf = (words: Uint32Array): Buffer => Buffer.from(words.buffer, words.byteOffset, words.byteLength);

/** Values lie in pieces, so that growing copies none; the first is small, because most bins are. */
const [firstPieceBytes, pieceBytes] = [2 ** 11, 2 ** 20];

/** Where the values of records with these lengths lie, given which pieces hold how many each. */
function placed(
  count: number,
  keys: Uint32Array,
  lengths: Uint32Array,
  pieces: readonly { readonly bytes: Buffer; readonly count: number }[],
): BinRecords {
  const froms = new Uint32Array(count);
  const owners = new Uint32Array(count);
  let i = 0;
  for (const [p, piece] of pieces.entries())
    for (let from = 0, k = 0; k < piece.count; k++, i++) {
      froms[i] = from;
      owners[i] = p;
      from += lengths[i]!;
    }
  return {
    count,
    keys,
    value: i => pieces[owners[i]!]!.bytes.subarray(froms[i]!, froms[i]! + lengths[i]!),
    visit: (i, visit) => visit(pieces[owners[i]!]!.bytes, froms[i]!, froms[i]! + lengths[i]!),
  };
}

export function bin(): Bin {
  let keys = new Uint32Array(64);
  let lengths = new Uint32Array(16);
  let pieces: { bytes: Buffer; count: number; used: number }[] = [];
  let [count, used] = [0, 0];
  const clear = () => {
    keys = new Uint32Array(64);
    lengths = new Uint32Array(16);
    pieces = [];
    count = used = 0;
  };
  return {
    get count() {
      return count;
    },
    get sizeBytes() {
      return 4 + 20 * count + used;
    },
    add(key, value, owned = false) {
      if (count === lengths.length) {
        keys = grown(keys, new Uint32Array(8 * count));
        lengths = grown(lengths, new Uint32Array(2 * count));
      }
      const at = 4 * count;
      keys[at] = key[0];
      keys[at + 1] = key[1];
      keys[at + 2] = key[2];
      keys[at + 3] = key[3];
      lengths[count++] = value.length;
      used += value.length;
      let piece = pieces.at(-1);
      if (owned && value.length >= firstPieceBytes) {
        pieces.push({ bytes: Buffer.from(value.buffer, value.byteOffset, value.length), count: 1, used: value.length });
        return;
      }
      if (!piece || piece.used + value.length > piece.bytes.length) {
        const size = piece && piece.count > 1 ? pieceBytes : firstPieceBytes;
        piece = { bytes: Buffer.allocUnsafeSlow(Math.max(size, value.length)), count: 0, used: 0 };
        pieces.push(piece);
      }
      piece.bytes.set(value, piece.used);
      piece.used += value.length;
      piece.count++;
    },
    take() {
      if (count === 0) return [];
      const all = [
        bytesOf(Uint32Array.of(count)),
        bytesOf(keys.subarray(0, 4 * count)),
        bytesOf(lengths.subarray(0, count)),
        ...pieces.map(p => p.bytes.subarray(0, p.used)),
      ];
      clear();
      return all;
    },
    records() {
      const all = placed(count, keys, lengths, pieces);
      clear();
      return all;
    },
  };
}

/** Records of blocks. */
export function binRecords(blocks: readonly Buffer[]): BinRecords {
  const parts: { readonly keys: Buffer; readonly lengths: Buffer; readonly bytes: Buffer; readonly count: number }[] = [];
  let count = 0;
  for (const block of blocks)
    for (let at = 0; at < block.length; ) {
      const n = block.readUInt32LE(at);
      const lengthsAt = at + 4 + 16 * n;
      const valuesAt = lengthsAt + 4 * n;
      const lengths = block.subarray(lengthsAt, valuesAt);
      let end = valuesAt;
      for (let i = 0; i < n; i++) end += lengths.readUInt32LE(4 * i);
      parts.push({ keys: block.subarray(at + 4, lengthsAt), lengths, bytes: block.subarray(valuesAt, end), count: n });
      count += n;
      at = end;
    }
  const keys = new Uint32Array(4 * count);
  const lengths = new Uint32Array(count);
  let i = 0;
  for (const part of parts) {
    // A copy of its own: the bytes stand where words must not.
    bytesOf(keys.subarray(4 * i, 4 * (i + part.count))).set(part.keys);
    bytesOf(lengths.subarray(i, i + part.count)).set(part.lengths);
    i += part.count;
  }
  return placed(count, keys, lengths, parts);
}

/** Every record, in order. */
export const blockOf = ({ count, keys, value, visit }: BinRecords): KeyedBlock => ({
  *[Symbol.iterator]() {
    for (let i = 0; i < count; i++) yield { key: [keys[4 * i]!, keys[4 * i + 1]!, keys[4 * i + 2]!, keys[4 * i + 3]!], value: value(i) };
  },
  each(see) {
    for (let i = 0; i < count; i++) visit(i, see);
  },
});

/** Records that a table is made of at once: it then stays in the processor's cache, where chance look-ups are cheap. */
const tableRecords = 2 ** 14;

const mixed = (a: number, b: number, c: number, d: number): number => {
  const h = Math.imul(a ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f), 0x9e3779b1);
  return (h ^ (h >>> 15)) >>> 0;
};

/** Records in parts, equal keys in one: of part `p` those from `ends[p - 1]` to `ends[p]`. */
interface Parts {
  readonly keys: Uint32Array;
  /** Which record each was; undefined where all stand as they did. */
  readonly of: Uint32Array | undefined;
  readonly ends: Uint32Array;
}

function inParts({ count, keys }: BinRecords): Parts {
  const bits = Math.max(0, Math.ceil(Math.log2(Math.max(1, count) / tableRecords)));
  if (bits === 0) return { keys, of: undefined, ends: Uint32Array.of(count) };
  const shift = 32 - bits;
  const part = (i: number): number => mixed(keys[i]!, keys[i + 1]!, keys[i + 2]!, keys[i + 3]!) >>> shift;
  const ends = new Uint32Array(2 ** bits);
  for (let i = 0; i < count; i++) ends[part(4 * i)]!++;
  let sum = 0;
  for (let p = 0; p < ends.length; p++) {
    const n = ends[p]!;
    ends[p] = sum;
    sum += n;
  }
  const moved = new Uint32Array(4 * count);
  const of = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const k = 4 * i;
    const at = ends[part(k)]!++;
    of[at] = i;
    moved[4 * at] = keys[k]!;
    moved[4 * at + 1] = keys[k + 1]!;
    moved[4 * at + 2] = keys[k + 2]!;
    moved[4 * at + 3] = keys[k + 3]!;
  }
  return { keys: moved, of, ends };
}

/**
 * Chains the records from `from` to `end` that have the same key: a slot holds the newest record of its key + 1, `next` the one before, and
 * `counts` how many there are. Open addressing. A function of its own: loops in a generator are not compiled while they run.
 */
function chain({ keys }: Parts, from: number, end: number, slots: Uint32Array, next: Uint32Array, counts: Uint32Array): void {
  const mask = slots.length - 1;
  for (let i = from; i < end; i++) {
    const [a, b, c, d] = [keys[4 * i]!, keys[4 * i + 1]!, keys[4 * i + 2]!, keys[4 * i + 3]!];
    let at = mixed(a, b, c, d) & mask;
    for (; slots[at] !== 0; at = (at + 1) & mask) {
      const k = 4 * (slots[at]! - 1);
      if (keys[k] === a && keys[k + 1] === b && keys[k + 2] === c && keys[k + 3] === d) break;
    }
    next[i] = slots[at]!;
    counts[i] = 1 + (slots[at] === 0 ? 0 : counts[slots[at]! - 1]!);
    slots[at] = i + 1;
  }
}

/** Puts in front the slots of keys that have `atLeast` records; gives how many they are. */
function largeEnough(slots: Uint32Array, counts: Uint32Array, atLeast: number): number {
  let found = 0;
  for (let slot = 0; slot < slots.length; slot++) {
    const head = slots[slot]!;
    if (head !== 0 && counts[head - 1]! >= atLeast) slots[found++] = head;
  }
  return found;
}

/** The groups of records. Memory: 28 bytes a record. */
export function* binGroups(records: BinRecords, { unordered, atLeast = 1 }: Pick<GroupRound, "unordered" | "atLeast">): Generator<Group> {
  const { value, visit } = records;
  const parts = inParts(records);
  const { keys, of, ends } = parts;
  const record = (i: number): number => (of ? of[i]! : i);
  const next = new Uint32Array(records.count);
  const counts = new Uint32Array(records.count);
  let slots = new Uint32Array(0);
  for (let p = 0; p < ends.length; p++) {
    const [from, end] = [p === 0 ? 0 : ends[p - 1]!, ends[p]!];
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * (end - from))));
    if (slots.length === size) slots.fill(0);
    else slots = new Uint32Array(size);
    chain(parts, from, end, slots, next, counts);
    const heads = largeEnough(slots, counts, atLeast);
    for (let slot = 0; slot < heads; slot++) {
      const head = slots[slot]!;
      const k = 4 * (head - 1);
      const n = counts[head - 1]!;
      yield {
        key: [keys[k]!, keys[k + 1]!, keys[k + 2]!, keys[k + 3]!],
        count: n,
        each(see) {
          for (let i = head; i !== 0; i = next[i - 1]!) visit(record(i - 1), see);
        },
        *values() {
          if (n === 1) {
            yield value(record(head - 1));
            return;
          }
          if (unordered) {
            for (let i = head; i !== 0; i = next[i - 1]!) yield value(record(i - 1));
            return;
          }
          const all: Buffer[] = [];
          for (let i = head; i !== 0; i = next[i - 1]!) all.push(value(record(i - 1)));
          yield* all.sort(Buffer.compare);
        },
      };
    }
  }
}

/**
 * Collectives over many arrays at once: small ones are joined into buckets of some MB, so that a step costs a few calls whatever the number of its parameters.
 * Sums are of the same numbers in the same order as array by array, to the same bytes. Source of the idea: the buckets of PyTorch's DistributedDataParallel
 * (Li et al. 2020, section 3.2.3).
 */
import type { ProcessGroup } from "../../ranks/index.ts";
import { bytesOf, type DeviceArray } from "../../tensor/index.ts";
import { type LentArray, lendArray } from "./rank-arrays.ts";

/** A bucket, over all ranks: a call's cost is nothing beside it, and it is small beside a model. */
const bucketBytes = 8 * 2 ** 20;
/** Arrays from this size on are added up where they lie: a copy of them costs more than a call. */
const leastAlone = 2 ** 20;
/** Parts begin at whole vectors. */
const alignment = 64;

const sizeOf = (a: DeviceArray): number => bytesOf(a.shape, a.dtype);

interface Piece {
  readonly bytes: Uint8Array;
  /** Its place in the range, in bytes. */
  readonly at: number;
}

/** Bytes of arrays one after another, read and written range by range. */
class Sequence {
  readonly length: number;
  readonly #arrays: readonly { readonly array: DeviceArray; readonly from: number; readonly to: number }[];
  readonly #lent = new Map<DeviceArray, LentArray>();

  constructor(arrays: readonly DeviceArray[]) {
    let length = 0;
    this.#arrays = arrays.map(array => {
      const from = length;
      length += sizeOf(array);
      return { array, from, to: length };
    });
    this.length = length;
  }

  /** Where the `index`-th of `count` even parts begins. */
  startOf(index: number, count: number): number {
    return index === count ? this.length : Math.min(this.length, alignment * Math.floor((this.length / count) * (index / alignment)));
  }

  async pieces(start: number, end: number): Promise<Piece[]> {
    const found: Piece[] = [];
    for (const { array, from, to } of this.#arrays) {
      if (to <= start || from >= end) continue;
      const lent = this.#lent.get(array) ?? (await lendArray(array));
      this.#lent.set(array, lent);
      found.push({ bytes: lent.bytes.subarray(Math.max(0, start - from), Math.min(to, end) - from), at: Math.max(0, from - start) });
    }
    return found;
  }

  /** Arrays that end at or before `end` are done with; `isStored`: they were written. */
  async release(end: number, isStored: boolean): Promise<void> {
    for (const { array, to } of this.#arrays) {
      const lent = to <= end ? this.#lent.get(array) : undefined;
      if (!lent) continue;
      if (isStored) await lent.store();
      this.#lent.delete(array);
    }
  }
}

const pack = (pieces: readonly Piece[], into: Uint8Array): void => {
  for (const { bytes, at } of pieces) into.set(bytes, at);
};
const unpack = (pieces: readonly Piece[], from: Uint8Array): void => {
  for (const { bytes, at } of pieces) bytes.set(from.subarray(at, at + bytes.length));
};

/** An array and the rank that owns it. */
export interface OwnedArray {
  readonly array: DeviceArray;
  readonly owner: number;
}

export interface JoinedArrays {
  /** Gradients [any shapes], float32, added up over the ranks, on every rank. */
  sum(arrays: readonly DeviceArray[]): Promise<void>;
  /** The same sums, on each array's owner alone; what others hold is undefined afterwards. */
  sumAtOwners(arrays: readonly OwnedArray[]): Promise<void>;
  /** The owners' elements, bit for bit and of any dtype, on every rank. */
  spread(arrays: readonly OwnedArray[]): Promise<void>;
}

/** Joins arrays of a group's collectives. All ranks call it with arrays of the same shapes in the same order. Keeps the memory of its buckets. */
export function joinedArrays(group: ProcessGroup): JoinedArrays {
  const { rank, size } = group;
  const memory = new Map<string, ArrayBuffer>();
  const bucket = (name: string, bytes: number): ArrayBuffer => {
    const kept = memory.get(name);
    if (kept && kept.byteLength >= bytes) return kept;
    const made = new ArrayBuffer(bytes);
    memory.set(name, made);
    return made;
  };

  async function sumAlone(array: DeviceArray): Promise<void> {
    const { bytes, store } = await lendArray(array);
    await group.allReduce(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
    await store();
  }

  async function sumTogether(arrays: readonly DeviceArray[]): Promise<void> {
    const sequence = new Sequence(arrays);
    const rounds = Math.ceil(sequence.length / bucketBytes);
    for (let i = 0; i < rounds; i++) {
      const [start, end] = [sequence.startOf(i, rounds), sequence.startOf(i + 1, rounds)];
      const all = new Uint8Array(bucket("all", end - start), 0, end - start);
      const pieces = await sequence.pieces(start, end);
      pack(pieces, all);
      await group.allReduce(new Float32Array(all.buffer, 0, all.length / 4));
      unpack(pieces, all);
      await sequence.release(end, true);
    }
  }

  /** Goes through the owners' arrays in rounds: `use` gets a part of equal length for each owner, the longest of theirs, one after another. */
  async function inRounds(
    arrays: readonly OwnedArray[],
    use: (parts: readonly (readonly Piece[])[], n: number) => Promise<void>,
    isStored: (owner: number) => boolean,
  ): Promise<void> {
    const sequences = Array.from({ length: size }, (_, r) => new Sequence(arrays.filter(a => a.owner === r).map(a => a.array)));
    const rounds = Math.ceil((Math.max(...sequences.map(s => s.length)) * size) / bucketBytes);
    for (let i = 0; i < rounds; i++) {
      const ranges = sequences.map(s => ({ start: s.startOf(i, rounds), end: s.startOf(i + 1, rounds) }));
      const n = Math.max(...ranges.map(({ start, end }) => end - start));
      const parts: (readonly Piece[])[] = [];
      for (const [r, { start, end }] of ranges.entries()) parts.push(await sequences[r]!.pieces(start, end));
      await use(parts, n);
      for (const [r, { end }] of ranges.entries()) await sequences[r]!.release(end, isStored(r));
    }
  }

  return {
    async sum(arrays) {
      const isAlone = (a: DeviceArray) => sizeOf(a) >= leastAlone;
      await sumTogether(arrays.filter(a => !isAlone(a)));
      for (const a of arrays.filter(isAlone)) await sumAlone(a);
    },
    sumAtOwners: arrays =>
      inRounds(
        arrays,
        async (parts, n) => {
          const all = bucket("all", n * size);
          for (const [r, pieces] of parts.entries()) pack(pieces, new Uint8Array(all, r * n, n));
          const own = bucket("own", n);
          await group.reduceScatter(new Float32Array(all, 0, (n / 4) * size), new Float32Array(own, 0, n / 4));
          unpack(parts[rank]!, new Uint8Array(own, 0, n));
        },
        owner => owner === rank,
      ),
    spread: arrays =>
      inRounds(
        arrays,
        async (parts, n) => {
          const [own, all] = [new Uint8Array(bucket("own", n), 0, n), bucket("all", n * size)];
          pack(parts[rank]!, own);
          await group.allGather(own, new Uint8Array(all, 0, n * size));
          for (const [r, pieces] of parts.entries()) if (r !== rank) unpack(pieces, new Uint8Array(all, r * n, n));
        },
        owner => owner !== rank,
      ),
  };
}

/** Laws of attention over a cache: the softmax of the scores times the values, with the same bits whatever a query is computed beside. */
import { expect, test } from "vitest";
import { ArgumentSpace } from "../argument-space.ts";
import { exponentialConstants } from "../exponential.ts";
import { allocatePages, asF16, floatPages, integerPages, normalFloats as numbers, pagesOf, runOperation } from "../memory.laws.ts";
import { loadCode } from "../native.ts";
import {
  attendCode,
  attendConstants,
  attendFields,
  cacheKeyBlock,
  type HeadShape,
  headBytes,
  tile,
  turnCode,
  turnFields,
} from "./attend-code.ts";

/** A cache filled by `turn` with random keys and values, and queries of given rows. */
async function attended(shape: HeadShape, seen: readonly number[], widest: number, seed = "attention") {
  const { heads, kvHeads, headSize } = shape;
  const group = heads / kvHeads;
  const total = heads + 2 * kvHeads;
  const length = Math.max(...seen) + 1;
  const half = headSize / 2;
  const joined = floatPages(length * total * headSize);
  joined.data.set(numbers(seed, joined.data.length));
  const [cos, sin] = [floatPages(length * half), floatPages(length * half)];
  for (let i = 0; i < length * half; i++) {
    cos.data[i] = Math.cos(0.01 * i);
    sin.data[i] = Math.sin(0.01 * i);
  }
  const [positions, slotPages] = [integerPages(length), allocatePages(8 * length)];
  const slotBytes = kvHeads * headBytes(shape);
  const slots = new BigInt64Array(slotPages.buffer);
  for (let i = 0; i < length; i++) {
    positions.data[i] = i;
    slots[i] = BigInt(slotBytes); // the second slot
  }
  const [keys, values] = [floatPages((2 * slotBytes) / 4), floatPages((2 * slotBytes) / 4)];
  const queries = floatPages(length * heads * headSize);
  const queriesStride = 4 * length * group * headSize;
  const scale = 1 / Math.sqrt(headSize);
  const space = new ArgumentSpace(64);
  await runOperation(
    loadCode(turnCode(shape)),
    space.put(turnFields, {
      joined: joined.address,
      stride: 4 * total * headSize,
      positions: positions.address,
      slots: slotPages.address,
      cos: cos.address,
      sin: sin.address,
      queries: queries.address,
      queriesStride,
      keys: keys.address,
      values: values.address,
      scale: { f32: scale },
    }),
    length,
  );
  const tiles = allocatePages(tile.bytes * seen.length * group);
  const view = new DataView(tiles.buffer);
  const out = floatPages(seen.length * heads * headSize);
  let count = 0;
  // rows of queries that follow one another share a tile where their queries lie together
  for (let from = 0; from < seen.length; ) {
    let to = from + 1;
    while (to < seen.length && seen[to] === seen[to - 1]! + 1) to++;
    const first = seen[from]! * group;
    for (let q = 0; q < (to - from) * group; q += widest) {
      const size = Math.min(widest, (to - from) * group - q);
      const base = tile.bytes * count++;
      view.setBigInt64(base + tile.queries, BigInt((first + q) * headSize * 4), true);
      view.setBigInt64(base + tile.slot, BigInt(slotBytes), true);
      view.setInt32(base + tile.count, size, true);
      view.setInt32(base + tile.last, seen[from + Math.floor((q + size - 1) / group)]!, true);
      for (let k = 0; k < size; k++) {
        const row = from + Math.floor((q + k) / group);
        view.setInt32(base + tile.limits + 4 * k, seen[row]!, true);
        view.setBigInt64(base + tile.outs + 8 * k, BigInt(4 * (row * heads * headSize + ((q + k) % group) * headSize)), true);
      }
    }
    from = to;
  }
  await runOperation(
    loadCode(attendCode(shape)),
    space.put(attendFields, {
      tiles: tiles.address,
      queries: queries.address,
      queriesStride,
      keys: keys.address,
      values: values.address,
      out: out.address,
      exponential: pagesOf(attendConstants(exponentialConstants)).address,
    }),
    count * kvHeads,
  );
  const head = (position: number, h: number) =>
    joined.data.subarray((position * total + h) * headSize, (position * total + h + 1) * headSize);
  const turned = (x: Float32Array, position: number) =>
    Float64Array.from({ length: headSize }, (_, i) => {
      const [j, c, s] = [i % half, cos.data[position * half + (i % half)]!, sin.data[position * half + (i % half)]!];
      return i < half ? x[j]! * c - x[j + half]! * s : x[j + half]! * c + x[j]! * s;
    });
  const want = (row: number, h: number): Float64Array => {
    const kv = Math.floor(h / group);
    const q = turned(head(seen[row]!, h), seen[row]!);
    const scores = Array.from(
      { length: seen[row]! + 1 },
      (_, p) => scale * turned(head(p, heads + kv), p).reduce((s, k, i) => s + asF16(k) * q[i]!, 0),
    );
    const most = Math.max(...scores);
    const weights = scores.map(s => Math.exp(s - most));
    const sum = weights.reduce((a, b) => a + b, 0);
    return Float64Array.from({ length: headSize }, (_, i) =>
      weights.reduce((s, w, p) => s + (w * asF16(head(p, heads + kvHeads + kv)[i]!)) / sum, 0),
    );
  };
  return { out: out.data, want };
}

export function cachedAttentionLaws(): void {
  test(`attention is the softmax of the scores times the values, for every shape of heads`, async () => {
    for (const [heads, kvHeads, headSize] of [
      [9, 3, 64],
      [4, 4, 32],
      [8, 1, 64],
      [2, 1, 128],
      [3, 3, 96],
    ] as const) {
      const shape = { heads, kvHeads, headSize, room: 3 * cacheKeyBlock };
      const seen = [0, 1, 2, 62, 63, 64, 65, 130];
      const { out, want } = await attended(shape, seen, 6);
      for (const row of seen.keys())
        for (let h = 0; h < heads; h++) {
          const expected = want(row, h);
          const got = out.subarray((row * heads + h) * headSize, (row * heads + h + 1) * headSize);
          got.forEach((x, i) => void expect(Math.abs(x - expected[i]!)).toBeLessThan(2e-3));
        }
    }
  });

  test(`a query's bits do not depend on how many are computed with it`, async () => {
    const shape = { heads: 6, kvHeads: 2, headSize: 64, room: 2 * cacheKeyBlock };
    const seen = Array.from({ length: 100 }, (_, i) => i);
    const [one, ...others] = await Promise.all([1, 2, 5, 6].map(widest => attended(shape, seen, widest)));
    for (const other of others) expect(other.out.every((x, i) => x === one!.out[i])).toBe(true);
  });
}

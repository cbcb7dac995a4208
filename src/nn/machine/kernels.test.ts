/** The kernels against the same arithmetic in plain TypeScript, and the law that a row's bits do not depend on the rows beside it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { fromF16, machine, toF16 } from "../../tensor/index.ts";
import {
  attendCode,
  attendConstants,
  attendFields,
  type HeadShape,
  headBytes,
  keyBlock,
  tile,
  turnCode,
  turnFields,
} from "./attention-code.ts";
import { panelColumns, productCode, productFields } from "./products.ts";
import { type RowWork, roundConstants, roundFields, roundRowsCode } from "./round-rows.ts";

const isHere = machine.processorFeatures().vnni512;
const machineTest = test.skipIf(!isHere);
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX-512 VNNI)";

const team = isHere ? machine.teamOf(2) : undefined;
const run = (kernel: bigint, argument: bigint, items: number) => {
  const program = new machine.MachineProgram([{ kernel, argument, items }]);
  return team!.run(program).finally(() => program.free());
};
const floats = (count: number) => {
  const pages = machine.allocatePages(4 * count);
  return { address: pages.address, data: new Float32Array(pages.buffer).subarray(0, count), pages };
};
const bytes = (count: number) => {
  const pages = machine.allocatePages(count);
  return { address: pages.address, data: new Int8Array(pages.buffer).subarray(0, count), pages };
};
const integers = (count: number) => {
  const pages = machine.allocatePages(4 * count);
  return { address: pages.address, data: new Int32Array(pages.buffer).subarray(0, count), pages };
};
const constantsOf = (from: Uint8Array): bigint => {
  const pages = machine.allocatePages(from.length);
  new Uint8Array(pages.buffer).set(from);
  return pages.address;
};
const close = (got: number, want: number, relative: number, scale = Math.abs(want)): boolean =>
  Math.abs(got - want) <= relative * scale + 1e-12;

const fill = (data: Float32Array | Int8Array, next: () => number) => {
  for (let i = 0; i < data.length; i++) data[i] = next();
};

const erf = (x: number): number => {
  const steps = 400;
  const f = (t: number) => Math.exp(-t * t);
  let sum = f(0) + f(x);
  for (let i = 1; i < steps; i++) sum += (i % 2 ? 4 : 2) * f((x * i) / steps);
  return ((2 / Math.sqrt(Math.PI)) * x * sum) / (3 * steps);
};
const silu = (x: number): number => x / (1 + Math.exp(-x));

/** Rounds rows of `width` numbers; gives codes, scales [blocks][rows], sums, and the floats that were rounded. */
async function rounded(work: RowWork, grain: "row" | "block", rows: readonly Float32Array[], width: number, weights?: Float32Array) {
  const count = rows.length;
  const length = work === "bend" ? width / 2 : width;
  const x = floats(count * width);
  rows.forEach((row, i) => void x.data.set(row, i * width));
  const y = work === "none" ? x : floats(count * length);
  const [norm, whole] = [floats(length), floats(length)];
  whole.data.fill(2);
  if (weights) norm.data.set(weights);
  const blocks = grain === "row" ? 1 : length / 32;
  const [codes, scales, sums] = [bytes(count * length), floats(blocks * count), integers(blocks * count)];
  const space = new machine.ArgumentSpace(32);
  const argument = space.put(roundFields, {
    x: x.address,
    xStride: 4 * width,
    other: work === "norm" || work === "layerNorm" ? norm.address : 4 * length,
    bias: norm.address,
    whole: whole.address,
    wholeBias: norm.address,
    y: y.address,
    yStride: 4 * length,
    codes: codes.address,
    codesStride: length,
    scales: scales.address,
    sums: sums.address,
    blockStride: 4 * count,
    length,
    epsilon: { f32: 1e-5 },
    inverse: { f32: 1 / length },
    constants: constantsOf(roundConstants(machine.exponentialConstants)),
  });
  await run(machine.loadCode(roundRowsCode(work, grain)), argument, count);
  return { x: x.data, codes: codes.data, scales: scales.data, sums: sums.data, y: y.data, length, blocks };
}

const numbers = (seed: string, count: number, scale = 1) => {
  const r = random(seed);
  return Float32Array.from({ length: count }, () => scale * r.normal());
};

machineTest.each(["norm", "layerNorm", "bend", "gelu", "none"] as const)(
  `rows are rounded as said, with the work %s before it${why}`,
  async work => {
    for (const grain of ["row", "block"] as const)
      for (const [count, length] of [
        [1, 32],
        [3, 96],
        [7, 576],
      ] as const) {
        const width = work === "bend" ? 2 * length : length;
        const rows = Array.from({ length: count }, (_, i) => numbers(`${work} ${i}`, width, 3 + i));
        const weights = numbers("weights", length);
        const got = await rounded(work, grain, rows, width, weights);
        for (const [i, row] of rows.entries()) {
          const inverse = 1 / Math.sqrt(row.reduce((s, v) => s + v * v, 0) / length + 1e-5);
          const mean = row.reduce((s, v) => s + v, 0) / length;
          const deviation = Math.sqrt(row.reduce((s, v) => s + (v - mean) ** 2, 0) / length + 1e-5);
          const want = {
            layerNorm: (k: number) => ((row[k]! - mean) / deviation) * weights[k]! + weights[k]!,
            // erf by its integral, Simpson's rule
            gelu: (k: number) => (row[k]! / 2) * (1 + erf(row[k]! / Math.SQRT2)),
            norm: (k: number) => row[k]! * inverse * weights[k]!,
            bend: (k: number) => silu(row[k]!) * row[length + k]!,
            none: (k: number) => row[k]!,
          }[work];
          for (let k = 0; k < length; k++) expect(close(got.y[i * length + k]!, want(k), 3e-6, Math.max(1, Math.abs(want(k))))).toBe(true);
          // what is added to what follows is normalised too, with its own weights
          if (work === "layerNorm")
            for (let k = 0; k < length; k++) {
              const whole = ((row[k]! - mean) / deviation) * 2 + weights[k]!;
              expect(close(got.x[i * length + k]!, whole, 3e-6, Math.max(1, Math.abs(whole)))).toBe(true);
            }
          const size = length / got.blocks;
          for (let b = 0; b < got.blocks; b++) {
            const part = got.y.subarray(i * length + b * size, i * length + (b + 1) * size);
            const most = part.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
            const scale = got.scales[b * count + i]!;
            expect(close(scale, most / 127, 1e-6)).toBe(true);
            const codes = got.codes.subarray(i * length + b * size, i * length + (b + 1) * size);
            // nearest: no code is farther than half a step
            part.forEach((v, k) => void expect(Math.abs(codes[k]! * scale - v)).toBeLessThanOrEqual(scale * 0.50001));
            expect(got.sums[b * count + i]).toBe(-128 * codes.reduce((s, c) => s + c, 0));
          }
        }
      }
  },
);

machineTest(`a row of zeros has codes of zero, and one that broke down has no scale${why}`, async () => {
  for (const grain of ["row", "block"] as const) {
    const rows = [
      new Float32Array(64),
      Float32Array.from({ length: 64 }, (_, i) => (i === 40 ? Number.NaN : 1)),
      Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? Infinity : 1)),
    ];
    const { codes, scales, blocks } = await rounded("none", grain, rows, 64);
    expect(codes.subarray(0, 64).every(c => c === 0)).toBe(true);
    const broken = (row: number) => Array.from({ length: blocks }, (_, b) => scales[b * 3 + row]!).some(Number.isNaN);
    expect([0, 1, 2].map(broken)).toEqual([false, true, true]);
  }
});

interface Product {
  readonly rows: number;
  readonly inputs: number;
  readonly panels: number;
  readonly grain: "row" | "block";
  readonly adds: boolean;
  readonly bias: boolean;
}
async function product({ rows, inputs, panels, grain, adds, bias }: Product, seed: string) {
  const r = random(seed);
  const outputs = panels * panelColumns;
  const blocks = grain === "row" ? 1 : inputs / 32;
  const [codes, scales, sums] = [bytes(rows * inputs), floats(blocks * rows), integers(blocks * rows)];
  fill(codes.data, () => r.below(255) - 127);
  fill(scales.data, () => 0.01 + r.below(100) / 1000);
  const size = inputs / blocks;
  for (let row = 0; row < rows; row++)
    for (let b = 0; b < blocks; b++)
      sums.data[b * rows + row] =
        -128 * codes.data.subarray(row * inputs + b * size, row * inputs + (b + 1) * size).reduce((s, c) => s + c, 0);
  const weights = bytes(outputs * inputs);
  const packed = new Uint8Array(weights.pages.buffer);
  const weight = (i: number, o: number) =>
    packed[Math.floor(o / 32) * 32 * inputs + Math.floor(i / 4) * 128 + (o % 32) * 4 + (i % 4)]! - 128;
  for (let i = 0; i < packed.length; i++) packed[i] = r.below(256);
  const columnScales = floats(outputs * blocks);
  fill(columnScales.data, () => 0.01 + r.below(100) / 1000);
  const [out, biases, count] = [floats(rows * outputs), floats(outputs), integers(16)];
  fill(out.data, () => r.normal());
  const before = out.data.slice();
  fill(biases.data, () => r.normal());
  count.data[0] = rows;
  const argument = new machine.ArgumentSpace(32).put(productFields, {
    rows: count.address,
    codes: codes.address,
    codesStride: inputs,
    scales: scales.address,
    sums: sums.address,
    blockStride: 4 * rows,
    inputs,
    panels: weights.address,
    panelBytes: panelColumns * inputs,
    columnScales: columnScales.address,
    scalesBytes: 4 * blocks * panelColumns,
    bias: bias ? biases.address : 0,
    out: out.address,
    outStride: 4 * outputs,
  });
  await run(machine.loadCode(productCode(grain, adds)), argument, panels);
  const want = (row: number, o: number): number => {
    let total = 0;
    for (let b = 0; b < blocks; b++) {
      let whole = 0;
      for (let i = b * size; i < (b + 1) * size; i++) whole += codes.data[row * inputs + i]! * weight(i, o);
      total += whole * scales.data[b * rows + row]! * columnScales.data[(Math.floor(o / 32) * blocks + b) * 32 + (o % 32)]!;
    }
    return total + (bias ? biases.data[o]! : 0) + (adds ? before[row * outputs + o]! : 0);
  };
  return { out: out.data, want, outputs };
}

machineTest(`products are those of the codes, for every number of rows, with and without a bias${why}`, async () => {
  for (const grain of ["row", "block"] as const)
    for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 19])
      for (const adds of [false, true]) {
        const p = { rows, inputs: 96, panels: 2, grain, adds, bias: rows % 2 === 0 };
        const { out, want, outputs } = await product(p, `${grain} ${rows}`);
        for (let row = 0; row < rows; row++)
          for (let o = 0; o < outputs; o += 7) expect(Math.abs(out[row * outputs + o]! - want(row, o))).toBeLessThan(1e-5 * 96 * 127);
      }
});

/** As the cache keeps it. */
const half16 = (x: number): number => fromF16(toF16(x));

/** A cache filled by `turn` with random keys and values, and queries of given rows. */
async function attended(shape: HeadShape, seen: readonly number[], widest: number, seed = "attention") {
  const { heads, kvHeads, headSize } = shape;
  const group = heads / kvHeads;
  const total = heads + 2 * kvHeads;
  const length = Math.max(...seen) + 1;
  const half = headSize / 2;
  const joined = floats(length * total * headSize);
  joined.data.set(numbers(seed, joined.data.length));
  const [cos, sin] = [floats(length * half), floats(length * half)];
  for (let i = 0; i < length * half; i++) {
    cos.data[i] = Math.cos(0.01 * i);
    sin.data[i] = Math.sin(0.01 * i);
  }
  const [positions, slotPages] = [integers(length), machine.allocatePages(8 * length)];
  const slotBytes = kvHeads * headBytes(shape);
  const slots = new BigInt64Array(slotPages.buffer);
  for (let i = 0; i < length; i++) {
    positions.data[i] = i;
    slots[i] = BigInt(slotBytes); // the second slot
  }
  const [keys, values] = [floats((2 * slotBytes) / 4), floats((2 * slotBytes) / 4)];
  const queries = floats(length * heads * headSize);
  const queriesStride = 4 * length * group * headSize;
  const scale = 1 / Math.sqrt(headSize);
  const space = new machine.ArgumentSpace(64);
  await run(
    machine.loadCode(turnCode(shape)),
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
  const tiles = machine.allocatePages(tile.bytes * seen.length * group);
  const view = new DataView(tiles.buffer);
  const out = floats(seen.length * heads * headSize);
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
  await run(
    machine.loadCode(attendCode(shape)),
    space.put(attendFields, {
      tiles: tiles.address,
      queries: queries.address,
      queriesStride,
      keys: keys.address,
      values: values.address,
      out: out.address,
      exponential: constantsOf(attendConstants(machine.exponentialConstants)),
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
      (_, p) => scale * turned(head(p, heads + kv), p).reduce((s, k, i) => s + half16(k) * q[i]!, 0),
    );
    const most = Math.max(...scores);
    const weights = scores.map(s => Math.exp(s - most));
    const sum = weights.reduce((a, b) => a + b, 0);
    return Float64Array.from({ length: headSize }, (_, i) =>
      weights.reduce((s, w, p) => s + (w * half16(head(p, heads + kvHeads + kv)[i]!)) / sum, 0),
    );
  };
  return { out: out.data, want };
}

machineTest(`attention is the softmax of the scores times the values, for every shape of heads${why}`, async () => {
  for (const [heads, kvHeads, headSize] of [
    [9, 3, 64],
    [4, 4, 32],
    [8, 1, 64],
    [2, 1, 128],
    [3, 3, 96],
  ] as const) {
    const shape = { heads, kvHeads, headSize, room: 3 * keyBlock };
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

machineTest(`a query's bits do not depend on how many are computed with it${why}`, async () => {
  const shape = { heads: 6, kvHeads: 2, headSize: 64, room: 2 * keyBlock };
  const seen = Array.from({ length: 100 }, (_, i) => i);
  const [one, ...others] = await Promise.all([1, 2, 5, 6].map(widest => attended(shape, seen, widest)));
  for (const other of others) expect(other.out.every((x, i) => x === one!.out[i])).toBe(true);
});

machineTest(`e^x is right to two units in the last place over all that a softmax meets${why}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.float({ min: -80, max: Math.fround(80), noNaN: true }), async x => {
      // silu(x) * 1 = x / (1 + e^-x)
      const row = new Float32Array(64).fill(x).fill(1, 32);
      const { y } = await rounded("bend", "row", [row], 64);
      expect(close(y[0]!, silu(x), 1e-6, Math.max(Math.abs(silu(x)), 1e-30))).toBe(true);
    }),
    { numRuns: 40 },
  );
});

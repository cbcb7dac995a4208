/** Laws of rows rounded to bytes, against the same arithmetic in plain TypeScript. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ArgumentSpace } from "../argument-space.ts";
import { exponentialConstants } from "../exponential.ts";
import { bytePages, floatPages, integerPages, normalFloats as numbers, pagesOf, runOperation } from "../memory.laws.ts";
import { loadCode } from "../native.ts";
import { type RowWork, roundConstants, roundFields, roundRowsCode } from "./round-rows.ts";

const close = (got: number, want: number, relative: number, scale = Math.abs(want)): boolean =>
  Math.abs(got - want) <= relative * scale + 1e-12;

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
  const x = floatPages(count * width);
  rows.forEach((row, i) => void x.data.set(row, i * width));
  const y = work === "none" ? x : floatPages(count * length);
  const [norm, whole] = [floatPages(length), floatPages(length)];
  whole.data.fill(2);
  if (weights) norm.data.set(weights);
  const blocks = grain === "row" ? 1 : length / 32;
  const [codes, scales, sums] = [bytePages(count * length), floatPages(blocks * count), integerPages(blocks * count)];
  const space = new ArgumentSpace(32);
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
    constants: pagesOf(roundConstants(exponentialConstants)).address,
  });
  await runOperation(loadCode(roundRowsCode(work, grain)), argument, count);
  return { x: x.data, codes: codes.data, scales: scales.data, sums: sums.data, y: y.data, length, blocks };
}

export function roundRowsLaws(): void {
  test.each(["norm", "layerNorm", "bend", "gelu", "none"] as const)(`rows are rounded as said, with the work %s before it`, async work => {
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
  });

  test(`a row of zeros has codes of zero, and one that broke down has no scale`, async () => {
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

  test(`e^x is right to two units in the last place over all that a softmax meets`, async () => {
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
}

/** Laws of products of bytes, against the same arithmetic in plain TypeScript. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { ArgumentSpace } from "../argument-space.ts";
import { bytePages, floatPages, integerPages, runOperation } from "../memory.laws.ts";
import { loadCode } from "../native.ts";
import { bytePanelColumns, byteProductCode, byteProductFields } from "./quantised-product.ts";

const fill = (data: Float32Array | Int8Array, next: () => number) => {
  for (let i = 0; i < data.length; i++) data[i] = next();
};

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
  const outputs = panels * bytePanelColumns;
  const blocks = grain === "row" ? 1 : inputs / 32;
  const [codes, scales, sums] = [bytePages(rows * inputs), floatPages(blocks * rows), integerPages(blocks * rows)];
  fill(codes.data, () => r.below(255) - 127);
  fill(scales.data, () => 0.01 + r.below(100) / 1000);
  const size = inputs / blocks;
  for (let row = 0; row < rows; row++)
    for (let b = 0; b < blocks; b++)
      sums.data[b * rows + row] =
        -128 * codes.data.subarray(row * inputs + b * size, row * inputs + (b + 1) * size).reduce((s, c) => s + c, 0);
  const weights = bytePages(outputs * inputs);
  const packed = new Uint8Array(weights.pages.buffer);
  const weight = (i: number, o: number) =>
    packed[Math.floor(o / 32) * 32 * inputs + Math.floor(i / 4) * 128 + (o % 32) * 4 + (i % 4)]! - 128;
  for (let i = 0; i < packed.length; i++) packed[i] = r.below(256);
  const columnScales = floatPages(outputs * blocks);
  fill(columnScales.data, () => 0.01 + r.below(100) / 1000);
  const [out, biases, count] = [floatPages(rows * outputs), floatPages(outputs), integerPages(16)];
  fill(out.data, () => r.normal());
  const before = out.data.slice();
  fill(biases.data, () => r.normal());
  count.data[0] = rows;
  const argument = new ArgumentSpace(32).put(byteProductFields, {
    rows: count.address,
    codes: codes.address,
    codesStride: inputs,
    scales: scales.address,
    sums: sums.address,
    blockStride: 4 * rows,
    inputs,
    panels: weights.address,
    panelBytes: bytePanelColumns * inputs,
    columnScales: columnScales.address,
    scalesBytes: 4 * blocks * bytePanelColumns,
    bias: bias ? biases.address : 0,
    out: out.address,
    outStride: 4 * outputs,
  });
  await runOperation(loadCode(byteProductCode(grain, adds)), argument, panels);
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

export function byteProductLaws(): void {
  test(`products are those of the codes, for every number of rows, with and without a bias`, async () => {
    for (const grain of ["row", "block"] as const)
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 19])
        for (const adds of [false, true]) {
          const p = { rows, inputs: 96, panels: 2, grain, adds, bias: rows % 2 === 0 };
          const { out, want, outputs } = await product(p, `${grain} ${rows}`);
          for (let row = 0; row < rows; row++)
            for (let o = 0; o < outputs; o += 7) expect(Math.abs(out[row * outputs + o]! - want(row, o))).toBeLessThan(1e-5 * 96 * 127);
        }
  });
}

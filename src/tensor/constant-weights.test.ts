import { expect, test } from "vitest";
import { random } from "../base/index.ts";
import { compile } from "./compile.ts";
import { openDevice } from "./device.ts";
import type { DType, TypedArray } from "./dtype.ts";
import { gather, matmulBlocks, matmulRows, mul, sum } from "./functions.ts";
import { grad } from "./grad.ts";
import { input, type Tensor } from "./tensor.ts";

const device = openDevice("cpu", { threads: 2 });
const reference = openDevice("reference");
const [K, N] = [96, 40];
const r = random("constant weights");
const numbers = <A extends TypedArray>(into: A, draw: () => number): A => {
  for (let i = 0; i < into.length; i++) into[i] = draw();
  return into;
};
type Leaf = readonly [data: TypedArray, dtype: DType, shape: readonly number[]];
interface Weights {
  readonly codes: Tensor;
  readonly scales: Tensor;
}
const kinds: Readonly<
  Record<string, { readonly codes: Leaf; readonly scales: Leaf; readonly product: (w: Weights, x: Tensor) => Tensor }>
> = {
  rows: {
    codes: [numbers(new Int8Array(K * N), () => r.below(255) - 127), "i8", [K, N]],
    scales: [numbers(new Float32Array(N), () => 0.01 * (0.1 + r.uniform())), "f32", [N]],
    product: (w, x) => matmulRows(x, w.codes, w.scales),
  },
  ...Object.fromEntries(
    [4, 8].map(bits => [
      `blocks of ${bits} bits`,
      {
        codes: [numbers(new Uint8Array((N * K * bits) / 8), () => r.below(256)), "u8", [N, K / 32, 4 * bits]] as Leaf,
        scales: [numbers(new Float32Array((N * K) / 32), () => 0.01 * (0.1 + r.uniform())), "f32", [N, K / 32]] as Leaf,
        product: (w: Weights, x: Tensor) => matmulBlocks(x, w.codes, w.scales),
      },
    ]),
  ),
};
const rows = 33;
const x = numbers(new Float32Array(rows * K), () => r.normal());

async function run(kind: string, on: typeof device, from: number, to: number, constant: readonly number[] = [0]): Promise<Float32Array> {
  const { codes, scales, product } = kinds[kind]!;
  const program = compile(product, { device: on, constant });
  const weights = { codes: await on.array(...codes), scales: await on.array(...scales) };
  const y = await program(weights, await on.array(x.slice(from * K, to * K), "f32", [to - from, K]));
  const data = (await y.read()) as Float32Array;
  program.dispose();
  for (const a of [weights.codes, weights.scales, y]) a.dispose();
  return data;
}

test.each(Object.keys(kinds))("%s: packed weights give the reference's product", async kind => {
  const got = await run(kind, device, 0, 9);
  const want = await run(kind, reference, 0, 9);
  const size = Math.sqrt(want.reduce((s, v) => s + v * v, 0) / want.length);
  want.forEach((w, i) => {
    expect(Math.abs(got[i]! - w), `${i}: ${got[i]} ${w}`).toBeLessThan(2e-3 * size);
  });
});

test.each(Object.keys(kinds))("%s: a row's bits do not depend on the rows beside it", async kind => {
  const all = await run(kind, device, 0, rows);
  for (const [from, to] of [
    [0, 2],
    [3, 11],
    [17, 33],
  ] as const)
    expect([...(await run(kind, device, from, to))]).toEqual([...all.subarray(from * N, to * N)]);
});

test("a product of whole numbers gives the same bits to a single row, with packed weights or not", async () => {
  const all = await run("rows", device, 0, rows);
  for (const row of [0, 12, 32]) expect([...(await run("rows", device, row, row + 1))]).toEqual([...all.subarray(row * N, (row + 1) * N)]);
  expect([...(await run("rows", device, 0, rows, []))]).toEqual([...all]);
});

test("programs over other constant arrays are other programs, and rows may be gathered from a packed table", async () => {
  const { codes, scales, product } = kinds["blocks of 4 bits"]!;
  const program = compile((w: Weights, v: Tensor, i: Tensor) => [product(w, v), gather(w.scales, i)] as const, { device, constant: [0] });
  const given = await device.array(x.slice(0, 2 * K), "f32", [2, K]);
  const index = await device.array(Int32Array.of(7, 3), "i32");
  const results: number[][] = [];
  for (const factor of [1, 2]) {
    const w = {
      codes: await device.array(...codes),
      scales: await device.array(
        (scales[0] as Float32Array).map(s => s * factor),
        "f32",
        scales[2],
      ),
    };
    const [y, picked] = await program(w, given, index);
    results.push([...(await y.numbers())]);
    expect([...(await picked.numbers())]).toEqual(
      [7, 3].flatMap(n => [...(scales[0] as Float32Array).subarray(3 * n, 3 * n + 3)].map(s => Math.fround(s * factor))),
    );
  }
  expect(program.programs).toBe(2);
  results[0]!.forEach((y, i) => {
    expect(results[1]![i]).toBeCloseTo(2 * y, 5);
  });
  program.dispose();
});

test("float weights alone build no program of their own", async () => {
  const program = compile((w: Tensor, v: Tensor) => mul(w, v), { device, constant: [0] });
  for (const value of [1, 2]) expect(await (await program(await device.full([1], value), 3)).item()).toBe(3 * value);
  expect(program.programs).toBe(1);
});

test("a row of zeros gives zeros", async () => {
  const { codes, scales, product } = kinds.rows!;
  const program = compile(product, { device, constant: [0] });
  const y = await program({ codes: await device.array(...codes), scales: await device.array(...scales) }, await device.zeros([3, K]));
  expect([...(await y.numbers())].every(v => v === 0)).toBe(true);
});

test("a gradient through quantised weights is refused with what to do instead", () => {
  const [w, s] = [input("w", [K, N], "i8"), input("s", [N])];
  expect(() => grad((t: Tensor) => sum(mul(matmulRows(t, w, s), 2)))(input("x", [2, K]))).toThrow(/float weights.*Differentiate/);
});

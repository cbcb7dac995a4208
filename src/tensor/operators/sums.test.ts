/** Sums by operators of our own: the values of the engine's, the same bits on any threads, and rows whose place is none left out. */
import { expect, test } from "vitest";
import { add, compile, type DeviceArray, gather, graphOf, input, mul, openDevice, scatterRows, sum, type Tensor, zeros } from "../index.ts";
import { canSum } from "./elementwise.ts";
import { ownSums } from "./own-sum.ts";

const isHere = canSum();
const why = isHere ? "" : " (skipped: no Linux on a processor with AVX2)";
const fusedTest = test.skipIf(!isHere);
const devices = [1, 2].map(threads => openDevice("cpu", { threads }));
const values = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => 1.5 * Math.sin(seed + 1.7 * i));

const bits = (x: Float32Array) => Buffer.from(x.buffer, x.byteOffset, x.byteLength);

/** A result without fusing, with it, and with it on two threads. */
async function threeWays(f: (...xs: Tensor[]) => Tensor, arrays: readonly (readonly [Float32Array | Int32Array, readonly number[]])[]) {
  const found: Float32Array[] = [];
  for (const [d, fuse] of [
    [0, false],
    [0, true],
    [1, true],
  ] as const) {
    const device = devices[d]!;
    const given = await Promise.all(arrays.map(([data, shape]) => device.array(data, data instanceof Int32Array ? "i32" : "f32", shape)));
    const program = compile((xs: readonly Tensor[]) => f(...xs), { device, fuse });
    found.push((await ((await program(given)) as DeviceArray).read()) as Float32Array);
    program.dispose();
  }
  return found as [Float32Array, Float32Array, Float32Array];
}

fusedTest.each([
  [1000, 200, 384],
  [77, 900, 10],
  [130, 600, 33],
  [3, 1000, 17],
] as const)(`rows added to a table of %i rows, %i of them %i wide, have the bits of the engine's${why}`, async (rows, count, columns) => {
  const places = Int32Array.from({ length: count }, (_, i) => (i * i * 31) % rows);
  const added = values(count * columns, 1);
  const table = values(rows * columns, 2);
  const given = [
    [places, [count]],
    [added, [count, columns]],
    [table, [rows, columns]],
  ] as const;
  for (const f of [
    // as in an embedding's gradient, rows are gathered from there too: that checks the places
    (at: Tensor, x: Tensor, to: Tensor) => scatterRows(zeros([rows, columns]), at, add(x, gather(to, at)), "add"),
    (at: Tensor, x: Tensor, to: Tensor) => scatterRows(to, at, add(x, gather(to, at)), "add"),
  ]) {
    const shapes = given.map(([data, shape], i) => input(`x${i}`, shape, data instanceof Int32Array ? "i32" : "f32")) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    expect(ownSums(graphOf(shapes as never, [f(...shapes)])).size).toBe(1);
    const [plain, own, threaded] = await threeWays(f, given);
    expect([bits(own).equals(bits(plain)), bits(threaded).equals(bits(plain))]).toEqual([true, true]);
  }
});

fusedTest(`a donated table is added to in its own memory${why}`, async () => {
  const device = devices[1]!;
  const f = compile((table: Tensor, at: Tensor, x: Tensor) => scatterRows(table, at, add(x, mul(gather(table, at), 0)), "add"), {
    device,
    donate: [0],
    fuse: true,
  });
  const [rows, columns] = [100, 100];
  let table = await device.array(values(rows * columns, 1), "f32", [rows, columns]);
  const at = await device.array(
    Int32Array.from({ length: 90 }, (_, i) => i % 7),
    "i32",
    [90],
  );
  const x = await device.full([90, columns], 1);
  for (let i = 0; i < 2; i++) table = await f(table, at, x);
  const want = values(rows * columns, 1).map(
    (y, i) => y + 2 * [13, 13, 13, 13, 13, 13, 12, ...new Array<number>(93).fill(0)][Math.floor(i / columns)]!,
  );
  const got = (await table.read()) as Float32Array;
  for (const [i, w] of want.entries()) expect(got[i]).toBeCloseTo(w, 4);
});

fusedTest.each([-1, 64, 2 ** 31 - 1, -(2 ** 31)])(
  `row %i of a table of 64 is refused, never left out or counted from the end${why}`,
  async place => {
    const device = devices[0]!;
    const places = await device.array(
      Int32Array.from({ length: 100 }, (_, i) => (i === 40 ? place : i % 64)),
      "i32",
      [100],
    );
    const x = await device.full([100, 100], 1);
    const table = await device.full([64, 100], 1);
    for (const f of [
      (at: Tensor, x: Tensor) => scatterRows(zeros([64, 100]), at, x, "add"),
      (at: Tensor, x: Tensor, to: Tensor) => scatterRows(to, at, add(x, gather(to, at)), "add"),
    ]) {
      const program = compile(f, { device, fuse: true });
      await expect(program(places, x, table)).rejects.toMatchObject({ problem: { code: "tensor/index" } });
    }
  },
);

fusedTest.each([8192, 16_384, 50_000, 100_003])(`the squares of %i numbers add up to what float64 gives, in one order${why}`, async n => {
  const xs = values(n, 3);
  const [, one, two] = await threeWays(x => add(sum(mul(x!, x!)), 1), [[xs, [n]]]);
  expect(two).toEqual(one);
  const want = xs.reduce((total, x) => total + x * x, 1);
  expect(Math.abs(one[0]! - want)).toBeLessThan(1e-6 * want);
});

/** Integers have one value on every device, and the processor's traps are never reached: quotients, conversions, indices, folded constants. */
import { describe, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import {
  add,
  cast,
  compile,
  constant,
  type DType,
  div,
  full,
  gather,
  mul,
  openDevice,
  putAlong,
  scatterRows,
  sum,
  type Tensor,
  takeAlong,
} from "./index.ts";

const devices = [
  openDevice("cpu", { threads: 1 }),
  openDevice("reference"),
  ...(lacksPjrt === undefined ? [openDevice("pjrt:cpu", { threads: 1 })] : []),
] as const;
if (lacksPjrt !== undefined) test.skip(`on pjrt:cpu${pjrtReason}`, () => {});

describe.each(devices.map(d => [d.name, d] as const))("on %s", (_, device) => {
  const run = async (f: (...xs: Tensor[]) => Tensor, ...given: readonly (readonly [readonly number[], DType])[]) => {
    const program = compile((xs: readonly Tensor[]) => f(...xs), { device });
    const arrays = await Promise.all(given.map(([values, dtype]) => device.array(values, dtype)));
    try {
      return [...(await (await program(arrays)).numbers())];
    } finally {
      program.dispose();
    }
  };

  test.each([
    ["i8", -128],
    ["i32", -(2 ** 31)],
    ["i64", -(2 ** 63)],
  ] as const)("the least %s divided by -1 wraps to itself instead of ending the process", async (dtype, least) => {
    expect(await run((a, b) => div(a!, b!), [[least, 6, 7], dtype], [[-1, -1, 2], dtype])).toEqual([least, -6, 3]);
    expect(await run(a => div(a!, -1), [[least, 6], dtype])).toEqual([least, -6]);
  });

  test.each(["i8", "u8", "i32", "i64"] as const)("%s divided by 0 is 0, also by a constant 0 and among constants", async dtype => {
    expect(await run((a, b) => div(a!, b!), [[5, 0, 9], dtype], [[0, 0, 4], dtype])).toEqual([0, 0, 2]);
    expect(await run(a => div(a!, 0), [[5, 0], dtype])).toEqual([0, 0]);
    expect(await run(a => div(a!, constant([2, 0], dtype)), [[5, 5], dtype])).toEqual([2, 0]);
    expect(await run(a => mul(a!, div(constant(5, dtype), constant(0, dtype))), [[3], dtype])).toEqual([0]);
  });

  test("the least i32 divided by -1 among constants wraps", async () => {
    expect(await run(a => mul(a!, div(constant(-(2 ** 31), "i32"), constant(-1, "i32"))), [[1], "i32"])).toEqual([-(2 ** 31)]);
  });

  const wild = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e9, -3e9, 1e20, -1e20, 300.7, -300.7, -1.5, 0.9];
  test.each([
    ["i8", [0, 127, -128, 127, -128, 127, -128, 127, -128, -1, 0]],
    ["u8", [0, 255, 0, 255, 0, 255, 0, 255, 0, 0, 0]],
    ["i32", [0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 300, -300, -1, 0]],
    ["i64", [0, 2 ** 63, -(2 ** 63), 3e9, -3e9, 2 ** 63, -(2 ** 63), 300, -300, -1, 0]],
  ] as const)("floats out of range become the nearest %s and NaN becomes 0, computed or folded", async (dtype, want) => {
    expect(await run(x => cast(x!, dtype), [wild, "f32"])).toEqual(want);
    expect(await run(x => add(cast(constant(wild, "f32"), dtype), x!), [[0], dtype])).toEqual(want);
    const halves = wild.map((_, i) => i).filter(i => ![3, 4, 7, 8].includes(i));
    for (const from of ["f16", "bf16"] as const)
      expect(await run(x => cast(x!, dtype), [halves.map(i => wild[i]!), from])).toEqual(
        // 1e20 is infinite in f16; in bf16 it is beyond every range
        halves.map(i => want[i]!),
      );
  });

  test("products of i32 wrap to the bit, and sums of i32 end at its greatest number", async () => {
    expect(await run((a, b) => mul(a!, b!), [[2 ** 31 - 1, 65537], "i32"], [[2 ** 31 - 1, 65537], "i32"])).toEqual([1, 131073]);
    expect(await run(x => sum(x!), [[2 ** 31 - 1, 5], "i32"])).toEqual([2 ** 31 - 1]);
  });

  const table = [[1, 2, 3], "f32"] as const;
  test.each(["i32", "i64"] as const)("an index of -1 is refused instead of counting from the end (%s)", async dtype => {
    for (const index of [-1, -3, 3, dtype === "i32" ? -(2 ** 31) : -(2 ** 62)])
      for (const f of [
        (x: Tensor, i: Tensor) => gather(x, i),
        (x: Tensor, i: Tensor) => takeAlong(x, i),
        (x: Tensor, i: Tensor) => scatterRows(x, i, full([1], 7), "add"),
        (x: Tensor, i: Tensor) => scatterRows(x, i, full([1], 7), "set"),
        (x: Tensor, i: Tensor) => putAlong(x, i, full([1], 7)),
      ])
        await expect(
          run((x, i) => f(x!, i!), table, [[index], dtype]),
          `${index} ${f}`,
        ).rejects.toMatchObject({ problem: { code: "tensor/index" } });
  });

  test("a constant index of -1 is refused too", async () => {
    await expect(run(x => gather(x!, constant([-1], "i32")), table)).rejects.toMatchObject({ problem: { code: "tensor/index" } });
    await expect(run(() => gather(constant([1, 2]), mul(constant([-1], "i32"), 1)), table)).rejects.toMatchObject({
      problem: { code: "tensor/index" },
    });
  });
});

test("numbers that an integer dtype cannot hold are refused instead of wrapped or cut", async () => {
  const [device] = devices;
  for (const [value, dtype] of [
    [300, "u8"],
    [-1, "u8"],
    [0.5, "i32"],
    [2 ** 31, "i32"],
    [Number.NaN, "i64"],
    [Number.POSITIVE_INFINITY, "i64"],
  ] as const) {
    const wrong = expect.objectContaining({ problem: expect.objectContaining({ code: "tensor/dtype" }) });
    expect(() => constant(value, dtype)).toThrow(wrong);
    await expect(device.full([2], value, dtype)).rejects.toThrow(wrong);
    await expect(device.array([value], dtype)).rejects.toThrow(wrong);
  }
  expect(() => mul(constant([1, 2], "i32"), 0.5)).toThrow(/whole numbers in .* for i32, got 0.5/);
});

test("64-bit constants beyond 2^53 are left to the device instead of folded in doubles", async () => {
  const [device] = devices;
  const big = BigInt64Array.of(2n ** 53n + 1n);
  const program = compile((x: Tensor) => mul(x, mul(constant(big, "i64", [1]), constant(1, "i64"))), { device });
  expect(await (await program(await device.array([1], "i64"))).read()).toEqual(big);
});

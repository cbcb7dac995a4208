/** What PJRT's backend has beyond the contract of all backends (../backend.test.ts): donation, threads, aborted runs, exact bits. */
import { describe, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../../test/support/pjrt.ts";
import { sha256 } from "../../base/index.ts";
import {
  add,
  cast,
  compile,
  compileAhead,
  type DeviceArray,
  matmul,
  mul,
  openDevice,
  randomUniform,
  recordingDevice,
  sum,
  type Tensor,
  type WantedExecutable,
} from "../index.ts";
import { PjrtMemory } from "./memory.ts";

const addressOf = (a: DeviceArray): bigint => {
  const { memory } = a;
  if (!(memory instanceof PjrtMemory)) throw new Error("no PJRT memory");
  return memory.buffer.memoryAddress;
};

describe.skipIf(lacksPjrt !== undefined)(`PJRT's CPU plugin as a device${pjrtReason}`, () => {
  const device = lacksPjrt === undefined ? openDevice("pjrt:cpu", { threads: 1 }) : openDevice("reference");
  const other = openDevice("reference");

  test("donated state stays in its memory over many steps, also where it is read after the update", async () => {
    const step = compile(
      (state: { readonly w: Tensor; readonly m: Tensor }, x: Tensor) => {
        const m = add(mul(state.m, 0.5), x);
        const w = add(state.w, m);
        return [{ w, m }, sum(mul(w, state.m))] as const;
      },
      { device, donate: [0] },
    );
    let state = { w: await device.full([512, 64], 1), m: await device.full([512, 64], 0) };
    const x = await device.full([512, 64], 2);
    const places = new Set([addressOf(state.w), addressOf(state.m)]);
    for (let i = 0; i < 5; i++) {
      const [next] = await step(state, x);
      expect(state.w.isAlive || state.m.isAlive).toBe(false);
      state = next;
      expect(new Set([addressOf(state.w), addressOf(state.m)])).toEqual(places);
    }
    const m = 2 * (1 + 0.5 + 0.25 + 0.125 + 0.0625);
    expect((await state.m.numbers())[7]).toBe(m);
  });

  test("random numbers have the reference's bits for every seed and stream", async () => {
    for (const [seed, stream] of [
      [0, 0],
      [1, 3],
      [-5, 1],
      [2 ** 31 - 1, 7],
    ] as const) {
      const draw = async (on: typeof device) => {
        const program = compile((s: Tensor) => randomUniform(cast(s, "i32"), [37, 53], stream), { device: on });
        return (await program(await on.array([seed], "i32", []))).read();
      };
      expect(await draw(device)).toEqual(await draw(other));
    }
  });

  test("a value that the program rounds to 16 bits is rounded, though it is widened at once", async () => {
    const values = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i) * 3 ** (i % 9));
    for (const dtype of ["bf16", "f16"] as const) {
      const round = async (on: typeof device) => {
        const program = compile((x: Tensor) => mul(cast(cast(mul(x, 1.5), dtype), "f32"), 1), { device: on });
        return (await program(await on.array(values))).read();
      };
      expect(await round(device)).toEqual(await round(other));
    }
  });

  test.each(["bf16", "f16"] as const)(
    "products in %s are those of operands that are rounded to it, as the reference rounds",
    async dtype => {
      const draw = (n: number, k: number) => Float32Array.from({ length: n * n }, (_, i) => Math.sin(k * i + 1) * 10 ** (-i % 5));
      const [a, b] = [draw(48, 1.7), draw(48, 0.9)];
      const product = compile((x: Tensor, y: Tensor) => matmul(x, y), { device, products: dtype });
      const judge = compile((x: Tensor, y: Tensor) => matmul(cast(cast(x, dtype), "f32"), cast(cast(y, dtype), "f32")), { device: other });
      const plain = compile((x: Tensor, y: Tensor) => matmul(x, y), { device: other });
      const run = async (of: typeof product, on: typeof device) =>
        (await of(await on.array(a, "f32", [48, 48]), await on.array(b, "f32", [48, 48]))).numbers();
      const [found, want, exact] = [await run(product, device), await run(judge, other), await run(plain, other)];
      const most = (x: Float64Array, y: Float64Array) => x.reduce((m, v, i) => Math.max(m, Math.abs(v - y[i]!)), 0);
      expect(most(found, want)).toBeLessThan(1e-5);
      expect(most(found, exact)).toBeGreaterThan(1e-4);
    },
  );

  test("f16 has an end: operands beyond 65504 are infinite, those below half its least number are none", async () => {
    const product = compile((x: Tensor, y: Tensor) => matmul(x, y), { device, products: "f16" });
    const run = async (value: number) => {
      const x = await device.full([32, 32], value);
      return (await (await product(x, await device.full([32, 32], 1))).numbers())[0];
    };
    expect([await run(65504), await run(65536), await run(2e-8)]).toEqual([32 * 65504, Number.POSITIVE_INFINITY, 0]);
  });

  test("f16 is refused by name on a device without it", async () => {
    const x = await other.full([2, 2], 1);
    const product = compile((v: Tensor) => matmul(v, v), { device: other, products: "f16", name: "square" });
    await expect(product(x)).rejects.toThrow(/square: f16: expected a device that computes products in f16.*got reference/);
  });

  test("JavaScript runs while the device computes", async () => {
    const long = compile(
      (x: Tensor) => {
        let y = x;
        for (let i = 0; i < 20; i++) y = mul(matmul(y, x), 1e-3);
        return sum(y);
      },
      { device },
    );
    const x = await device.full([384, 384], 0.5);
    await long.prepare(x);
    let ticks = 0;
    let isDone = false;
    const count = () => {
      ticks++;
      if (!isDone) setImmediate(count);
    };
    const running = long(x).finally(() => {
      isDone = true;
    });
    setImmediate(count);
    await running;
    expect(ticks).toBeGreaterThan(10);
  });

  test("an aborted run ends with the signal's reason, loses what was donated to it, and leaves the device usable", async () => {
    const step = compile(
      (x: Tensor) => {
        let y = x;
        for (let i = 0; i < 30; i++) y = mul(matmul(y, x), 1e-3);
        return y;
      },
      { device, donate: [0] },
    );
    const x = await device.full([384, 384], 0.5);
    await step.prepare(x);
    const stop = new AbortController();
    const running = step.with({ signal: stop.signal }, x);
    running.catch(() => {});
    while (!x.toString().includes("run in flight")) await Promise.resolve();
    await new Promise(setImmediate);
    stop.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    expect(() => x.read()).toThrow(/did not finish/);
    step.dispose();
    const y = await device.full([3], 2);
    expect(await (await compile((v: Tensor) => sum(v), { device })(y)).item()).toBe(6);
    await expect(step.with({ signal: AbortSignal.abort(new Error("before")) }, y)).rejects.toThrow(/disposed/);
  });

  test("memory of another device is refused by name", async () => {
    const program = compile((x: Tensor) => sum(x), { device });
    await expect(program(await other.full([2], 1))).rejects.toThrow(/arrays of this device.*device\.array\(\)/s);
  });

  test("a program that was compiled before is loaded, of the wanted program and plugin; what cannot be loaded is compiled", async () => {
    const square = (x: Tensor) => sum(mul(x, x));
    let text = "";
    const recording = recordingDevice(program => {
      text = program.text;
    }, "cpu");
    await compile(square, { device: recording, name: "square" }).prepare({ shape: [3], dtype: "f32" });
    // told apart from what is compiled: the same program, but three times as much
    const other = text.replace(
      /return (%v\d+) : tensor<f32>/,
      "%z = stablehlo.constant dense<3.0> : tensor<f32>\n    %y = stablehlo.multiply $1, %z : tensor<f32>\n    return %y : tensor<f32>",
    );
    expect(other).not.toBe(text);
    const { bytes } = await compileAhead({ plugin: "cpu" }, other);
    const wanted: WantedExecutable[] = [];
    const resultWith = async (kept: Uint8Array | undefined) => {
      const own = openDevice("pjrt:cpu", {
        threads: 1,
        executables: async w => {
          wanted.push(w);
          return kept;
        },
      });
      return (await compile(square, { device: own, name: "square" })(await own.array([1, 2, 3]))).item();
    };
    expect([await resultWith(bytes), await resultWith(undefined), await resultWith(Uint8Array.of(1, 2, 3))]).toEqual([42, 14, 14]);
    const { platform, api, version, kind } = device.capabilities.details;
    expect(wanted[0]).toEqual({ name: "square", program: sha256(text), platform, device: kind, api, version });
  });

  test("says what it runs on", () => {
    expect(device.capabilities.details).toMatchObject({ platform: "cpu", api: expect.stringMatching(/^0\.\d+$/) });
  });
});

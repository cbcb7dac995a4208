/** Donated arrays: whoever else reads the memory is found before the run writes over it. */
import { describe, expect, test } from "vitest";
import { lacksPjrt, pjrtReason } from "../../test/support/pjrt.ts";
import { add, compile, type DeviceArray, mul, openDevice, sum, type Tensor } from "./index.ts";

const names = ["cpu", "reference", ...(lacksPjrt === undefined ? (["pjrt:cpu"] as const) : [])] as const;
if (lacksPjrt !== undefined) test.skip(`on pjrt:cpu${pjrtReason}`, () => {});

describe.each(names.map(name => [name, openDevice(name)] as const))("on %s", (_, device) => {
  const step = compile((x: Tensor, y: Tensor) => [add(x, y), sum(mul(y, 3))] as const, { device, donate: [0], name: "step" });
  const code = (name: string) => expect.objectContaining({ problem: expect.objectContaining({ code: `tensor/${name}` }) });

  test("one array donated and passed again is refused by the names of both places", async () => {
    const x = await device.full([5], 2);
    await expect(step(x, x)).rejects.toThrow(code("argument"));
    await expect(step(x, x)).rejects.toThrow(/step: expected a donated array in one place.*"0" and "1"/);
    // nothing was taken: the array lives
    const [y, total] = await step(x, await device.full([5], 2));
    expect([await total.item(), (await y.numbers())[0]]).toEqual([30, 4]);
  });

  test("one array donated twice is refused", async () => {
    const both = compile((x: Tensor, y: Tensor) => [add(x, 1), add(y, 2)] as const, { device, donate: [0, 1] });
    const x = await device.full([5], 2);
    await expect(both(x, x)).rejects.toThrow(code("argument"));
    const tree = compile((p: { a: Tensor; b: Tensor }) => ({ a: add(p.a, 1), b: add(p.b, 2) }), { device, donate: [0] });
    await expect(tree({ a: x, b: x })).rejects.toThrow(/"0\.a" and "0\.b"/);
  });

  test("an array that is donated to one run and read by another at the same time is refused, or both are right", async () => {
    const x = await device.full([100_000], 1);
    const other = await device.full([100_000], 1);
    const results = await Promise.allSettled([step(x, other), step(other, x), step(x, other)]);
    const right = results.filter(r => r.status === "fulfilled");
    expect(right.length).toBeGreaterThan(0);
    for (const r of results) {
      if (r.status === "rejected") expect(String(r.reason.problem.code)).toMatch(/^tensor\/(busy|disposed)$/);
      else expect([(await r.value[0].numbers())[99_999], await r.value[1].item()]).toEqual([2, 300_000]);
    }
  });

  test("writing, reading or viewing what a run in flight was given is refused", async () => {
    const x = await device.full([100_000], 1);
    const y = await device.full([100_000], 1);
    await step.prepare(x, y);
    const running = step(x, y);
    while (!isTaken(x)) await Promise.resolve();
    expect(() => x.view()).toThrow(code("busy"));
    expect(() => x.read()).toThrow(code("busy"));
    await expect(y.write(new Float32Array(100_000))).rejects.toThrow(code("busy"));
    await running;
  });

  test("an array that a stopped run wrote over is lost, and says so", async () => {
    const long = compile(
      (x: Tensor) => {
        let y = add(x, 1);
        for (let i = 0; i < 60; i++) y = mul(add(y, 1), 0.5);
        return y;
      },
      { device, donate: [0] },
    );
    const x = await device.full([20_000], 1);
    await long.prepare(x);
    const stop = new AbortController();
    const running = long.with({ signal: stop.signal }, x);
    running.catch(() => {});
    while (!isTaken(x)) await Promise.resolve();
    await new Promise(setImmediate);
    stop.abort();
    const finished = await running.then(
      () => true,
      () => false,
    );
    // stopped before it began, the array is as it was
    if (x.isAlive) expect((await x.numbers()).every(v => v === 1)).toBe(true);
    else expect(() => x.read()).toThrow(finished ? /donated/ : /did not finish/);
  });

  test("a specification or a traced tensor in place of an array is refused instead of run as NaN", async () => {
    const x = await device.full([], 1);
    for (const wrong of [{ shape: [], dtype: "f32" }, new Float32Array(1), undefined, "1", null])
      await expect(step(x, wrong as never)).rejects.toThrow(code("argument"));
    expect(x.isAlive).toBe(true);
  });
});

/** Has a run begun to use a donated array? */
const isTaken = (x: DeviceArray): boolean => x.toString().includes("run in flight");

/** A view of an array's memory can neither end the process nor reach into another array. */
import { setFlagsFromString } from "node:v8";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { add, compile, matmulRows, openDevice, type Tensor } from "./index.ts";

describe.each((["cpu", "reference"] as const).map(name => [name, openDevice(name)] as const))("on %s", (_, device) => {
  const next = compile((x: Tensor) => add(x, 1), { device, donate: [0] });

  test("transferring the buffer of a view leaves the array whole", async () => {
    const x = await device.array([1, 2, 3]);
    const { buffer } = x.view();
    const { port1, port2 } = new MessageChannel();
    for (const transfer of [
      () => structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }),
      () => port1.postMessage(buffer, [buffer as ArrayBuffer]),
    ])
      try {
        transfer();
      } catch (error) {
        expect(error).toMatchObject({ name: "DataCloneError" }); // later versions of Node refuse where Node 20 copies
      }
    port1.close();
    port2.close();
    expect(buffer.byteLength).toBeGreaterThan(0);
    for (const method of ["transfer", "transferToFixedLength"])
      expect(() => (buffer as unknown as Record<string, () => unknown>)[method]!()).toThrow(/memory that stays with its array/);
    expect([...(await (await next(x)).numbers())]).toEqual([2, 3, 4]);
  });

  test("a view kept after dispose writes into no other array", async () => {
    const x = await device.full([1000], 1);
    const view = x.view() as Float32Array;
    x.dispose();
    const others = await Promise.all(Array.from({ length: 4 }, () => device.full([1000], 5)));
    view.fill(9);
    for (const other of others) expect((await other.numbers()).every(v => v === 5)).toBe(true);
    expect(view[0]).toBe(9);
  });

  test("a view kept after its array was donated writes into no result", async () => {
    const x = await device.full([1000], 1);
    const view = x.view() as Float32Array;
    const y = await next(x);
    expect(x.isAlive).toBe(false);
    view.fill(9);
    expect((await y.numbers()).every(v => v === 2)).toBe(true);
    const z = await next(y); // the copy is the program's own: no view of it is around
    expect((await z.numbers()).every(v => v === 3)).toBe(true);
    expect(view[0]).toBe(9);
  });

  test("memory of constants is no other array's: weights of the same shape are not taken for those before", async () => {
    const program = compile((x: Tensor, w: Tensor, s: Tensor) => matmulRows(x, w, s), { device, constant: [1, 2] });
    const run = async (value: number) => {
      const w = await device.full([32, 16], value, "i8");
      const s = await device.full([16], 1);
      const y = await program(await device.full([1, 32], 1), w, s);
      const found = (await y.numbers())[0]!;
      w.dispose();
      s.dispose();
      return found;
    };
    expect(await run(1)).toBeCloseTo(32, 0);
    expect(await run(3)).toBeCloseTo(96, 0);
    expect(await run(-2)).toBeCloseTo(-64, 0);
  });

  test("writing to constants of a program is refused: it would go on with the old ones", async () => {
    const program = compile((x: Tensor, w: Tensor, s: Tensor) => matmulRows(x, w, s), { device, constant: [1, 2] });
    const w = await device.full([32, 16], 1, "i8");
    await program(await device.full([1, 32], 1), w, await device.full([16], 1));
    await expect(w.write(new Int8Array(512))).rejects.toThrow(/constant of a compiled program/);
  });
});

test("a buffer that was detached past its methods is an error before native code runs", async () => {
  const device = openDevice("cpu");
  const program = compile((x: Tensor) => add(x, 1), { device });
  const x = await device.array([1, 2, 3]);
  const { buffer } = x.view();
  await program(x);
  setFlagsFromString("--allow-natives-syntax");
  new Function("buffer", "%ArrayBufferDetach(buffer)")(buffer);
  setFlagsFromString("--no-allow-natives-syntax");
  await expect(program(x)).rejects.toThrow(/transferred/);
  await expect(x.numbers()).rejects.toThrow(/transferred/);
});

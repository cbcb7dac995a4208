/** JavaScript's own conversions never choose silently for a tensor. */
import { expect, test } from "vitest";
import { add, compile, constant, openDevice, type Tensor } from "./index.ts";

const refused = expect.objectContaining({ problem: expect.objectContaining({ code: "tensor/control" }) });

test.each([
  ["a > 0 ? x : y", (a: never, x: Tensor, y: Tensor) => (a > 0 ? x : y)],
  ["a + 1", (a: never, x: Tensor) => add(x, (a as number) + 1)],
  ["-a", (a: never, x: Tensor) => add(x, -(a as number))],
  // biome-ignore lint/suspicious/noDoubleEquals: the conversion is what is tested
  ["a == 0", (a: never, x: Tensor, y: Tensor) => ((a as unknown) == 0 ? x : y)],
  ["Math.max(a, 0)", (a: never, x: Tensor) => add(x, Math.max(a, 0))],
  ["a template string", (a: never, x: Tensor) => (`${a as string}` ? x : x)],
  ["a property name", (a: never, x: Tensor) => ({ 1: x })[a as number]!],
  ["JSON", (a: never, x: Tensor) => (JSON.stringify({ a }) ? x : x)],
  ["valueOf", (a: never, x: Tensor) => ((a as { valueOf(): unknown }).valueOf() ? x : x)],
] as const)("%s on a traced tensor throws and names what to use", async (_, f) => {
  const device = openDevice("reference");
  const program = compile((a: Tensor, x: Tensor, y: Tensor) => (f as (a: never, x: Tensor, y: Tensor) => Tensor)(a as never, x, y), {
    device,
  });
  await expect(program(1, 2, 3)).rejects.toThrow(refused);
  await expect(program(1, 2, 3)).rejects.toThrow(/select\(greater\(a, b\), x, y\)/);
});

test("comparing an array on a device throws and names item(); its text is its elements", async () => {
  const a = await openDevice("reference").array([1, 2]);
  expect(() => (a as never as number) > 0).toThrow(/await array\.item\(\)/);
  expect(`${a}`).toMatch(/DeviceArray\(f32\[2\]/);
});

test("a function over tensors refuses arrays, lists and undefined by name", async () => {
  const x = constant([1, 2]);
  const array = await openDevice("reference").array([1, 2]);
  for (const wrong of [array, [1, 2], undefined, null, "1", {}])
    expect(() => add(x, wrong as never)).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: "tensor/argument" }) }),
    );
  expect(() => add(x, array as never)).toThrow(/Pass the array to the compiled function/);
});

test("what is written or uploaded must be of the array's own type and size", async () => {
  for (const name of ["cpu", "reference"] as const) {
    const device = openDevice(name);
    const half = await device.full([2], 1, "f16");
    const wrong = (code: string) => expect.objectContaining({ problem: expect.objectContaining({ code: `tensor/${code}` }) });
    await expect(half.write(Float32Array.of(1, 2))).rejects.toThrow(wrong("dtype"));
    await expect(half.write([1, 2, 3])).rejects.toThrow(wrong("shape"));
    await expect(half.write("12" as never)).rejects.toThrow(wrong("argument"));
    await expect(device.array(Float32Array.of(1, 2), "f16")).rejects.toThrow(wrong("dtype"));
    await expect(device.array(new Float64Array(2))).rejects.toThrow(wrong("dtype"));
    await half.write([1.5, -2]); // a list of numbers is converted
    expect([...(await half.numbers())]).toEqual([1.5, -2]);
    const whole = await device.full([2], 1, "i32");
    await expect(whole.write([1.5, 2])).rejects.toThrow(wrong("dtype"));
    await expect(whole.write(new Uint32Array(2) as never)).rejects.toThrow(wrong("dtype"));
    for (const shape of [[-1], [1.5], [Number.NaN], "x", [2 ** 40, 2 ** 40]])
      await expect(device.zeros(shape as never)).rejects.toThrow(wrong("shape"));
    await expect(device.zeros([1], "f99" as never)).rejects.toThrow(wrong("dtype"));
  }
});

/** Laws of 4-bit NormalFloat weights: the published values, the nearest of them, and products that equal those with the floats. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { compile, type DeviceArray, grad, matmul, mul, openDevice, sum, type Tensor } from "../../tensor/index.ts";
import { type NormalFloatWeight, normalFloatProduct, normalFloatRows, normalFloats } from "../normal-float.ts";
import { normalFloatArrays, normalFloatCode, normalFloatCodes } from "./normal-float.ts";

const device = openDevice("cpu", { threads: 1 });

test("the values are those that the authors publish (Dettmers et al. 2023, appendix E)", () => {
  const published = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495,
    0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
  ];
  expect(normalFloats.length).toBe(16);
  for (const [i, x] of published.entries()) expect(Math.abs(normalFloats[i]! - x), `value ${i}`).toBeLessThan(1e-6);
});

test("a code is that of the nearest value", () => {
  for (let x = -1; x <= 1; x += 1 / 512) {
    const distance = Math.abs(normalFloats[normalFloatCode(x)]! - x);
    expect(distance).toBeLessThanOrEqual(Math.min(...normalFloats.map(v => Math.abs(v - x))) + 1e-12);
  }
});

const [input, output] = [128, 70];
function weightOf(seed: string): Float32Array {
  const draw = random(seed);
  return Float32Array.from({ length: input * output }, () => 0.05 * draw.normal());
}
const opened = async (data: Float32Array, double: boolean) =>
  normalFloatArrays(await device.array(data, "f32", [input, output]), device, { double, place: "weight" });
const floatsOf = async (arrays: Record<string, DeviceArray>): Promise<Float32Array> => {
  const program = compile((w: NormalFloatWeight) => normalFloatRows(w), { device });
  return (await (await program(arrays as never)).read()) as Float32Array;
};

test("each weight becomes the nearest value times its block's greatest magnitude; magnitudes in 8 bits are off by half a step at most", async () => {
  const data = weightOf("nearest");
  const { nibbles, maxima } = normalFloatCodes(data, input, output);
  const [single, double] = [await floatsOf(await opened(data, false)), await floatsOf(await opened(data, true))];
  const mean = maxima.reduce((a, b) => a + b, 0) / maxima.length;
  const step = maxima.reduce((m, x) => Math.max(m, Math.abs(x - mean)), 0) / 127;
  for (let o = 0; o < output; o++)
    for (let i = 0; i < input; i++) {
      const block = o * (input / 64) + Math.floor(i / 64);
      const greatest = Math.max(...Array.from({ length: 64 }, (_, j) => Math.abs(data[(64 * Math.floor(i / 64) + j) * output + o]!)));
      expect(maxima[block]).toBe(greatest);
      const value = normalFloats[(nibbles[block * 32 + ((i % 64) >> 1)]! >> (4 * (i & 1))) & 15]!;
      expect(Math.abs(value - data[i * output + o]! / greatest)).toBeLessThanOrEqual(
        Math.min(...normalFloats.map(v => Math.abs(v - data[i * output + o]! / greatest))) + 1e-6,
      );
      expect(single[o * input + i]).toBeCloseTo(value * greatest, 7);
      expect(Math.abs(double[o * input + i]! - single[o * input + i]!)).toBeLessThanOrEqual(Math.abs(value) * step * 0.51 + 1e-8);
    }
});

test("products and their gradients are those with the floats, whatever the magnitudes are in", async () => {
  const x = await device.array(
    Float32Array.from({ length: 3 * input }, (_, i) => Math.sin(i)),
    "f32",
    [3, input],
  );
  for (const double of [false, true]) {
    const arrays = await opened(weightOf("products"), double);
    const rows = await device.array(await floatsOf(arrays), "f32", [output, input]);
    const squared = (y: Tensor) => sum(mul(y, y));
    const ours = compile(
      (a: Tensor, w: NormalFloatWeight) => [normalFloatProduct(a, w), grad((b: Tensor) => squared(normalFloatProduct(b, w)))(a)],
      {
        device,
      },
    );
    const theirs = compile(
      (a: Tensor, w: Tensor) => [matmul(a, w, { transposeB: true }), grad((b: Tensor) => squared(matmul(b, w, { transposeB: true })))(a)],
      { device },
    );
    const [found, want] = [(await ours(x, arrays as never)) as DeviceArray[], (await theirs(x, rows)) as DeviceArray[]];
    for (const k of [0, 1]) {
      const [a, b] = [await found[k]!.numbers(), await want[k]!.numbers()];
      const size = b.reduce((m, y) => Math.max(m, Math.abs(y)), 0);
      for (const [i, y] of a.entries()) expect(Math.abs(y - b[i]!) / size).toBeLessThan(1e-5);
    }
  }
});

test("a block of zeros stays one, and a width that 64 does not divide is refused by name", async () => {
  expect([...(await floatsOf(await opened(new Float32Array(input * output), true)))].every(x => x === 0)).toBe(true);
  const odd = await device.array(new Float32Array(96 * 2), "f32", [96, 2]);
  await expect(normalFloatArrays(odd, device, { double: true, place: "blocks.0.up" })).rejects.toThrow(
    /blocks\.0\.up: expected a width that 64 divides.*got 96/,
  );
});

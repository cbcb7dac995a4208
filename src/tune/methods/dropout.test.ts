/** Dropout of low-rank factors: what it masks, that it leaves the mean, and that it is no part of the model that is left. */
import { expect, test } from "vitest";
import { check } from "../../base/index.ts";
import { type DecoderConfig, decoderLogits, decoderSpec, dropoutFrom, initialise, linear, llamaConfig } from "../../nn/index.ts";
import { compile, mean, openDevice, type Tensor } from "../../tensor/index.ts";
import { type MethodInput, methodOptions, type TrainableArrays, tuningOf } from "./index.ts";
import { changedLinear } from "./low-rank.ts";

const device = openDevice("cpu", { threads: 1 });
const config: DecoderConfig = { ...llamaConfig({ vocab: 31, width: 16, layers: 2, heads: 2, context: 8, hidden: 24 }), deviation: 0.2 };
const tokens = Int32Array.from({ length: 8 }, (_, i) => (i * 7 + 3) % 31);

/** Logits under a seed, or without one; `up` and magnitudes are moved away from where they begin. */
async function opened(input: MethodInput) {
  const tuning = tuningOf(check(methodOptions, input, "method"), decoderSpec(config));
  const { trainable, frozen } = await tuning.start(await initialise(decoderSpec(config), device, 1), device, 1);
  for (const factors of Object.values(trainable as Readonly<Record<string, TrainableArrays>>))
    for (const [name, array] of Object.entries(factors) as [string, never][]) {
      const a = array as { read(): Promise<Float32Array>; write(x: Float32Array): Promise<void> };
      if (name !== "down") await a.write((await a.read()).map((x, i) => x * 1.1 + 0.05 * Math.sin(i)));
    }
  const given = await device.array(tokens, "i32", [1, 8]);
  const trained = compile((f: never, t: never, x: Tensor, seed: Tensor) => decoderLogits(config, tuning.parameters(f, t, seed), x), {
    device,
  });
  const judged = compile((f: never, t: never, x: Tensor) => decoderLogits(config, tuning.parameters(f, t), x), { device });
  return {
    judged: async () => [...(await (await judged(frozen as never, trainable as never, given)).numbers())],
    trained: async (seed: number) => {
      const drawn = await device.array(Int32Array.of(seed), "i32", []);
      return [...(await (await trained(frozen as never, trainable as never, given, drawn)).numbers())];
    },
  };
}
const apart = (a: readonly number[], b: readonly number[]): number => a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0);

for (const method of ["lora", "rslora", "dora"] as const)
  test(`${method}: a seed gives one mask, another seed another; without dropout the seed says nothing`, async () => {
    const dropped = await opened({ [method]: { rank: 2, dropout: 0.3 } } as MethodInput);
    const plain = await opened({ [method]: { rank: 2 } } as MethodInput);
    expect(await dropped.trained(5)).toEqual(await dropped.trained(5));
    expect(apart(await dropped.trained(5), await dropped.trained(6))).toBeGreaterThan(1e-3);
    expect(await plain.trained(5)).toEqual(await plain.trained(6));
    // what is judged, merged and served has none
    expect(await dropped.judged()).toEqual(await plain.judged());
    expect(apart(await plain.trained(5), await plain.judged())).toBeLessThan(1e-6);
  });

test("over many masks a changed map gives what it gives without one", async () => {
  const [rows, input, output] = [20_000, 6, 4];
  const wave = (n: number, k: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(1 + k * i));
  const tensors = async () => ({
    x: await device.array(
      Float32Array.from({ length: rows * input }, (_, i) => Math.sin(1 + (i % input))),
      "f32",
      [rows, input],
    ),
    weight: await device.array(wave(input * output, 3), "f32", [input, output]),
    down: await device.array(wave(2 * input, 5), "f32", [2, input]),
    up: await device.array(wave(2 * output, 7), "f32", [2, output]),
    magnitude: await device.array(Float32Array.of(1, 2, 3, 2.5), "f32", [output]),
    seed: await device.array(Int32Array.of(3), "i32", []),
  });
  type Given = { readonly [K in "x" | "weight" | "down" | "up" | "magnitude" | "seed"]: Tensor };
  const given = await tensors();
  for (const stretched of [false, true]) {
    const program = (drop: boolean) =>
      compile(
        ({ x, weight, down, up, magnitude, seed }: Given) => {
          const change = stretched ? { down, up, magnitude } : { down, up };
          return mean(linear(changedLinear({ weight }, change, 0.7, "map", drop ? () => dropoutFrom(0.4, seed) : undefined), x), 0);
        },
        { device },
      );
    const [plain, dropped] = [await program(false)(given as never), await program(true)(given as never)];
    const [a, b] = [[...(await plain.numbers())], [...(await dropped.numbers())]];
    // a mean over 20,000 masks is off by about a hundredth
    expect(apart(a, b)).toBeLessThan(0.06);
    expect(apart(a, b)).toBeGreaterThan(0);
  }
});

/** Laws of `qlora`: the base is held in 4 bits, what is trained are factors, and what is left is the model that was tuned. */
import { expect, test } from "vitest";
import { check } from "../../base/index.ts";
import {
  type Adapter,
  crossEntropy,
  type DecoderConfig,
  type DecoderParameters,
  decoderLogits,
  decoderSpec,
  initialise,
  llamaConfig,
  mergeAdapter,
} from "../../nn/index.ts";
import { bytesOf, compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { adamw, createTrainer, single } from "../../train/index.ts";
import {
  adapterOfTuning,
  type FrozenArrays,
  type MethodInput,
  mergedModel,
  mergeProof,
  methodOptions,
  type TrainableArrays,
  tuningOf,
} from "./index.ts";

const device = openDevice("cpu", { threads: 1 });
const config: DecoderConfig = {
  ...llamaConfig({ vocab: 61, width: 64, layers: 2, heads: 4, kvHeads: 2, context: 32, hidden: 128 }),
  deviation: 0.15,
};
const specs = decoderSpec(config);
const shape = [2, 8];
const tokens = Int32Array.from({ length: 16 }, (_, i) => (i * 7 + 3) % 61);
const targets = Int32Array.from({ length: 16 }, (_, i) => (i * 5 + 1) % 61);

async function tuned(input: MethodInput, steps = 6) {
  const tuning = tuningOf(check(methodOptions, input, "method"), specs);
  const { trainable: start, frozen } = await tuning.start(await initialise(specs, device, 1), device, 1);
  const trainer = await createTrainer({
    device,
    specs: tuning.specs,
    loss: (p, b: { tokens: Tensor; targets: Tensor; weights: Tensor }, scale, f) =>
      crossEntropy(decoderLogits(config, tuning.parameters(f, p as never), b.tokens), b.targets, b.weights, scale),
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ weightDecay: 0 })),
    rate: 0.01,
    steps: Math.max(1, steps),
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    start,
    frozen,
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++)
    losses.push((await trainer.step([{ arrays: { tokens, targets, weights: new Float32Array(16).fill(1) }, weight: 16 }])).loss);
  return { tuning, frozen, trainable: trainer.state.parameters as TrainableArrays, losses };
}
async function logitsBy(of: (...trees: never[]) => unknown, ...trees: readonly unknown[]): Promise<Float32Array> {
  const program = compile((x: Tensor, ...given: never[]) => decoderLogits(config, of(...given) as never, x), { device });
  const x = await device.array(tokens, "i32", shape);
  return (await (
    (await (program as never as (...all: unknown[]) => Promise<DeviceArray>)(x, ...trees)) as DeviceArray
  ).read()) as Float32Array;
}
const apart = (a: Float32Array, b: Float32Array): number =>
  a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0) / b.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
const bitsOf = (frozen: FrozenArrays) => {
  const inBlocks = Object.entries(frozen).filter(([path]) => path.startsWith("blocks.") && !path.includes("norm"));
  const weights = 2 * (64 * (64 + 32 + 32 + 64) + 3 * 64 * 128);
  return (8 * inBlocks.reduce((n, [, a]) => n + bytesOf(a.shape, a.dtype), 0)) / weights;
};

for (const [double, bits] of [
  [false, 4.5],
  [true, 4.17],
] as const)
  test(`with double: ${double} a weight of the blocks takes ${bits} bits at most, factors learn, and merged equals tuned`, async () => {
    const { tuning, frozen, trainable, losses } = await tuned({ qlora: { rank: 4, double } });
    // 4.13 where groups of 256 blocks are whole, which a small model's are not
    expect(bitsOf(frozen)).toBeLessThan(bits + 0.001);
    expect(Object.keys(frozen).filter(path => path.endsWith("nibbles")).length).toBe(14);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.3);
    const after = await logitsBy((f: never, t: never) => tuning.parameters(f, t), frozen, trainable);
    const merged = (await mergedModel(tuning, frozen, trainable, device)) as unknown as DecoderParameters;
    expect(apart(await logitsBy((p: never) => p, merged), after)).toBeLessThan(1e-5);
    // the same proof that a tuning prints, of the adapter as it is served over the base in 4 bits
    const adapter: Adapter = await adapterOfTuning(config, tuning, trainable);
    const proof = await mergeProof({ device, config, tuning, trainable, frozen, merged, adapter, texts: [tokens.slice(0, 8)] });
    expect(proof.merged / proof.greatest).toBeLessThan(1e-5);
    // over the full base it is another model, by what the base lost
    const onBase = await mergeAdapter((await initialise(specs, device, 1)) as DecoderParameters, adapter, device);
    const moved = apart(await logitsBy((p: never) => p, onBase), after);
    expect(moved).toBeGreaterThan(1e-3);
    expect(moved).toBeLessThan(0.5);
  });

test("before the first step it is the base in 4 bits, and the factors have the gradients of the floats that those mean", async () => {
  const { tuning, frozen, trainable } = await tuned({ qlora: { rank: 4 } }, 0);
  const floats = await mergedModel(tuning, frozen, trainable, device);
  const plain = tuningOf(check(methodOptions, { lora: { rank: 4 } }, "method"), specs);
  const started = await plain.start(floats, device, 1);
  const a = await logitsBy((f: never, t: never) => tuning.parameters(f, t), frozen, trainable);
  const b = await logitsBy((f: never, t: never) => plain.parameters(f, t), started.frozen, started.trainable);
  expect(apart(a, b)).toBeLessThan(1e-5);
  const base = await logitsBy((p: never) => p, await initialise(specs, device, 1));
  expect(apart(a, base)).toBeGreaterThan(1e-3);
  expect(apart(a, base)).toBeLessThan(0.5);
});

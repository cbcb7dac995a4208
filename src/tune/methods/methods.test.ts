/** Laws of the methods: what is trained and what is not, what the start means, and that what is left equals what was trained. */
import { expect, test } from "vitest";
import { check } from "../../base/index.ts";
import {
  bertConfig,
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  encoderSpec,
  gpt2Config,
  initialise,
  llamaConfig,
  mergeAdapter,
  quantise,
} from "../../nn/index.ts";
import { compile, constant, type DeviceArray, openDevice, type Tensor, valueAndGrad } from "../../tensor/index.ts";
import { adamw, createTrainer, single } from "../../train/index.ts";
import {
  adapterOfTuning,
  type FrozenArrays,
  type MethodInput,
  mergedModel,
  methodOptions,
  type TrainableArrays,
  type Tuning,
  tuningOf,
} from "./index.ts";
import { changedWeight } from "./low-rank.ts";
import { treeOf } from "./paths.ts";

const device = openDevice("cpu", { threads: 1 });
const size = { vocab: 61, width: 32, layers: 2, heads: 4, context: 32, hidden: 64 } as const;
const models: Readonly<Record<string, DecoderConfig>> = {
  llama: { ...llamaConfig({ ...size, kvHeads: 2 }), deviation: 0.15 },
  gpt2: { ...gpt2Config(size), deviation: 0.15 },
};
const methodOf = (input: MethodInput) => check(methodOptions, input, "method");
const shape = [2, 8] as const;
const tokens = Int32Array.from({ length: 16 }, (_, i) => (i * 7 + 3) % size.vocab);
const targets = Int32Array.from({ length: 16 }, (_, i) => (i * 5 + 1) % size.vocab);
const inputs = async () => ({
  tokens: await device.array(tokens, "i32", shape),
  targets: await device.array(targets, "i32", shape),
});

async function logitsWith(config: DecoderConfig, tuning: Tuning<DecoderSpec>, frozen: FrozenArrays, trainable: TrainableArrays) {
  const program = compile((f: never, t: never, x: Tensor) => decoderLogits(config, tuning.parameters(f, t), x), { device });
  const out = await (await program(frozen as never, trainable as never, (await inputs()).tokens)).read();
  program.dispose();
  return (out as Float32Array).slice();
}
async function logitsOf(config: DecoderConfig, parameters: unknown) {
  const program = compile((p: never, x: Tensor) => decoderLogits(config, p, x), { device });
  const out = await (await program(parameters as never, (await inputs()).tokens)).read();
  program.dispose();
  return (out as Float32Array).slice();
}
const apart = (a: Float32Array, b: Float32Array): number =>
  a.reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0) / b.reduce((m, x) => Math.max(m, Math.abs(x)), 0);

/** A few steps of training on one batch. */
async function trained(config: DecoderConfig, tuning: Tuning<DecoderSpec>, frozen: FrozenArrays, start: TrainableArrays, steps = 4) {
  const trainer = await createTrainer({
    device,
    specs: tuning.specs,
    loss: (p, b: { tokens: Tensor; targets: Tensor; weights: Tensor }, scale, f) =>
      crossEntropy(decoderLogits(config, tuning.parameters(f, p as never), b.tokens), b.targets, b.weights, scale),
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ weightDecay: 0 })),
    rate: 0.01,
    steps,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    start,
    frozen,
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const report = await trainer.step([{ arrays: { tokens, targets, weights: new Float32Array(16).fill(1) }, weight: 16 }]);
    losses.push(report.loss);
  }
  return { trainable: trainer.state.parameters as TrainableArrays, losses, optimizer: trainer.state.optimizer };
}

const all: MethodInput[] = [
  "full",
  { frozen: { layers: 1 } },
  { lora: { rank: 4 } },
  { rslora: { rank: 4, targets: ["attention", "feedForward.down"] } },
  { dora: { rank: 4 } },
  { lora: { rank: 4, targets: ["token", "query"] } },
];
for (const [name, config] of Object.entries(models))
  for (const input of name === "llama" ? all : all.slice(3, 5))
    test(`${name}, ${JSON.stringify(input)}: starts as the base, trains what it says and leaves the rest, and merged equals tuned`, async () => {
      const tuning = tuningOf(methodOf(input), decoderSpec(config));
      const base = await initialise(decoderSpec(config), device, name);
      const before = await logitsOf(config, base);
      const { trainable: start, frozen } = await tuning.start(base, device, 1);
      expect(apart(await logitsWith(config, tuning, frozen, start), before)).toBeLessThan(1e-5);
      const kept = new Map<string, number[]>();
      for (const [path, a] of Object.entries(frozen)) kept.set(path, [...((await a.read()) as Float32Array)]);
      const { trainable, losses, optimizer } = await trained(config, tuning, frozen, start);
      expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.05);
      for (const [path, a] of Object.entries(frozen)) expect([...((await a.read()) as Float32Array)], path).toEqual(kept.get(path));
      // no state for what is frozen
      for (const path of Object.keys(optimizer)) expect(frozen[path]).toBeUndefined();
      const after = await logitsWith(config, tuning, frozen, trainable);
      expect(apart(after, before)).toBeGreaterThan(1e-2);
      expect(apart(await logitsOf(config, await mergedModel(tuning, frozen, trainable, device)), after)).toBeLessThan(1e-5);
    });

for (const input of [{ lora: { rank: 4 } }, { rslora: { rank: 3, targets: ["query", "up"] } }] as MethodInput[])
  test(`${JSON.stringify(input)}: the adapter that is written is the model that was trained`, async () => {
    const config = models.llama!;
    const tuning = tuningOf(methodOf(input), decoderSpec(config));
    const base = await initialise(decoderSpec(config), device, 1);
    const { trainable: start, frozen } = await tuning.start(base, device, 1);
    const { trainable } = await trained(config, tuning, frozen, start);
    const merged = await mergeAdapter(base, await adapterOfTuning(config, tuning, trainable), device);
    expect(apart(await logitsOf(config, merged), await logitsWith(config, tuning, frozen, trainable))).toBeLessThan(1e-5);
  });

/** The other way: every change multiplied into its weight, within the loss. */
const materialised =
  (tuning: Tuning<DecoderSpec>): Tuning<DecoderSpec>["parameters"] =>
  (frozen, trainable) =>
    treeOf<Tensor>(
      Object.entries(frozen).map(([path, w]) => {
        const at = path.replace(/\.weight$/, "");
        const change = tuning.changes.get(at);
        return [path, change && at !== path ? changedWeight(w, trainable[at] as never, change.scale) : w];
      }),
    ) as never;

test("factors have the gradients that they have when multiplied into the weights", async () => {
  const config = models.llama!;
  const specs = decoderSpec(config);
  for (const input of [{ lora: { rank: 4 } }, { dora: { rank: 4 } }] as MethodInput[]) {
    const tuning = tuningOf(methodOf(input), specs);
    const { trainable: start, frozen } = await tuning.start(await initialise(specs, device, 1), device, 1);
    const { trainable } = await trained(config, tuning, frozen, start, 2);
    const { tokens: x, targets: y } = await inputs();
    const gradients = async (parameters: Tuning<DecoderSpec>["parameters"]) => {
      const loss = (t: never, f: never, a: Tensor, b: Tensor) =>
        crossEntropy(decoderLogits(config, parameters(f, t), a), b, constant(new Float32Array(16).fill(1), "f32", shape), 1 / 16);
      const program = compile((t: never, f: never, a: Tensor, b: Tensor) => valueAndGrad(loss)(t, f, a, b)[1], { device });
      return program(trainable as never, frozen as never, x, y) as unknown as Promise<Record<string, Record<string, DeviceArray>>>;
    };
    const one = await gradients(tuning.parameters);
    const other = await gradients(materialised(tuning));
    for (const [path, factors] of Object.entries(one))
      for (const [name, g] of Object.entries(factors)) {
        const want = (await other[path]![name]!.read()) as Float32Array;
        expect(apart((await g.read()) as Float32Array, want), `${path}.${name}`).toBeLessThan(1e-4);
      }
  }
});

test("a quantised base takes factors, and nothing that needs its full weights", async () => {
  const config = models.llama!;
  const specs = decoderSpec(config);
  const base = await quantise(config, (await initialise(specs, device, 1)) as never, device, { projections: "blocks8", tables: "blocks8" });
  const tuning = tuningOf(methodOf({ lora: { rank: 4 } }), specs);
  const { trainable, frozen } = await tuning.start(base, device, 1);
  expect(apart(await logitsWith(config, tuning, frozen, trainable), await logitsOf(config, base))).toBeLessThan(1e-6);
  await expect(mergedModel(tuning, frozen, trainable, device)).rejects.toMatchObject({ code: "tune/method" });
  for (const input of ["full", "dora"] as const)
    await expect(tuningOf(methodOf(input), specs).start(base, device, 1)).rejects.toMatchObject({ code: "tune/method" });
});

test("a new head is trained whole beside factors", async () => {
  const config = {
    ...bertConfig({ vocab: 50, width: 32, layers: 2, heads: 4, context: 16 }),
    classifier: { labels: ["a", "b"], kind: "one" as const },
  };
  const tuning = tuningOf(methodOf("lora"), encoderSpec(config), { whole: ["classifier"] });
  const whole = Object.keys(tuning.specs).filter(path => !tuning.changes.has(path));
  expect(whole).toEqual(["classifier.transform.weight", "classifier.transform.bias", "classifier.output.weight", "classifier.output.bias"]);
  expect(tuning.changes.size).toBe(12);
});

const refused: readonly [MethodInput, string, RegExp][] = [
  [{ lora: { targets: ["querry"] } }, "an unknown target", /targets\[0\].*querry.*Did you mean query/],
  [{ lora: { rank: 40 } }, "a rank above a side", /rank of blocks\.0\.attention\.query: expected at most 32.*40/],
  [{ dora: { rank: 4, targets: ["token"] } }, "columns of a table", /token: expected linear maps only/],
  [{ frozen: { layers: 4 } }, "more blocks than there are", /frozen\.layers: expected at most the model's 2 blocks, got 4/],
];
for (const [input, name, message] of refused)
  test(`refused: ${name}`, () => {
    expect(() => tuningOf(methodOf(input), decoderSpec(models.llama!))).toThrow(message);
  });

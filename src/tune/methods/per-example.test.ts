/** Gradients of single examples of low-rank factors, on a device with its own attention: equal to a loop over the examples. */
import { expect, test } from "vitest";
import { random, type Tree, treeLeaves, treePaths } from "../../base/index.ts";
import { crossEntropy, type Decoder, decoderLogits, decoderSpec, gpt2Config, initialise } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, perExample, type Tensor } from "../../tensor/index.ts";
import type { Method } from "./options.ts";
import { type FrozenTensors, type TrainableTensors, tuningOf } from "./tuning.ts";

const device = openDevice("cpu");
const [rows, length] = [3, 16];
const config = { ...gpt2Config({ vocab: 40, width: 32, layers: 2, heads: 2, context: length }) };
type Batch = { readonly tokens: Tensor; readonly targets: Tensor; readonly segments: Tensor; readonly weights: Tensor };
type Batched = { readonly [K in keyof Batch]: DeviceArray };

const low = (targets: readonly string[]) => ({ rank: 4, targets: [...targets] });
const methods: Readonly<Record<string, Method>> = {
  "LoRA of all maps": { lora: { rank: 4, targets: "all" } },
  "LoRA of the tied table": { lora: low(["token", "query"]) },
  DoRA: { dora: low(["value", "up"]) },
  "the upper block alone": { frozen: { layers: 1, embeddings: true } },
  "the whole model": { full: {} },
};

const packed = Int32Array.from({ length: rows * length }, (_, i) => Math.floor(i / length) * 2 + (i % length < 5 ? 0 : 1));
const count = 2 * rows;

test.each(Object.entries(methods))("%s, packed examples", async (_, method) => {
  const specs = decoderSpec(config);
  const tuning = tuningOf(method, specs);
  const { trainable, frozen } = await tuning.start(await initialise(specs, device, 3), device, 3);
  const r = random("low-rank");
  // factors that start at zero would have one gradient of zero
  for (const array of treeLeaves<DeviceArray>(trainable as Tree<DeviceArray>)) {
    const now = await array.numbers();
    await array.write(Float32Array.from(now, x => x + 0.1 * r.normal()));
  }
  const arrays: Batched = {
    tokens: await device.array(
      Int32Array.from({ length: rows * length }, () => r.below(40)),
      "i32",
      [rows, length],
    ),
    targets: await device.array(
      Int32Array.from({ length: rows * length }, () => r.below(40)),
      "i32",
      [rows, length],
    ),
    segments: await device.array(packed, "i32", [rows, length]),
    weights: await device.array(new Float32Array(rows * length).fill(1), "f32", [rows, length]),
  };
  const loss = (p: TrainableTensors, b: Batch, f: FrozenTensors) =>
    crossEntropy(decoderLogits(config, tuning.parameters(f, p) as Decoder, b.tokens, { segments: b.segments }), b.targets, b.weights, 1);
  const program = compile(
    (p: TrainableTensors, b: Batch, f: FrozenTensors, factors: Tensor) => {
      const g = perExample(loss, (given: Batch) => ({ of: given.segments, count }))(p, b, f);
      return { norms: g.squaredNorms(), sum: g.weightedSum(factors) };
    },
    { device, fuse: true },
  );
  const weighted = async (factors: readonly number[]) => {
    const given = await device.array(Float32Array.from(factors), "f32", [count]);
    const found = await program(trainable, arrays, frozen, given);
    const leaves = treePaths<DeviceArray>(found.sum as Tree<DeviceArray>);
    return { norms: await found.norms.numbers(), sum: await Promise.all(leaves.map(([, a]) => a.numbers())) };
  };
  const { norms } = await weighted(Array.from({ length: count }, () => 1));
  for (let e = 0; e < count; e++) {
    const one = Float32Array.from(packed, id => (id === e ? 1 : 0));
    await arrays.weights.write(one);
    const alone = await weighted(Array.from({ length: count }, () => 1));
    await arrays.weights.write(new Float32Array(rows * length).fill(1));
    const picked = await weighted(Array.from({ length: count }, (_, i) => (i === e ? 1 : 0)));
    const squared = alone.sum.reduce((s, a) => a.reduce((t, x) => t + x * x, s), 0);
    expect(norms[e]! / squared, `norm of example ${e}`).toBeCloseTo(1, 4);
    const scale = Math.sqrt(squared);
    for (const [i, a] of alone.sum.entries())
      for (const [j, x] of a.entries()) expect(Math.abs(x - picked.sum[i]![j]!) / scale).toBeLessThan(1e-5);
  }
  program.dispose();
});

import {
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  dropoutFrom,
  negativeLogLikelihood,
} from "../../nn/index.ts";
import { compile, type Device, type DeviceArray, mul, sum, type Tensor } from "../../tensor/index.ts";
import type { HostBatch } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { type BatchSource, runFit } from "../fit.ts";
import { loopOf, rateOf } from "../loop.ts";
import { type FrozenTensors, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import type { Encoded } from "./encode.ts";
import type { InstructFitOptions } from "./options.ts";
import { batchesOnce, examplePacker, rowsOf, type TuneBatch, weightOf } from "./pack.ts";
import type { TaskResult, TaskRun } from "./task.ts";

export type BatchTensors = { tokens: Tensor; targets: Tensor; segments: Tensor; positions: Tensor; weights: Tensor; seed: Tensor };
const integers = ["tokens", "targets", "segments", "positions"] as const;

/** Weighted loss of a micro-batch times `scale`: the one definition that training and tests share. */
export const tuneLoss =
  (config: DecoderConfig, tuning: Tuning<DecoderSpec>, recipe: Pick<InstructFitOptions, "dropout" | "rematerialise">) =>
  (trained: TrainableTensors, b: BatchTensors, scale: Tensor, frozen: FrozenTensors): Tensor =>
    crossEntropy(
      decoderLogits(config, tuning.parameters(frozen, trained, b.seed), b.tokens, {
        segments: b.segments,
        positions: b.positions,
        rematerialise: recipe.rematerialise,
        attentionBlock,
        ...(recipe.dropout > 0 ? { dropout: dropoutFrom(recipe.dropout, b.seed) } : {}),
      }),
      b.targets,
      b.weights,
      scale,
    );
/** Queries a block of causal attention: a block skips the keys that it cannot see. */
export const attentionBlock = 128;
/** Peak rate of a decoder's weights where none is said. */
export const decoderRate = 2e-5;

const hostBatch = (b: TuneBatch, seed: number, examples: readonly Encoded[]): HostBatch => ({
  arrays: {
    tokens: b.tokens,
    targets: b.targets,
    segments: b.segments,
    positions: b.positions,
    weights: b.weights,
    seed: Int32Array.of(seed),
  },
  weight: weightOf(b),
  documents: b.examples.map(i => examples[i]!.place),
});

/** Mean nats a trained token over examples, each once. */
export function lossOver(
  device: Device,
  config: DecoderConfig,
  parameters: (frozen: FrozenTensors, trained: TrainableTensors) => unknown,
  examples: readonly Encoded[],
  { rows, length }: { readonly rows: number; readonly length: number },
): { of(trainable: unknown, frozen: unknown, signal?: AbortSignal): Promise<number>; dispose(): void } {
  const program = compile(
    (trained: TrainableTensors, frozen: FrozenTensors, b: Omit<BatchTensors, "seed">) =>
      sum(
        mul(
          negativeLogLikelihood(
            decoderLogits(config, parameters(frozen, trained) as never, b.tokens, {
              segments: b.segments,
              positions: b.positions,
              attentionBlock,
            }),
            b.targets,
          ),
          b.weights,
        ),
      ),
    { device, name: "validation" },
  );
  return {
    dispose: () => program.dispose(),
    async of(trainable, frozen, signal) {
      let [total, weight] = [0, 0];
      for (const batch of batchesOnce(examples, { rows, length, seed: "validation" })) {
        const given: Record<string, DeviceArray> = {};
        for (const name of integers) given[name] = await device.array(batch[name], "i32", [rows, length]);
        given.weights = await device.array(batch.weights, "f32", [rows, length]);
        const out = await program.with(signal ? { signal } : {}, trainable as never, frozen as never, given as never);
        total += await out.item();
        weight += weightOf(batch);
        for (const a of [out, ...Object.values(given)]) a.dispose();
      }
      return total / weight;
    },
  };
}

/** Tunes; the best values by the validation part, or the last ones without it. Errors: tune/method, tune/example, train/*. */
export async function tuneInstruct(o: TaskRun<Encoded, InstructFitOptions>): Promise<TaskResult> {
  const { device, config, recipe } = o;
  if (o.train.length === 0) throw tuneErrors.fail("example", { place: "train", expected: "an example or more", received: "none" });
  const tuning = tuningOf(recipe.method, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(o.parameters, device, recipe.seed);
  const layout = { length: recipe.length, seed: recipe.seed, pack: recipe.pack };
  const rowsIn = rowsOf(o.train, { ...layout, rows: 1 }, 0).length;
  const rows = Math.min(recipe.rows, rowsIn);
  const stepsIn = rowsIn / (rows * recipe.accumulate);
  const loop = loopOf(o, recipe, rateOf(recipe, decoderRate), stepsIn);
  const shape = [rows, recipe.length];
  const ints = { shape, dtype: "i32" } as const;
  const validation =
    o.validation.length > 0 ? lossOver(device, config, tuning.parameters, o.validation, { rows, length: recipe.length }) : undefined;
  try {
    const fitted = await runFit<BatchTensors>({
      trainer: {
        ...loop.trainer,
        specs: tuning.specs,
        loss: tuneLoss(config, tuning, recipe) as never,
        batch: {
          tokens: ints,
          targets: ints,
          segments: ints,
          positions: ints,
          weights: { shape, dtype: "f32" },
          seed: { shape: [], dtype: "i32" },
        },
      },
      start: trainable,
      frozen,
      source: (state): BatchSource => {
        const packer = examplePacker(o.train, { ...layout, rows }, state);
        const place = () => {
          const { epoch, row } = packer.state();
          return epoch * rowsIn + row;
        };
        return { state: () => packer.state(), next: () => hostBatch(packer.next(), place() % 2 ** 31, o.train) };
      },
      tokensOf: () => rows * recipe.length,
      judgesStart: true,
      judge: validation && (async (t, f) => ({ loss: await validation.of(t, f, o.signal) })),
      ...loop.fit,
    });
    return { ...fitted, tuning, frozen };
  } finally {
    validation?.dispose();
  }
}

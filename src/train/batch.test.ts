/** A batch that does not fit is refused by name before anything is trained on it. */
import { expect, test } from "vitest";
import { decoderSpec, llamaConfig } from "../nn/index.ts";
import { openDevice } from "../tensor/index.ts";
import { decoderLoss } from "./decoder-training.ts";
import { adamw, single } from "./optimizer.ts";
import { createTrainer } from "./trainer.ts";

const [rows, length] = [2, 8];
const model = llamaConfig({ vocab: 16, width: 16, layers: 1, heads: 2, context: length });
const ids = { shape: [rows, length], dtype: "i32", below: model.vocab } as const;
const ints = { shape: [rows, length], dtype: "i32" } as const;

const trainerOf = (limit: boolean) =>
  createTrainer({
    device: openDevice("cpu", { threads: 1 }),
    specs: decoderSpec(model),
    loss: decoderLoss(model, { dropout: 0, attentionBlock: length }),
    batch: {
      tokens: limit ? ids : ints,
      targets: limit ? ids : ints,
      segments: ints,
      positions: ints,
      weights: { shape: [rows, length], dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: single(adamw({})),
    rate: 1e-2,
    steps: 10,
  });

const whole = () => ({
  tokens: Int32Array.from({ length: rows * length }, (_, i) => i % 16),
  targets: Int32Array.from({ length: rows * length }, (_, i) => (i + 1) % 16),
  segments: new Int32Array(rows * length),
  positions: Int32Array.from({ length: rows * length }, (_, i) => i % length),
  weights: new Float32Array(rows * length).fill(1),
  seed: Int32Array.of(1),
});

test("a batch that lacks an array, or has another one, is refused instead of trained with the values of the step before", async () => {
  const trainer = await trainerOf(true);
  const weight = rows * length;
  const first = await trainer.step([{ arrays: whole(), weight }]);
  const { targets: _, ...without } = whole();
  const refused = async (arrays: object, sentence: RegExp) => {
    await expect(trainer.step([{ arrays: arrays as never, weight }])).rejects.toMatchObject({ code: "train/data" });
    await expect(trainer.step([{ arrays: arrays as never, weight }])).rejects.toThrow(sentence);
  };
  await refused(without, /step 2, micro-batch 1: expected arrays tokens, .*, got none for targets/);
  await refused({ ...whole(), labels: new Int32Array(1) }, /also "labels"/);
  await refused(
    { ...whole(), weights: new Float64Array(weight) },
    /weights: expected 16 elements in a Float32Array, got 16 in a Float64Array/,
  );
  await refused({ ...whole(), tokens: new Int32Array(3) }, /tokens: expected 16 elements .* got 3/);
  // the trainer goes on as if nothing had been asked
  const second = await trainer.step([{ arrays: whole(), weight }]);
  expect(second.step).toBe(2);
  expect(second.loss).toBeLessThan(first.loss);
  trainer.dispose();
});

test.each([
  ["tokens", -1],
  ["tokens", 16],
  ["targets", -1],
  ["targets", -100],
  ["targets", 16],
] as const)("%s with the id %i is refused instead of counted from the end of the vocabulary", async (name, id) => {
  for (const limit of [true, false]) {
    const trainer = await trainerOf(limit);
    const arrays = whole();
    arrays[name][5] = id;
    const step = trainer.step([{ arrays, weight: rows * length }]);
    if (limit) await expect(step).rejects.toThrow(new RegExp(`${name}: expected ids from 0 to 15, got ${id} at position 5.*weight 0`));
    else await expect(step).rejects.toMatchObject({ code: "tensor/index" });
    trainer.dispose();
  }
});

/** Rows and losses of instruction tuning, on a toy model. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, random } from "../../base/index.ts";
import { decoderLogits, decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { compile, type DeviceArray, openDevice, type Tensor } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { mergedModel, tuningOf } from "../methods/index.ts";
import type { Encoded } from "./encode.ts";
import { type InstructInput, instructFitOptions } from "./options.ts";
import { batchesOnce, epochRows, examplePacker, layExamples } from "./pack.ts";
import { lossOver, tuneInstruct } from "./tune.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-tune-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const config = { ...llamaConfig({ vocab: 40, width: 32, layers: 2, heads: 4, context: 32, hidden: 48 }), deviation: 0.15 };
const r = random("examples");
/** Prompts of random tokens, and an answer that is always the same. */
const examples: Encoded[] = Array.from({ length: 24 }, (_, i) => {
  const prompt = Array.from({ length: 2 + r.below(6) }, () => 2 + r.below(36));
  const ids = Uint32Array.from([...prompt, 39, 5, 6, 7, 1]);
  return { place: `e:${i + 1}`, ids, trained: Uint8Array.from(ids, (_, k) => (k > prompt.length ? 1 : 0)), cut: 0 };
});
const recipe = (input: Omit<InstructInput, "length"> = {}) => ({
  ...check(instructFitOptions, { rows: 2, epochs: 4, rate: 0.01, method: { lora: { rank: 8 } }, evaluations: 1, ...input }, "tune"),
  length: 32,
});

test("every example is in an epoch's rows once, none is cut, and epochs differ", () => {
  const o = { rows: 2, length: 32, seed: 1 };
  for (const pack of [true, false]) {
    const epochs = [0, 1].map(epoch => epochRows(examples, { ...o, pack }, epoch));
    for (const rows of epochs) {
      expect(rows.flat().toSorted((a, b) => a - b)).toEqual(examples.map((_, i) => i));
      for (const row of rows) expect(row.reduce((n, i) => n + examples[i]!.ids.length - 1, 0)).toBeLessThanOrEqual(32);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochRows(examples, { ...o, pack }, 1)).toEqual(epochs[1]);
  }
  const [one, other] = [examplePacker(examples, o), examplePacker(examples, o)];
  for (let i = 0; i < 7; i++) one.next();
  const state = one.state();
  for (let i = 0; i < 3; i++) other.next();
  expect(examplePacker(examples, o, state).next()).toEqual(one.next());
});

test("targets are the next tokens, weighted where they are trained", () => {
  const batch = layExamples(examples, [[3, 5]], { rows: 1, length: 32 });
  const [x, y] = [examples[3]!, examples[5]!];
  expect([...batch.tokens.slice(0, x.ids.length - 1)]).toEqual([...x.ids.slice(0, -1)]);
  expect([...batch.targets.slice(x.ids.length - 1, x.ids.length - 1 + y.ids.length - 1)]).toEqual([...y.ids.slice(1)]);
  expect(batch.weights.reduce((s, w) => s + w, 0)).toBe([x, y].reduce((s, e) => s + e.trained.reduce((n, t) => n + t, 0), 0));
});

test("packed rows give the loss that their examples give alone", async () => {
  const parameters = await initialise(decoderSpec(config), device, 1);
  const tuning = tuningOf({ full: {} }, decoderSpec(config));
  const { trainable, frozen } = await tuning.start(parameters, device, 1);
  const packed = lossOver(device, config, tuning.parameters, examples, { rows: 2, length: 32 });
  const packedLoss = await packed.of(trainable, frozen);
  // alone, without segments or positions, one token's loss after the other
  const program = compile((p: never, t: Tensor) => decoderLogits(config, p, t), { device });
  let [total, weight] = [0, 0];
  for (const { ids, trained } of examples) {
    const tokens = await device.array(Int32Array.from(ids.slice(0, -1)), "i32", [1, ids.length - 1]);
    const logits = (await (await program(parameters as never, tokens)).read()) as Float32Array;
    for (let k = 1; k < ids.length; k++) {
      if (!trained[k]) continue;
      const row = logits.subarray((k - 1) * config.vocab, k * config.vocab);
      total += Math.log(row.reduce((s, x) => s + Math.exp(x), 0)) - row[ids[k]!]!;
      weight++;
    }
  }
  expect(packedLoss).toBeCloseTo(total / weight, 5);
  // leaking between examples would show: the same rows without segments are far off
  const batches = [...batchesOnce(examples, { rows: 2, length: 32, seed: "validation" })];
  expect(batches.some(b => b.examples.length > 2)).toBe(true);
});

test("token accuracy is the share of trained tokens whose target has the greatest logit, in training and of what is held out", async () => {
  const parameters = await initialise(decoderSpec(config), device, 1);
  const program = compile((p: never, t: Tensor) => decoderLogits(config, p, t), { device });
  async function plainly(of: readonly Encoded[]): Promise<number> {
    let [right, weight] = [0, 0];
    for (const { ids, trained } of of) {
      const tokens = await device.array(Int32Array.from(ids.slice(0, -1)), "i32", [1, ids.length - 1]);
      const logits = (await (await program(parameters as never, tokens)).read()) as Float32Array;
      for (let k = 1; k < ids.length; k++) {
        if (!trained[k]) continue;
        const row = logits.subarray((k - 1) * config.vocab, k * config.vocab);
        if (row.indexOf(Math.max(...row)) === ids[k]) right++;
        weight++;
      }
    }
    return right / weight;
  }
  // one step sees every example, with the base's values: what low-rank factors start with changes nothing
  for (const accumulate of [1, 3]) {
    const { points, history } = await tuned(
      { rows: 18 / accumulate, accumulate, pack: false, logEvery: 1, epochs: 30 },
      `right-${accumulate}`,
    );
    expect(points[0]!.tokenAccuracy).toBeCloseTo(await plainly(examples.slice(0, 18)), 6);
    expect(history[0]!.tokenAccuracy).toBeCloseTo(await plainly(examples.slice(18)), 6);
    expect(points.at(-1)!.heldOutTokenAccuracy).toBe(history.at(-1)!.tokenAccuracy);
    expect(points.at(-1)!.tokenAccuracy).toBeCloseTo(1, 9);
  }
});

async function tuned(input: Omit<InstructInput, "length">, folder: string, stopAt?: number) {
  const stop = new AbortController();
  const result = await tuneInstruct({
    device,
    config,
    parameters: await initialise(decoderSpec(config), device, 1),
    recipe: recipe(input),
    train: examples.slice(0, 18),
    validation: examples.slice(18),
    text: { tokenizer: trainBpe(["a"], { vocab: 300, minFrequency: 1 }), stopTokens: [] },
    inputs: {},
    identity: "x",
    folder: join(root, folder),
    progress: e => {
      if (stopAt !== undefined && e.values?.step === stopAt) stop.abort(new Error("stopped"));
    },
    signal: stop.signal,
  });
  const values = await Promise.all(
    Object.values(result.trainable as Record<string, Record<string, DeviceArray>>).flatMap(f =>
      Object.values(f).map(async x => [...((await x.read()) as Float32Array)]),
    ),
  );
  return { ...result, values };
}

test("the answers are learnt, the best judgement is kept, and merged values give its loss", async () => {
  const result = await tuned({}, "learn");
  const losses = result.history.map(s => s.loss);
  expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.5);
  expect(result.history[result.best]!.loss).toBe(Math.min(...losses));
  const merged = await mergedModel(result.tuning, result.frozen, result.trainable, device);
  const full = tuningOf({ full: {} }, decoderSpec(config));
  const { trainable, frozen } = await full.start(merged, device, 1);
  const judge = lossOver(device, config, full.parameters, examples.slice(18), { rows: 2, length: 32 });
  expect(await judge.of(trainable, frozen)).toBeCloseTo(losses[result.best]!, 4);
});

test("stopped and resumed gives the bits of a run that was not, and so do micro-batches their sum", async () => {
  const whole = await tuned({ accumulate: 2 }, "whole");
  await expect(tuned({ accumulate: 2 }, "parts", 3)).rejects.toThrow("stopped");
  const resumed = await tuned({ accumulate: 2 }, "parts");
  expect(resumed.resumedFrom).toBe(3);
  expect(resumed.values).toEqual(whole.values);
  expect(resumed.history).toEqual(whole.history);
});

test("the newest ends of epochs are kept, as what was judged at their steps, and so they are by a run that was stopped and resumed", async () => {
  const o = { checkpoints: 2, epochs: 4, pack: false, rows: 4, evaluations: 2 } as const;
  const whole = await tuned(o, "kept");
  // 18 examples, 4 a step: 4.5 steps an epoch
  expect(whole.kept.map(k => k.step)).toEqual([14, 18]);
  const judge = lossOver(device, config, whole.tuning.parameters, examples.slice(18), { rows: 4, length: 32 });
  for (const { step, parameters } of whole.kept)
    expect(await judge.of(parameters, whole.frozen)).toBeCloseTo(whole.history.find(s => s.step === step)!.loss, 6);
  await expect(tuned(o, "kept-parts", 16)).rejects.toThrow("stopped");
  const resumed = await tuned(o, "kept-parts");
  expect(resumed.resumedFrom).toBe(16);
  expect(resumed.kept.map(k => k.step)).toEqual([14, 18]);
  for (const [i, { parameters }] of resumed.kept.entries())
    expect(await judge.of(parameters, resumed.frozen)).toBe(await judge.of(whole.kept[i]!.parameters, whole.frozen));
  expect((await tuned({}, "none")).kept).toEqual([]);
});

/** Losses of pairs against TRL's formulas (`bench/peers/golden/preference.py`), and tuning by them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, silent } from "../../base/index.ts";
import { type DecoderConfig, decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { compile, type DeviceArray, mul, openDevice, sum, valueAndGrad } from "../../tensor/index.ts";
import { chatTemplate, trainBpe } from "../../text/index.ts";
import { expectGradients, type GoldenModel, goldenModel, type Summed } from "../golden.laws.ts";
import { type PreferenceInput, pairFitOptions } from "./options.ts";
import { type EncodedPair, encodePair, layPairs } from "./pairs.ts";
import { pairTerms, tunePreference } from "./tune.ts";

const golden: GoldenModel & {
  readonly prompt: number;
  readonly chosen: number[][];
  readonly rejected: number[][];
  readonly lengths: Readonly<Record<"chosen" | "rejected", number[]>>;
  readonly cases: readonly {
    readonly name: string;
    readonly options: PreferenceInput;
    readonly losses: number[];
    readonly logps: number[][];
    readonly gradients: Readonly<Record<string, Summed>>;
  }[];
} = JSON.parse(readFileSync(new URL("preference.golden.json", import.meta.url), "utf8"));

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-preference-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const masked = (ids: readonly number[], length: number) => ({
  ids: Uint32Array.from(ids.slice(0, length)),
  trained: Uint8Array.from({ length }, (_, i) => (i >= golden.prompt ? 1 : 0)),
});
const goldenPairs: EncodedPair[] = golden.chosen.map((ids, i) => ({
  place: `p:${i}`,
  chosen: masked(ids, golden.lengths.chosen[i]!),
  rejected: masked(golden.rejected[i]!, golden.lengths.rejected[i]!),
}));

test("losses and gradients are TRL's: DPO, smoothed, IPO, SimPO, ORPO", async () => {
  const model = await goldenModel(golden, root, device);
  const config = model.config as DecoderConfig;
  const layout = { pairs: 3, length: 10 };
  const batch = layPairs(goldenPairs, [0, 1, 2], layout);
  const shape = [6, 10];
  for (const { name, options, losses, logps, gradients } of golden.cases) {
    const recipe = check(pairFitOptions, options, name);
    const given = {
      tokens: await device.array(batch.tokens, "i32", shape),
      targets: await device.array(batch.targets, "i32", shape),
      weights: await device.array(batch.weights, "f32", shape),
      reference: await device.array(Float32Array.from([...logps[2]!, ...logps[3]!]), "f32", [6]),
      present: await device.array(Float32Array.of(1, 1, 1), "f32", [3]),
    };
    const program = compile((p: never, b: never) => pairTerms(config, p, b, recipe), { device });
    const out = (await program(model.parameters as never, given as never)) as unknown as Record<"loss" | "margin", DeviceArray>;
    for (const [i, l] of (await out.loss.numbers()).entries())
      expect(Math.abs(l / losses[i]! - 1), `${name}: pair ${i}`).toBeLessThan(2e-5);
    const gradient = compile(
      (p: never, b: never) => valueAndGrad((q: never, c: never) => mul(sum(pairTerms(config, q, c, recipe).loss), 1 / 3))(p, b)[1],
      { device },
    );
    const found = (await gradient(model.parameters as never, given as never)) as never;
    await expectGradients(found, gradients, name);
  }
});

const tokenizer = trainBpe(["who is it? it is a cat, it is a dog"], { vocab: 300, minFrequency: 1 });
const text = { tokenizer, chatTemplate: chatTemplate(), stopTokens: [tokenizer.idOf("<|end|>")!] };
const pair = (question: string, chosen: string, rejected: string): EncodedPair =>
  encodePair(
    text,
    {
      place: question,
      example: {
        kind: "preference",
        messages: [{ role: "user", content: question }],
        chosen: [{ role: "assistant", content: chosen }],
        rejected: [{ role: "assistant", content: rejected }],
      },
    },
    { length: 48 },
  )!;

test("both answers stand behind one prompt, and only they count", () => {
  const { chosen, rejected } = pair("who is it?", "a cat", "it is a dog");
  const first = chosen.trained.indexOf(1);
  expect([...chosen.ids.slice(0, first)]).toEqual([...rejected.ids.slice(0, first)]);
  const trained = (m: typeof chosen) => tokenizer.decode([...m.ids].filter((_, i) => m.trained[i]));
  expect([trained(chosen), trained(rejected)]).toEqual(["a cat<|end|>", "it is a dog<|end|>"]);
});

test("the preferred kind of answer becomes likelier than the other, on pairs that nothing was trained on; micro-batches add up", async () => {
  const config = {
    ...llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 2, context: 48, hidden: 48 }),
    deviation: 0.1,
  };
  const questions = Array.from({ length: 12 }, (_, i) => `who is number ${i}?`);
  const pairs = questions.map(q => pair(q, "a cat", "it is a dog"));
  const run = async (input: PreferenceInput, folder: string) =>
    tunePreference({
      device,
      config,
      parameters: await initialise(decoderSpec(config), device, 1),
      recipe: {
        ...check(pairFitOptions, { method: { lora: { rank: 4 } }, rate: 0.01, epochs: 3, evaluations: 1, beta: 0.5, ...input }, "tune"),
        length: 48,
      },
      train: pairs.slice(0, 8),
      validation: pairs.slice(8),
      text,
      inputs: {},
      identity: folder,
      folder: join(root, folder),
      progress: silent,
    });
  const { history } = await run({ pairs: 4 }, "one");
  expect(history[0]).toMatchObject({ margin: expect.closeTo(0, 5), loss: expect.closeTo(Math.log(2), 5) });
  expect(history.at(-1)!.loss).toBeLessThan(0.4);
  expect(history.at(-1)!.accuracy).toBe(1);
  const parts = (await run({ pairs: 2, accumulate: 2 }, "two")).history;
  expect(parts.length).toBe(history.length);
  for (const [i, s] of parts.entries()) expect(s.loss).toBeCloseTo(history[i]!.loss, 4);
});

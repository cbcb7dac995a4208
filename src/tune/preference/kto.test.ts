/** KTO against TRL's formula (`bench/peers/golden/kto.py`), its files, and tuning by rated answers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { check, defined } from "../../base/index.ts";
import { type DecoderConfig, decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import { compile, type DeviceArray, mul, openDevice, sum, valueAndGrad } from "../../tensor/index.ts";
import { chatTemplate, trainBpe } from "../../text/index.ts";
import { expectGradients, type GoldenModel, goldenModel, type Summed } from "../golden.laws.ts";
import { readExampleFile } from "../instruct/read.ts";
import { type PreferenceInput, ratingFitOptions } from "./options.ts";
import { type EncodedRating, encodeRatings } from "./rated.ts";
import { layAnswers } from "./rows.ts";
import { ratingTerms, tuneRatings } from "./tune-ratings.ts";

const golden: GoldenModel & {
  readonly prompt: number;
  readonly answers: number[][];
  readonly others: number[][];
  readonly lengths: Readonly<Record<"answers" | "others", number[]>>;
  readonly labels: boolean[];
  readonly cases: readonly {
    readonly name: string;
    readonly options: PreferenceInput & { readonly desirable: number; readonly undesirable: number };
    readonly divergence: number;
    readonly losses: number[];
    readonly rewards: number[];
    readonly reference: number[];
    readonly otherReference: number[];
    readonly gradients: Readonly<Record<string, Summed>>;
  }[];
} = JSON.parse(readFileSync(new URL("kto.golden.json", import.meta.url), "utf8"));

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-kto-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("losses, rewards, divergence and gradients are TRL's", async () => {
  const model = await goldenModel(golden, root, device);
  const config = model.config as DecoderConfig;
  const [n, length] = [golden.labels.length, 10];
  const rows = (ids: number[][], lengths: number[]) =>
    layAnswers(
      ids.map((row, i) => ({
        ids: Uint32Array.from(row.slice(0, lengths[i])),
        trained: Uint8Array.from({ length: lengths[i]! }, (_, t) => (t >= golden.prompt ? 1 : 0)),
      })),
      length,
    );
  const [own, other] = [rows(golden.answers, golden.lengths.answers), rows(golden.others, golden.lengths.others)];
  for (const { name, options, divergence, losses, rewards, reference, otherReference, gradients } of golden.cases) {
    const recipe = check(ratingFitOptions, { ...options, loss: "kto" }, name);
    const ints = (data: Int32Array) => device.array(data, "i32", [n, length]);
    const floats = (data: Iterable<number>, shape = [n]) => device.array(Float32Array.from(data), "f32", shape);
    const worth = golden.labels.map(l => (l ? options.desirable : options.undesirable));
    const given = {
      tokens: await ints(own.tokens),
      targets: await ints(own.targets),
      weights: await floats(own.weights, [n, length]),
      otherTokens: await ints(other.tokens),
      otherTargets: await ints(other.targets),
      otherWeights: await floats(other.weights, [n, length]),
      reference: await floats(reference),
      otherReference: await floats(otherReference),
      sign: await floats(golden.labels.map(l => (l ? 1 : -1))),
      present: await floats(golden.labels.map(() => 1)),
      worth: await floats(worth),
    };
    const program = compile((p: never, b: never) => ratingTerms(config, p, b, recipe), { device });
    const out = (await program(model.parameters as never, given as never)) as unknown as Record<
      "loss" | "reward" | "divergence",
      DeviceArray
    >;
    expect(Math.abs((await out.divergence.item()) - divergence), name).toBeLessThan(2e-5);
    for (const [i, l] of (await out.loss.numbers()).entries()) expect(l * worth[i]!, `${name}: answer ${i}`).toBeCloseTo(losses[i]!, 5);
    for (const [i, r] of (await out.reward.numbers()).entries()) expect(r, `${name}: answer ${i}`).toBeCloseTo(rewards[i]!, 5);
    const loss = (q: never, c: { worth: never }) => mul(sum(mul(ratingTerms(config, q, c as never, recipe).loss, c.worth)), 1 / n);
    const gradient = compile((p: never, b: never) => valueAndGrad(loss)(p, b)[1], { device });
    await expectGradients(await gradient(model.parameters as never, given as never), gradients, name);
  }
});

const tokenizer = trainBpe(["who is it? it is a cat, it is a dog"], { vocab: 300, minFrequency: 1 });
const text = { tokenizer, chatTemplate: chatTemplate(), stopTokens: [tokenizer.idOf("<|end|>")!] };
const written = (name: string, lines: readonly object[]): string => {
  const path = join(root, name);
  writeFileSync(path, lines.map(l => `${JSON.stringify(l)}\n`).join(""));
  return path;
};
const answersOf = (e: EncodedRating, side: "answer" | "other") =>
  tokenizer.decode([...e[side].ids].filter((_, i) => e[side].trained[i] === 1));

test("prompts with a label, whole conversations with one, tables and pairs are all rated answers; each is set beside one to another prompt", async () => {
  const rated = written("rated.jsonl", [
    { prompt: "who is it?", completion: "a cat", label: true },
    { prompt: "who is it?", completion: "a dog", label: false },
    {
      messages: [
        { role: "user", content: "is it?" },
        { role: "assistant", content: "it is" },
      ],
      label: 1,
    },
  ]);
  const read = await readExampleFile(rated);
  expect([read.format, read.problems]).toEqual(["rated", []]);
  const { encoded, problems } = encodeRatings(text, read.examples, { length: 48 });
  expect(problems).toEqual([]);
  expect(encoded.map(e => [e.isGood, answersOf(e, "answer"), answersOf(e, "other")])).toEqual([
    [true, "a cat<|end|>", "it is<|end|>"],
    [false, "a dog<|end|>", "it is<|end|>"],
    [true, "it is<|end|>", "a cat<|end|>"],
  ]);
  const table = join(root, "rated.csv");
  writeFileSync(table, "prompt,completion,label\nwho?,a cat,true\nis it?,no,FALSE\n");
  expect((await readExampleFile(table)).examples.map(e => e.example.kind === "rated" && e.example.isGood)).toEqual([true, false]);
  const pairs = await readExampleFile(
    written("pairs.jsonl", [
      { prompt: "who?", chosen: "a cat", rejected: "it" },
      { prompt: "is it?", chosen: "it is", rejected: "no" },
    ]),
  );
  const unpaired = encodeRatings(text, pairs.examples, { length: 48 }).encoded;
  expect(unpaired.map(e => [e.isGood, answersOf(e, "answer"), answersOf(e, "other")])).toEqual([
    [true, "a cat<|end|>", "it is<|end|>"],
    [false, "it<|end|>", "it is<|end|>"],
    [true, "it is<|end|>", "a cat<|end|>"],
    [false, "no<|end|>", "a cat<|end|>"],
  ]);
});

test("an answer without a label is refused with its line, and so is one prompt throughout", async () => {
  const plain = await readExampleFile(written("plain.jsonl", [{ prompt: "who?", completion: "a cat" }]));
  expect(encodeRatings(text, plain.examples, { length: 48 }).problems.map(p => p.message)).toEqual([
    'plain.jsonl:1: expected an answer with a label, true or false, got an answer without one. A record is {"prompt": ..., "completion": ..., "label": true}.',
  ]);
  const same = await readExampleFile(
    written(
      "same.jsonl",
      [true, false].map(label => ({ prompt: "who?", completion: String(label), label })),
    ),
  );
  expect(() => encodeRatings(text, same.examples, { length: 48 })).toThrow(/same\.jsonl:1: expected two prompts or more/);
});

test("good answers gain and bad ones lose, on prompts that nothing was trained on; resumed gives the bits of a run that was not", async () => {
  const config = {
    ...llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 2, context: 48, hidden: 48 }),
    deviation: 0.1,
  };
  const lines = Array.from({ length: 24 }, (_, i) => ({
    prompt: `who is number ${i >> 1}?`,
    completion: i % 2 ? "it is a dog" : "a cat",
    label: i % 2 === 0,
  }));
  const { examples } = await readExampleFile(written("cats.jsonl", lines));
  const { encoded } = encodeRatings(text, examples, { length: 48 });
  const run = async (folder: string, signal?: AbortSignal, onStep?: (step: number) => void) =>
    tuneRatings({
      device,
      config,
      parameters: await initialise(decoderSpec(config), device, 1),
      recipe: {
        ...check(
          ratingFitOptions,
          { loss: "kto", method: { lora: { rank: 4, dropout: 0.1 } }, rate: 0.01, epochs: 4, pairs: 2, evaluations: 1, beta: 0.5 },
          "tune",
        ),
        length: 48,
      },
      train: encoded.slice(0, 16),
      validation: encoded.slice(16),
      text,
      inputs: {},
      identity: "same",
      folder: join(root, folder),
      progress: e => onStep?.(Number(e.values?.step ?? 0)),
      ...defined({ signal }),
    });
  const whole = await run("whole");
  expect(whole.history[0]).toMatchObject({ loss: expect.closeTo(0.5, 5), divergence: expect.closeTo(0, 5), margin: expect.closeTo(0, 5) });
  expect(whole.history.at(-1)!.loss).toBeLessThan(0.35);
  expect(whole.history.at(-1)!.margin).toBeGreaterThan(1);
  const stop = new AbortController();
  await expect(run("parts", stop.signal, step => step >= 5 && stop.abort())).rejects.toThrow();
  const resumed = await run("parts");
  expect(resumed.resumedFrom).toBeGreaterThan(0);
  expect(resumed.history).toEqual(whole.history);
});

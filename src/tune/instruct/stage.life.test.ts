/** From a file of examples to a model and an adapter, through a store: what is written, what is reused, what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { check, silent } from "../../base/index.ts";
import { dataPart, documentsOf, documentsOptionsOf, documentsStage, identifySources, noResources, sourceStage } from "../../data/index.ts";
import { decoderSpec, initialise, llamaConfig, loadModel, mergeAdapter, readAdapter, writeModelFiles } from "../../nn/index.ts";
import { openArtifact, openStore, runStage, type Store, stage } from "../../store/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { chatTemplate, defaultChatTemplate, loadTokenizer, trainBpe } from "../../text/index.ts";
import { counted } from "../counted.laws.ts";
import { documentExamplesStage } from "./documents-stage.ts";
import { examplesFile, examplesStage, placedExamples } from "./examples-stage.ts";
import { type InstructInput, instructFitOptions } from "./options.ts";
import type { PlacedExample } from "./read.ts";
import { type InstructSurroundings, instructStage } from "./stage.ts";

const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-instruct-stage-"));
const colours = ["red", "blue", "green", "black", "white"];
const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const tokenizer = trainBpe(
  colours.flatMap(c => things.map(t => `what is the ${c} ${t}? the ${t} is ${c}, sir`)),
  { vocab: 340, minFrequency: 1 },
);
const config = { ...llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 2, context: 64, hidden: 64 }), deviation: 0.1 };
let store: Store;
let base: string;
beforeAll(async () => {
  store = await openStore({ root });
  const made = stage({
    name: "base",
    version: 1,
    inputs: {},
    options: z.strictObject({}),
    output: "model",
    async run({ output }) {
      await writeModelFiles(output, { family: "decoder", config, parameters: await initialise(decoderSpec(config), device, 1) });
      await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
      return {};
    },
  });
  base = (await runStage(store, made, { inputs: {}, options: {}, ...given() })).artifact.id;
  const lines = colours.flatMap(c =>
    things.map(t => ({ instruction: `what is the ${c} ${t}?`, input: "", output: `the ${t} is ${c}, sir` })),
  );
  writeFileSync(join(root, "things.json"), JSON.stringify(lines));
});
afterAll(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});
const given = () => ({ progress: silent, signal: new AbortController().signal });

const around: InstructSurroundings = {
  device: () => device,
  async textOf(files) {
    const read = loadTokenizer((await files.read("tokenizer.json")).toString("utf8"));
    return { tokenizer: read, chatTemplate: chatTemplate(), template: defaultChatTemplate, stopTokens: [read.idOf("<|end|>")!] };
  },
  async writeModel(output, model, _, text) {
    await writeModelFiles(output, model);
    await output.write("chat-template.jinja", text.template!);
  },
};
const examples = async (options: object = {}) =>
  runStage(store, examplesStage({ folder: root }), {
    inputs: {},
    options: { file: await examplesFile(root, "things.json"), ...options },
    ...given(),
  });
const recipe = (input: Omit<InstructInput, "length"> = {}) =>
  check(instructFitOptions, { rows: 4, epochs: 3, rate: 0.01, method: { lora: { rank: 4 } }, evaluations: 1, ...input }, "tune");
async function tuned(result: "adapter" | "merged", input: Omit<InstructInput, "length"> = {}, on = device) {
  const made = await examples();
  return runStage(store, instructStage({ ...around, device: () => on }, result), {
    inputs: { base: await openArtifact(store, base), examples: made.artifact },
    options: { name: "sir", answers: "all", long: "refuse", bad: "refuse", length: 48, recipe: recipe(input) },
    ...given(),
  });
}

test("examples are divided once, whole groups to one side, and reused", async () => {
  const first = await examples();
  expect(first.artifact.summary).toMatchObject({ format: "alpaca" });
  expect(Number(first.artifact.summary.train) + Number(first.artifact.summary.validation)).toBe(40);
  expect((await examples()).action).toBe("reused");
  // a record that cannot be trained on stops it, or is left out
  writeFileSync(join(root, "bad.jsonl"), `${JSON.stringify({ prompt: "a", completion: "b" })}\n{"prompt": "a", "completion": ""}\n`);
  const file = await examplesFile(root, "bad.jsonl");
  await expect(examples({ file })).rejects.toThrow(/bad\.jsonl:2: completion: expected a text, got an empty one/);
  expect((await examples({ file, bad: "skip", validation: 0 })).artifact.summary).toMatchObject({ train: 1, skipped: 1 });
});

test("a sample is drawn by content and seed: the same whenever it is drawn, and part of a larger one", async () => {
  const drawn = async (options: object) => {
    const { artifact } = await examples({ validation: 0, ...options });
    return (await placedExamples(artifact, "train")).map(e => JSON.stringify(e.example));
  };
  const ten = await drawn({ sample: 10 });
  expect(ten).toHaveLength(10);
  expect(await drawn({ sample: 20 })).toEqual(expect.arrayContaining(ten));
  expect(await drawn({ sample: 10, seed: 2 })).not.toEqual(ten);
  expect(await drawn({ sample: 1000 })).toHaveLength(40);
});

test("documents of a data set are examples: the train side alone, groups that its split keeps together on one side of what selects", async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `Sentence ${i} of ${["Rome", "Paris", "Oslo"][i % 3]}, told by writer ${i % 12}.`);
  writeFileSync(
    join(root, "said.jsonl"),
    texts.map((text, i) => `${JSON.stringify({ id: `s${i}`, text, writer: `w${i % 12}` })}\n`).join(""),
  );
  const part = check(
    dataPart,
    {
      source: { folder: root, files: "said.jsonl", reader: "jsonl" },
      steps: ["plain"],
      split: { heldOut: 0.2, by: "document", together: ["writer"] },
    },
    "said",
  );
  const data = { folder: root };
  const source = (await runStage(store, sourceStage(data), { inputs: {}, options: await identifySources(part, data), ...given() }))
    .artifact;
  const definition = documentsStage({ ...data, resources: async () => noResources, workers: 1 });
  const documents = (await runStage(store, definition, { inputs: { source }, options: await documentsOptionsOf("said", part), ...given() }))
    .artifact;
  const columns = { user: "Mend: {{plain}}", assistant: "text" };
  const made = (options: object) =>
    runStage(store, documentExamplesStage, { inputs: { documents }, options: { name: "said", columns, ...options }, ...given() });
  const { artifact } = await made({ validation: 0.3 });
  const sides = { train: await placedExamples(artifact, "train"), validation: await placedExamples(artifact, "validation") };
  const writers = (list: readonly PlacedExample[]) => new Set(list.map(e => /writer (\d+)/.exec(JSON.stringify(e.example))![1]));
  const heldOut: string[] = [];
  for await (const d of documentsOf(documents, "held-out")) heldOut.push(String(d.attributes.writer).slice(1));
  expect(sides.train.length + sides.validation.length).toBe(60 - heldOut.length);
  expect(sides.validation.length).toBeGreaterThan(0);
  const [train, validation] = [writers(sides.train), writers(sides.validation)];
  for (const writer of train) expect(validation.has(writer) || heldOut.includes(writer!)).toBe(false);
  for (const writer of validation) expect(heldOut).not.toContain(writer);
  const { example } = sides.train[0]!;
  expect(example).toMatchObject({ kind: "chat", trained: [1] });
  // a smaller sample moves nobody to the other side
  const few = (await made({ validation: 0.3, sample: 15 })).artifact;
  const validationPlaces = sides.validation.map(e => e.place);
  for (const e of await placedExamples(few, "validation")) expect(validationPlaces).toContain(e.place);
  await expect(made({ columns: { user: "{{plian}}", assistant: "text" } })).rejects.toThrow(/said\/train: said:.*Did you mean "plain"/);
  await expect(made({ columns: undefined })).rejects.toThrow(/columns: \{ user: QUESTION/);
});

test("a validation file that holds what is trained is refused, with both lines", async () => {
  const long = "what would you say to somebody who asks you every day what the colour of the sea is";
  writeFileSync(
    join(root, "train.jsonl"),
    `${JSON.stringify({ prompt: "x", completion: "y" })}\n${JSON.stringify({ prompt: long, completion: "blue" })}\n`,
  );
  writeFileSync(join(root, "held.jsonl"), `${JSON.stringify({ prompt: `${long}, sir`, completion: "blue" })}\n`);
  const options = { file: await examplesFile(root, "train.jsonl"), validationFile: await examplesFile(root, "held.jsonl") };
  await expect(examples(options)).rejects.toThrow(
    /held\.jsonl:1: expected validation examples that are not trained on, got a near-duplicate \(0\.\d+\) of train\.jsonl:2/,
  );
  expect((await examples({ ...options, allowCrossing: true })).artifact.summary).toMatchObject({ train: 2, validation: 1 });
});

test("an adapter beside the base and a merged model are the same model, and say what the merge changed", async () => {
  const adapterRun = await tuned("adapter");
  const mergedRun = await tuned("merged");
  for (const { artifact } of [adapterRun, mergedRun]) {
    expect(artifact.kind).toBe(artifact === adapterRun.artifact ? "adapter" : "model");
    const { summary } = artifact;
    expect(Number(summary.validationLoss)).toBeLessThan(Number(summary.baseLoss) - 0.3);
    expect(Number(summary.mergedDelta)).toBeLessThan(1e-3);
    const tuning = JSON.parse((await artifact.read("tuning.json")).toString("utf8"));
    expect(tuning).toMatchObject({ base, history: expect.any(Array), proof: { tokens: expect.any(Number) } });
  }
  const model = await loadModel(await openArtifact(store, base), device);
  if (model.family !== "decoder") throw new Error("no decoder");
  const merged = await mergeAdapter(model.parameters, await readAdapter(adapterRun.artifact, config), device);
  const written = await loadModel(mergedRun.artifact, device);
  const leaf = async (p: unknown) =>
    (await (p as { blocks: { attention: { query: { weight: DeviceArray } } }[] }).blocks[1]!.attention.query.weight.read()) as Float32Array;
  const [a, b, c] = [await leaf(merged), await leaf(written.parameters), await leaf(model.parameters)];
  expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(1e-6);
  expect(Math.max(...a.map((x, i) => Math.abs(x - c[i]!)))).toBeGreaterThan(1e-3);
  expect((await tuned("adapter")).action).toBe("reused");
});

test("what is no adapter is refused as one, and merged when asked for", async () => {
  await expect(tuned("adapter", { method: { dora: { rank: 4 } }, epochs: 0.2 })).rejects.toThrow(
    /expected lora, rslora or qlora.*got dora.*result: merged/s,
  );
  expect((await tuned("merged", { method: { dora: { rank: 4 } }, epochs: 0.5 })).artifact.summary).toMatchObject({ method: "dora" });
});

test("nothing of a tuning is on its device when it has ended, however it ended", async () => {
  for (const [result, input, ends] of [
    ["adapter", { seed: 2, checkpoints: 1 }, undefined],
    ["merged", { seed: 2, method: { rslora: { rank: 4 } } }, undefined],
    ["merged", { seed: 2, method: { qlora: { rank: 4 } } }, /expected a width that 64 divides/],
    ["adapter", { seed: 2, method: "full" }, /expected lora, rslora or qlora/],
  ] as const) {
    const { device: own, live } = counted(device);
    const ended = tuned(result, { epochs: 2, ...input }, own);
    if (ends) await expect(ended).rejects.toThrow(ends);
    else expect((await ended).action).toBe("made");
    expect(live).toEqual({ arrays: 0, programs: 0 });
  }
});

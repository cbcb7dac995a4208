/** Model files whose embedding has more rows than their tokenizer has tokens (as Qwen's and Phi's), in each format and form of weights. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type DecoderParameters,
  decoderSpec,
  exportHuggingFace,
  folderFiles,
  initialise,
  llamaConfig,
  modelGguf,
  modelOf,
} from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { ggufTextEntries } from "../models/gguf-text.ts";
import { findModel } from "./find-model.ts";
import { type EngineChoice, openEngine } from "./open-engine.ts";

const root = mkdtempSync(join(tmpdir(), "loam-padded-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const tokenizer = trainBpe(["to be or not to be, that is the question"], { vocab: 270, specialTokens: ["<|stop|>"] });
const rows = tokenizer.vocabSize + 50;

/** Rows without a token have by far the largest logits. */
async function paddedModel() {
  const device = openDevice("cpu", { threads: 1 });
  const config = { ...llamaConfig({ vocab: rows, width: 32, layers: 2, heads: 2, context: 64, hidden: 64 }), deviation: 0.25 };
  const made = await initialise(decoderSpec(config), device, "padded");
  const table = Float32Array.from((await made.output!.read()) as Float32Array).map((x, i) =>
    i < tokenizer.vocabSize * config.width ? x : 40 * x,
  );
  const parameters: DecoderParameters = { ...made, output: await device.array(table, "f32", [rows, config.width]) };
  return modelOf({ family: "decoder", config }, parameters);
}

const folder = join(root, "padded");
const model = await paddedModel();
const files = folderFiles(folder);
await exportHuggingFace(files, model);
await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
const text = { tokenizer, stopTokens: [tokenizer.idOf("<|stop|>")!], eosToken: "<|stop|>" };
await folderFiles(root).writeStream("padded.gguf", modelGguf(model, "F32", ggufTextEntries(text, rows)));

async function answers(path: string, choice: EngineChoice) {
  await using found = await findModel(root, root, path);
  await using opened = await openEngine(found, { slots: 2, ...choice });
  const { engine } = opened;
  await engine.ready;
  const all: { readonly tokens: number[]; text: string }[] = [];
  for (const temperature of [0, 1, 1.5]) {
    const answer = { tokens: [] as number[], text: "" };
    const prompt = Array.from(engine.model.tokenizer.encode("to be"));
    const asked = { tokens: prompt, maxTokens: 30, seed: 1, sampling: { temperature }, stopTokens: [], likelihoods: 5 };
    for await (const event of engine.submit(asked)) {
      answer.text += event.text;
      answer.tokens.push(...event.tokens.flatMap(t => [t.token, ...t.likelihood!.top.map(l => l.token)]));
    }
    all.push(answer);
  }
  return { all, tokens: engine.model.tokenizer.vocabSize };
}

for (const [what, path, choice] of [
  ["safetensors", folder, {}],
  ["GGUF", join(root, "padded.gguf"), {}],
  ["8-bit weights", folder, { quantize: "int8" }],
  ["GGUF with a draft of safetensors", join(root, "padded.gguf"), { draft: folder }],
] as const)
  test(`${what}: a padded vocabulary's ids are neither chosen nor listed`, async () => {
    const { draft, ...rest } = { draft: undefined, ...choice };
    await using found = draft === undefined ? undefined : await findModel(root, root, draft);
    const got = await answers(path, { ...rest, ...(found ? { draft: { found } } : {}) });
    expect(got.tokens).toBe(tokenizer.vocabSize);
    for (const { tokens } of got.all) {
      expect(tokens.length).toBeGreaterThanOrEqual(30);
      expect(tokens.filter(t => t >= tokenizer.vocabSize)).toEqual([]);
    }
  });

test("safetensors and GGUF of one padded model give the same answers", async () => {
  expect(await answers(join(root, "padded.gguf"), {})).toEqual(await answers(folder, {}));
});

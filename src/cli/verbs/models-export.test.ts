import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import * as onnxruntime from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { treePaths } from "../../base/index.ts";
import {
  bertConfig,
  decoderSpec,
  encoderSpec,
  exportHuggingFace,
  folderFiles,
  initialise,
  llamaConfig,
  loadModel,
  modelOf,
  writeModelFiles,
} from "../../nn/index.ts";
import { localModel } from "../../project/models/index.ts";
import { readServedReader } from "../../project/serving/index.ts";
import { createEmbeddingEngine, textTokens } from "../../serve/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { bpeTrainer } from "../../text/index.ts";
import { createOutput } from "../output.ts";
import { modelsExport } from "./models-export.ts";

const root = mkdtempSync(join(tmpdir(), "loam-export-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const device = openDevice("reference");
const trainer = bpeTrainer({ vocab: 270 });
trainer.add("to be or not to be, that is the question");
const tokenizer = trainer.train();
const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 4, kvHeads: 2, context: 24 });
const model = modelOf({ family: "decoder", config }, await initialise(decoderSpec(config), device, "export"));
const own = folderFiles(join(root, "own"));
await exportHuggingFace(own, model);
await own.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));

/** What it told people. */
async function run(options: Record<string, string>, of = "./own"): Promise<string> {
  const err = new PassThrough();
  const out = createOutput(true, { out: new PassThrough(), err });
  await modelsExport({ out, cwd: root, signal: new AbortController().signal }, [of], options);
  return String(err.read() ?? "");
}
const weights = async (path: string) => {
  const read = await loadModel(localModel(join(root, path)).files, device);
  const arrays = treePaths<DeviceArray>(read.parameters as never);
  return { config: read.config, bytes: await Promise.all(arrays.map(async ([name, a]) => [name, await a.read()] as const)) };
};

test("folders and float32 GGUF files hold the very weights, bit for bit, and the tokenizer", async () => {
  const want = await weights("own");
  await run({ to: "folder" });
  await run({ to: "model.gguf", format: "gguf" });
  expect(await weights("folder")).toEqual(want);
  const gguf = await weights("model.gguf");
  expect(gguf.bytes).toEqual(want.bytes);
  expect(JSON.parse(readFileSync(join(root, "folder", "tokenizer.json"), "utf8"))).toEqual(tokenizer.toJSON());
});

test("halves and blocks of eight bits are as near as their types allow", async () => {
  const want = await weights("own");
  for (const [format, share] of [
    ["gguf-f16", 2 ** -11],
    ["gguf-q8", 1 / 200],
  ] as const) {
    await run({ to: `${format}.gguf`, format });
    const { bytes } = await weights(`${format}.gguf`);
    for (const [i, [name, got]] of bytes.entries()) {
      const exact = want.bytes[i]![1] as Float32Array;
      const most = Math.max(...exact.map(Math.abs));
      const far = Math.max(...exact.map((x, j) => Math.abs(x - Number((got as Float32Array)[j]!))));
      expect(far, `${format} ${name}`).toBeLessThanOrEqual(most * share);
    }
  }
});

/** An encoder's folder with these files beside it. */
async function encoderFolder(name: string, more: object, files: Readonly<Record<string, unknown>>) {
  const config = { ...bertConfig({ vocab: tokenizer.vocabSize, width: 32, layers: 2, heads: 4, context: 24 }), deviation: 0.3, ...more };
  const encoder = modelOf({ family: "encoder", config }, await initialise(encoderSpec(config), device, name));
  const out = folderFiles(join(root, name));
  // a head over the mean of states has no place in their folders: such a model is one of ours
  await ("classifier" in more ? writeModelFiles(out, encoder) : exportHuggingFace(out, encoder));
  await out.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  for (const [file, value] of Object.entries(files)) await out.write(file, JSON.stringify(value));
}
const texts = ["to be", "or not to be, that is the question", "that"];

/** What the server gives of texts: vectors, or logits of classes. */
async function servedRows(folder: string): Promise<readonly Float32Array[]> {
  const onnx = openDevice("cpu", { threads: 1 });
  const served = await readServedReader(localModel(join(root, folder)).files, onnx, { id: folder, fingerprint: folder });
  const engine = createEmbeddingEngine({ model: served, device: onnx, sizes: [32] });
  await engine.ready;
  const rows = await engine.embed(texts.map(t => textTokens(served, t, true)));
  await engine.close();
  onnx.dispose();
  return rows;
}

/** What ONNX Runtime's own package makes of an exported file: padding behind each text holds ids of nobody. */
async function exportedRows(path: string, length: number): Promise<readonly Float32Array[]> {
  const session = await onnxruntime.InferenceSession.create(join(root, path));
  expect(session.inputNames).toEqual(["tokens", "present"]);
  const rows: Float32Array[] = [];
  for (const text of texts) {
    const ids = Array.from(tokenizer.encode(text)).slice(0, length);
    const row = (filled: number, values: readonly number[]) => {
      const data = new Int32Array(length).fill(filled);
      data.set(values);
      return new onnxruntime.Tensor("int32", data, [1, length]);
    };
    const found = await session.run({ tokens: row(7, ids), present: row(0, new Array<number>(ids.length).fill(1)) });
    rows.push((found[session.outputNames[0]!]!.data as Float32Array).slice());
  }
  await session.release();
  return rows;
}
const farthest = (a: readonly Float32Array[], b: readonly Float32Array[]) =>
  Math.max(...a.flatMap((row, i) => Array.from(row, (x, k) => Math.abs(x - b[i]![k]!))));

const classes = { labels: ["ham", "spam", "news"], kind: "one", longest: 16 } as const;
test.each([
  ["the mean of states", { headless: true }, { "1_Pooling/config.json": { pooling_mode_mean_tokens: true } }],
  [
    "the first state, not scaled",
    { headless: true },
    {
      "1_Pooling/config.json": { pooling_mode_mean_tokens: false, pooling_mode_cls_token: true },
      "modules.json": [{ type: "sentence_transformers.models.Transformer" }, { type: "sentence_transformers.models.Pooling" }],
    },
  ],
  ["classes of the first state", { classifier: classes }, {}],
  ["classes of the mean", { classifier: { ...classes, pooling: "mean", threshold: { label: "spam", at: 0.25 } } }, {}],
] as const)("what reads texts gives the server's rows as ONNX, and its folder gives them again: %s", async (name, more, files) => {
  const folder = name.replaceAll(/\W+/g, "-");
  await encoderFolder(folder, more, files);
  const want = await servedRows(folder);
  const said = await run({ to: `${folder}.onnx`, format: "onnx" }, `./${folder}`);
  expect(farthest(await exportedRows(`${folder}.onnx`, "classifier" in more ? 16 : 24), want)).toBeLessThan(1e-5);
  // nobody takes a threshold for applied that is not
  if ("classifier" in more && "threshold" in more.classifier)
    expect(said).toContain('take a text for "spam" from a probability of 0.25 on');
  else expect(said).not.toContain("threshold");
  if ("classifier" in more && "pooling" in more.classifier) {
    await expect(run({ to: `${folder}-again` }, `./${folder}`)).rejects.toThrow("got a classifier by the mean of states. Write it as ONNX");
    return;
  }
  await run({ to: `${folder}-again` }, `./${folder}`);
  expect(farthest(await servedRows(`${folder}-again`), want)).toBeLessThan(1e-6);
});

test("an ONNX file is for texts of the asked length; nothing is left of an export that fails", async () => {
  await run({ to: "model.onnx", format: "onnx", tokens: "12" });
  const bytes = readFileSync(join(root, "model.onnx"));
  expect(bytes.length).toBeGreaterThan(4 * 270 * 32);
  for (const word of ["tokens", "logits"]) expect(bytes.includes(word)).toBe(true);
  await expect(run({ to: "long.onnx", format: "onnx", tokens: "25" })).rejects.toThrow("expected 1 to 24, got 25");
  expect(existsSync(join(root, "long.onnx"))).toBe(false);
  await expect(run({ to: "x.gguf", format: "gguf", tokens: "12" })).rejects.toThrow("--tokens: expected --format onnx with it");
  await expect(run({ to: "model.onnx", format: "onnx" })).rejects.toThrow("expected nothing of that name yet");
});

const groupThresholds = {
  attribute: "club",
  label: "spam",
  goal: "demographicParity",
  bound: 0.05,
  groups: [
    { group: "chess", at: 0.125 },
    { group: "rowing", at: null },
  ],
};
const byGroup = 'take a text for "spam" from a probability of 0.5 on, for "spam" from a probability of 0.125 on where club is "chess"';
const byLabel = 'take a text for "a" from a probability 1 / (1 + exp(-(2 * logit + -0.5))) of 0.75 on, for "b" never.';
const scales = [
  { slope: 2, offset: -0.5 },
  { slope: 1, offset: 0 },
];
test.each([
  ["groups", { ...classes, pooling: "first", threshold: { label: "spam", at: 0.5 }, groupThresholds }, byGroup],
  ["labels", { labels: ["a", "b"], kind: "several", pooling: "first", scales, thresholds: [0.75, null] }, byLabel],
] as const)("each format warns of the thresholds that its files leave out, by name: of %s", async (name, classifier, words) => {
  const folder = `thresholds-of-${name}`;
  // a version that keeps its adapter has these files beside its own
  await encoderFolder(folder, { classifier }, { "adapter_config.json": {}, "adapter_model.safetensors": {} });
  for (const format of ["huggingface", "onnx", "adapter"]) {
    const said = await run({ to: `${folder}-${format}`, format }, `./${folder}`);
    expect(said).toContain(`./${folder}: files of format ${format} have no place for a threshold.`);
    expect(said).toContain(words);
    if (name === "groups") expect(said).toContain('for "spam" never where club is "rowing".');
  }
});

test("a classifier that keeps no adapter says that it is merged, and which format holds it", async () => {
  await encoderFolder("merged", { classifier: { ...classes, pooling: "first" } }, {});
  await expect(run({ to: "merged-adapter", format: "adapter" }, "./merged")).rejects.toThrow(
    /keeps its adapter, got one without adapter_config.json. A classifier's adapter is merged into its weights. Export it whole: --format onnx/,
  );
  expect(existsSync(join(root, "merged-adapter"))).toBe(false);
});

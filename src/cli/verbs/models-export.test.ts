import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, expect, test } from "vitest";
import { treePaths } from "../../base/index.ts";
import { decoderSpec, exportHuggingFace, folderFiles, initialise, llamaConfig, loadModel, modelOf } from "../../nn/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { bpeTrainer } from "../../text/index.ts";
import { localModel } from "../models/paths.ts";
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

const run = (options: Record<string, string>) =>
  modelsExport(
    { out: createOutput(true, { out: new PassThrough(), err: new PassThrough() }), cwd: root, signal: new AbortController().signal },
    ["./own"],
    options,
  );
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

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { treePaths } from "../../base/index.ts";
import { type DeviceArray, openDevice } from "../../tensor/index.ts";
import { gpt2Config, llamaConfig } from "../decoder.ts";
import { bertConfig } from "../encoder.ts";
import { encoderDecoderConfig } from "../encoder-decoder.ts";
import { type ModelConfig, modelOf, specOfModel } from "../families.ts";
import { initialise } from "../parameters.ts";
import { folderFiles } from "./folder.ts";
import { configFile, loadModel, weightsFile, writeModelFiles } from "./model-files.ts";
import { openSafetensors, safetensorsPieces, writeSafetensors } from "./safetensors.ts";
import { loadTree, saveTree, treeSources } from "./tree.ts";

const root = mkdtempSync(join(tmpdir(), "loam-model-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => folderFiles(join(root, `m${folders++}`));
const device = openDevice("reference");
const size = { vocab: 11, width: 8, layers: 2, heads: 2, context: 6 };
const configs: readonly ModelConfig[] = [
  { family: "decoder", config: gpt2Config(size) },
  { family: "decoder", config: { ...llamaConfig({ ...size, kvHeads: 1 }), qkNorm: true, window: 3, logitCap: 30 } },
  { family: "encoder", config: bertConfig(size) },
  { family: "encoder-decoder", config: encoderDecoderConfig(size) },
];
const make = async (c: ModelConfig, seed = 1) => modelOf(c, await initialise(specOfModel(c) as unknown, device, seed));
const arraysOf = (tree: unknown) => treePaths<DeviceArray>(tree as DeviceArray);
/** A file of a model, changed on its way. */
const changed = async (c: ModelConfig, change: (config: Record<string, unknown>) => unknown) => {
  const files = folder();
  await writeModelFiles(files, await make(c));
  const config = JSON.parse(Buffer.from(await files.read(configFile)).toString());
  await files.write(configFile, JSON.stringify(change(config)));
  return files;
};

for (const c of configs)
  test(`a ${c.family} comes back with its configuration and every value (${treePaths(specOfModel(c) as never).length} tensors)`, async () => {
    const model = await make(c);
    const files = folder();
    await writeModelFiles(files, model);
    const back = await loadModel(files, device);
    expect({ family: back.family, config: back.config }).toEqual(c);
    const [a, b] = [arraysOf(model.parameters), arraysOf(back.parameters)];
    expect(b.map(([path]) => path)).toEqual(a.map(([path]) => path));
    for (const [i, [, array]] of a.entries()) expect(await b[i]![1].read()).toEqual(await array.read());
  });

test("the files name tensors by their paths in the tree, in f32", async () => {
  const files = folder();
  await writeModelFiles(files, await make(configs[0]!));
  const weights = await openSafetensors(await files.localPath(weightsFile));
  expect(weights.tensors.get("blocks.0.attention.query.weight")).toMatchObject({ dtype: "f32", shape: [8, 8] });
  await weights.close();
  expect(JSON.parse(Buffer.from(await files.read(configFile)).toString())).toMatchObject({
    format: "loam-model",
    version: 1,
    family: "decoder",
  });
});

const refused: readonly (readonly [claim: string, change: (c: Record<string, unknown>) => unknown, sentence: RegExp])[] = [
  ["another program's file", () => ({ hello: 1 }), /config\.json: expected "format": "loam-model", got another file/],
  ["a Hugging Face configuration over weights of ours", () => ({ model_type: "llama" }), /vocab_size: expected number, got nothing/],
  ["a newer version", c => ({ ...c, version: 2 }), /expected version 1, got 2\. Use a newer Loam/],
  [
    "an architecture that does not exist",
    c => ({ ...c, family: "mamba" }),
    /family: expected an architecture among decoder, encoder, encoder-decoder, got "mamba"/,
  ],
  ["a misspelt architecture", c => ({ ...c, family: "decodr" }), /Did you mean "decoder"\?/],
  ["an unknown key", c => ({ ...c, config: { ...(c.config as object), layerz: 2 } }), /layerz.*Did you mean "layers"\?/],
  ["a billion layers", c => ({ ...c, config: { ...(c.config as object), layers: 1e9 } }), /config: layers: .*got 1000000000/],
  ["half a layer", c => ({ ...c, config: { ...(c.config as object), layers: 1.5 } }), /config: layers: expected int.*got 1.5/],
  [
    "heads that do not share",
    c => ({ ...c, config: { ...(c.config as object), kvHeads: 3 } }),
    /kvHeads: expected a divisor of heads 2, got 3/,
  ],
  ["the configuration of another family", c => ({ ...c, family: "encoder" }), /config: .*(unknown|expected)/],
  [
    "other sizes than the weights'",
    c => ({ ...c, config: { ...(c.config as object), hidden: 16 } }),
    /blocks\.0\.feedForward\.up\.weight: expected \[8, 16\], got \[8, 32\]/,
  ],
  [
    "more layers than the weights have",
    c => ({ ...c, config: { ...(c.config as object), layers: 3 } }),
    /blocks\.2\.norm1\.weight: expected a tensor \[8\], got none \(and 15 more\)/,
  ],
  [
    "fewer layers than the weights have",
    c => ({ ...c, config: { ...(c.config as object), layers: 1 } }),
    /blocks\.1\.norm1\.weight: expected only the model's \d+ tensors/,
  ],
];
for (const [claim, change, sentence] of refused)
  test(`refused with a reason: ${claim}`, async () => {
    await expect(loadModel(await changed(configs[0]!, change), device)).rejects.toThrow(sentence);
  });

test("refused with a reason: no files, a file that is no JSON, weights that are cut", async () => {
  await expect(loadModel(folder(), device)).rejects.toThrow(/no such file/);
  const files = await changed(configs[0]!, c => c);
  await files.write(configFile, "{");
  await expect(loadModel(files, device)).rejects.toThrow(/config\.json: expected JSON/);
  const cut = await changed(configs[0]!, c => c);
  await cut.write(weightsFile, (await cut.read(weightsFile)).slice(0, -1));
  await expect(loadModel(cut, device)).rejects.toThrow(/weights\.safetensors: .*offsets in order within/);
});

const specs = () => {
  const c = specOfModel({ family: "decoder", config: gpt2Config(size) });
  return { a: { weight: c.blocks[0]!.norm1.weight }, b: c.norm.weight };
};

test("a prefix keeps several trees in one file apart", async () => {
  const width8 = { a: { weight: await device.full([8], 1) }, b: await device.full([8], 2) };
  const path = join(root, "prefix.safetensors");
  await writeSafetensors(path, [...treeSources(width8, "parameters"), ...treeSources([await device.full([3], 5)], "optimizer.first")]);
  const file = await openSafetensors(path);
  const back = await loadTree(specs(), file, device, { prefix: "parameters" });
  expect([...(await back.b.numbers())]).toEqual(Array(8).fill(2));
  await expect(loadTree(specs(), file, device, { prefix: "optimizer.second" })).rejects.toThrow(
    "optimizer.second.a.weight: expected a tensor [8], got none (and 1 more). Is it a checkpoint of another model?",
  );
  await file.close();
});

test("floats of another width are rounded when asked, and an error when not; integers are always one", async () => {
  const path = join(root, "half.safetensors");
  const half = await device.array([1, 2, 3, 4, 5, 6, 7, 0.1], "bf16");
  await saveTree(path, { a: { weight: half }, b: await device.full([8], 2, "f16") });
  const file = await openSafetensors(path);
  await expect(loadTree(specs(), file, device)).rejects.toThrow("half.safetensors: a.weight: expected f32, got bf16.");
  const back = await loadTree(specs(), file, device, { convert: true });
  expect([...(await back.a.weight.numbers())]).toEqual([1, 2, 3, 4, 5, 6, 7, 0.10009765625]);
  await file.close();
  await saveTree(path, { a: { weight: await device.full([8], 2, "i32") }, b: await device.full([8], 2) });
  const whole = await openSafetensors(path);
  await expect(loadTree(specs(), whole, device, { convert: true })).rejects.toThrow("a.weight: expected f32, got i32.");
  await whole.close();
});

test("a misspelt tensor is named with the one that was meant", async () => {
  const path = join(root, "near.safetensors");
  await saveTree(path, { a: { wieght: await device.full([8], 2) }, b: await device.full([8], 2) });
  const file = await openSafetensors(path);
  await expect(loadTree(specs(), file, device)).rejects.toThrow('a.weight: expected a tensor [8], got none. It has "a.wieght".');
  await file.close();
});

test("a tensor that cannot be read is an error before anything is allocated", async () => {
  const path = join(root, "f64.safetensors");
  const json = JSON.stringify({
    "a.weight": { dtype: "F64", shape: [8], data_offsets: [0, 64] },
    b: { dtype: "F32", shape: [8], data_offsets: [64, 96] },
  });
  const bytes = Buffer.alloc(8 + json.length + 96);
  bytes.writeBigUInt64LE(BigInt(json.length));
  bytes.write(json, 8);
  await folderFiles(root).write("f64.safetensors", bytes);
  const file = await openSafetensors(path);
  await expect(loadTree(specs(), file, device, { convert: true })).rejects.toThrow(/a\.weight: expected a dtype among .*, got F64/);
  await file.close();
});

test("pieces of a file are as long as one tensor, not as the file", async () => {
  const model = await make(configs[0]!);
  const sizes: number[] = [];
  for await (const piece of safetensorsPieces(treeSources(model.parameters))) sizes.push(piece.length);
  const largest = Math.max(...arraysOf(model.parameters).map(([, a]) => a.size * 4));
  expect(Math.max(...sizes.slice(1))).toBe(largest);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { treePaths } from "../../base/index.ts";
import { type DeviceArray, fromNumbers, openDevice, type TypedArray } from "../../tensor/index.ts";
import { gpt2Config, llamaConfig } from "../decoder.ts";
import { bertConfig } from "../encoder.ts";
import { encoderDecoderConfig } from "../encoder-decoder.ts";
import { type ModelConfig, modelOf, specOfModel } from "../families.ts";
import { initialise } from "../parameters.ts";
import { folderFiles } from "./folder.ts";
import { exportHuggingFace, importHuggingFace, readHuggingFaceConfig } from "./huggingface.ts";
import { openSafetensors, safetensorsPieces, type TensorSource } from "./safetensors.ts";

const root = mkdtempSync(join(tmpdir(), "loam-hf-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => folderFiles(join(root, `m${folders++}`));
const device = openDevice("reference");
const size = { vocab: 11, width: 12, layers: 2, heads: 4, context: 6 };
const cases: Readonly<Record<string, ModelConfig>> = {
  "GPT-2": { family: "decoder", config: gpt2Config(size) },
  "GPT-2 with an output table and exact GELU": {
    family: "decoder",
    config: { ...gpt2Config(size), tied: false, activation: "gelu", hidden: 20 },
  },
  "Llama with grouped queries": { family: "decoder", config: llamaConfig({ ...size, kvHeads: 2, heads: 2, hidden: 10 }) },
  "tied Llama with biases and wide heads": {
    family: "decoder",
    config: { ...llamaConfig({ ...size, heads: 2 }), headSize: 10, tied: true, bias: true, rotaryBase: 500_000 },
  },
  "Mistral with a window": { family: "decoder", config: { ...llamaConfig({ ...size, heads: 2, kvHeads: 1 }), window: 4 } },
  BERT: { family: "encoder", config: bertConfig(size) },
};
const make = async (c: ModelConfig) => modelOf(c, await initialise(specOfModel(c) as unknown, device, 7));
const arraysOf = (tree: unknown) => treePaths<DeviceArray>(tree as DeviceArray);

/** An exported folder whose tensors and configuration are changed on their way. */
async function exported(
  c: ModelConfig,
  change: {
    tensors?: (t: (TensorSource & { data: TypedArray })[]) => TensorSource[];
    config?: (c: Record<string, unknown>) => object;
  } = {},
) {
  const first = folder();
  await exportHuggingFace(first, await make(c));
  const file = await openSafetensors(await first.localPath("model.safetensors"));
  const tensors: (TensorSource & { data: TypedArray })[] = [];
  for (const t of file.tensors.values()) {
    const data = await file.read(t.name);
    tensors.push({ name: t.name, dtype: t.dtype!, shape: t.shape, data, read: () => data });
  }
  await file.close();
  const files = folder();
  const config = JSON.parse(Buffer.from(await first.read("config.json")).toString());
  await files.write("config.json", JSON.stringify(change.config?.(config) ?? config));
  await files.writeStream("model.safetensors", safetensorsPieces(change.tensors?.(tensors) ?? tensors));
  return files;
}
const bytes = async (files: ReturnType<typeof folder>, name: string) => Buffer.from(await files.read(name));
const filled = (name: string, shape: number[], value = 1): TensorSource => ({
  name,
  dtype: "f32",
  shape,
  read: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
});

for (const [name, c] of Object.entries(cases)) {
  test(`${name}: what is exported is what is imported, and exporting that gives the same bytes`, async () => {
    const model = await make(c);
    const files = folder();
    await exportHuggingFace(files, model);
    const back = await importHuggingFace(files, device);
    expect({ family: back.family, config: back.config }).toEqual(c);
    const [a, b] = [arraysOf(model.parameters), arraysOf(back.parameters)];
    expect(b.map(([path]) => path)).toEqual(a.map(([path]) => path));
    for (const [i, [, array]] of a.entries()) expect(await b[i]![1].read()).toEqual(await array.read());
    const again = folder();
    await exportHuggingFace(again, back);
    expect(await bytes(again, "model.safetensors")).toEqual(await bytes(files, "model.safetensors"));
    expect(await bytes(again, "config.json")).toEqual(await bytes(files, "config.json"));
  });

  test(`${name}: tensors without the base model's prefix, in bf16, in two shards are the same model, rounded`, async () => {
    const whole = await exported(c);
    const model = await importHuggingFace(whole, device);
    const files = folder();
    await files.write("config.json", await bytes(whole, "config.json"));
    const file = await openSafetensors(await whole.localPath("model.safetensors"));
    const names = [...file.tensors.keys()];
    const map: Record<string, string> = {};
    for (const [i, part] of [names.slice(0, 5), names.slice(5)].entries()) {
      const shard = `model-0000${i + 1}-of-00002.safetensors`;
      const tensors: TensorSource[] = [];
      for (const old of part) {
        const { shape } = file.tensors.get(old)!;
        const data = fromNumbers((await file.read(old)) as Float32Array, "bf16");
        const short = old.replace(/^(transformer|model|bert)\./, "");
        map[short] = shard;
        tensors.push({ name: short, dtype: "bf16", shape, read: () => data });
      }
      await files.writeStream(shard, safetensorsPieces(tensors));
    }
    await file.close();
    await files.write("model.safetensors.index.json", JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
    const back = arraysOf((await importHuggingFace(files, device)).parameters);
    for (const [i, [, array]] of arraysOf(model.parameters).entries()) {
      const [want, got] = [await array.numbers(), await back[i]![1].numbers()];
      for (const [j, w] of want.entries()) expect(Math.abs(w - got[j]!)).toBeLessThanOrEqual(Math.abs(w) / 256);
    }
  });
}

test("fused and transposed projections lie where the formats say: one element each, by hand", async () => {
  const heads = { ...size, width: 4, heads: 2, hidden: 6 };
  const at = async (c: ModelConfig, name: string, index: number) => {
    const files = await exported(c);
    const file = await openSafetensors(await files.localPath("model.safetensors"));
    const value = ((await file.read(name)) as Float32Array)[index]!;
    await file.close();
    return value;
  };
  const ours = async (c: ModelConfig, path: string, index: number) =>
    (
      await arraysOf((await make(c)).parameters)
        .find(([p]) => p === path)![1]
        .numbers()
    )[index]!;
  const gpt2: ModelConfig = { family: "decoder", config: gpt2Config(heads) };
  // c_attn [4, 12]: row 2, third output of the keys (column 4 + 3) is key.weight [4, 4] row 2, column 3
  expect(await at(gpt2, "transformer.h.1.attn.c_attn.weight", 2 * 12 + 4 + 3)).toBe(
    await ours(gpt2, "blocks.1.attention.key.weight", 2 * 4 + 3),
  );
  const llama: ModelConfig = { family: "decoder", config: llamaConfig(heads) };
  // up_proj [6, 4]: output 5, input 1 is up.weight [4, 6] row 1, column 5
  expect(await at(llama, "model.layers.0.mlp.up_proj.weight", 5 * 4 + 1)).toBe(
    await ours(llama, "blocks.0.feedForward.up.weight", 1 * 6 + 5),
  );
  // tables are not turned
  expect(await at(llama, "lm_head.weight", 7)).toBe(await ours(llama, "output", 7));
});

test("old spellings and what carries nothing are taken: gamma and beta, masks, poolers, copies of a tied table", async () => {
  const bert = await exported(cases.BERT!, {
    tensors: ts => [
      ...ts.map(t => ({ ...t, name: t.name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta") })),
      filled("bert.pooler.dense.weight", [12, 12]),
      filled("cls.seq_relationship.bias", [2]),
      filled("bert.embeddings.position_ids", [1, 6]),
    ],
  });
  expect((await importHuggingFace(bert, device)).family).toBe("encoder");
  const gpt2 = await exported(cases["GPT-2"]!, {
    tensors: ts => [...ts, filled("transformer.h.0.attn.bias", [1, 1, 6, 6]), filled("lm_head.weight", [11, 12])],
  });
  expect((await importHuggingFace(gpt2, device)).family).toBe("decoder");
});

const refused: readonly (readonly [claim: string, model: string, change: Parameters<typeof exported>[1], sentence: RegExp])[] = [
  [
    "an unknown tensor",
    "GPT-2",
    { tensors: t => [...t, filled("transformer.h.0.attn.extra", [2])] },
    /h\.0\.attn\.extra: expected only tensors of GPT2LMHeadModel, got an unknown one/,
  ],
  ["a missing tensor", "GPT-2", { tensors: t => t.slice(1) }, /transformer\.wte\.weight: expected a tensor \[11, 12\], got none/],
  [
    "a projection that lies the other way",
    "Llama with grouped queries",
    { tensors: t => t.map(x => (x.name.includes("up_proj") ? { ...x, shape: [...x.shape].reverse() } : x)) },
    /up_proj\.weight: expected \[10, 12\], got \[12, 10\]/,
  ],
  [
    "weights of integers",
    "GPT-2",
    { tensors: t => t.map(x => (x.name.endsWith("wte.weight") ? { ...x, dtype: "i32", read: () => new Int32Array(132) } : x)) },
    /wte\.weight: expected floats, got I32/,
  ],
  [
    "an architecture that Loam has not",
    "GPT-2",
    { config: c => ({ ...c, model_type: "mamba2" }) },
    /model_type: expected an architecture among gpt2, llama, mistral, bert, got "mamba2"/,
  ],
  ["a configuration without model_type", "GPT-2", { config: c => ({ ...c, model_type: undefined }) }, /model_type: .* got null/],
  [
    "a setting that changes the function",
    "GPT-2",
    { config: c => ({ ...c, scale_attn_by_inverse_layer_idx: true }) },
    /scale_attn_by_inverse_layer_idx: expected one of false, got true/,
  ],
  [
    "scaled rotary positions",
    "Mistral with a window",
    { config: c => ({ ...c, rope_scaling: { type: "yarn", factor: 4 } }) },
    /rope_scaling: expected null/,
  ],
  [
    "scaled rotary positions in the new spelling",
    "Mistral with a window",
    { config: c => ({ ...c, rope_parameters: { rope_theta: 1e4, rope_type: "llama3" } }) },
    /rope_parameters\.rope_type: expected one of default, got "llama3"/,
  ],
  [
    "biases in attention alone",
    "Llama with grouped queries",
    { config: c => ({ ...c, attention_bias: true }) },
    /mlp_bias: expected the same as attention_bias, got false/,
  ],
  ["a key that no row knows", "BERT", { config: c => ({ ...c, hidden_sizes: 3 }) }, /hidden_sizes: .*Did you mean "hidden_size"\?/],
  ["heads that do not divide the width", "BERT", { config: c => ({ ...c, num_attention_heads: 5 }) }, /config\.json.*headSize/],
];
for (const [claim, name, change, sentence] of refused)
  test(`refused by name: ${claim}`, async () => {
    await expect(importHuggingFace(await exported(cases[name]!, change), device)).rejects.toThrow(sentence);
  });

test("refused by name: shards that leave the folder, disagree with their index, or are missing", async () => {
  const index = async (map: object, extra: object = {}) => {
    const files = folder();
    const whole = await exported(cases["GPT-2"]!);
    await files.write("config.json", await bytes(whole, "config.json"));
    await files.write("a.safetensors", await bytes(whole, "model.safetensors"));
    await files.write("model.safetensors.index.json", JSON.stringify({ weight_map: map, ...extra }));
    return importHuggingFace(files, device);
  };
  await expect(index({ x: "../a.safetensors" })).rejects.toThrow(/expected files of this folder, got "\.\.\/a\.safetensors"/);
  await expect(index({ x: "b.safetensors" })).rejects.toThrow(/expected files of this folder, got "b\.safetensors"/);
  await expect(index({ x: "a.safetensors" })).rejects.toThrow(
    /transformer\.wte\.weight: expected a tensor that model\.safetensors\.index\.json puts here/,
  );
  await expect(index({}, { shards: 1 })).rejects.toThrow(/shards/);
  const none = folder();
  await none.write("config.json", await bytes(await exported(cases.BERT!), "config.json"));
  await none.write("pytorch_model.bin", "");
  await expect(importHuggingFace(none, device)).rejects.toThrow(
    /expected model\.safetensors or .* got neither\. Only safetensors weights are read/,
  );
});

test("refused by name: exporting what no architecture there has", async () => {
  for (const c of [
    { family: "decoder", config: { ...llamaConfig({ ...size, heads: 2 }), qkNorm: true } },
    { family: "decoder", config: { ...gpt2Config({ ...size, heads: 2 }), positions: "rotary" } },
    { family: "decoder", config: { ...gpt2Config(size), logitCap: 30 } },
    { family: "encoder-decoder", config: encoderDecoderConfig(size) },
  ] as const satisfies ModelConfig[])
    await expect(exportHuggingFace(folder(), await make(c))).rejects.toThrow(
      /export: expected a configuration that one of gpt2, llama, mistral, bert has/,
    );
});

test("published configurations mean what their papers say", () => {
  // the settings of the files as published, shortened to what differs from the library's defaults
  const gpt2 = {
    model_type: "gpt2",
    vocab_size: 50257,
    n_positions: 1024,
    n_ctx: 1024,
    n_embd: 768,
    n_layer: 12,
    n_head: 12,
    activation_function: "gelu_new",
  };
  expect(readHuggingFaceConfig(gpt2, "gpt2").model.config).toMatchObject({
    width: 768,
    headSize: 64,
    hidden: 3072,
    activation: "geluTanh",
    tied: true,
  });
  const tinyLlama = {
    model_type: "llama",
    vocab_size: 32000,
    hidden_size: 2048,
    intermediate_size: 5632,
    num_hidden_layers: 22,
    num_attention_heads: 32,
    num_key_value_heads: 4,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    rope_scaling: null,
    tie_word_embeddings: false,
    torch_dtype: "float32",
  };
  expect(readHuggingFaceConfig(tinyLlama, "llama").model.config).toMatchObject({
    headSize: 64,
    kvHeads: 4,
    rotaryBase: 10_000,
    tied: false,
  });
  const bert = {
    model_type: "bert",
    vocab_size: 30522,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    max_position_embeddings: 512,
    layer_norm_eps: 1e-12,
    type_vocab_size: 2,
    position_embedding_type: "absolute",
    gradient_checkpointing: false,
  };
  expect(readHuggingFaceConfig(bert, "bert").model).toMatchObject({ family: "encoder", config: { width: 768, types: 2, epsilon: 1e-12 } });
});

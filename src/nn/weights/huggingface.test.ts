import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { treePaths } from "../../base/index.ts";
import { type DeviceArray, fromNumbers, openDevice, type TypedArray } from "../../tensor/index.ts";
import { type DecoderConfig, gpt2Config, llamaConfig } from "../decoder.ts";
import { bertConfig } from "../encoder.ts";
import { type EncoderDecoderConfig, encoderDecoderConfig } from "../encoder-decoder.ts";
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
const gemma: DecoderConfig = {
  ...llamaConfig({ ...size, kvHeads: 2 }),
  headSize: 4,
  activation: "geglu",
  tied: true,
  window: 3,
  embeddingScale: Math.sqrt(size.width),
  postNorm: true,
};
const t5: EncoderDecoderConfig = {
  ...encoderDecoderConfig(size),
  decoderLayers: 1,
  headSize: 5,
  norm: "rms",
  bias: false,
  activation: "relu",
  relative: { buckets: 6, farthest: 9 },
  scoreScale: 1,
};
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
  "Llama with angles divided by 4": {
    family: "decoder",
    config: { ...llamaConfig({ ...size, heads: 2 }), rotaryFactors: [4, 4, 4] },
  },
  "Qwen 2": { family: "decoder", config: { ...llamaConfig({ ...size, heads: 2, kvHeads: 1 }), qkvBias: true } },
  "Qwen 3": { family: "decoder", config: { ...llamaConfig({ ...size, heads: 2, kvHeads: 1 }), headSize: 8, qkNorm: true } },
  "Gemma 2": {
    family: "decoder",
    config: { ...gemma, windowLayers: [0], rotaryBase: 10_000, scoreScale: 144 ** -0.5, scoreCap: 50, logitCap: 30 },
  },
  "Gemma 3 for a longer context": {
    family: "decoder",
    config: { ...gemma, windowLayers: [1], qkNorm: true, rotaryBase: 1e6, windowRotaryBase: 10_000, rotaryFactors: [8, 8] },
  },
  BERT: { family: "encoder", config: bertConfig(size) },
  "BERT that tells several things": {
    family: "encoder",
    config: { ...bertConfig(size), classifier: { labels: ["urgent", "spam", "personal"], kind: "several" } },
  },
  RoBERTa: { family: "encoder", config: { ...bertConfig(size), types: 1, epsilon: 1e-5, firstPosition: 2 } },
  T5: { family: "encoder-decoder", config: { ...t5, outputScale: size.width ** -0.5 } },
  "T5 with gates and an output table": { family: "encoder-decoder", config: { ...t5, activation: "geglu", untied: true } },
  "RoBERTa without a head": { family: "encoder", config: { ...bertConfig(size), firstPosition: 2, headless: true } },
  "RoBERTa that gives a score": {
    family: "encoder",
    config: { ...bertConfig(size), firstPosition: 4, classifier: { labels: ["LABEL_0"], kind: "value" } },
  },
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
        const short = old.replace(/^(transformer|model|bert|roberta)\./, "");
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

test("a T5 whose output table was meant to be its own and lies in the file once has it twice", async () => {
  const once = await exported(cases["T5 with gates and an output table"]!, {
    config: c => ({ ...c, tie_word_embeddings: true, scale_decoder_outputs: false }),
    tensors: t => t.filter(x => x.name !== "lm_head.weight"),
  });
  const arrays = new Map(arraysOf((await importHuggingFace(once, device)).parameters));
  expect(await arrays.get("output")!.read()).toEqual(await arrays.get("token")!.read());
});

test("the text part of a model that sees pictures is read, under the names of both versions of the library", async () => {
  const alone = await importHuggingFace(await exported(cases["Gemma 3 for a longer context"]!), device);
  for (const prefix of ["language_model.model.", "model.language_model."]) {
    const files = await exported(cases["Gemma 3 for a longer context"]!, {
      config: c => ({ model_type: "gemma3", text_config: c, vision_config: {} }),
      tensors: t => [
        ...t.map(x => ({ ...x, name: x.name.replace("model.", prefix) })),
        filled("vision_tower.vision_model.embeddings.patch_embedding.weight", [2, 2]),
      ],
    });
    const model = await importHuggingFace(files, device);
    expect(model.config).toEqual(alone.config);
    for (const [i, [path, a]] of arraysOf(alone.parameters).entries())
      expect(await arraysOf(model.parameters)[i]![1].read(), path).toEqual(await a.read());
  }
});

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

test("a body without its head is read where only the body is wanted, and its states are those of the whole", async () => {
  const whole = await exported(cases.BERT!);
  const body = await exported(cases.BERT!, { tensors: ts => ts.filter(t => !t.name.startsWith("cls.")) });
  await expect(importHuggingFace(body, device)).rejects.toThrow("cls.predictions");
  const [a, b] = [await importHuggingFace(whole, device), await importHuggingFace(body, device, { bodyOnly: true })];
  const given = new Map(arraysOf(b.parameters));
  for (const [path, array] of arraysOf(a.parameters)) {
    const values = await given.get(path)!.numbers();
    expect(values, path).toEqual(path.startsWith("head.") ? new Float64Array(values.length) : await array.numbers());
  }
  const broken = await exported(cases.BERT!, { tensors: ts => ts.filter(t => !t.name.includes("layer.1.output.dense")) });
  await expect(importHuggingFace(broken, device, { bodyOnly: true })).rejects.toThrow("layer.1.output.dense");
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
    /model_type: expected an architecture among gpt2, llama, mistral, qwen2, qwen3, gemma2, gemma3_text, gemma3, bert, roberta, xlm-roberta, t5, got "mamba2"/,
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
    { config: c => ({ ...c, rope_scaling: { type: "longrope", factor: 4 } }) },
    /rope_scaling\.rope_type: expected default, linear, llama3 or yarn, got "longrope"/,
  ],
  [
    "scaled rotary positions in the new spelling",
    "Mistral with a window",
    { config: c => ({ ...c, rope_parameters: { rope_theta: 1e4, rope_type: "longrope" } }) },
    /rope_parameters\.rope_type: expected default, linear, llama3 or yarn, got "longrope"/,
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
    { family: "decoder", config: { ...llamaConfig({ ...size, heads: 2 }), qkNorm: true, bias: true } },
    { family: "decoder", config: { ...gpt2Config({ ...size, heads: 2 }), positions: "rotary" } },
    { family: "decoder", config: { ...gpt2Config(size), logitCap: 30 } },
    { family: "encoder-decoder", config: encoderDecoderConfig(size) },
  ] as const satisfies ModelConfig[])
    await expect(exportHuggingFace(folder(), await make(c))).rejects.toThrow(
      /export: expected a configuration that one of gpt2, llama, mistral, qwen2, qwen3, gemma2, gemma3_text, gemma3, bert, roberta, xlm-roberta, t5 has/,
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
  const gemma27b = {
    model_type: "gemma2",
    hidden_size: 4608,
    intermediate_size: 36_864,
    num_hidden_layers: 46,
    num_attention_heads: 32,
    num_key_value_heads: 16,
    head_dim: 128,
    query_pre_attn_scalar: 144,
    cache_implementation: "hybrid",
    hidden_act: "gelu_pytorch_tanh",
    sliding_window_size: 4096,
  };
  const { sliding_window_size: _, ...known } = gemma27b;
  expect(() => readHuggingFaceConfig(gemma27b, "gemma2")).toThrow(/sliding_window_size/);
  const gemma2 = readHuggingFaceConfig(known, "gemma2").model.config as DecoderConfig;
  expect(gemma2).toMatchObject({ vocab: 256_000, context: 8192, window: 4096, scoreScale: 1 / 12, scoreCap: 50, logitCap: 30, tied: true });
  expect(gemma2.windowLayers).toEqual(Array.from({ length: 23 }, (_, i) => 2 * i));
  // the 4 B model with pictures: most of its text part is left to defaults
  const text = {
    model_type: "gemma3_text",
    hidden_size: 2560,
    intermediate_size: 10_240,
    num_hidden_layers: 34,
    rope_scaling: { factor: 8, rope_type: "linear" },
    sliding_window: 1024,
  };
  const gemma3 = readHuggingFaceConfig(
    { model_type: "gemma3", architectures: ["Gemma3ForConditionalGeneration"], text_config: text, vision_config: { hidden_size: 1152 } },
    "gemma3",
  ).model.config as DecoderConfig;
  expect(gemma3).toMatchObject({
    width: 2560,
    heads: 8,
    kvHeads: 4,
    headSize: 256,
    context: 131_072,
    rotaryBase: 1e6,
    windowRotaryBase: 1e4,
    qkNorm: true,
  });
  expect(gemma3.rotaryFactors).toEqual(new Array(128).fill(8));
  expect(gemma3.windowLayers).toEqual(Array.from({ length: 34 }, (_, i) => i).filter(i => i % 6 !== 5));
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

test.each([15, 2 ** 40, 3.5])("a head of %s is refused by name, whatever its angles are divided by", headDim => {
  const config = {
    ...{ model_type: "llama", vocab_size: 11, hidden_size: 12, intermediate_size: 10, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ max_position_embeddings: 8, rms_norm_eps: 1e-5, hidden_act: "silu", tie_word_embeddings: false, head_dim: headDim },
  };
  for (const rope_scaling of [
    { rope_type: "linear", factor: 2 },
    { rope_type: "yarn", factor: 2, original_max_position_embeddings: 8 },
  ])
    expect(() => readHuggingFaceConfig({ ...config, rope_scaling }, "config.json")).toThrow(/head_?(size|dim)/i);
});

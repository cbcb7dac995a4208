/** What is damaged, and how it is read afterwards: by the same functions that `loam models import` and `loam serve` read it with. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, treeLeaves } from "../../src/base/index.ts";
import {
  adapterOf,
  adapterRank,
  bertConfig,
  type DecoderConfig,
  exportHuggingFace,
  type FilesReader,
  type FilesWriter,
  folderFiles,
  gpt2Config,
  initialise,
  llamaConfig,
  loadModel,
  type ModelConfig,
  modelGguf,
  modelOf,
  projectionSizes,
  readAdapter,
  specOfModel,
  writeAdapter,
  writeModelFiles,
} from "../../src/nn/index.ts";
import { ggufTextEntries } from "../../src/project/models/gguf-text.ts";
import { modelText } from "../../src/project/models/model-text.ts";
import { packageFolder } from "../../src/project/package.ts";
import { type DeviceArray, openDevice } from "../../src/tensor/index.ts";
import { chatTemplate, loadTokenizer, trainBpe } from "../../src/text/index.ts";
import { mutateBytes, mutateJson, mutateText, pick } from "./mutate.ts";
import { snippets, templates } from "./templates.ts";

/** Damages one of its seeds with these draws and reads it; the promise is kept where what came out is valid. */
export type Attempt = (r: Random) => Promise<void>;
export interface Kind {
  readonly about: string;
  /** Prepares seeds below a folder of its own. */
  prepare(folder: string): Promise<Attempt>;
}

const device = openDevice("reference");
const sizes = { vocab: 300, width: 32, layers: 1, heads: 2, context: 16, hidden: 32 };
const models: Readonly<Record<string, ModelConfig>> = {
  llama: { family: "decoder", config: llamaConfig(sizes) },
  gpt2: { family: "decoder", config: gpt2Config(sizes) },
  qwen3: { family: "decoder", config: { ...llamaConfig({ ...sizes, kvHeads: 1 }), qkNorm: true, rotaryFactors: Array(8).fill(2) } },
  window: { family: "decoder", config: { ...llamaConfig(sizes), window: 4 } },
  bert: { family: "encoder", config: bertConfig(sizes) },
};
const decoders = { llama: llamaConfig(sizes), gpt2: gpt2Config(sizes) };
const make = async (c: ModelConfig) => modelOf(c, await initialise(specOfModel(c) as unknown, device, 7));
const tokenizer = trainBpe(["the quick brown fox jumps over the lazy dog and the other dog"], { vocab: 290 });

const golden = (path: string): unknown => JSON.parse(readFileSync(join(packageFolder, "src", path), "utf8"));
/** Tokenizers with every component that can be read, each with a text. */
const tokenizers = (): readonly { readonly json: string; readonly texts: readonly string[] }[] =>
  (golden("text/hugging-face.golden.json") as { cases: { tokenizer: unknown; rows: { text: string }[] }[] }).cases.map(c => ({
    json: JSON.stringify(c.tokenizer),
    texts: c.rows.map(row => row.text),
  }));

async function readModel(files: FilesReader): Promise<void> {
  const model = await loadModel(files, device);
  for (const array of treeLeaves<DeviceArray>(model.parameters as never)) array.dispose();
}
const useTokenizer = (json: string, texts: readonly string[]): void => {
  const read = loadTokenizer(json);
  for (const text of texts) {
    const ids = read.encode(text);
    read.decode(ids);
    const stream = read.stream({ skipSpecialTokens: true });
    for (const id of ids) stream.push(id);
    stream.end();
  }
  for (let id = 0; id < 300; id++) read.bytesOf(id);
};

type Files = FilesReader & FilesWriter;
/** A folder whose file `name` is damaged; the others stay. */
interface Seed {
  readonly files: Files;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Not as the folder writes, which waits for the disk. */
  put(bytes: Uint8Array | string): void;
}
async function seedOf(files: Files, name: string): Promise<Seed> {
  const path = await files.localPath(name);
  return { files, name, bytes: await files.read(name), put: bytes => writeFileSync(path, bytes) };
}

async function* joined(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* parts;
}

const folderOf = (folder: string, name: string): Files => folderFiles(join(folder, name));

const gguf: Kind = {
  about: "GGUF files: head, metadata, tokenizer, template, tensors",
  async prepare(folder) {
    const text = ggufTextEntries({ tokenizer, template: templates[0]!, stopTokens: [256], eosToken: "<|end|>" });
    const seeds: Seed[] = [];
    for (const [name, as] of [
      ["llama", "F32"],
      ["gpt2", "Q8_0"],
      ["qwen3", "F16"],
    ] as const) {
      const files = folderOf(folder, name);
      await files.writeStream("model.gguf", joined(modelGguf(await make(models[name]!), as, text)));
      seeds.push(await seedOf(files, "model.gguf"));
    }
    // every kind of metadata and of tensor, but no architecture
    const toy = folderOf(folder, "toy");
    await toy.write("model.gguf", Buffer.from((golden("nn/weights/golden/gguf.golden.json") as Toy).file.bytes, "base64"));
    seeds.push(await seedOf(toy, "model.gguf"));
    return async r => {
      const seed = pick(r, seeds);
      seed.put(mutateHead(r, seed.bytes));
      await modelText(seed.files);
      await readModel(seed.files);
    };
  },
};
interface Toy {
  readonly file: { readonly bytes: string };
}

/** Most of a file is weights, of which any are legal: what stands before them is damaged mostly. */
function mutateHead(r: Random, bytes: Uint8Array): Uint8Array {
  if (r.below(8) === 0) return mutateBytes(r, bytes);
  const size = Math.min(bytes.length, pick(r, [64, 512, 4096, 16_384]));
  return Buffer.concat([mutateBytes(r, bytes.subarray(0, size)), bytes.subarray(size)]);
}

async function folders(folder: string): Promise<readonly Files[]> {
  const all: Files[] = [];
  for (const [name, config] of Object.entries(models)) {
    const theirs = folderOf(folder, `${name}-theirs`);
    await exportHuggingFace(theirs, await make(config));
    const ours = folderOf(folder, `${name}-ours`);
    await writeModelFiles(ours, await make(config));
    all.push(theirs, ours);
  }
  return all;
}

const safetensors: Kind = {
  about: "safetensors files and the index of shards",
  async prepare(folder) {
    const seeds: Seed[] = [];
    for (const files of await folders(folder)) {
      const name = files.files.find(f => f.name.endsWith(".safetensors"))!.name;
      const seed = await seedOf(files, name);
      seeds.push(seed);
      if (name !== "model.safetensors") continue;
      const sharded = folderOf(folder, `${seeds.length}-sharded`);
      const { tensors } = parsedHead(seed.bytes);
      await sharded.write("config.json", await files.read("config.json"));
      await sharded.write("part.safetensors", seed.bytes);
      const map = Object.fromEntries(tensors.map(t => [t, "part.safetensors"]));
      await sharded.write("model.safetensors.index.json", JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
      seeds.push(await seedOf(sharded, "model.safetensors.index.json"));
    }
    return async r => {
      const seed = pick(r, seeds);
      seed.put(mutateShard(r, seed.bytes));
      try {
        await readModel(seed.files);
      } finally {
        seed.put(seed.bytes);
      }
    };
  },
};
const headOf = (bytes: Uint8Array): string => {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return Buffer.from(bytes.subarray(8, 8 + length)).toString("utf8");
};
const parsedHead = (bytes: Uint8Array) => ({ tensors: Object.keys(JSON.parse(headOf(bytes)) as object).filter(n => n !== "__metadata__") });

/** Half of the time the head changes as JSON, with its length put right, so that what is behind the parser is reached. */
function mutateShard(r: Random, bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0x7b) return Buffer.from(mutateJson(r, Buffer.from(bytes).toString("utf8")));
  if (r.below(2) === 0) return mutateHead(r, bytes);
  const head = headOf(bytes);
  const changed = Buffer.from(mutateJson(r, head));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(changed.length));
  return Buffer.concat([length, changed, bytes.subarray(8 + Buffer.byteLength(head))]);
}

const config: Kind = {
  about: "config.json, tokenizer_config.json, generation_config.json",
  async prepare(folder) {
    const seeds: Seed[] = [];
    for (const files of await folders(folder)) {
      await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
      seeds.push(await seedOf(files, "config.json"));
      if (!files.files.some(f => f.name === "model.safetensors")) continue;
      const settings = {
        bos_token: "<s>",
        eos_token: { content: "<|end|>" },
        chat_template: [{ name: "default", template: templates[0] }],
      };
      await files.write("tokenizer_config.json", JSON.stringify(settings));
      const generation = { eos_token_id: [256, 257], temperature: 0.6, top_p: 0.9, top_k: 40, repetition_penalty: 1.1, do_sample: true };
      await files.write("generation_config.json", JSON.stringify(generation));
      seeds.push(await seedOf(files, "tokenizer_config.json"), await seedOf(files, "generation_config.json"));
    }
    return async r => {
      const seed = pick(r, seeds);
      seed.put(mutateJson(r, Buffer.from(seed.bytes).toString("utf8")));
      try {
        const { chatTemplate: template } = await modelText(seed.files);
        template?.render([{ role: "user", content: "Hi" }]);
        if (seed.name === "config.json") await readModel(seed.files);
      } finally {
        seed.put(seed.bytes);
      }
    };
  },
};

const tokenizerKind: Kind = {
  about: "tokenizer.json, and encoding and decoding with what it becomes",
  async prepare() {
    const seeds = tokenizers();
    return async r => {
      const { json, texts } = pick(r, seeds);
      // a run of one character is what a slow pattern is slowest at
      useTokenizer(mutateJson(r, json), [pick(r, texts), pick(r, ["a", " ", "\n", "é", "1", "-"]).repeat(400)]);
    };
  },
};

const template: Kind = {
  about: "chat templates, rendered",
  async prepare() {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      { role: "assistant", content: " Hello\n" },
      { role: "user", content: "x".repeat(2000) },
    ];
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: { a: { type: "string" } } } } }];
    return async r => {
      const made = chatTemplate(mutateText(r, pick(r, templates), snippets));
      made.render(messages, { addGenerationPrompt: true, tools, bosToken: "<s>", eosToken: "</s>" });
    };
  },
};

const adapter: Kind = {
  about: "PEFT adapters: configuration and weights",
  async prepare(folder) {
    const seeds: { readonly files: Files; readonly seeds: readonly Seed[]; readonly config: DecoderConfig }[] = [];
    for (const [name, decoder] of Object.entries(decoders)) {
      const files = folderOf(folder, name);
      const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i));
      const layer = Object.fromEntries(
        [...projectionSizes(decoder)].map(([p, { input, output }]) => [p, { rank: 2, down: numbers(2 * input), up: numbers(2 * output) }]),
      );
      await writeAdapter(files, decoder, adapterOf(decoder, [layer]));
      seeds.push({ files, config: decoder, seeds: await Promise.all(files.files.map(f => seedOf(files, f.name))) });
    }
    return async r => {
      const { files, config: decoder, seeds: parts } = pick(r, seeds);
      const seed = pick(r, parts);
      seed.put(seed.name.endsWith(".json") ? mutateJson(r, Buffer.from(seed.bytes).toString("utf8")) : mutateShard(r, seed.bytes));
      try {
        await adapterRank(files);
        await readAdapter(files, decoder, { mostRank: 64 });
      } finally {
        seed.put(seed.bytes);
      }
    };
  },
};

export const kinds = { gguf, safetensors, tokenizer: tokenizerKind, config, template, adapter } as const satisfies Record<string, Kind>;
export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as readonly KindName[];

/**
 * GGUF files: numbers of every type and a whole file against those of llama.cpp's own package (`golden/gguf.golden.json`), toy models against
 * PyTorch's logits, what is written against what is read, and files that are damaged or hostile.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { isLoamError, random, treePaths } from "../../base/index.ts";
import { compile, type DeviceArray, openDevice, sizeOf, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, gpt2Config, llamaConfig } from "../decoder.ts";
import { bertConfig } from "../encoder.ts";
import { type ModelConfig, modelOf, specOfModel } from "../families.ts";
import { initialise } from "../parameters.ts";
import { folderFiles } from "./folder.ts";
import { openGguf } from "./gguf.ts";
import { ggufTypes } from "./gguf-types.ts";
import { type GgufEntry, ggufPieces, ggufWeightBytes, ggufWritable, modelGguf } from "./gguf-write.ts";
import { readHuggingFaceConfig } from "./huggingface.ts";
import { checkModelFiles, loadModel } from "./model-files.ts";

const root = mkdtempSync(join(tmpdir(), "loam-gguf-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => folderFiles(join(root, `m${folders++}`));
const device = openDevice("reference");

interface Golden {
  readonly blocks: Readonly<Record<string, { readonly bytes: string; readonly numbers: string }>>;
  readonly file: { readonly bytes: string; readonly matrix: string; readonly rounded: string; readonly rounded4: string };
  readonly names: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
const golden = JSON.parse(readFileSync(new URL("golden/gguf.golden.json", import.meta.url), "utf8")) as Golden;
const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(base64, "base64"));
const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer);

for (const [name, { bytes, numbers }] of Object.entries(golden.blocks))
  test(`${name} blocks are the numbers of llama.cpp's package, to the bit`, () => {
    const type = [...ggufTypes.values()].find(t => t.name === name)!;
    const want = floatsOf(numbers);
    const raw = bytesOf(bytes);
    expect(want.length).toBe((raw.length / type.sizeBytes) * type.length);
    const got = new Float32Array(want.length);
    type.decode!(raw, got);
    expect(Buffer.from(got.buffer).equals(Buffer.from(want.buffer))).toBe(true);
  });

const whole = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const all: Uint8Array[] = [];
  for await (const p of pieces) all.push(p);
  return Buffer.concat(all);
};
const toy = bytesOf(golden.file.bytes);

test("a file of llama.cpp's package: metadata of every type, and tensors in the shapes that rows and columns have", async () => {
  const file = await openGguf(toy, "toy");
  const value = (key: string) => file.values.get(`toy.${key}`);
  expect(file.values.get("general.architecture")).toBe("toy");
  expect([value("u8"), value("i8"), value("u16"), value("i16"), value("u32"), value("i32")]).toEqual([
    200, -100, 60_000, -30_000, 4e9, -2e9,
  ]);
  expect([value("u64"), value("i64"), value("f32"), value("f64"), value("bool")]).toEqual([2n ** 63n, -5, 0.5, 0.1, true]);
  expect(value("text")).toBe("Äpfel\n");
  expect(value("texts")).toEqual(["a", "", "ü"]);
  expect(Array.from(value("numbers") as Int32Array)).toEqual([1, -2, 3]);
  expect(Array.from(value("floats") as Float32Array)).toEqual([0.5, -1.5]);
  expect([...file.tensors.values()].map(t => [t.name, t.fileDtype, t.shape])).toEqual([
    ["matrix", "F32", [3, 64]],
    ["rounded", "Q8_0", [3, 64]],
    ["odd", "F16", [5]],
  ]);
  expect(await file.read("matrix")).toEqual(floatsOf(golden.file.matrix));
  expect(await file.read("rounded")).toEqual(floatsOf(golden.file.rounded));
  await expect(file.read("other")).rejects.toThrow(/expected one of 3 tensors, got "other"/);
});

test("four-bit blocks with a least value are written as llama.cpp's package writes them", async () => {
  const data = floatsOf(golden.file.matrix);
  const bytes = await whole(ggufPieces([], [{ name: "a", dtype: "f32", shape: [3, 64], as: "Q4_1", read: () => data }]));
  expect(await (await openGguf(bytes)).read("a")).toEqual(floatsOf(golden.file.rounded4));
});

test("eight-bit blocks are written as llama.cpp's package writes them", async () => {
  const data = floatsOf(golden.file.matrix);
  const bytes = await whole(ggufPieces([], [{ name: "a", dtype: "f32", shape: [3, 64], as: "Q8_0", read: () => data }]));
  expect(await (await openGguf(bytes)).read("a")).toEqual(floatsOf(golden.file.rounded));
});

test("what is written is what is read: any names, values and shapes; in float16 rounded", async () => {
  const entry: fc.Arbitrary<GgufEntry> = fc
    .tuple(
      fc.string({ unit: "grapheme", maxLength: 9 }),
      fc.string({ unit: "grapheme" }),
      fc.nat(),
      fc.boolean(),
      fc.array(fc.string({ unit: "grapheme" })),
    )
    .chain(([key, text, number, flag, texts]) =>
      fc.constantFrom<GgufEntry>(
        [key, "text", text],
        [key, "u32", number],
        [key, "bool", flag],
        [key, "texts", texts],
        [key, "i32s", [number, -1]],
      ),
    );
  const tensor = fc.record({
    name: fc.string({ unit: "grapheme", maxLength: 9 }),
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    as: fc.constantFrom("F32" as const, "F16" as const),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(entry, { selector: e => e[0], maxLength: 5 }),
      fc.uniqueArray(tensor, { selector: t => t.name, maxLength: 5 }),
      async (entries, shapes) => {
        fc.pre(!/\p{Surrogate}/u.test(JSON.stringify([entries, shapes])) && !entries.some(e => e[0] === "general.alignment"));
        const tensors = shapes.map(t => ({
          ...t,
          dtype: "f32" as const,
          read: () => Float32Array.from({ length: sizeOf(t.shape) }, (_, i) => i / 7),
        }));
        const file = await openGguf(await whole(ggufPieces(entries, tensors)));
        for (const [key, , value] of entries)
          expect(ArrayBuffer.isView(file.values.get(key)) ? Array.from(file.values.get(key) as Int32Array) : file.values.get(key)).toEqual(
            value,
          );
        for (const t of tensors) {
          expect(file.tensors.get(t.name)).toMatchObject({ shape: t.shape, fileDtype: t.as });
          for (const [i, x] of (await file.read(t.name)).entries())
            expect(Math.abs(x - i / 7)).toBeLessThanOrEqual(t.as === "F32" ? 1e-7 * i : i / 7 / 1024);
        }
      },
    ),
    { numRuns: 60 },
  );
});

// ---- models

interface ToyModel {
  readonly scale: number;
  readonly config: Record<string, unknown>;
  readonly inputs: { readonly tokens: readonly (readonly number[])[] };
  readonly logits: readonly number[];
  readonly gradients: Readonly<Record<string, { readonly shape: number[] }>>;
}
/** As in `golden.test.ts`. */
function formula(name: string, n: number): Float64Array {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(name)) h = Math.imul(h ^ byte, 0x01000193);
  return Float64Array.from({ length: n }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + h) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}
/** What the converter does with queries and keys of Llama: `reshape(heads, 2, rows / heads / 2, ...).swapaxes(1, 2)`. */
function permuted(data: Float32Array, rows: number, heads: number): Float32Array {
  const [columns, half] = [data.length / rows, rows / heads / 2];
  const out = new Float32Array(data.length);
  for (let h = 0; h < heads; h++)
    for (let s = 0; s < 2; s++)
      for (let i = 0; i < half; i++)
        out.set(data.subarray((h * 2 * half + s * half + i) * columns).subarray(0, columns), (h * 2 * half + 2 * i + s) * columns);
  return out;
}
const transposed = (data: Float32Array, [rows, columns]: readonly number[]): Float32Array =>
  Float32Array.from(data, (_, n) => data[(n % rows!) * columns! + Math.floor(n / rows!)]!);

/** What the converter writes for the toys beside what all have. */
const furtherKeys: Readonly<Record<string, readonly GgufEntry[]>> = {
  "qwen2-yarn": [
    ["qwen2.rope.scaling.type", "text", "yarn"],
    ["qwen2.rope.scaling.factor", "f32", 4],
    ["qwen2.rope.scaling.original_context_length", "u32", 24],
    ["qwen2.rope.scaling.yarn_beta_fast", "f32", 2],
  ],
  gemma2: [
    ["gemma2.attention.sliding_window", "u32", 3],
    ["gemma2.attn_logit_softcapping", "f32", 2],
    ["gemma2.final_logit_softcapping", "f32", 20],
  ],
  gemma3: [
    ["gemma3.attention.sliding_window", "u32", 3],
    ["gemma3.attention.sliding_window_pattern", "u32", 2],
    ["gemma3.final_logit_softcapping", "f32", 20],
    ["gemma3.rope.freq_base_swa", "f32", 50],
    ["gemma3.rope.scaling.type", "text", "linear"],
    ["gemma3.rope.scaling.factor", "f32", 2],
  ],
};
/** Gemma's files cannot say what scores are divided by: in the toys it goes into what makes the queries. */
const scaleHolder: Readonly<Record<string, RegExp>> = { gemma2: /q_proj/, gemma3: /q_norm/ };

for (const name of Object.keys(golden.names))
  test(`${name}: a file with the converter's names and layouts has PyTorch's logits`, async () => {
    const g = JSON.parse(readFileSync(new URL(`../golden/${name}.golden.json`, import.meta.url), "utf8")) as ToyModel;
    const { config } = readHuggingFaceConfig(g.config, name).model as { config: DecoderConfig };
    const arch = name.replace(/-.*/, "");
    const tensors = Object.entries(g.gradients).map(([theirs, { shape }]) => {
      const isNorm = shape.length === 1 && theirs.endsWith("weight");
      const scoreScale = scaleHolder[arch]?.test(theirs) ? config.scoreScale! * Math.sqrt(config.headSize) : 1;
      // Gemma's norms lie around 0, and the converter adds 1
      const around = (isNorm ? 1 : 0) + (isNorm && arch.startsWith("gemma") ? 1 : 0);
      const plain = Float32Array.from(formula(theirs, sizeOf(shape)), u => (around + g.scale * u) * scoreScale);
      const heads = /q_proj/.test(theirs) ? config.heads : /k_proj/.test(theirs) ? config.kvHeads : 0;
      const isConv = arch === "gpt2" && shape.length === 2 && /c_(attn|proj|fc)/.test(theirs);
      const data = isConv ? transposed(plain, shape) : heads && arch === "llama" ? permuted(plain, shape[0]!, heads) : plain;
      return { name: golden.names[name]![theirs]!, dtype: "f32" as const, shape: isConv ? [...shape].reverse() : shape, read: () => data };
    });
    const factors = arch === "llama" && config.rotaryFactors && Float32Array.from(config.rotaryFactors);
    const extra = factors ? [{ name: "rope_freqs.weight", dtype: "f32" as const, shape: [factors.length], read: () => factors }] : [];
    const entries: GgufEntry[] = [
      ["general.architecture", "text", arch],
      [`${arch}.context_length`, "u32", config.context],
      [`${arch}.embedding_length`, "u32", config.width],
      [`${arch}.block_count`, "u32", config.layers],
      [`${arch}.feed_forward_length`, "u32", config.hidden],
      [`${arch}.attention.head_count`, "u32", config.heads],
      ...(arch === "gpt2"
        ? ([["gpt2.attention.layer_norm_epsilon", "f32", config.epsilon]] as const)
        : ([
            [`${arch}.attention.head_count_kv`, "u32", config.kvHeads],
            [`${arch}.attention.key_length`, "u32", config.headSize],
            [`${arch}.attention.layer_norm_rms_epsilon`, "f32", config.epsilon],
            [`${arch}.rope.freq_base`, "f32", config.rotaryBase],
            ...(furtherKeys[name] ?? []),
          ] as const)),
    ];
    const files = folder();
    await files.writeStream("toy.gguf", ggufPieces(entries, [...extra, ...tensors]));
    const model = await loadModel(files, device);
    if (model.family !== "decoder") throw new Error(model.family);
    const program = compile((p: Decoder, tokens: Tensor) => decoderLogits(model.config, p, tokens), { device });
    const logits = await (await program(model.parameters, await device.array(g.inputs.tokens as number[][], "i32"))).numbers();
    const size = Math.max(...g.logits.map(Math.abs));
    expect(logits.length).toBe(g.logits.length);
    expect(Math.max(...g.logits.map((w, i) => Math.abs(w - logits[i]!))) / size).toBeLessThan(1e-5);
  });

const size = { vocab: 11, width: 32, layers: 2, heads: 4, context: 6 };
const gemma: DecoderConfig = {
  ...llamaConfig({ ...size, layers: 3, kvHeads: 2 }),
  activation: "geglu",
  tied: true,
  window: 4,
  embeddingScale: Math.sqrt(size.width),
  postNorm: true,
};
const models: Readonly<Record<string, ModelConfig>> = {
  Llama: { family: "decoder", config: llamaConfig({ ...size, kvHeads: 2 }) },
  "Llama with scaled angles and biases": {
    family: "decoder",
    config: { ...llamaConfig(size), bias: true, tied: true, rotaryFactors: [1, 2, 4, 8] },
  },
  "Qwen 2": { family: "decoder", config: { ...llamaConfig({ ...size, kvHeads: 1 }), qkvBias: true } },
  "Qwen 3 with a window": { family: "decoder", config: { ...llamaConfig(size), qkNorm: true, headSize: 6, window: 3 } },
  "Qwen 2 with one factor for all angles": {
    family: "decoder",
    config: { ...llamaConfig({ ...size, kvHeads: 1 }), qkvBias: true, rotaryFactors: [4, 4, 4, 4], rotaryScale: 1.25 },
  },
  "Gemma 2": { family: "decoder", config: { ...gemma, windowLayers: [0, 2], scoreCap: 50, logitCap: 30 } },
  "Gemma 3": {
    family: "decoder",
    config: { ...gemma, windowLayers: [0, 1, 2], windowRotaryBase: 10_000, qkNorm: true, rotaryBase: 1e6, rotaryFactors: [8, 8, 8, 8] },
  },
  "GPT-2": { family: "decoder", config: gpt2Config(size) },
  "BERT without a head": { family: "encoder", config: { ...bertConfig(size), types: 2, headless: true, deviation: 0.02 } },
};
const make = async (c: ModelConfig) => modelOf(c, await initialise(specOfModel(c) as unknown, device, 7));
const arraysOf = (tree: unknown) => treePaths<DeviceArray>(tree as DeviceArray);
for (const [name, c] of Object.entries(models))
  test(`${name}: what is exported is what is imported; halves and eight bits are near`, async () => {
    const model = await make(c);
    for (const [as, share] of [
      ["F32", 0],
      ["F16", 2 ** -11],
      ["Q8_0", 1 / 127],
      // half of a fifteenth of what lies between the least and the greatest, and the halves' rounding
      ["Q4_1", 1 / 14],
    ] as const) {
      const files = folder();
      // a head of 6 makes rows that eight-bit blocks do not fill
      if (as === "Q8_0" && (c.config as DecoderConfig).headSize === 6) continue;
      await files.writeStream("m.gguf", modelGguf(model, as, []));
      const back = await loadModel(files, device);
      const want = c.config as DecoderConfig;
      expect(back.config).toEqual({ ...want, epsilon: Math.fround(want.epsilon) });
      const [a, b] = [arraysOf(model.parameters), arraysOf(back.parameters)];
      expect(b.map(([path]) => path)).toEqual(a.map(([path]) => path));
      for (const [i, [path, array]] of a.entries()) {
        const [was, is] = [await array.numbers(), await b[i]![1].numbers()];
        const most = was.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        const apart = was.reduce((m, x, j) => Math.max(m, Math.abs(x - is[j]!)), 0);
        expect(apart, path).toBeLessThanOrEqual(share * (most + 1e-3));
      }
    }
  });

test("the bytes of a mixed four-bit file are known before it is written", async () => {
  for (const c of [models.Llama!, models["GPT-2"]!])
    for (const as of ggufWritable) {
      if (as === "Q8_0" && (c.config as DecoderConfig).headSize === 6) continue;
      const written = (await whole(modelGguf(await make(c), as, []))).length;
      const weights = ggufWeightBytes(c, as)!;
      const { tensors } = await openGguf(await whole(modelGguf(await make(c), as, [])));
      const ends = [...tensors.values()].map(t => t.to);
      expect(written - Math.min(...[...tensors.values()].map(t => t.from))).toBe(weights);
      expect(Math.max(...ends)).toBeLessThanOrEqual(written);
      if (as === "Q4_1") expect([...tensors.values()].find(t => t.name === "token_embd.weight")!.fileDtype).toMatch(/Q8_0|F16/);
    }
});

// ---- what is refused

const small = await whole(modelGguf(await make(models.Llama!), "F32", [["tokenizer.ggml.model", "text", "gpt2"]]));
const withKeys = (change: (entries: GgufEntry[]) => GgufEntry[]): Promise<Buffer> => {
  const base: GgufEntry[] = [
    ["general.architecture", "text", "llama"],
    ["llama.context_length", "u32", 6],
    ["llama.embedding_length", "u32", 4],
    ["llama.block_count", "u32", 1],
    ["llama.feed_forward_length", "u32", 4],
    ["llama.attention.head_count", "u32", 1],
    ["llama.attention.layer_norm_rms_epsilon", "f32", 1e-5],
  ];
  return whole(ggufPieces(change(base), [{ name: "token_embd.weight", dtype: "f32", shape: [3, 4], read: () => new Float32Array(12) }]));
};
const refused: readonly (readonly [claim: string, bytes: () => Promise<Uint8Array> | Uint8Array, sentence: RegExp])[] = [
  ["an empty file", () => new Uint8Array(0), /m\.gguf: expected 4 bytes, got an end of the file 0 bytes on/],
  ["another file", () => Buffer.from("PK\x03\x04 and so on"), /expected the letters "GGUF" first, got "PK.*Is it a GGUF file\?/],
  [
    "an old version",
    () => Buffer.concat([Buffer.from("GGUF"), Buffer.of(1, 0, 0, 0), Buffer.alloc(16)]),
    /version: expected 2 or 3, got 1/,
  ],
  [
    "big-endian bytes",
    () => Buffer.concat([Buffer.from("GGUF"), Buffer.of(0, 0, 0, 3), Buffer.alloc(16)]),
    /big-endian order, which is not read/,
  ],
  [
    "data that is cut",
    () => small.subarray(0, small.length - 100),
    /within the \d+ bytes of data, got an end of the file before\. The file may be truncated/,
  ],
  ["a head that is cut", () => small.subarray(0, 300), /got an end of the file \d+ bytes on\. The file may be truncated/],
  [
    "a count of keys beyond all bounds",
    () => {
      const b = Buffer.from(small);
      b.writeBigUInt64LE(2n ** 40n, 16);
      return b;
    },
    /number of metadata keys: expected at most 65536, got 1099511627776/,
  ],
  [
    "a text longer than the file",
    () => {
      const b = Buffer.from(small);
      b.writeBigUInt64LE(2n ** 50n, 24);
      return b;
    },
    /metadata key 0: expected at most 65535 bytes, got 1125899906842624/,
  ],
  [
    "another architecture",
    () => withKeys(e => e.map(x => (x[0] === "general.architecture" ? [x[0], "text", "lama"] : x))),
    /general\.architecture: expected an architecture among llama, .* got "lama"\. Did you mean "llama"\?/,
  ],
  ["a key that no row knows", () => withKeys(e => [...e, ["llama.attention.clamp_kqv", "f32", 8]]), /attention\.clamp_kqv/],
  [
    "a key of nobody",
    () => withKeys(e => [...e, ["mine.own", "f32", 8]]),
    /mine\.own: expected keys of general, tokenizer and llama, got an unknown one/,
  ],
  ["experts", () => withKeys(e => [...e, ["llama.expert_count", "u32", 8]]), /expert_count: expected one of 0, got 8/],
  [
    "an unknown way of scaling",
    () => withKeys(e => [...e, ["llama.rope.scaling.type", "text", "longrope"]]),
    /rope\.scaling\.type: expected one of none, linear, yarn, got "longrope"/,
  ],
  [
    "half a rotation",
    () => withKeys(e => [...e, ["llama.rope.dimension_count", "u32", 2]]),
    /rope\.dimension_count: expected the whole head, 4, got 2/,
  ],
  [
    "one file of several under another name",
    () => withKeys(e => [...e, ["split.count", "u32", 3]]),
    /split\.count: expected a file named NAME-00001-of-0000N\.gguf, got 3/,
  ],
  ["a tensor that is missing", () => withKeys(e => e), /blk\.0\.attn_norm\.weight: expected a tensor \[4\], got none/],
  ["a key twice", () => withKeys(e => [...e, ["llama.block_count", "u32", 1]]), /llama\.block_count: expected each key once, got it again/],
];
for (const [claim, bytes, sentence] of refused)
  test(`refused by name: ${claim}`, async () => {
    const files = folder();
    await files.write("m.gguf", await bytes());
    await expect(checkModelFiles(files)).rejects.toThrow(sentence);
    await expect(loadModel(files, device)).rejects.toThrow(sentence);
  });

test("a model of a type without a decoder is refused by the tensor's name before anything is read", async () => {
  const b = Buffer.from(small);
  const at = b.indexOf("token_embd.weight") + "token_embd.weight".length + 4 + 16;
  expect(b.readUInt32LE(at)).toBe(0);
  b.writeUInt32LE(20, at); // IQ4_NL
  const files = folder();
  await files.write("m.gguf", b);
  const sentence = /token_embd\.weight: expected a type among F32, .* got IQ4_NL\. Take a file of another quantisation/;
  await expect(checkModelFiles(files)).rejects.toThrow(sentence);
  await expect(loadModel(files, device)).rejects.toThrow(sentence);
});

/** A model in parts, as `gguf-split` writes them: the keys in the first, numbers of parts and tensors in each. */
async function inParts(change: (part: number, entries: GgufEntry[]) => GgufEntry[] = (_, e) => e) {
  const source = await openGguf(new Uint8Array(small), "whole");
  const files = folder();
  const names = [...source.tensors.keys()];
  const third = Math.ceil(names.length / 3);
  for (let part = 0; part < 3; part++) {
    const own = names.slice(part * third, (part + 1) * third);
    const entries: GgufEntry[] = [
      ...(part === 0 ? keysOf(source.values) : []),
      ["split.no", "u32", part],
      ["split.count", "u32", 3],
      ["split.tensors.count", "i32", names.length],
    ];
    const tensors = own.map(name => ({
      name,
      dtype: "f32" as const,
      shape: source.tensors.get(name)!.shape,
      read: () => source.read(name),
    }));
    await files.writeStream(`m-0000${part + 1}-of-00003.gguf`, ggufPieces(change(part, entries), tensors));
  }
  return files;
}
const keysOf = (values: ReadonlyMap<string, unknown>): GgufEntry[] =>
  [...values].map(([key, value]) =>
    typeof value === "string" ? [key, "text", value] : [key, Number.isInteger(value) ? "u32" : "f32", value as number],
  );

test("a model in three files is the model in one", async () => {
  const one = folder();
  await one.write("m.gguf", small);
  const [a, b] = [await loadModel(one, device), await loadModel(await inParts(), device)];
  expect(b.config).toEqual(a.config);
  for (const [i, [path, array]] of arraysOf(a.parameters).entries())
    expect(await arraysOf(b.parameters)[i]![1].read(), path).toEqual(await array.read());
});

test("parts that are missing, of another model, or out of order are refused by name", async () => {
  const missing = await inParts();
  rmSync(await missing.localPath("m-00002-of-00003.gguf"));
  await expect(checkModelFiles(missing)).rejects.toThrow(/m-00002-of-00003\.gguf: expected all 3 parts of the model, got no such file/);
  const swapped = await inParts((part, e) => e.map(x => (x[0] === "split.no" && part > 0 ? [x[0], "u32", 3 - part] : x)));
  await expect(checkModelFiles(swapped)).rejects.toThrow(/m-00002-of-00003\.gguf: split\.no: expected part 1 of 3, got part 2 of 3/);
  const short = await inParts((_, e) => e.map(x => (x[0] === "split.tensors.count" ? [x[0], "i32", 99] : x)));
  await expect(checkModelFiles(short)).rejects.toThrow(/split\.tensors\.count: expected 21, got 99/);
});

test("a tensor of a type without a decoder is named when it is read", async () => {
  const b = Buffer.from(toy);
  const at = b.indexOf("matrix") + "matrix".length + 4 + 16;
  expect(b.readUInt32LE(at)).toBe(0);
  b.writeUInt32LE(26, at); // I32, of the same size
  await expect((await openGguf(b, "toy")).read("matrix")).rejects.toThrow(/toy: matrix: expected a type among F32, .* got I32/);
});

test("a larger head is read in growing bites, and a file with more data than memory costs its head alone", async () => {
  const tokens = Array.from({ length: 200_000 }, (_, i) => `token ${i}`);
  const path = join(root, "large.gguf");
  const bytes = await whole(
    ggufPieces([["tokenizer.ggml.tokens", "texts", tokens]], [{ name: "a", dtype: "f32", shape: [2], read: () => Float32Array.of(1, 2) }]),
  );
  expect(bytes.length).toBeGreaterThan(3_000_000);
  writeFileSync(path, bytes);
  const file = await openGguf(path);
  expect((file.values.get("tokenizer.ggml.tokens") as string[]).at(-1)).toBe("token 199999");
  expect(await file.read("a")).toEqual(Float32Array.of(1, 2));
  await file.close();
});

const mutations = Number(process.env.LOAM_MUTATIONS ?? 3000);
const seed = 11;
test(`${mutations} mutated files end in a valid read or an error with a place, and nothing is longer than the file (seed ${seed})`, async () => {
  const r = random(seed);
  const sources = [toy, small, new Uint8Array(await withKeys(e => e))];
  const giants = [0, 1, 2, 3, 8, 9, 127, 255];
  let read = 0;
  for (let i = 0; i < mutations; i++) {
    let bytes = Buffer.from(sources[r.below(sources.length)]!);
    for (let n = 1 + r.below(4); n > 0; n--) {
      // the head is where the lengths are
      const at = r.below(Math.max(1, r.below(2) ? Math.min(900, bytes.length) : bytes.length));
      const kind = r.below(6);
      if (bytes.length === 0) break;
      if (kind === 0) bytes[at] = r.below(256);
      else if (kind === 1) bytes[at] = giants[r.below(giants.length)]!;
      else if (kind === 2 && at + 8 <= bytes.length) bytes.writeBigUInt64LE(BigInt(r.below(2 ** 31)) << BigInt(r.below(33)), at);
      else if (kind === 3 && at + 4 <= bytes.length) bytes.writeUInt32LE(r.below(2 ** 31) * 2, at);
      else if (kind === 4) bytes = bytes.subarray(0, at + 1);
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + r.below(16))]);
    }
    try {
      const file = await openGguf(bytes, "mutant");
      for (const t of file.tensors.values()) {
        expect(t.to).toBeLessThanOrEqual(bytes.length);
        if (t.dtype) expect(4 * (await file.read(t.name)).length).toBeLessThanOrEqual(8 * bytes.length);
      }
      read++;
    } catch (error) {
      if (!isLoamError(error)) throw error;
      expect(error.message).toMatch(/^mutant/);
    }
  }
  expect(read).toBeGreaterThan(mutations / 50);
  expect(read).toBeLessThan(mutations);
}, 600_000);

/** Adapters of real PEFT (golden numbers of `bench/peers/golden/adapters.py`), adapters of ours, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { compile, openDevice, sizeOf, type Tensor } from "../../tensor/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits } from "../decoder.ts";
import type { DecoderParameters } from "../generate/index.ts";
import { folderFiles, importHuggingFace, type TensorSource, writeSafetensors } from "../weights/index.ts";
import { adapted, type Bank, type BankPart } from "./adapted.ts";
import { type Adapter, type Projection, projections } from "./adapter.ts";
import { AdapterBank } from "./bank.ts";
import { mergeAdapter } from "./merge.ts";
import { adapterRank, readAdapter } from "./peft.ts";
import { writeAdapter } from "./peft-write.ts";
import { families, randomAdapter } from "./random-adapter.laws.ts";

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Shapes of the model's tensors, and of the adapter's. */
  readonly base: Readonly<Record<string, number[]>>;
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly adapter: Readonly<Record<string, unknown>>;
  readonly tokens: readonly (readonly number[])[];
  readonly logits: readonly number[];
}
const golden: { readonly scale: number; readonly cases: readonly Case[] } = JSON.parse(
  readFileSync(new URL("../golden/adapters.golden.json", import.meta.url), "utf8"),
);
const device = openDevice("cpu", { threads: 1 });
const root = mkdtempSync(join(tmpdir(), "loam-adapters-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(root, "f-"));

/** Numbers in [-1, 1) from a name and an index, as `formula` in make.py. */
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
const sources = (shapes: Case["shapes"]): TensorSource[] =>
  Object.entries(shapes).map(([name, shape]) => ({
    name,
    dtype: "f32",
    shape,
    read: () =>
      Float32Array.from(formula(name, sizeOf(shape)), u => (shape.length === 1 && name.endsWith("weight") ? 1 : 0) + golden.scale * u),
  }));

/** A folder as PEFT writes it; `change` edits the configuration, `tensors` the tensors. */
async function peftFolder(of: Case, change: object = {}, tensors = sources(of.shapes)): Promise<string> {
  const folder = newFolder();
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ ...of.adapter, ...change }));
  await writeSafetensors(join(folder, "adapter_model.safetensors"), tensors);
  return folder;
}
const models = new Map<string, { config: DecoderConfig; parameters: DecoderParameters }>();
async function modelOf(of: Case): Promise<{ config: DecoderConfig; parameters: DecoderParameters }> {
  const known = models.get(of.name);
  if (known) return known;
  const folder = newFolder();
  writeFileSync(join(folder, "config.json"), JSON.stringify(of.config));
  await writeSafetensors(join(folder, "model.safetensors"), sources(of.base));
  const model = await importHuggingFace(folderFiles(folder), device);
  if (model.family !== "decoder") throw new Error("no decoder");
  models.set(of.name, model);
  return model;
}

/** Logits of all tokens, by the program that adds what each row's adapter says; the adapter is the second of three. */
async function adaptedLogits(of: Case, adapter: Adapter): Promise<Float32Array> {
  const { config, parameters } = await modelOf(of);
  const bank = await AdapterBank.open(config, device, { count: 3, rank: 8 });
  await bank.write(2, adapter);
  const program = compile(
    (p: Decoder, b: Bank, tokens: Tensor, rows: Tensor) => decoderLogits(config, adapted(p, { bank: b, rows }, bank.rank), tokens),
    { device },
  );
  const tokens = await device.array(Int32Array.from(of.tokens.flat()), "i32", [of.tokens.length, of.tokens[0]!.length]);
  const rows = await device.array(
    Int32Array.from(of.tokens, () => 2),
    "i32",
  );
  const out = (await (await program(parameters, bank.arrays, tokens, rows)).read()) as Float32Array;
  program.dispose();
  bank.dispose();
  return out.slice();
}
async function mergedLogits(of: Case, adapter: Adapter): Promise<Float32Array> {
  const { config, parameters } = await modelOf(of);
  const program = compile((p: Decoder, tokens: Tensor) => decoderLogits(config, p, tokens), { device });
  const tokens = await device.array(Int32Array.from(of.tokens.flat()), "i32", [of.tokens.length, of.tokens[0]!.length]);
  const out = (await (await program(await mergeAdapter(parameters, adapter, device), tokens)).read()) as Float32Array;
  program.dispose();
  return out.slice();
}
const distance = (got: ArrayLike<number>, want: readonly number[]): number => {
  expect(got.length).toBe(want.length);
  return Math.max(...want.map((w, i) => Math.abs(w - got[i]!))) / Math.max(...want.map(Math.abs));
};

for (const of of golden.cases)
  test(`${of.name}: logits with the adapter are PEFT's, added by rows and merged`, async () => {
    const { config } = await modelOf(of);
    const adapter = await readAdapter(folderFiles(await peftFolder(of)), config);
    expect(distance(await adaptedLogits(of, adapter), of.logits)).toBeLessThan(1e-5);
    expect(distance(await mergedLogits(of, adapter), of.logits)).toBeLessThan(1e-5);
  });

test("names without the model's head are known, 16-bit floats are read, and the digest is of the numbers", async () => {
  const [gpt2, llama] = golden.cases as [Case, Case];
  for (const of of [gpt2, llama]) {
    const { config } = await modelOf(of);
    const usual = await readAdapter(folderFiles(await peftFolder(of)), config);
    const bare = sources(of.shapes).map(t => ({
      ...t,
      name: t.name.replace(/^base_model\.model\.(transformer|model)\./, "base_model.model."),
    }));
    const renamed = sources(of.shapes).map((t, i) => ({ ...bare[i]!, read: t.read }));
    expect((await readAdapter(folderFiles(await peftFolder(of, {}, renamed)), config)).digest).toBe(usual.digest);
    const half = sources(of.shapes).map(t => ({
      ...t,
      dtype: "bf16" as const,
      read: async () => Uint16Array.from(new Uint32Array(((await t.read()) as Float32Array).buffer), x => x >>> 16),
    }));
    const rounded = await readAdapter(folderFiles(await peftFolder(of, {}, half)), config);
    expect(rounded.digest).not.toBe(usual.digest);
    expect(distance(await adaptedLogits(of, rounded), of.logits)).toBeLessThan(0.05);
  }
});

for (const [name, config] of Object.entries(families))
  test(`${name}: an adapter that is written and read again has the same sums, fused modules included`, async () => {
    const adapter = randomAdapter(config, name, { rank: 3 });
    // less in one layer, and other ranks
    const layers = [{ "attention.query": adapter.layers[0]!["attention.query"]! }, { ...adapter.layers[1]! }];
    const some = { ...adapter, layers };
    const folder = newFolder();
    await writeAdapter(folderFiles(folder), config, some, "base");
    const again = await readAdapter(folderFiles(folder), config);
    expect(again.rank).toBe(await adapterRank(folderFiles(folder)));
    const sum = (a: Adapter, layer: number, p: Projection) => {
      const part = a.layers[layer]![p];
      if (!part) return undefined;
      const [input, output] = [part.down.length / part.rank, part.up.length / part.rank];
      return Float32Array.from({ length: input * output }, (_, at) => {
        let s = 0;
        for (let r = 0; r < part.rank; r++) s += part.down[r * input + Math.floor(at / output)]! * part.up[r * output + (at % output)]!;
        return s;
      });
    };
    for (const layer of [0, 1])
      for (const p of projections) {
        const [want, got] = [sum(some, layer, p), sum(again, layer, p)];
        // a part of a fused module that is not adapted comes back as zeros
        if (want) expect(got, p).toEqual(want);
        else expect(got?.every(x => x === 0) ?? true, p).toBe(true);
      }
  });

test("a setting that is not done, a key that nobody knows and a module that is not there are refused by name", async () => {
  const of = golden.cases[1]!;
  const { config } = await modelOf(of);
  const refused = async (change: object) =>
    expect(readAdapter(folderFiles(await peftFolder(of, change)), config), JSON.stringify(change)).rejects;
  for (const [change, says] of [
    [{ use_dora: true }, "use_dora: expected none, got true. Not supported: DoRA"],
    [{ modules_to_save: ["lm_head"] }, 'modules_to_save: expected none, got ["lm_head"]'],
    [{ lora_bias: true }, "lora_bias"],
    [{ bias: "all" }, "bias"],
    [{ init_lora_weights: "pissa" }, 'init_lora_weights: expected a start that leaves the base weights as they are, got "pissa"'],
    [{ peft_type: "IA3" }, "peft_type"],
    [{ r: 0 }, "r: "],
    [{ r: 1e9 }, "r: "],
    [{ lora_alpha: Number.MAX_VALUE }, "lora_alpha"],
    [{ lora_alhpa: 3 }, 'Did you mean "lora_alpha"?'],
    [{ a_new_setting: 1 }, "a_new_setting"],
    [{ target_modules: "(?<!x)q_proj" }, "target_modules: expected a pattern without looking around"],
    [{ target_modules: ["q_proj"] }, "v_proj: expected only modules that target_modules names"],
    [
      { target_modules: ["q_proj", "v_proj", "o_proj"] },
      "o_proj.lora_A.weight: expected a tensor [4, 16], for target_modules names it, got none",
    ],
    [{ r: 5 }, "lora_A.weight: expected [5, 16], got [4, 16]"],
    [{ layers_to_transform: [0, 1] }, "layers.0.self_attn.q_proj.lora_A.weight"],
  ] as const)
    await (await refused(change)).toThrow(says);
  // a key that is null says nothing, known or not
  await readAdapter(folderFiles(await peftFolder(of, { a_new_setting: null, use_dora: null, layers_pattern: null })), config);
  await expect(readAdapter(folderFiles(await peftFolder(of)), config, { mostRank: 3 })).rejects.toThrow(
    "expected a rank of at most 3, got 4",
  );
});

test("tensors that are unknown, missing, of another shape or kind, or not finite, and files that are cut, are refused by name", async () => {
  const of = golden.cases[1]!;
  const { config } = await modelOf(of);
  const all = sources(of.shapes);
  const [first, ...rest] = all as [TensorSource, ...TensorSource[]];
  const at = first.name.replace(".lora_A.weight", "");
  const refused = async (tensors: readonly TensorSource[], says: string) =>
    expect(readAdapter(folderFiles(await peftFolder(of, {}, [...tensors])), config), says).rejects.toThrow(says);
  await refused(rest, `${at}.lora_A.weight: expected a tensor [4, 16]`);
  await refused(
    [...all, { ...first, name: "base_model.model.lm_head.lora_A.weight" }],
    "base_model.model.lm_head: expected a projection of a block",
  );
  await refused([...all, { ...first, name: "lora_magnitude_vector" }], "lora_magnitude_vector: expected only tensors");
  await refused([...all, { ...first, name: `${at.replace("layers.1", "layers.7")}.lora_A.weight` }], "layers.7.self_attn");
  await refused([{ ...first, shape: [16, 4] }, ...rest], "expected [4, 16], got [16, 4]");
  await refused([{ ...first, dtype: "i32", read: () => new Int32Array(64) }, ...rest], "expected floats, got I32");
  await refused(
    [{ ...first, read: () => new Float32Array(64).fill(Number.POSITIVE_INFINITY) }, ...rest],
    "attention.query.down: expected finite numbers, got Infinity",
  );
  // cut or changed anywhere: an error of ours, and never a half adapter
  const folder = await peftFolder(of);
  const whole = readFileSync(join(folder, "adapter_model.safetensors"));
  const config0 = readFileSync(join(folder, "adapter_config.json"));
  const r = random("damage");
  for (let i = 0; i < rounds(300); i++) {
    const isConfig = i % 3 === 0;
    const bytes = Buffer.from(isConfig ? config0 : whole);
    const header = isConfig ? bytes.length : 8 + Number(bytes.readBigUInt64LE(0));
    if (i % 2) bytes[r.below(header)] = r.below(256);
    const damaged = i % 2 ? bytes : bytes.subarray(0, r.below(bytes.length));
    writeFileSync(join(folder, "adapter_model.safetensors"), isConfig ? whole : damaged);
    writeFileSync(join(folder, "adapter_config.json"), isConfig ? damaged : config0);
    const read = await readAdapter(folderFiles(folder), config).catch(error => error);
    if (read instanceof Error) expect(read).toMatchObject({ code: expect.stringMatching(/^(nn|base)\//) });
    else expect(i % 2, `cut ${i}`).toBe(1);
  }
});

test("the parts of a bank are those of the model", async () => {
  const config = families["gpt2 (biases, tied)"]!;
  const bank = await AdapterBank.open(config, device, { count: 2, rank: 4 });
  const elements = bank.arrays.layers
    .flatMap(l => Object.values(l as Record<string, BankPart>))
    .reduce((n, p) => n + sizeOf(p.down.shape) + sizeOf(p.up.shape), 0);
  expect(bank.sizeBytes).toBe(4 * elements);
  bank.dispose();
});

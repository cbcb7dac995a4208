/** The form that `auto` chooses: one of the forms, near enough, and what the form gives when it is asked for by name. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { withEnvironment } from "../../base/index.ts";
import { type Decoder, type DecoderConfig, decoderLogits, decoderSpec, initialise, llamaConfig } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { loadTokenizer } from "../../text/index.ts";
import { quantisationNames, quantisedModel } from "./quantised.ts";

const device = openDevice("cpu", { threads: 1 });
afterAll(() => device.dispose());

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
/** Bytes as byte-level tokenizers spell them (GPT-2). */
const isPrintable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
let next = 256;
const bytes = Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : next++));
const tokenizer = loadTokenizer({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(bytes.map((token, id) => [token, id])),
    merges: [],
  },
});
const config: DecoderConfig = llamaConfig({ vocab: 256, width: 64, layers: 2, heads: 2, context: 128 });
const tokens = Int32Array.from({ length: 24 }, (_, i) => (i * 37) % 256);

async function served(): Promise<ServedModel> {
  const parameters = await initialise(decoderSpec(config), device, "auto");
  return { id: "m@1", aliases: [], family: "decoder", config, parameters, tokenizer, fingerprint: "f", startToken: 0, stopTokens: [0] };
}

async function logits(model: ServedModel): Promise<Float64Array> {
  const run = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
  return Float64Array.from(await (await run(model.parameters, await device.array(tokens, "i32", [1, tokens.length]))).numbers());
}

/** A home of its own, in which choices are kept. */
function newHome(): string {
  const folder = mkdtempSync(join(tmpdir(), "loam-forms-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const auto = async (home: string, slots = 2, model?: ServedModel) =>
  withEnvironment({ ...process.env, LOAM_HOME: home }, async () => quantisedModel(model ?? (await served()), device, "auto", slots));
const kept = (home: string): string[] => readdirSync(join(home, ".loam", "forms")).map(name => join(home, ".loam", "forms", name));

test("auto gives a form as it is given by name, with its fingerprint, and lets the full model go", async () => {
  const full = await served();
  const chosen = await auto(newHome(), 2, full);
  expect(quantisationNames).toContain(chosen.form);
  await expect(logits(full)).rejects.toThrow();
  const named = await quantisedModel(await served(), device, chosen.form, 2);
  expect(chosen.model.fingerprint).toBe(named.model.fingerprint);
  expect(chosen.model.smoothing?.length).toBe(named.model.smoothing?.length);
  expect(await logits(chosen.model)).toEqual(await logits(named.model));
});

test("auto measures once: a later start takes what was chosen, with what it was measured to cost, and gives the same bits", async () => {
  const home = newHome();
  const first = await auto(home);
  const second = await auto(home);
  expect([first.model.form?.chosen, second.model.form?.chosen]).toEqual(["measured", "kept"]);
  const { isStored, ...form } = first.model.form!;
  expect(isStored).toBe(true);
  expect(second.model.form).toEqual({ ...form, chosen: "kept" });
  expect(first.model.form?.cost?.tokens).toBeGreaterThan(0);
  expect(second.model.fingerprint).toBe(first.model.fingerprint);
  expect(await logits(second.model)).toEqual(await logits(first.model));
  // other weights, another number of sequences: measured apart
  expect((await auto(home, 3)).model.form?.chosen).toBe("measured");
  expect((await auto(home, 2, { ...(await served()), weights: "other" })).model.form?.chosen).toBe("measured");
  expect(kept(home)).toHaveLength(3);
});

test("what is kept is its owner's alone", async () => {
  const home = newHome();
  await auto(home);
  const [file = ""] = kept(home);
  if (process.platform !== "win32")
    expect([
      statSync(file).mode & 0o777,
      statSync(join(home, ".loam", "forms")).mode & 0o777,
      statSync(join(home, ".loam")).mode & 0o777,
    ]).toEqual([0o600, 0o700, 0o700]);
  expect(readdirSync(join(home, ".loam", "forms"))).toHaveLength(1);
});

test("a choice of another processor or version, a damaged file and one that others may write are ignored and written anew", async () => {
  const home = newHome();
  const chosen = (await auto(home)).form;
  const [file = ""] = kept(home);
  const good = readFileSync(file, "utf8");
  const value = JSON.parse(good) as { conditions: { environment: object }; cost: object };
  const { environment } = value.conditions;
  const changed: Readonly<Record<string, string | Buffer>> = {
    "another processor": JSON.stringify({
      ...value,
      conditions: { ...value.conditions, environment: { ...environment, processor: "other" } },
    }),
    "another Loam": JSON.stringify({ ...value, conditions: { ...value.conditions, environment: { ...environment, loam: "0.0.0" } } }),
    "an earlier revision of the forms": JSON.stringify({ ...value, revision: 0 }),
    "no form of ours": JSON.stringify({ ...value, form: "constructor" }),
    "a cost that is none": JSON.stringify({ ...value, cost: { ...value.cost, agreement: 7 } }),
    "half of it": good.slice(0, good.length >> 1),
    "no text": Buffer.alloc(70_000, 0xff),
    nothing: "",
  };
  for (const [what, content] of Object.entries(changed)) {
    writeFileSync(file, content);
    expect((await auto(home)).model.form, what).toMatchObject({ chosen: "measured" });
    expect(JSON.parse(readFileSync(file, "utf8")), what).toMatchObject({ format: "loam-form", conditions: value.conditions });
  }
  if (process.platform !== "win32") {
    chmodSync(file, 0o666);
    expect((await auto(home)).model.form?.chosen).toBe("measured");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  expect((await auto(home)).model.form).toMatchObject({ name: expect.stringMatching(/^int/), chosen: "kept" });
  expect(chosen).toMatch(/^int/);
});

test("a home that cannot be written keeps nothing and hinders nothing", async () => {
  const home = newHome();
  mkdirSync(join(home, ".loam"));
  writeFileSync(join(home, ".loam", "forms"), "a file in its place");
  expect((await auto(home)).model.form).toMatchObject({ chosen: "measured", isStored: false });
  expect((await auto(home)).model.form?.chosen).toBe("measured");
});

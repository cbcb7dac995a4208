/** The form and the length that a model is served in where nobody says: by its files, what was measured before, and the memory at hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { withEnvironment } from "../../base/index.ts";
import { decoderSpec, folderFiles, type GgufWritable, initialise, llamaConfig, modelGguf, modelOf } from "../../nn/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { trainBpe } from "../../text/index.ts";
import { ggufTextEntries } from "../models/gguf-text.ts";
import type { ServeOptions } from "./serve-options.ts";
import { serveModels } from "./server.ts";

const root = mkdtempSync(join(tmpdir(), "loam-default-form-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const tokenizer = trainBpe(["to be or not to be, that is the question"], { vocab: 270, specialTokens: ["<|stop|>"] });
const config = { ...llamaConfig({ vocab: tokenizer.vocabSize, width: 64, layers: 2, heads: 2, context: 128 }), deviation: 0.1 };
const model = modelOf({ family: "decoder", config }, await initialise(decoderSpec(config), openDevice("cpu", { threads: 1 }), "form"));
const text = ggufTextEntries({ tokenizer, stopTokens: [tokenizer.idOf("<|stop|>")!], eosToken: "<|stop|>" });

async function fileOf(as: GgufWritable): Promise<string> {
  await folderFiles(root).writeStream(`${as}.gguf`, modelGguf(model, as, text));
  return join(root, `${as}.gguf`);
}

interface Listed {
  readonly system_fingerprint: string;
  readonly max_model_len: number;
  readonly quantization?: {
    readonly form: string;
    readonly chosen: string;
    readonly perplexity?: number;
    readonly measured_tokens?: number;
  };
}

/** What a server says of its model when it starts, and in its list. */
async function started(as: GgufWritable, home: string, options: ServeOptions = {}) {
  const models = await fileOf(as);
  return withEnvironment({ ...process.env, LOAM_HOME: home }, async () => {
    const watch = { signal: new AbortController().signal, emit: () => {} };
    await using server = await serveModels({ folder: root, cwd: root }, { models, port: 0, slots: 2, ...options }, watch);
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: Listed[] };
    return { serving: server.serving, listed: data[0]! };
  });
}

test("a file that is quantised already is served in the fastest form, measured at the first start and known to later ones; exact is one flag away", async () => {
  const home = join(root, "home");
  const first = await started("Q8_0", home);
  const later = await started("Q8_0", home);
  const exact = await started("Q8_0", home, { quantize: "exact" });
  expect(first.serving.forms).toMatchObject({ Q8_0: { name: expect.stringMatching(/^int/), chosen: "measured", isStored: true } });
  expect(later.serving.forms?.Q8_0).toMatchObject({ chosen: "kept", cost: first.serving.forms!.Q8_0!.cost });
  expect(first.listed.quantization).toMatchObject({
    form: first.serving.forms!.Q8_0!.name,
    chosen: "measured",
    perplexity: expect.any(Number),
    perplexity_exact: expect.any(Number),
    measured_tokens: expect.any(Number),
  });
  expect(later.listed.quantization).toEqual({ ...first.listed.quantization, chosen: "kept" });
  expect([exact.serving.forms, exact.listed.quantization]).toEqual([undefined, undefined]);
  // the form is part of what answers follow from
  expect(later.listed.system_fingerprint).toBe(first.listed.system_fingerprint);
  expect(exact.listed.system_fingerprint).not.toBe(first.listed.system_fingerprint);
});

test("a form that is asked for by name is said without a cost: nothing was measured", async () => {
  const { serving, listed } = await started("Q8_0", join(root, "home of a name"), { quantize: "int8-blocks" });
  expect(serving.forms).toEqual({ Q8_0: { name: "int8-blocks", chosen: "given" } });
  expect(listed.quantization).toEqual({ form: "int8-blocks", chosen: "given" });
});

test("a file of floats is served exactly", async () => {
  for (const as of ["F32", "F16"] as const) {
    const { serving, listed } = await started(as, join(root, "home of floats"));
    expect([serving.forms, listed.quantization]).toEqual([undefined, undefined]);
    expect(serving.context).toMatchObject({ context: 128, longest: 128, reason: "trained" });
    expect(listed.max_model_len).toBe(128);
  }
  const { serving } = await started("F32", join(root, "home of floats"), { context: 64 });
  expect(serving.context).toMatchObject({ context: 64, longest: 128, reason: "given" });
});

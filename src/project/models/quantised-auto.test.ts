/** The form that `auto` chooses: one of the forms, near enough, and what the form gives when it is asked for by name. */
import { afterAll, expect, test } from "vitest";
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

test("auto gives a form as it is given by name, with its fingerprint, and lets the full model go", async () => {
  const full = await served();
  const chosen = await quantisedModel(full, device, "auto", 2);
  expect(quantisationNames).toContain(chosen.form);
  await expect(logits(full)).rejects.toThrow();
  const named = await quantisedModel(await served(), device, chosen.form, 2);
  expect(chosen.model.fingerprint).toBe(named.model.fingerprint);
  expect(chosen.model.smoothing?.length).toBe(named.model.smoothing?.length);
  expect(await logits(chosen.model)).toEqual(await logits(named.model));
});

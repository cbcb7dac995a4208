/** What Loam writes as GGUF, read by llama.cpp's server: log-probabilities of the next token. It lies in the folder LOAM_LLAMA_CPP. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  type Decoder,
  type DecoderConfig,
  decoderLogits,
  decoderSpec,
  folderFiles,
  gpt2Config,
  initialise,
  llamaConfig,
  modelGguf,
  modelOf,
} from "../../nn/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { loadTokenizer } from "../../text/index.ts";
import { ggufTextEntries } from "./gguf-text.ts";

const program = join(process.env.LOAM_LLAMA_CPP ?? "", "llama-server");
const lacking = process.env.LOAM_LLAMA_REASON ?? "LOAM_LLAMA_CPP names no folder with llama-server";
const reason = process.env.LOAM_LLAMA_CPP && existsSync(program) ? "" : ` (skipped: ${lacking})`;
const root = mkdtempSync(join(tmpdir(), "loam-llama-cpp-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const device = openDevice("cpu", { threads: 1 });

/** Bytes as byte-level tokenizers spell them (GPT-2): printable ones stand for themselves, the others follow from U+0100 on. */
const isPrintable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
let next = 256;
const bytes = Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : next++));
const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const tokenizer = loadTokenizer({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [special("<s>", 0), special("</s>", 1)],
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
    vocab: Object.fromEntries(["<s>", "</s>", ...bytes, "ab"].map((token, id) => [token, id])),
    merges: ["a b"],
  },
});

const size = { vocab: tokenizer.vocabSize, width: 64, layers: 6, heads: 4, context: 64 };
const gemma: DecoderConfig = {
  ...llamaConfig({ ...size, kvHeads: 2 }),
  headSize: 32,
  activation: "geglu",
  tied: true,
  window: 6,
  embeddingScale: 8,
  postNorm: true,
};
const configs: Readonly<Record<string, DecoderConfig>> = {
  "GPT-2": gpt2Config(size),
  "Llama with scaled angles": {
    ...llamaConfig({ ...size, kvHeads: 2 }),
    rotaryFactors: Array.from({ length: 8 }, (_, i) => 1 + i / 2),
  },
  "Qwen 2 with one factor for all angles": { ...llamaConfig({ ...size, kvHeads: 2 }), qkvBias: true, rotaryFactors: new Array(8).fill(4) },
  "Qwen 3": { ...llamaConfig({ ...size, kvHeads: 2 }), headSize: 32, qkNorm: true },
  "Gemma 2": { ...gemma, windowLayers: [0, 2, 4], scoreCap: 5, logitCap: 20 },
  "Gemma 3": {
    ...gemma,
    windowLayers: [0, 1, 2, 3, 4],
    windowRotaryBase: 10_000,
    qkNorm: true,
    rotaryBase: 1e6,
    rotaryFactors: new Array(16).fill(8),
  },
};
const tokens = Array.from({ length: 14 }, (_, i) => 2 + ((i * 53) % 256));

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** The greatest log-probabilities of the token that follows, by llama.cpp. Everything in float32 but its own tables. */
async function theirs(file: string): Promise<readonly { readonly id: number; readonly logprob: number }[]> {
  const port = await freePort();
  const exact = ["-fa", "off", "--cache-type-k", "f32", "--cache-type-v", "f32", "--no-repack"];
  const child = spawn(program, ["-m", file, "--port", String(port), "-t", "1", "-c", "64", "-np", "1", "--no-warmup", ...exact], {
    stdio: "ignore",
  });
  const ended = new Promise<void>(resolve => child.once("exit", () => resolve()));
  try {
    const url = `http://127.0.0.1:${port}`;
    await expect
      .poll(async () => (await fetch(`${url}/health`).catch(() => undefined))?.status, { timeout: 60_000, interval: 200 })
      .toBe(200);
    // a token that is half a character would be held back with its probabilities; what is told of does not know the bias
    const letter = [[tokenizer.idOf("ab"), 1000]];
    const body = {
      prompt: tokens,
      n_predict: 1,
      n_probs: 40,
      temperature: 1,
      samplers: ["temperature"],
      cache_prompt: false,
      logit_bias: letter,
    };
    const response = await fetch(`${url}/completion`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { completion_probabilities: { top_logprobs: { id: number; logprob: number }[] }[] };
    return answer.completion_probabilities[0]!.top_logprobs;
  } finally {
    child.kill();
    await ended;
  }
}

for (const [name, base] of Object.entries(configs))
  test.skipIf(reason !== "")(
    `${name}: the next token's log-probabilities of a file of ours are llama.cpp's within 5e-3${reason}`,
    async () => {
      const config = { ...base, deviation: 0.2 };
      const parameters = await initialise(decoderSpec(config), device, name);
      const text = ggufTextEntries({ tokenizer, stopTokens: [1], bosToken: "<s>", eosToken: "</s>" });
      const files = folderFiles(root);
      await files.writeStream(`${name}.gguf`, modelGguf(modelOf({ family: "decoder", config }, parameters), "F32", text));
      const run = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
      const all = await (await run(parameters, await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]))).numbers();
      const logits = Array.from(all.subarray(all.length - config.vocab));
      const most = Math.max(...logits);
      const total = most + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
      const found = await theirs(join(root, `${name}.gguf`));
      expect(found.length).toBe(40);
      for (const { id, logprob } of found) expect(Math.abs(logprob - (logits[id]! - total)), `token ${id}`).toBeLessThan(5e-3);
    },
  );

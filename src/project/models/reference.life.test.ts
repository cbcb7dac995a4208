/**
 * A real model against what `transformers` computes from the same weights in float32: SmolLM2-135M-Instruct as GGUF in the folder LOAM_MODELS,
 * beside `golden/smollm2.golden.json` (made by `bench/peers/golden/smollm2.py`), and beside `smollm2.json` of the folder LOAM_REFERENCE where
 * one is given. Bounds are those of an exact float32 program.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CachedDecoder, type DecoderConfig, type DecoderParameters, decoderLogits, disposeTree, generate } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { compile, openDevice, type Tensor } from "../../tensor/index.ts";
import { encodeChat } from "../../text/index.ts";
import { readServedModel } from "../serving/read-model.ts";
import { localModel } from "./paths.ts";

const folder = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct");
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(folder)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;
const real = (claim: string, run: () => Promise<void>) => test.skipIf(missing !== undefined)(claim + reason, run);

interface Case {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly last_logits_top10: readonly (readonly [number, number])[];
  readonly last_logits_mean: number;
  readonly last_logits_std: number;
  readonly logsumexp_each_position: readonly number[];
  readonly greedy_ids: readonly number[];
  readonly greedy_margins: readonly number[];
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
}
interface Reference {
  readonly prompts: readonly Case[];
  readonly chats: readonly Case[];
  readonly passage: { readonly text: string; readonly num_tokens: number; readonly mean_nll_nats: number };
}

/** A margin below which another token is as right in float32. */
const openMargin = 0.01;
const room = 256;

const more = join(process.env.LOAM_REFERENCE ?? "", "smollm2.json");
const references = [
  new URL("./golden/smollm2.golden.json", import.meta.url),
  ...(process.env.LOAM_REFERENCE !== undefined && existsSync(more) ? [more] : []),
].map(path => JSON.parse(readFileSync(path, "utf8")) as Reference);
const prompts = references.flatMap(r => r.prompts);
const chats = references.flatMap(r => r.chats);
const all = [...prompts, ...chats];

let model: ServedModel;
const device = openDevice("cpu", { threads: 2 });
const small = (c: DecoderConfig): DecoderConfig => ({ ...c, context: room });

beforeAll(async () => {
  if (missing !== undefined) return;
  model = await readServedModel(localModel(folder).files, device, { id: "smollm2", fingerprint: "f" });
});
afterAll(() => model && disposeTree(model.parameters));

/** Logits [T, V] of a text's tokens, by the program that training differentiates. */
async function logitsOf(ids: readonly number[]): Promise<Float32Array[]> {
  const program = compile((p: Parameters<typeof decoderLogits>[1], tokens: Tensor) => decoderLogits(small(model.config), p, tokens), {
    device,
  });
  const tokens = await device.array(Int32Array.from(ids), "i32", [1, ids.length]);
  const logits = await program(model.parameters, tokens);
  const data = (await logits.read()) as Float32Array;
  for (const a of [tokens, logits]) a.dispose();
  program.dispose();
  const { vocab } = model.config;
  return ids.map((_, i) => data.subarray(i * vocab, (i + 1) * vocab));
}
const logSumExp = (row: Float32Array): number => {
  const most = row.reduce((a, b) => Math.max(a, b));
  return most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
};

real("token ids are the reference's, and so are the rendered templates", async () => {
  const { tokenizer, chatTemplate } = model;
  for (const c of prompts) expect([...Array.from(tokenizer.encode(c.prompt))], c.prompt).toEqual(c.ids);
  for (const c of chats) {
    expect(chatTemplate!.render(c.messages!, { addGenerationPrompt: true })).toBe(c.prompt);
    expect([...encodeChat(tokenizer, chatTemplate!, c.messages!, { addGenerationPrompt: true })]).toEqual(c.ids);
  }
  expect(model.stopTokens).toEqual([2]);
  expect(model.startToken).toBeUndefined();
});

real("logits are the reference's within 2e-3, log-sum-exps at every position within 1e-3", async () => {
  for (const c of all) {
    const rows = await logitsOf(c.ids);
    const last = rows.at(-1)!;
    for (const [token, value] of c.last_logits_top10) expect(Math.abs(last[token]! - value), `${c.prompt}: ${token}`).toBeLessThan(2e-3);
    const order = Array.from(last.keys()).sort((a, b) => last[b]! - last[a]!);
    expect(order[0]).toBe(c.last_logits_top10[0]![0]);
    const mean = last.reduce((a, b) => a + b, 0) / last.length;
    const deviation = Math.sqrt(last.reduce((a, b) => a + (b - mean) ** 2, 0) / last.length);
    expect(Math.abs(mean - c.last_logits_mean)).toBeLessThan(2e-3);
    expect(Math.abs(deviation - c.last_logits_std)).toBeLessThan(2e-3);
    for (const [i, want] of c.logsumexp_each_position.entries())
      expect(Math.abs(logSumExp(rows[i]!) - want), `${c.prompt} at ${i}`).toBeLessThan(1e-3);
  }
});

real("a passage has the reference's negative log-likelihood within 1e-4 nats a token", async () => {
  for (const { text, num_tokens, mean_nll_nats } of references.map(r => r.passage)) {
    const ids = Array.from(model.tokenizer.encode(text));
    expect(ids.length).toBe(num_tokens);
    const rows = await logitsOf(ids);
    const nats = ids.slice(1).reduce((sum, token, i) => sum + logSumExp(rows[i]!) - rows[i]![token]!, 0) / (ids.length - 1);
    expect(Math.abs(nats - mean_nll_nats)).toBeLessThan(1e-4);
  }
});

real("greedy tokens, with a cache, are the reference's up to the first margin below 0.01", async () => {
  const config = small(model.config);
  const decoder = await CachedDecoder.open(config, device, { room });
  const parameters: DecoderParameters = model.parameters;
  for (const c of all) {
    const open = c.greedy_margins.findIndex(m => m < openMargin);
    const sure = open < 0 ? c.greedy_ids : c.greedy_ids.slice(0, open);
    const got: number[] = [];
    const said = generate({ config, parameters, device }, c.ids, { decoder, maxTokens: sure.length, sampling: { temperature: 0 } });
    for await (const token of said) got.push(token);
    expect(got, c.prompt).toEqual(sure);
  }
  decoder.dispose();
});

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Decoder,
  type DecoderConfig,
  type DecoderParameters,
  decoderLogits,
  decoderSpec,
  initialise,
  type LogitRows,
} from "../nn/index.ts";
import { compile, openDevice, type Tensor } from "../tensor/index.ts";
import { createEngine, type Engine } from "./engine.ts";
import { byteTokenizer, tinyConfig } from "./fakes.ts";
import { createApp } from "./http/app.ts";
import { isToken } from "./padded-vocabulary.ts";
import { openProgram } from "./program.ts";
import type { ServedModel, ServedTokenizer } from "./served-model.ts";

const device = openDevice("cpu", { threads: 1 });

/** Ids between the tokens that stand for nothing. */
const gaps = [3, 200, 201];
const hasToken = (id: number) => id < byteTokenizer.vocabSize && !gaps.includes(id);
function known(id: number): number {
  if (hasToken(id)) return id;
  throw new Error(`id ${id} has no token`);
}
/** Bytes, as every real tokenizer fails on an id that it does not have. */
const tokenizer: ServedTokenizer = {
  ...byteTokenizer,
  tokenOf: id => (hasToken(id) ? String(id) : undefined),
  bytesOf: id => (hasToken(id) ? byteTokenizer.bytesOf!(id) : undefined),
  decode: (ids, options) => byteTokenizer.decode(Array.from(ids, known), options),
  stream: options => {
    const stream = byteTokenizer.stream(options);
    return { push: id => stream.push(known(id)), end: () => stream.end() };
  },
};

/** A model of `vocab` rows whose ids without a token have by far the largest logits. */
async function paddedModel(id: string, vocab: number, more: Partial<DecoderConfig> = {}): Promise<ServedModel> {
  const config: DecoderConfig = { ...tinyConfig, ...more, vocab };
  const made = await initialise(decoderSpec(config), device, id);
  const table = Float32Array.from((await made.output!.read()) as Float32Array);
  for (let i = 0; i < vocab; i++) {
    if (hasToken(i)) continue;
    for (let c = 0; c < config.width; c++) table[i * config.width + c]! *= 40;
  }
  const output = await device.array(table, "f32", [vocab, config.width]);
  const parameters: DecoderParameters = { ...made, output };
  return { id, family: "decoder", config, parameters, tokenizer, fingerprint: id, startToken: 256, stopTokens: [256] };
}

const model = await paddedModel("padded", 320);
const draft = await paddedModel("draft", 288, { width: 16, hidden: 32, layers: 1, headSize: 8 });
const sizes = { device, slots: 4, widths: [8, 32] };
const alone = createEngine({ model, ...sizes });
// more padding than the target has, and less: neither shows
const drafted = createEngine({ model: { ...model, id: "drafted" }, ...sizes, draft: { model: draft, tokens: 3 }, greedyRounds: 4 });
const draftedByWider = createEngine({ model: { ...draft, id: "wider" }, ...sizes, draft: { model, tokens: 3 }, greedyRounds: 4 });
await Promise.all([alone.ready, drafted.ready, draftedByWider.ready]);
const engines: readonly Engine[] = [alone, drafted, draftedByWider];
test("the drafted engines draft", () => {
  expect(engines.map(e => e.stats().isDrafting ?? false)).toEqual([false, true, true]);
});
const app = createApp({ engines });

async function post(path: string, body: object): Promise<{ status: number; body: Record<string, never>; text: string }> {
  const response = await app.fetch(
    new Request(`http://localhost${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  );
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : {}, text };
}

const keep = (rows: LogitRows, row: number): Float32Array => {
  const copy = rows.row(row).slice();
  rows.release();
  return copy;
};

test("served logits of tokens are the training logits, and ids without a token have none", async () => {
  const { config, parameters } = model;
  const training = compile((p: Decoder, t: Tensor) => decoderLogits(config, p, t), { device });
  const tokens = Array.from({ length: config.context }, (_, i) => 32 + (i % 90));
  const whole = (await (
    await training(parameters, await device.array(Int32Array.from(tokens), "i32", [1, tokens.length]))
  ).read()) as Float32Array;
  const program = await openProgram(model, device, { slots: 2, widths: [8] });
  const rows = [
    [7, keep(await program.prefill(1, tokens.slice(0, 8), { start: 0, count: 8, width: 8 }), 0)],
    [8, keep(await program.decode(Int32Array.of(0, tokens[8]!), Int32Array.of(0, 8)), 1)],
    [9, keep(await program.verify(1, tokens.slice(0, 11), 9), 0)],
  ] as const;
  for (const [at, row] of rows) {
    const want = whole.subarray(at * config.vocab, (at + 1) * config.vocab);
    expect(row.length).toBe(byteTokenizer.vocabSize);
    // the test means something: without a mask an id without a token would be chosen
    expect(hasToken(want.indexOf(Math.max(...want)))).toBe(false);
    for (const [id, logit] of row.entries())
      if (hasToken(id)) expect(Math.abs(logit - want[id]!)).toBeLessThan(1e-4);
      else expect(logit).toBe(Number.NEGATIVE_INFINITY);
  }
  program.dispose();
  training.dispose();
});

const form = {
  type: "json_schema",
  json_schema: { name: "x", schema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] } },
};
const ways: Readonly<Record<string, object>> = {
  greedy: { temperature: 0 },
  "sampling at a high temperature": { temperature: 2, seed: 1 },
  "sampling with top_k and top_p": { temperature: 1.5, top_k: 40, top_p: 0.99, seed: 2 },
  "min_p and typical_p": { min_p: 0.01, typical_p: 0.9, seed: 3 },
  mirostat: { mirostat: 2, seed: 4 },
  penalties: { temperature: 0, repetition_penalty: 1.5, frequency_penalty: 1, presence_penalty: 1 },
  "a logit_bias": { temperature: 0, logit_bias: { "97": 5, "98": -5 } },
  "several choices": { n: 3, seed: 5 },
  "beam search": { use_beam_search: true, beam_width: 4, n: 2 },
  "diverse beam search": { use_beam_search: true, beam_width: 4, num_beam_groups: 2, diversity_penalty: 1 },
  "structured output": { response_format: form, seed: 6 },
  "structured output by beam search": { response_format: form, use_beam_search: true, beam_width: 3 },
};

for (const { model: served } of engines)
  for (const [way, fields] of Object.entries(ways))
    test(`${served.id}, ${way}: no 500 and no 400 for an id without a token, chosen or listed`, async () => {
      const body = { model: served.id, prompt: "Once", max_tokens: 24, ignore_eos: true, logprobs: 5, ...fields };
      const completion = await post("/v1/completions", body);
      expect([completion.status, completion.text]).toEqual([200, expect.stringContaining("choices")]);
      const chat = await post("/v1/chat/completions", {
        ...body,
        prompt: undefined,
        messages: [{ role: "user", content: "Hi" }],
        logprobs: true,
        top_logprobs: 20,
      });
      expect([chat.status, chat.text]).toEqual([200, expect.stringContaining("top_logprobs")]);
      if ("use_beam_search" in fields) return;
      const stream = await post("/v1/completions", { ...body, stream: true });
      expect(stream.status).toBe(200);
      expect(stream.text).not.toContain('"error"');
    });

test("best_of: no answer with an id without a token", async () => {
  const { status, text } = await post("/v1/completions", { model: "padded", prompt: "Once", max_tokens: 9, n: 1, best_of: 4, seed: 1 });
  expect([status, text]).toEqual([200, expect.stringContaining("choices")]);
});

test("/v1/score: probabilities are over the tokens alone and add up to 1", async () => {
  const { status, body } = await post("/v1/score", { model: "padded", input: "Once upon", top_logprobs: 1024 });
  expect(status).toBe(200);
  const { tokens } = (body as unknown as { data: { tokens: { top_logprobs: { id: number; logprob: number }[] }[] }[] }).data[0]!;
  for (const { top_logprobs } of tokens) {
    expect(top_logprobs.map(t => t.id).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 257 }, (_, i) => i).filter(hasToken));
    expect(top_logprobs.reduce((sum, t) => sum + Math.exp(t.logprob), 0)).toBeCloseTo(1, 6);
  }
});

test("an id without a token is 400 by its number: in logit_bias, prompts, scores and tokens", async () => {
  const refused = async (path: string, body: object, param: string, id: number) => {
    const answer = await post(path, { model: "padded", max_tokens: 2, ...body });
    expect([path, answer.status, answer.body], JSON.stringify(body)).toEqual([
      path,
      400,
      { error: expect.objectContaining({ param, message: expect.stringContaining(String(id)) }) },
    ]);
  };
  for (const id of [257, 300, 319, 320, 999_999, ...gaps, -1]) {
    const bias = { logit_bias: { [id]: 5 } };
    await refused("/v1/completions", { prompt: "a", ...bias }, "logit_bias", id);
    await refused("/v1/completions", { prompt: "a", stream: true, ...bias }, "logit_bias", id);
    await refused("/v1/completions", { prompt: "a", use_beam_search: true, beam_width: 2, ...bias }, "logit_bias", id);
    await refused("/v1/chat/completions", { messages: [{ role: "user", content: "a" }], ...bias }, "logit_bias", id);
    if (id < 0) continue;
    await refused("/v1/completions", { prompt: [97, id] }, "prompt", id);
    await refused("/v1/score", { input: [97, id, 98] }, "input", id);
    await refused("/detokenize", { tokens: [97, id] }, "tokens", id);
  }
});

test("no id without a token ever leaves an engine, whatever is asked", async () => {
  const sampling = fc.record(
    {
      temperature: fc.constantFrom(0, 0.3, 1, 2, 50),
      topK: fc.constantFrom(0, 1, 5, 300),
      topP: fc.constantFrom(0.1, 0.9, 1),
      minP: fc.constantFrom(0, 0.05),
      typicalP: fc.constantFrom(0.5, 1),
      mirostatTau: fc.constantFrom(0, 3),
      repetitionPenalty: fc.constantFrom(0.5, 1, 2),
      presencePenalty: fc.constantFrom(-2, 0, 2),
      logitBias: fc
        .array(fc.tuple(fc.integer({ min: 0, max: 256 }).filter(hasToken), fc.integer({ min: -100, max: 100 })), { maxLength: 4 })
        .map(pairs => new Map(pairs)),
    },
    { requiredKeys: [] },
  );
  const request = fc.record({
    tokens: fc.array(fc.integer({ min: 0, max: 256 }).filter(hasToken), { minLength: 1, maxLength: 40 }),
    maxTokens: fc.integer({ min: 1, max: 20 }),
    seed: fc.integer(),
    likelihoods: fc.constantFrom(0, 3, 400),
    sampling,
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...engines), fc.array(request, { minLength: 1, maxLength: 4 }), async (engine, requests) => {
      for (const generation of engine.submitAll(requests))
        for await (const event of generation)
          for (const { token, likelihood } of event.tokens) {
            expect(isToken(tokenizer, token)).toBe(true);
            for (const { token: listed, logProbability } of likelihood!.top) {
              expect(isToken(tokenizer, listed)).toBe(true);
              expect(Number.isFinite(logProbability)).toBe(true);
            }
          }
    }),
    { numRuns: 60 },
  );
});

test("the padding is no part of a full vocabulary: nothing is wrapped", async () => {
  const full = await openProgram({ ...model, tokenizer: { ...byteTokenizer, vocabSize: 320 } }, device, { slots: 1, widths: [8] });
  expect(keep(await full.decode(Int32Array.of(97), Int32Array.of(0)), 0).length).toBe(320);
  full.dispose();
});

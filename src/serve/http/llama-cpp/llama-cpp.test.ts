/** llama.cpp's API as its own clients use it: editors that infill, chat front ends that read its streams. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { openDevice } from "../../../tensor/index.ts";
import { chatTemplate, templateDates } from "../../../text/index.ts";
import { randomAdapter } from "../../adapters/random-adapter.laws.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { withPooling } from "../../embedding/served-encoder.ts";
import { createEngine } from "../../engine.ts";
import { Engines } from "../../engines.ts";
import { byteTokenizer, scriptedProgram, tinyModel } from "../../fakes.ts";
import type { ServedTokenizer } from "../../served-model.ts";
import { createApp } from "../app.ts";
import { speaker, tinyEncoder } from "../fakes.ts";

const device = openDevice("cpu", { threads: 1 });
/** Bytes, with tokens for infilling and files behind them. */
const fim = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"];
const codeTokenizer: ServedTokenizer = {
  ...byteTokenizer,
  vocabSize: 257 + fim.length,
  specials: new Map([...byteTokenizer.specials, ...fim.map((t, i) => [t, 257 + i] as const)]),
};
const said = await speaker(device, {
  id: "speaker@1",
  name: "speaker",
  version: 1,
  aliases: ["speaker"],
  file: "speaker.gguf",
  chatTemplate: chatTemplate(
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
  ),
});
const code = createEngine({
  model: await tinyModel(device, { id: "code@1", aliases: ["code"], tokenizer: codeTokenizer }),
  device,
  open: async () => scriptedProgram({ slots: 2, room: 192, widths: [16, 64] }),
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { aliases: ["vectors"] }), device });
await Promise.all([code.ready, encoder.ready]);
const failures: unknown[] = [];
const onFailure = (e: unknown) => failures.push(e);
const one = createApp({ engines: [said.engine], encoders: [encoder], admin: true, version: "1.2.3", onFailure });
const two = createApp({ engines: [said.engine, code], onFailure });
beforeEach(() => {
  said.text = "one two\nthree";
});
afterAll(async () => {
  await Promise.all([said.engine.close(), code.close(), encoder.close()]);
  expect(failures).toEqual([]);
});

type Reply = ReturnType<typeof JSON.parse>;
async function call(
  app: typeof one,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Reply; headers: Headers; text: string }> {
  const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await app.fetch(new Request(`http://localhost${path}`, init));
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return { status: response.status, headers: response.headers, text, body: isJson ? (JSON.parse(text) as Reply) : undefined };
}
const ask = (path: string, body?: unknown) => call(one, path, body);
const eventsOf = (text: string): Reply[] => [...text.matchAll(/^data: (.*)$/gm)].map(m => JSON.parse(m[1]!) as Reply);

test("a completion without a model is answered by the only one, with timings, settings and the reason of its end", async () => {
  const { status, body } = await ask("/completion", { prompt: "Hi", n_predict: 40, return_tokens: true, seed: 7 });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    index: 0,
    content: "one two\nthree",
    tokens: [...Buffer.from("one two\nthree")],
    stop: true,
    model: "speaker",
    stop_type: "eos",
    stopping_word: "",
    has_new_line: true,
    truncated: false,
    tokens_evaluated: 3,
  });
  expect(body.generation_settings).toMatchObject({
    n_predict: 40,
    max_tokens: 40,
    seed: 7,
    temperature: 0.8,
    top_k: 40,
    top_p: 0.95,
    min_p: 0.05,
    stop: [],
  });
  expect(body.timings).toMatchObject({ predicted_n: body.tokens_predicted });
  expect(body.timings.prompt_n + body.timings.cache_n).toBe(3);
  for (const value of Object.values(body.timings)) expect(value).toBeGreaterThanOrEqual(0);
  expect((await ask("/completion", { prompt: "Hi", n_predict: 3 })).body).toMatchObject({
    content: "one",
    tokens: [],
    stop_type: "limit",
    tokens_predicted: 3,
  });
  expect((await ask("/completion", { prompt: "Hi", stop: ["\n", "tw"] })).body).toMatchObject({
    content: "one ",
    stop_type: "word",
    stopping_word: "tw",
  });
});

test("the first token comes with the prompt: an answer of one token has no rate", async () => {
  const { body } = await ask("/completion", { prompt: "Hi", n_predict: 1 });
  expect(body.timings).toMatchObject({ predicted_n: 1, predicted_per_second: 0, predicted_per_token_ms: 0 });
  const more = (await ask("/completion", { prompt: "Hi", n_predict: 8 })).body.timings;
  expect(more.predicted_per_second).toBeCloseTo((1e3 / more.predicted_ms) * 7, 6);
});

test("a stream has pieces of content with their tokens, then one event with stop that has all figures and no text", async () => {
  const { headers, text } = await ask("/completion", { prompt: "Hi", n_predict: 40, stream: true, timings_per_token: true });
  expect(headers.get("content-type")).toContain("text/event-stream");
  expect(text).not.toContain("[DONE]");
  const events = eventsOf(text);
  const last = events.at(-1);
  expect(
    events
      .slice(0, -1)
      .map(e => e.content)
      .join(""),
  ).toBe("one two\nthree");
  for (const e of events.slice(0, -1)) {
    expect([e.stop, e.tokens.length > 0, typeof e.timings.predicted_ms]).toEqual([false, true, "number"]);
  }
  expect(events.flatMap(e => e.tokens)).toEqual([...Buffer.from("one two\nthree")]);
  expect(last).toMatchObject({ content: "", tokens: [], stop: true, stop_type: "eos", has_new_line: true });
  expect(last.generation_settings.stream).toBe(true);
});

test("a prompt is a text, tokens, both in a row, an object, or a list of these, which is answered by a list", async () => {
  said.text = "yes";
  for (const prompt of ["Hi", [72, 105], [72, "i"], { prompt_string: "Hi" }]) {
    const { body } = await ask("/completion", { prompt, n_predict: 8 });
    expect([prompt, Array.isArray(body), body.content]).toEqual([prompt, false, "yes"]);
  }
  for (const prompt of [
    ["Hi"],
    ["Hi", "Ho"],
    [[72, 105], "Ho"],
    ["Hi", { prompt_string: "Ho" }],
    [
      [72, "i"],
      [256, 72],
    ],
  ]) {
    const { body } = await ask("/completion", { prompt, n_predict: 8 });
    expect([prompt, body.length, body.map((b: Reply) => b.index)]).toEqual([prompt, prompt.length, prompt.map((_, i) => i)]);
  }
  expect((await ask("/completion", { prompt: ["Hi", "Ho"], n_cmpl: 2, n_predict: 2 })).body).toHaveLength(4);
  const several = eventsOf((await ask("/completion", { prompt: ["Hi", "Ho"], stream: true, n_predict: 4 })).text);
  expect(new Set(several.filter(e => e.stop).map(e => e.index))).toEqual(new Set([0, 1]));
  const picture = await ask("/completion", { prompt: { prompt_string: "Hi", multimodal_data: ["aGk="] } });
  expect([picture.status, picture.body.error.message.includes("multimodal_data")]).toEqual([400, true]);
});

test("probabilities: one entry a token, the likeliest of its place first, with id, text, bytes and logprob", async () => {
  const { body } = await ask("/completion", { prompt: "Hi", n_predict: 5, n_probs: 3, temperature: 0 });
  expect(body.completion_probabilities).toHaveLength(5);
  expect(body.completion_probabilities[0]).toMatchObject({ id: 111, token: "o", bytes: [111] });
  for (const { logprob, top_logprobs } of body.completion_probabilities) {
    expect([logprob <= 0, top_logprobs.length, top_logprobs[0].logprob]).toEqual([true, 3, logprob]);
  }
  const events = eventsOf((await ask("/completion", { prompt: "Hi", n_predict: 5, n_probs: 3, temperature: 0, stream: true })).text);
  for (const e of events.filter(e => !e.stop)) expect(e.completion_probabilities).toHaveLength(1);
  expect(events.flatMap(e => e.completion_probabilities ?? [])).toEqual(body.completion_probabilities);
});

test("probabilities after the samplers are those of the tokens that are left, and sum to 1", async () => {
  const asked = { prompt: "Hi", n_predict: 3, n_probs: 10, post_sampling_probs: true, model: "code" };
  const of = async (more: object) => (await call(two, "/completion", { ...asked, ...more })).body.completion_probabilities;
  // the model finds every token as likely as any other
  for (const { id, prob, top_probs } of await of({ top_k: 4, temperature: 2, top_p: 1, min_p: 0 })) {
    expect(top_probs.map((t: Reply) => t.prob)).toEqual([0.25, 0.25, 0.25, 0.25].map(p => expect.closeTo(p, 9)));
    expect([prob, top_probs.some((t: Reply) => t.id === id)]).toEqual([expect.closeTo(0.25, 9), true]);
  }
  for (const { prob, top_probs } of await of({ temperature: 0 })) expect([prob, top_probs.length]).toEqual([1, 1]);
  const forbidden = await of({ top_k: 4, logit_bias: [[0, false]], min_p: 0 });
  expect(forbidden[0].top_probs.some((t: Reply) => t.id === 0)).toBe(false);
});

test("penalties, DRY, XTC and mirostat are the engine's, a window of llama.cpp's 64 tokens unless it is said", async () => {
  const seen: unknown[] = [];
  const submitAll = said.engine.submitAll.bind(said.engine);
  said.engine.submitAll = requests => {
    seen.push(...requests.map(r => r.sampling));
    return submitAll(requests);
  };
  await ask("/completion", { prompt: "Hi", n_predict: 1, repeat_penalty: 1.3, dry_multiplier: 0.8, xtc_probability: 0.5 });
  await ask("/completion", { prompt: "Hi", n_predict: 1, mirostat: 2, mirostat_tau: 4, top_k: 3 });
  await ask("/completion", { prompt: "Hi", n_predict: 1, repeat_last_n: -1, samplers: ["temperature", "top_k", "top_p"] });
  said.engine.submitAll = submitAll;
  expect(seen[0]).toMatchObject({
    repetitionPenalty: 1.3,
    repetitionWindow: 64,
    xtcProbability: 0.5,
    temperatureLast: true,
    minP: 0.05,
    dry: { multiplier: 0.8, base: 1.75 },
  });
  expect(seen[1]).toMatchObject({ mirostatTau: 4, topK: 0, topP: 1, minP: 0, temperatureLast: false });
  expect(seen[2]).toMatchObject({ repetitionWindow: Infinity, temperatureLast: false, topK: 40, minP: 0 });
});

test("fields that change nothing are named in a header; those that would be disobeyed are refused by name", async () => {
  // what a chat front end sends to every server
  const sent = {
    prompt: "Hi",
    n_predict: 2,
    id_slot: 0,
    n_keep: 4,
    typical: 1,
    rep_pen: 1.1,
    max_new_tokens: 4,
    min_keep: 0,
    dynatemp_range: 0,
    top_n_sigma: -1,
  };
  const taken = await ask("/completion", { ...sent, samplers: ["min_p", "top_k", "infill", "temperature"] });
  expect([taken.status, taken.headers.get("x-loam-ignored")]).toEqual([
    200,
    "id_slot, n_keep, typical, rep_pen, max_new_tokens, samplers, samplers.infill",
  ]);
  for (const [name, value] of Object.entries({
    dynatemp_range: 0.5,
    top_n_sigma: 2,
    min_keep: 4,
    mirostat: 1,
    grammar_lazy: true,
    n_predcit: 3,
  })) {
    const { status, body } = await ask("/completion", { prompt: "Hi", [name]: value });
    expect([name, status, body.error.param]).toEqual([name, 400, name]);
  }
});

test("response_fields picks fields, and gives those inside others under their path", async () => {
  const { body } = await ask("/completion", {
    prompt: "Hi",
    n_predict: 4,
    response_fields: ["content", "generation_settings/n_predict", "timings/predicted_n", "none/such"],
  });
  expect(body).toEqual({ content: "one ", "generation_settings/n_predict": 4, "timings/predicted_n": 4 });
});

test("a prompt longer than the context is refused with llama.cpp's type and figures", async () => {
  const { status, body } = await ask("/completion", { prompt: "a".repeat(5000) });
  expect([status, body.error.type, body.error.code]).toEqual([400, "exceed_context_size_error", 400]);
  expect(body.error).toMatchObject({ n_prompt_tokens: 5001, n_ctx: 4096 });
  expect(body.error.message).toContain("exceeds the available context size");
});

test("an answer that fills the context ends there and is truncated; one within its bound is not", async () => {
  said.text = "b".repeat(6000);
  const { body } = await ask("/completion", { prompt: "a".repeat(4080), n_predict: -1 });
  expect([body.truncated, body.stop_type, body.tokens_evaluated + body.tokens_predicted]).toEqual([true, "limit", 4096]);
  expect((await ask("/completion", { prompt: "a", n_predict: 8 })).body.truncated).toBe(false);
});

test("samplers that are not named are off, temperatures below 0 are 0, and a sampler that there is not is refused by name", async () => {
  const settings = async (body: object) => (await ask("/completion", { prompt: "Hi", n_predict: 1, ...body })).body.generation_settings;
  expect(await settings({ samplers: ["top_k"], top_k: 5, min_p: 0.9 })).toMatchObject({
    top_k: 5,
    min_p: 0,
    top_p: 1,
    temperature: 1,
    samplers: ["top_k"],
  });
  expect(await settings({ samplers: "kt", temperature: -1, top_p: 7 })).toMatchObject({
    temperature: 0,
    top_p: 1,
    samplers: ["top_k", "temperature"],
  });
  expect(await settings({ top_p: 7 })).toMatchObject({ top_p: 1 });
  const wrong = await ask("/completion", { prompt: "Hi", samplers: ["top_k", "lottery"] });
  expect([wrong.status, wrong.body.error.param]).toEqual([400, "samplers[1]"]);
});

test("biases come as pairs or as an object, by id or by text, and false bans", async () => {
  for (const logit_bias of [[[111, false]], { 111: false }, [["o", -1000]], { o: -1000 }]) {
    const { body } = await ask("/completion", { prompt: "Hi", n_predict: 1, temperature: 0, logit_bias });
    expect([logit_bias, body.content === "o"]).toEqual([logit_bias, false]);
  }
  const ignoring = await ask("/completion", { prompt: "Hi", n_predict: 1, ignore_eos: true });
  expect(ignoring.body.generation_settings.logit_bias).toEqual([{ token: 256, bias: null }]);
});

test("a grammar and a JSON schema hold the text", async () => {
  const asked = { prompt: "Hi", n_predict: 12, model: "code" };
  expect((await call(two, "/completion", { ...asked, grammar: 'root ::= "a"{5,5}' })).body.content).toBe("aaaaa");
  expect((await call(two, "/completion", { ...asked, json_schema: { const: "42" } })).body.content).toBe('"42"');
  const broken = await call(two, "/completion", { ...asked, grammar: "root ::= this is (not" });
  expect([broken.status, broken.body.error.type]).toEqual([400, "invalid_request_error"]);
});

test("an editor's completion ends at a line that is indented less than its cursor", async () => {
  said.text = "  first\n    second\nthird\n";
  const { body } = await ask("/completion", { prompt: "Hi", n_indent: 2, n_predict: 40 });
  expect([body.content, body.stop_type]).toEqual(["  first\n    second\n", "limit"]);
  await expect.poll(() => said.engine.stats().running).toBe(0);
});

test("infill puts files, prefix, suffix and what is begun between the model's own tokens, which no text can write", async () => {
  const seen: number[][] = [];
  const submitAll = code.submitAll.bind(code);
  code.submitAll = requests => {
    seen.push(...requests.map(r => [...r.tokens]));
    return submitAll(requests);
  };
  // the request of an editor, as llama.vim and llama.vscode send it
  const { status, body, headers } = await call(two, "/infill", {
    model: "code",
    input_prefix: "int main() {\n<|fim_middle|>",
    input_suffix: "}\n",
    input_extra: [{ filename: "a.h", text: "int a;" }],
    prompt: "  ret",
    n_predict: 4,
    n_indent: 0,
    top_k: 40,
    top_p: 0.9,
    samplers: ["top_k", "top_p", "infill"],
    stream: false,
    cache_prompt: true,
    t_max_prompt_ms: 500,
    t_max_predict_ms: 1000,
    response_fields: ["content", "timings/prompt_n", "timings/predicted_n", "truncated", "tokens_cached"],
  });
  code.submitAll = submitAll;
  expect(status, JSON.stringify(body)).toBe(200);
  expect(Object.keys(body)).toEqual(["content", "timings/prompt_n", "timings/predicted_n", "truncated", "tokens_cached"]);
  expect(headers.get("x-loam-model")).toBeNull();
  const bytes = (t: string) => [...Buffer.from(t)];
  expect(seen[0]).toEqual([...[256, 257, ...bytes("int main() {\n<|fim_middle|>  ret"), 258, ...bytes("}\n"), 259]]);
  const refused = await call(two, "/infill", { model: "speaker", input_prefix: "a", input_suffix: "b" });
  expect([
    refused.status,
    refused.body.error.message.includes("no tokens") || refused.body.error.message.includes("prefix, suffix and middle"),
  ]).toEqual([400, true]);
  for (const input_extra of [[{}], [{ filename: "ok" }], [{ filename: 123, text: "abc" }]])
    expect((await call(two, "/infill", { model: "code", input_prefix: "a", input_suffix: "b", input_extra })).status).toBe(400);
});

test("with several models a request says which it means", async () => {
  const { status, body } = await call(two, "/completion", { prompt: "Hi" });
  expect([status, body.error.param]).toEqual([400, "model"]);
  expect(body.error.message).toMatch(/speaker.*code/);
  expect((await call(two, "/props?model=code")).body).toMatchObject({ model_alias: "code@1", total_slots: 2 });
});

test("/completions and /embeddings are OpenAI's for a body that names a model, and llama.cpp's for one that does not", async () => {
  expect((await ask("/completions", { model: "speaker", prompt: "Hi", max_tokens: 4 })).body).toMatchObject({
    object: "text_completion",
    choices: [{ text: "one " }],
  });
  expect((await ask("/completions", { prompt: "Hi", max_tokens: 4 })).body).toMatchObject({ content: "one ", stop: true });
  expect((await ask("/completions", { model: "nobody", prompt: "Hi" })).body.error).toMatchObject({
    code: "model_not_found",
    param: "model",
  });
  expect((await ask("/completions", { prompt: {} })).body.error).toMatchObject({ code: 400, type: "invalid_request_error" });
  expect((await ask("/embeddings", { model: "vectors", input: "a" })).body).toMatchObject({ object: "list", data: [{ index: 0 }] });
  const native = (await ask("/embeddings", { input: ["a", [97, 98]] })).body;
  expect(native.map((e: Reply) => [e.index, e.embedding.length])).toEqual([
    [0, 1],
    [1, 1],
  ]);
  expect((await ask("/embedding", { content: "a" })).body[0].embedding[0]).toEqual(native[0].embedding[0]);
});

test("a model without pooling gives one vector a token at /embedding, and is refused wherever a text has one vector", async () => {
  const tokens = createEmbeddingEngine({ model: withPooling(await tinyEncoder(device), "none"), device });
  await tokens.ready;
  const other = createApp({ engines: [], encoders: [tokens], version: "1.2.3" });
  try {
    const rows = (await call(other, "/embedding", { content: ["ab", [97, 98, 99]] })).body;
    expect(rows.map((r: Reply) => r.embedding.length)).toEqual([2, 3]);
    for (const row of rows[0].embedding) {
      expect(row.length).toBe(32);
      expect(Math.abs(Math.hypot(...row) - 1)).toBeGreaterThan(0.01);
    }
    for (const [path, body] of [
      ["/v1/embeddings", { input: "ab" }],
      ["/pooling", { input: "ab" }],
      ["/v2/embed", { texts: ["ab"], embedding_types: ["float"] }],
      ["/v1/rerank", { query: "ab", documents: ["c"] }],
      ["/v1/models/tiny-encoder@1:predict", { instances: ["ab"] }],
    ] as const)
      expect([(await call(other, path, { model: "tiny-encoder@1", ...body })).status, path], path).toEqual([400, path]);
    const { message } = (await call(other, "/v1/embeddings", { model: "tiny-encoder@1", input: "ab" })).body.error;
    expect(message).toMatch(/without pooling.*\/embedding/);
  } finally {
    other.close();
    await tokens.close();
  }
});

test("one address takes both forms of tokenize: content as llama.cpp's, prompt as vLLM's", async () => {
  expect((await ask("/tokenize", { content: "ab" })).body).toEqual({ tokens: [97, 98] });
  expect((await ask("/tokenize", { content: "ab", add_special: true })).body).toEqual({ tokens: [256, 97, 98] });
  expect((await ask("/tokenize", { content: "é", with_pieces: true })).body).toEqual({
    tokens: [
      { id: 195, piece: [195] },
      { id: 169, piece: [169] },
    ],
  });
  expect((await ask("/tokenize", { content: "a<|end|>", parse_special: false })).body.tokens).toHaveLength(8);
  expect((await ask("/tokenize", { model: "speaker", prompt: "ab" })).body).toMatchObject({ tokens: [256, 97, 98], count: 3 });
  expect((await ask("/detokenize", { tokens: [97, 98] })).body).toMatchObject({ content: "ab" });
  expect((await ask("/detokenize", { model: "speaker", tokens: [97, 98] })).body).toEqual({ prompt: "ab" });
});

test("/props tells the context, the template, the slots and the file; it takes no changes", async () => {
  expect((await ask("/props")).body).toMatchObject({
    default_generation_settings: { n_ctx: 4096, params: { temperature: 0.8, seed: 0xffffffff } },
    total_slots: 4,
    model_path: "speaker.gguf",
    model_alias: "speaker",
    chat_template: expect.stringContaining("for m in messages"),
    bos_token: "<|end|>",
    eos_token: "<|end|>",
    is_sleeping: false,
  });
  expect((await ask("/props", {})).status).toBe(400);
  expect((await call(two, "/props", {})).status).toBe(401);
});

test("/slots has as many as may run; to save, restore or erase one is refused by name", async () => {
  const { body } = await ask("/slots");
  expect(body.map((s: Reply) => [s.id, s.n_ctx, s.is_processing])).toEqual([0, 1, 2, 3].map(id => [id, 4096, false]));
  expect((await ask("/slots?fail_on_no_slot=1")).status).toBe(200);
  for (const action of ["save", "restore", "erase"]) {
    const { status, body } = await ask(`/slots/0?action=${action}`, { filename: "a.bin" });
    expect([status, body.error.message.includes(action)]).toEqual([400, true]);
  }
});

test("/apply-template gives the prompt of a conversation", async () => {
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
  ];
  expect((await ask("/apply-template", { messages })).body).toEqual({ prompt: "<|system|>Be brief.<|user|>Hi<|assistant|>" });
  expect((await ask("/apply-template", { messages, add_generation_prompt: false })).body.prompt).not.toContain("assistant");
  expect((await call(two, "/apply-template", { model: "code", messages })).status).toBe(400);
});

test("a template that reads date_string or datetime writes today's date, or that of the request", async () => {
  const template = chatTemplate(
    "{% if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}{{ date_string }}|{{ datetime }}",
  );
  const dated = createEngine({ model: await tinyModel(device, { chatTemplate: template }), device, slots: 1 });
  const app = createApp({ engines: [dated], onFailure });
  const messages = [{ role: "user", content: "What is today?" }];
  const { date_string, datetime } = templateDates();
  expect((await call(app, "/apply-template", { messages })).body).toEqual({ prompt: `${date_string}|${datetime}` });
  const chat_template_kwargs = { date_string: "01 Jan 2020" };
  expect((await call(app, "/apply-template", { messages, chat_template_kwargs })).body.prompt).toBe(`01 Jan 2020|${datetime}`);
  // chats are written with the same variables
  await dated.ready;
  const prompt = async (more: object) =>
    (await call(app, "/chat/completions", { messages, max_tokens: 1, verbose: true, ...more })).body.__verbose.prompt;
  expect(await prompt({})).toContain(`${date_string}|${datetime}`);
  expect(await prompt({ chat_template_kwargs })).toContain(`01 Jan 2020|${datetime}`);
  await dated.close();
});

test("a template that reads functions, and no tools, gets them as a JSON text", async () => {
  const template = chatTemplate("{{ 'Functions: ' + functions + '; ' + messages[0].content }}");
  const old = createEngine({ model: await tinyModel(device, { chatTemplate: template }), device, slots: 1 });
  const app = createApp({ engines: [old], onFailure });
  const messages = [{ role: "user", content: "Hi" }];
  const tools = [{ type: "function", function: { name: "f" } }];
  const prompt = async (more: object) => (await call(app, "/apply-template", { messages, ...more })).body.prompt;
  expect(await prompt({})).toBe("Functions: ; Hi");
  expect(JSON.parse((await prompt({ tools })).slice("Functions: ".length, -"; Hi".length))).toEqual(tools);
  await old.close();
});

test("endpoints that the operator has turned off say so, and /props knows", async () => {
  const open = createApp({ engines: [said.engine], onFailure });
  const closed = createApp({ engines: [said.engine], onFailure, disabledEndpoints: ["console", "metrics", "sequences"] });
  const statuses = async (app: typeof one) => {
    const paths = ["/metrics", "/slots", "/", "/api/overview", "/api/tags", "/props"];
    return Promise.all(paths.map(async path => (await app.fetch(new Request(`http://localhost${path}`))).status));
  };
  expect(await statuses(open)).toEqual([200, 200, 200, 401, 200, 200]);
  expect(await statuses(closed)).toEqual([501, 501, 404, 404, 200, 200]);
  expect((await call(closed, "/slots/0?action=erase", {})).body.error).toMatchObject({ code: 501, type: "not_supported_error" });
  const told = async (app: typeof one) => (await call(app, "/props")).body;
  expect(await told(open)).toMatchObject({ endpoint_slots: true, endpoint_metrics: true });
  expect(await told(closed)).toMatchObject({ endpoint_slots: false, endpoint_metrics: false });
});

test("adapters by their number: listed, asked for by a request, and set for those that name none", async () => {
  const base = createEngine({ model: await tinyModel(device), device, slots: 2, adapters: { count: 2, rank: 8 } });
  await base.ready;
  const engines = new Engines([base]);
  await engines.adapters.add(engines.find("tiny"), "a", randomAdapter("a"));
  const app = createApp({ engines, admin: true, onFailure });
  const says = async (more: object) => (await call(app, "/completion", { prompt: "Hello", n_predict: 12, temperature: 0, ...more })).body;
  const [plain, adapted, off] = [await says({}), await says({ lora: [{ id: 0, scale: 1 }] }), await says({ lora: [{ id: 0, scale: 0 }] })];
  expect([adapted.content === plain.content, off.content === plain.content, adapted.model]).toEqual([false, true, "a"]);
  expect((await call(app, "/lora-adapters")).body).toEqual([{ id: 0, path: "a", scale: 0, task_name: "", prompt_prefix: "" }]);
  expect((await call(app, "/lora-adapters", [{ id: 0, scale: 1 }])).body).toEqual({ success: true });
  expect((await call(app, "/lora-adapters")).body[0].scale).toBe(1);
  expect((await says({})).content).toBe(adapted.content);
  expect((await says({ lora: [] })).content).toBe(plain.content);
  for (const lora of [[{ id: 0, scale: 0.5 }], [{ id: 7, scale: 1 }]])
    expect((await call(app, "/completion", { prompt: "a", lora })).status).toBe(400);
  await call(app, "/lora-adapters", []);
  expect((await says({})).content).toBe(plain.content);
  await base.close();
});

test("with cache_prompt false nothing that is computed is taken over", async () => {
  const engine = createEngine({ model: await tinyModel(device), device, slots: 1 });
  await engine.ready;
  const app = createApp({ engines: [engine], onFailure });
  const cached = async (more: object) =>
    (await call(app, "/completion", { prompt: "the quick brown fox jumps over the lazy dog", n_predict: 2, ...more })).body.timings.cache_n;
  await cached({});
  expect(await cached({ cache_prompt: false })).toBe(0);
  await engine.close();
});

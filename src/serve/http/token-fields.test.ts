/** Fields of vLLM and llama.cpp over HTTP: tokens in and out, likelihoods of prompts, what may be drawn, when an answer ends. */
import { afterAll, expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEngine } from "../engine.ts";
import { fakeEndToken, tinyModel } from "../fakes.ts";
import { createApp } from "./app.ts";
import { speaker } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({ model: await tinyModel(device), device, slots: 4 });
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: chatTemplate() });
await engine.ready;
const failures: unknown[] = [];
const app = createApp({ engines: [engine, said.engine], onFailure: e => failures.push(e) });
afterAll(async () => {
  await Promise.all([engine.close(), said.engine.close()]);
  expect(failures).toEqual([]);
});

async function post(path: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return app.fetch(new Request(`http://127.0.0.1${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}
interface Choice {
  readonly index: number;
  readonly text: string;
  readonly message: { readonly content: string };
  readonly delta: { readonly content?: string };
  readonly finish_reason: string | null;
  readonly stop_reason: string | number | null;
  readonly token_ids: number[] | null;
  readonly prompt_token_ids: number[] | null;
  readonly prompt_logprobs:
    | (Readonly<Record<string, { readonly logprob: number; readonly rank: number; readonly decoded_token: string }>> | null)[]
    | null;
  readonly logprobs: {
    readonly tokens: string[];
    readonly token_logprobs: (number | null)[];
    readonly top_logprobs: (Readonly<Record<string, number>> | null)[];
    readonly text_offset: number[];
    readonly content: { readonly token: string; readonly logprob: number; readonly top_logprobs: { readonly token: string }[] }[];
  };
}
interface Answer {
  readonly choices: readonly Choice[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message: string; readonly param: string };
  readonly prompt_token_ids?: number[];
  readonly data: readonly { readonly tokens: readonly { readonly logprob: number }[] }[];
}
const ask = async (path: string, body: object): Promise<Answer> => (await (await post(path, body)).json()) as Answer;
const complete = (body: object) => ask("/v1/completions", { model: "tiny", prompt: "Once", seed: 1, max_tokens: 12, ...body });
const streamed = async (path: string, body: object): Promise<readonly Answer[]> => {
  const text = await (await post(path, { ...body, stream: true })).text();
  return text
    .split("\n\n")
    .filter(e => e.startsWith("data: {"))
    .map(e => JSON.parse(e.slice(6)) as Answer);
};
const complaint = async (body: object) => (await complete(body)).error?.message;

test("an echoed prompt has the likelihoods that /v1/score tells and that were reported when it was written, bit for bit", async () => {
  const first = (await complete({ temperature: 0, logprobs: 1, return_token_ids: true })).choices[0]!;
  const [given, written] = [first.prompt_token_ids!, first.token_ids!];
  const whole = [...given, ...written];
  const echo = (await complete({ prompt: whole, max_tokens: 0, echo: true, logprobs: 1, prompt_logprobs: 0 })).choices[0]!;
  expect(echo.logprobs.token_logprobs[0]).toBeNull();
  expect(echo.logprobs.top_logprobs[0]).toBeNull();
  expect(echo.logprobs.token_logprobs.slice(given.length)).toEqual(first.logprobs.token_logprobs);
  const scored = await ask("/v1/score", { model: "tiny", prompt: whole.slice(0, 1), input: whole.slice(1) });
  expect(echo.logprobs.token_logprobs.slice(1)).toEqual(scored.data[0]!.tokens.map(t => t.logprob));
  // each place tells its own token first, and the likeliest
  expect(echo.prompt_logprobs!.slice(1).map((p, i) => p![String(whole[i + 1])]!.logprob)).toEqual(echo.logprobs.token_logprobs.slice(1));
  expect(echo.prompt_logprobs!.slice(given.length).map((p, i) => p![String(written[i])]!.rank)).toEqual(written.map(() => 1));
  expect(echo.finish_reason).toBe("length");
});

test("an echoed prompt is told in a stream too, and the token that ends the answer is listed behind it", async () => {
  said.text = "Hi";
  const body = { model: "speaker", prompt: "abc", max_tokens: 8, echo: true, logprobs: 0, temperature: 0 };
  const whole = (await ask("/v1/completions", body)).choices[0]!;
  expect(whole.text).toBe("abcHi");
  // start token, three letters, two letters, the end
  expect(whole.logprobs.tokens).toHaveLength(7);
  expect(whole.logprobs.text_offset).toEqual([0, 0, 1, 2, 3, 4, 5]);
  const chunks = await streamed("/v1/completions", body);
  const list = <K extends "tokens" | "token_logprobs" | "text_offset">(key: K) =>
    chunks.flatMap(c => c.choices[0]!.logprobs[key] as unknown[]);
  for (const key of ["tokens", "token_logprobs", "text_offset"] as const) expect(list(key)).toEqual(whole.logprobs[key]);
});

test("offsets count code points, and a character of several tokens starts once, streamed or whole", async () => {
  said.text = "😀ł!";
  const body = { model: "speaker", prompt: "a", max_tokens: 20, logprobs: 0, temperature: 0, stop: ["\n\n"] };
  const want = [0, 0, 0, 0, 1, 1, 2];
  expect((await ask("/v1/completions", body)).choices[0]!.logprobs.text_offset).toEqual(want);
  expect((await streamed("/v1/completions", body)).flatMap(c => c.choices[0]!.logprobs.text_offset)).toEqual(want);
});

test("ids of prompt and answer, with the tokens that are no part of the text; streamed = whole, completions and chat", async () => {
  said.text = "Hello";
  const letters = [...Buffer.from("Hello")];
  const body = { model: "speaker", prompt: "ab", max_tokens: 20, return_token_ids: true };
  const whole = (await ask("/v1/completions", body)).choices[0]!;
  expect(whole).toMatchObject({ prompt_token_ids: [fakeEndToken, 97, 98], token_ids: [...letters, fakeEndToken], stop_reason: null });
  const chunks = await streamed("/v1/completions", body);
  expect(chunks[0]!.choices[0]!.prompt_token_ids).toEqual(whole.prompt_token_ids);
  expect(chunks.slice(1).every(c => !("prompt_token_ids" in c.choices[0]!))).toBe(true);
  expect(chunks.flatMap(c => c.choices[0]!.token_ids)).toEqual(whole.token_ids);
  // beside log-probabilities, each id has its own
  const likely = (await ask("/v1/completions", { ...body, logprobs: 0, return_tokens_as_token_ids: true })).choices[0]!;
  expect(likely.logprobs.tokens).toEqual(whole.token_ids!.map(id => `token_id:${id}`));
  // a stop string's tokens are the answer's
  const stopped = (await ask("/v1/completions", { ...body, stop: ["lo"] })).choices[0]!;
  expect(stopped).toMatchObject({ text: "Hel", token_ids: letters, stop_reason: "lo" });

  const chat = { model: "speaker", messages: [{ role: "user", content: "Hi" }], return_token_ids: true, logprobs: true };
  const answer = await ask("/v1/chat/completions", { ...chat, return_tokens_as_token_ids: true });
  expect(answer.choices[0]!.token_ids).toEqual([...letters, fakeEndToken]);
  expect(answer.choices[0]!.logprobs.content.map(t => t.token)).toEqual(letters.map(l => `token_id:${l}`));
  const parts = await streamed("/v1/chat/completions", chat);
  expect(parts[0]!.prompt_token_ids).toEqual(answer.prompt_token_ids);
  expect(parts.flatMap(c => c.choices[0]!.token_ids ?? [])).toEqual([...letters, fakeEndToken]);
  // nobody asked: null in whole answers, absent in streams
  expect((await ask("/v1/completions", { ...body, return_token_ids: false })).choices[0]).toMatchObject({
    token_ids: null,
    prompt_token_ids: null,
  });
  expect(Object.keys((await streamed("/v1/completions", { ...body, return_token_ids: false }))[0]!.choices[0]!)).not.toContain("token_ids");
});

test("log-probabilities of tokens that are asked for by id, in place of the likeliest", async () => {
  const body = { max_tokens: 1, logprobs: 5, logprob_token_ids: [70, 71], allowed_token_ids: [72], return_tokens_as_token_ids: true };
  const got = (await complete(body)).choices[0]!;
  expect(got.logprobs.tokens).toEqual(["token_id:72"]);
  expect(Object.keys(got.logprobs.top_logprobs[0]!).sort()).toEqual(["token_id:70", "token_id:71", "token_id:72"]);
  expect(await complaint({ logprob_token_ids: [70] })).toContain("logprobs beside it");
});

test("allowed tokens, bad words and biases of words say what may be drawn", async () => {
  const ab = (await complete({ allowed_token_ids: [97, 98], max_tokens: 20 })).choices[0]!.text;
  expect(ab).toMatch(/^[ab]{20}$/);
  const noAb = (await complete({ allowed_token_ids: [97, 98], bad_words: ["ab", "bb"], max_tokens: 20 })).choices[0]!.text;
  expect(noAb).toMatch(/^b?a+$/);
  expect((await complete({ allowed_token_ids: [97, 98], logit_bias: [["a", false]], max_tokens: 5 })).choices[0]!.text).toBe("bbbbb");
  expect((await complete({ allowed_token_ids: [97, 98], logit_bias: [[98, 100]], max_tokens: 5, temperature: 0 })).choices[0]!.text).toBe(
    "bbbbb",
  );
  expect(await complaint({ allowed_token_ids: [97], bad_words: ["a"] })).toContain("badSequences: expected at least one token");
  expect(await complaint({ allowed_token_ids: [9999] })).toContain("allowed_token_ids");
  expect(await complaint({ logit_bias: { bad1: 5, bad2: 4 } })).toMatch(/logit_bias.*bad1.*bad2/);
});

test("an answer of min_tokens ends neither by a token nor by a text before, and a stop may be part of the text", async () => {
  said.text = "no. yes. maybe. end";
  const body = { model: "speaker", prompt: "a", max_tokens: 40, stop: ["."] };
  const text = async (more: object) => (await ask("/v1/completions", { ...body, ...more })).choices[0]!.text;
  expect(await text({})).toBe("no");
  expect(await text({ min_tokens: 5 })).toBe("no. yes");
  expect(await text({ min_tokens: 5, include_stop_str_in_output: true })).toBe("no. yes.");
  const long = await complete({ min_tokens: 30, max_tokens: 30, stop_token_ids: Array.from({ length: 200 }, (_, i) => i) });
  expect(long.usage!.completion_tokens).toBe(30);
  expect(await complaint({ min_tokens: 31, max_tokens: 30 })).toContain("min_tokens: expected at most max_tokens, 30");
});

test("a token that ends the answer is the stop_reason, and its text is kept where it is asked for", async () => {
  said.text = "one two";
  const body = { model: "speaker", prompt: "a", max_tokens: 40, stop_token_ids: [116] };
  expect((await ask("/v1/completions", body)).choices[0]).toMatchObject({ text: "one ", stop_reason: 116, finish_reason: "stop" });
  expect((await ask("/v1/completions", { ...body, include_stop_str_in_output: true })).choices[0]!.text).toBe("one t");
});

test("n_predict bounds the answer as llama.cpp has it; below 0 the context does", async () => {
  const count = async (body: object) => (await complete({ ...body, ignore_eos: true })).usage!.completion_tokens;
  expect(await count({ n_predict: 7, max_tokens: 3 })).toBe(7);
  // llama.cpp ends where the context does; OpenAI refuses a max_tokens that does not fit
  for (const n_predict of [-1, 5000]) expect(await count({ n_predict, max_tokens: undefined })).toBe(192 - 5);
});

test("a prompt is cut to its last tokens, its first ones, or what leaves room", async () => {
  const prompt = Array.from({ length: 190 }, (_, i) => 60 + (i % 60));
  const read = async (more: object) =>
    (await complete({ prompt, max_tokens: 4, return_token_ids: true, ...more })).choices[0]!.prompt_token_ids;
  expect(await read({ truncate_prompt_tokens: 3 })).toEqual(prompt.slice(-3));
  expect(await read({ truncate_prompt_tokens: 3, truncation_side: "right" })).toEqual(prompt.slice(0, 3));
  expect(await read({ truncate_prompt_tokens: -1 })).toEqual(prompt.slice(-188));
  expect(await complaint({ truncate_prompt_tokens: 0 })).toContain("truncate_prompt_tokens");
  expect(await read({ prompt: "ab", add_special_tokens: false })).toEqual([97, 98]);
});

test("llama.cpp's grammar and json_schema hold an answer to its form; one form a request", async () => {
  expect((await complete({ grammar: 'root ::= "yes" | "no"' })).choices[0]!.text).toMatch(/^(yes|no)$/);
  const schema = {
    type: "object",
    properties: { n: { type: "integer", minimum: 1, maximum: 3 } },
    required: ["n"],
    additionalProperties: false,
  };
  expect(JSON.parse((await complete({ json_schema: schema, max_tokens: 30 })).choices[0]!.text)).toMatchObject({ n: expect.any(Number) });
  expect(await complaint({ grammar: 'root ::= "a"', json_schema: schema })).toContain("one form of the answer");
  expect(await complaint({ grammar: "root ::= (" })).toContain("grammar");
  expect((await complete({ grammar: "" })).choices).toHaveLength(1);
});

test("every chunk tells the usage so far where that is asked for, and the last one all of it", async () => {
  const options = { stream_options: { include_usage: true, continuous_usage_stats: true } };
  const chunks = await streamed("/v1/completions", { model: "tiny", prompt: "Once", max_tokens: 9, ignore_eos: true, seed: 2, ...options });
  const counts = chunks.map(c => c.usage!.completion_tokens);
  expect(counts.at(-1)).toBe(9);
  expect(counts.every((n, i) => i === 0 || n >= counts[i - 1]!)).toBe(true);
  said.text = "Hello";
  const chat = await streamed("/v1/chat/completions", {
    model: "speaker",
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: 4,
    ...options,
  });
  const told = chat.filter(c => c.choices.length > 0).map(c => c.usage!.completion_tokens);
  expect(told).toEqual([...new Set(told)]);
  expect(chat.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
  expect(chat.at(-2)!.choices[0]!.finish_reason).toBe("length");
});

test("DRY ends a loop that a greedy answer would stay in, and XTC leaves the likeliest token out", async () => {
  const greedy = { prompt: "abcabcabcabc", temperature: 0, max_tokens: 24, ignore_eos: true };
  const plain = (await complete({ ...greedy, allowed_token_ids: [97, 98, 99] })).choices[0]!.text;
  const dry = (await complete({ ...greedy, allowed_token_ids: [97, 98, 99], dry_multiplier: 50, dry_penalty_last_n: -1 })).choices[0]!.text;
  const repeated = (text: string) =>
    [...`${greedy.prompt}${text}`.matchAll(/(?=(.{4}))/g)].map(m => m[1]).filter((t, i, all) => all.indexOf(t) < i).length;
  expect(repeated(dry)).toBeLessThan(repeated(plain));
  said.text = "aaaa";
  // the speaker is all but sure of each letter: nothing else reaches the threshold, so nothing is left out
  const sure = await ask("/v1/completions", { model: "speaker", prompt: "b", max_tokens: 4, xtc_probability: 1, xtc_threshold: 0.1 });
  expect(sure.choices[0]!.text).toBe("aaaa");
  expect(await complaint({ xtc_probability: 2 })).toContain("xtc_probability");
});

test("a chat that goes on with the assistant's last message begins with it where it is echoed, whole and streamed", async () => {
  said.text = " away";
  const messages = [
    { role: "user", content: "A saying" },
    { role: "assistant", content: "An apple a day keeps" },
  ];
  const body = { model: "speaker", messages, continue_final_message: true, add_generation_prompt: false, temperature: 0 };
  const content = async (more: object) => (await ask("/v1/chat/completions", { ...body, ...more })).choices[0]!.message.content;
  const streamedContent = async (more: object) =>
    (await streamed("/v1/chat/completions", { ...body, ...more })).map(c => c.choices[0]!.delta.content ?? "").join("");
  for (const read of [content, streamedContent]) {
    expect(await read({ echo: true })).toBe("An apple a day keeps away");
    expect(await read({ echo: false })).toBe(" away");
  }
});

test("a server's own defaults: tokens by their ids, and usage in every chunk of streams, unless they are no streams", async () => {
  const telling = createApp({
    engines: [engine, said.engine],
    answers: { tokensAsIds: true, usageInStreams: true },
    onFailure: e => failures.push(e),
  });
  const send = async (path: string, body: object): Promise<Response> => {
    const headers = { "content-type": "application/json" };
    return telling.fetch(new Request(`http://127.0.0.1${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
  };
  said.text = "Hello";
  const letters = [..."Hello"];
  const ids = letters.map(l => `token_id:${l.charCodeAt(0)}`);
  const kinds = [
    ["/v1/completions", { model: "speaker", prompt: "a", max_tokens: 20, logprobs: 0 }, (c: Choice) => c.logprobs.tokens],
    [
      "/v1/chat/completions",
      { model: "speaker", messages: [{ role: "user", content: "Hi" }], logprobs: true },
      (c: Choice) => c.logprobs.content.map(t => t.token),
    ],
  ] as const;
  for (const [path, body, tokensOf] of kinds) {
    const whole = async (more: object) => ((await (await send(path, { ...body, ...more })).json()) as Answer).choices[0]!;
    expect(tokensOf(await whole({}))).toEqual(ids);
    expect(tokensOf(await whole({ return_tokens_as_token_ids: false }))).toEqual(letters);
    // what one request asks for by itself is what a server of these defaults answers to all
    const read = (text: string) =>
      text
        .split("\n\n")
        .filter(e => e.startsWith("data: {"))
        .map(e => (JSON.parse(e.slice(6)) as Answer).usage);
    const asked = { ...body, stream: true, stream_options: { include_usage: true, continuous_usage_stats: true } };
    const want = read(await (await post(path, asked)).text());
    expect(want.length).toBeGreaterThan(1);
    expect(want.every(usage => usage !== null && usage.prompt_tokens > 0)).toBe(true);
    for (const stream_options of [undefined, null, {}, { include_usage: false }])
      expect(read(await (await send(path, { ...body, stream: true, stream_options })).text())).toEqual(want);
    // as before, options of no stream and of a wrong type are refused
    expect((await send(path, { ...body, stream_options: {} })).status).toBe(400);
    expect((await send(path, { ...body, stream: true, stream_options: "all" })).status).toBe(400);
  }
});

test("-1 asks for the whole vocabulary where the server lets requests; else the error names --max-logprobs; a response is bounded", async () => {
  const sending =
    (to: ReturnType<typeof createApp>) =>
    async (path: string, body: object): Promise<Answer> => {
      const headers = { "content-type": "application/json" };
      const request = new Request(`http://127.0.0.1${path}`, { method: "POST", headers, body: JSON.stringify({ model: "tiny", ...body }) });
      return (await (await to.fetch(request)).json()) as Answer;
    };
  const open = sending(createApp({ engines: [engine], maxLogprobs: -1, onFailure: e => failures.push(e) }));
  const few = sending(createApp({ engines: [engine], maxLogprobs: 3, onFailure: e => failures.push(e) }));
  const { vocabSize } = engine.model.tokenizer;
  const messages = [{ role: "user", content: "Hi" }];
  const chat = { messages, max_tokens: 1, temperature: 0, logprobs: true };
  const text = { prompt: "Once", max_tokens: 1, temperature: 0 };
  const whole = (await open("/v1/chat/completions", { ...chat, top_logprobs: -1 })).choices[0]!.logprobs.content[0]!;
  expect(whole.top_logprobs).toHaveLength(vocabSize);
  const total = (whole.top_logprobs as readonly { readonly logprob?: number }[]).reduce((sum, t) => sum + Math.exp(t.logprob!), 0);
  expect(total).toBeCloseTo(1, 4);
  const twenty = (await ask("/v1/chat/completions", { model: "tiny", ...chat, top_logprobs: 20 })).choices[0]!.logprobs.content[0]!;
  expect(whole.top_logprobs.slice(0, 20)).toEqual(twenty.top_logprobs);
  const prompt = (await open("/v1/completions", { ...text, prompt_logprobs: -1 })).choices[0]!.prompt_logprobs!;
  expect(prompt.slice(1).map(p => Object.keys(p!).length)).toEqual(prompt.slice(1).map(() => vocabSize));
  for (const [path, body, place] of [
    ["/v1/chat/completions", { ...chat, top_logprobs: -1 }, "top_logprobs"],
    ["/v1/chat/completions", { ...chat, prompt_logprobs: -1 }, "prompt_logprobs"],
    ["/v1/completions", { ...text, logprobs: -1 }, "logprobs"],
    ["/v1/responses", { input: "Hi", max_output_tokens: 16, top_logprobs: -1 }, "top_logprobs"],
  ] as const) {
    const refused = await ask(path, { model: "tiny", ...body });
    expect(refused.error).toMatchObject({ param: place, message: expect.stringContaining(`--max-logprobs ${vocabSize}`) });
    expect(refused.error!.message).toContain("expected a number at most 20");
  }
  expect((await few("/v1/completions", { ...text, logprobs: 4 })).error!.message).toContain("expected a number at most 3, got 4");
  expect((await few("/v1/completions", { ...text, logprobs: 3 })).error).toBeUndefined();
  const many = Array.from({ length: 128 }, () => "a");
  const large = await open("/v1/completions", { prompt: many, max_tokens: 100, logprobs: -1 });
  expect(large.error).toMatchObject({ param: "logprobs", message: expect.stringContaining("Lower max_tokens") });
});

interface Tokenized {
  readonly tokens: number[];
  readonly count: number;
  readonly max_model_len: number;
  readonly token_strs: string[] | null;
  readonly error?: { readonly param: string };
}
const tokenize = async (body: object) => (await (await post("/tokenize", body)).json()) as Tokenized;

test("/tokenize of a chat refused its tools, its template and a continued turn: it gives what the model would be asked", async () => {
  const messages = [{ role: "user", content: "What's the weather?" }];
  const begun = [...messages, { role: "assistant", content: "Sure," }];
  const tools = [
    { type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { place: { type: "string" } } } } },
  ];
  const cases: object[] = [
    { messages },
    { messages, tools },
    { messages, add_generation_prompt: false },
    { messages: begun, continue_final_message: true, add_generation_prompt: false },
    { messages: begun, tools, continue_final_message: true },
  ];
  const seen = new Set<string>();
  for (const body of cases) {
    const { tokens, count, token_strs } = await tokenize({ model: "speaker", ...body });
    expect(count).toBe(tokens.length);
    expect(token_strs).toBeNull();
    const asked = await ask("/v1/chat/completions", { model: "speaker", max_tokens: 1, return_token_ids: true, ...body });
    expect(asked.prompt_token_ids).toEqual(tokens);
    seen.add(String(tokens));
  }
  expect(seen.size).toBe(cases.length);
  expect((await tokenize({ model: "speaker", messages, continue_final_message: true })).error?.param).toBe("messages");
  // no operator allowed templates of requests
  expect((await tokenize({ model: "speaker", messages, chat_template: "{{ messages }}" })).error?.param).toBe("chat_template");
});

test("/tokenize names tokens as the vocabulary writes them, and nothing where it is not asked", async () => {
  expect((await tokenize({ model: "speaker", prompt: "Hi" })).token_strs).toBeNull();
  const { tokens, token_strs } = await tokenize({ model: "speaker", prompt: "Hi", return_token_strs: true });
  const { tokenizer } = said.engine.model;
  expect(token_strs).toEqual(tokens.map(id => tokenizer.tokenOf?.(id) ?? tokenizer.decode([id])));
});

test("a server that tells what requests took does so in whole answers, and in streams beside the usage alone", async () => {
  const telling = createApp({ engines: [engine], answers: { requestMetrics: true } });
  const send = async (path: string, body: object): Promise<string> => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "tiny", ignore_eos: true, ...body }),
    };
    return (await telling.fetch(new Request(`http://127.0.0.1${path}`, init))).text();
  };
  const names = ["queue_time_ms", "time_to_first_token_ms", "generation_time_ms", "mean_itl_ms", "tokens_per_second"];
  type Told = { readonly metrics?: Readonly<Record<string, number>>; readonly usage?: object | null };
  const kinds: [string, object][] = [
    ["/v1/completions", { prompt: "Once" }],
    ["/v1/chat/completions", { messages: [{ role: "user", content: "Hi" }] }],
  ];
  for (const [path, body] of kinds) {
    const { metrics } = JSON.parse(await send(path, { ...body, max_tokens: 4, n: 2 })) as Told;
    expect(Object.keys(metrics!)).toEqual(names);
    for (const value of Object.values(metrics!)) expect(value).toBeGreaterThanOrEqual(0);
    expect(metrics!.time_to_first_token_ms).toBeGreaterThanOrEqual(metrics!.queue_time_ms!);
    // one token has no time between tokens
    const one = JSON.parse(await send(path, { ...body, max_tokens: 1 })) as Told;
    expect(Object.keys(one.metrics!)).toEqual(names.filter(name => name !== "mean_itl_ms"));
    const stream = (await send(path, { ...body, max_tokens: 4, stream: true, stream_options: { include_usage: true } }))
      .split("\n\n")
      .filter(e => e.startsWith("data: {"))
      .map(e => JSON.parse(e.slice(6)) as Told);
    expect(stream.map(chunk => chunk.metrics !== undefined)).toEqual(stream.map((_, i) => i === stream.length - 1));
    expect(Object.keys(stream.at(-1)!.metrics!)).toEqual(names);
    expect(await send(path, { ...body, max_tokens: 4, stream: true })).not.toContain('"metrics"');
  }
  const plain = await ask("/v1/completions", { model: "tiny", prompt: "Once", max_tokens: 1 });
  expect(plain).not.toHaveProperty("metrics");
  telling.close();
});

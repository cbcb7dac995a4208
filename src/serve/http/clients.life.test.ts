/** The OpenAI side of the contracts through the clients that people use: openai, the AI SDK, LangChain.js. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { type AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { tool as aiTool, embedMany, generateText, stepCountIs, streamText } from "ai";
import OpenAI, { BadRequestError } from "openai";
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyConfig, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { speaker, tinyEncoder } from "./fakes.ts";

const device = openDevice("cpu", { threads: 1 });
/** Writes tools and calls as Hermes' and Qwen's templates do. */
const withTools = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: withTools });
const plain = await speaker(device, { id: "plain@1", aliases: ["plain"], chatTemplate: chatTemplate() });
const tiny = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 4 });
const nonsense = createEngine({
  model: await tinyModel(device, { id: "nonsense", aliases: [], chatTemplate: withTools, config: { ...tinyConfig, context: 512 } }),
  device,
  slots: 4,
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
await Promise.all([tiny.ready, nonsense.ready, encoder.ready]);
const failures: unknown[] = [];
const app = createApp({ engines: [said.engine, plain.engine, tiny, nonsense], encoders: [encoder], onFailure: e => failures.push(e) });
const server = await listen(app, { port: 0 });
const baseURL = `${server.url}/v1`;
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
beforeEach(() => {
  said.prompts.length = 0;
  plain.prompts.length = 0;
});
afterAll(async () => {
  await server.close();
  expect(failures).toEqual([]);
});

const weather = {
  type: "function" as const,
  function: { name: "weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const called = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';
const asked = [{ role: "user" as const, content: "Rain?" }];

test("openai: a call is read out of the answer, whole and streamed, and its result goes back in", async () => {
  said.text = called;
  const whole = await client.chat.completions.create({ model: "speaker", messages: asked, tools: [weather] });
  const { message, finish_reason } = whole.choices[0]!;
  expect(finish_reason).toBe("tool_calls");
  expect(message.content).toBe("Let me look.");
  const [call] = message.tool_calls!;
  expect(call).toMatchObject({ type: "function", function: { name: "weather", arguments: '{"city": "Łódź"}' } });
  expect(said.prompts.at(-1)).toBe("[tools: weather ]<|user|>Rain?<|assistant|>");

  const helped = client.chat.completions.stream({ model: "speaker", messages: asked, tools: [weather] });
  const deltas: string[] = [];
  helped.on("tool_calls.function.arguments.delta", d => deltas.push(d.arguments_delta));
  const streamed = (await helped.finalChatCompletion()).choices[0]!;
  expect(streamed.finish_reason).toBe("tool_calls");
  expect(streamed.message.content).toBe("Let me look.");
  expect(streamed.message.tool_calls![0]!).toMatchObject({
    type: "function",
    function: { name: "weather", arguments: '{"city": "Łódź"}' },
  });
  expect(deltas.length).toBeGreaterThan(3);

  said.text = "It rains.";
  const next = [...asked, message, { role: "tool" as const, tool_call_id: call!.id, content: "rain" }];
  const answer = await client.chat.completions.create({ model: "speaker", messages: next, tools: [weather] });
  expect(answer.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "It rains." } });
  expect(said.prompts.at(-1)).toContain(
    '<tool_call>{"name": "weather", "arguments": {"city": "Łódź"}}</tool_call><|tool|>rain<|assistant|>',
  );
});

test("openai: a choice of none shows no tools; required and a name make the answer begin with the call", async () => {
  said.text = called;
  const none = await client.chat.completions.create({ model: "speaker", messages: asked, tools: [weather], tool_choice: "none" });
  expect(none.choices[0]!.message).toMatchObject({ content: called });
  expect(said.prompts.at(-1)).not.toContain("[tools");
  // what it would say is held to a call: nothing else gets through
  said.text = '{"name": "weather", "arguments": {}} and more';
  const required = await client.chat.completions.create({ model: "speaker", messages: asked, tools: [weather], tool_choice: "required" });
  expect(said.prompts.at(-1)).toMatch(/<tool_call>\n$/);
  expect(required.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
  expect(required.choices[0]!.message.tool_calls).toMatchObject([{ function: { name: "weather", arguments: "{}" } }]);
  said.text = '{"name": "weather", "arguments": {"city": "Rome"}}';
  const named = await client.chat.completions.create({
    model: "speaker",
    messages: asked,
    tools: [weather, { ...weather, function: { ...weather.function, name: "other" } }],
    tool_choice: { type: "function", function: { name: "weather" } },
  });
  expect(named.choices[0]!.message.tool_calls).toMatchObject([{ function: { name: "weather", arguments: '{"city": "Rome"}' } }]);
});

test("openai: a model that speaks nonsense calls as the schemas say when it must, streamed or not", async () => {
  const place = {
    type: "object",
    properties: { at: { $ref: "#/$defs/point" }, kind: { enum: ["in", "out"] } },
    required: ["at", "kind"],
    additionalProperties: false,
    $defs: {
      point: {
        type: "object",
        properties: { x: { type: "integer", minimum: 0, maximum: 99 } },
        required: ["x"],
        additionalProperties: false,
      },
    },
  };
  const size = { type: "object", properties: { n: { type: "boolean" } }, required: ["n"], additionalProperties: false };
  const tools = [
    { type: "function" as const, function: { name: "place", parameters: place } },
    { type: "function" as const, function: { name: "size", parameters: size } },
  ];
  const shapes = {
    place: z.strictObject({ at: z.strictObject({ x: z.int().min(0).max(99) }), kind: z.enum(["in", "out"]) }),
    size: z.strictObject({ n: z.boolean() }),
  };
  const names = new Set<string>();
  for (let seed = 0; seed < 8; seed++) {
    const ask = { model: "nonsense", messages: asked, tools, tool_choice: "required" as const, seed, temperature: 2 };
    const [choice] = (await client.chat.completions.create(ask)).choices;
    const [call] = choice!.message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect([choice!.finish_reason, choice!.message.content]).toEqual(["tool_calls", null]);
    const shape = shapes[call!.function.name as keyof typeof shapes];
    expect(() => shape.parse(JSON.parse(call!.function.arguments)), call!.function.arguments).not.toThrow();
    names.add(call!.function.name);
    const streamed = (await client.chat.completions.stream(ask).finalChatCompletion()).choices[0]!.message.tool_calls!;
    expect(streamed).toMatchObject([{ function: { name: call!.function.name, arguments: call!.function.arguments } }]);
    const named = await client.chat.completions.create({ ...ask, tool_choice: { type: "function", function: { name: "size" } } });
    expect(named.choices[0]!.message.tool_calls).toMatchObject([{ function: { name: "size" } }]);
  }
  expect(names.size).toBe(2);
  const beyond = { ...size, properties: { n: { type: "string", pattern: "(a)\\1" } } };
  const unknown = { ...tools[1]!, function: { name: "size", strict: true, parameters: beyond } };
  await expect(
    client.chat.completions.create({ model: "nonsense", messages: asked, tools: [unknown], tool_choice: "required" }),
  ).rejects.toThrow(/pattern/);
});

test("openai: a model whose template knows no tools is told of them in words", async () => {
  plain.text = '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>';
  const answer = await client.chat.completions.create({
    model: "plain",
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Rain?" },
      { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: "{}" } }] },
      { role: "tool", tool_call_id: "c1", content: "which city?" },
    ],
    tools: [weather],
  });
  expect(answer.choices[0]!.message.tool_calls).toMatchObject([{ function: { name: "weather", arguments: '{"city": "Rome"}' } }]);
  const prompt = plain.prompts.at(-1)!;
  expect(prompt).toContain("Be brief.\n\nThese functions can be called");
  expect(prompt).toContain('"name":"weather"');
  expect(prompt).toContain("<tool_response>\nwhich city?\n</tool_response>");
});

test("openai: what is wrong with tools is a 400 that names it", async () => {
  const ask = (more: object) => client.chat.completions.create({ model: "speaker", messages: asked, ...more } as never);
  for (const [more, param] of [
    [{ tools: [weather, weather] }, "tools"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ tools: [weather], tool_choice: { type: "function", function: { name: "rm" } } }, "tool_choice"],
    [{ tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name"],
    [{ tools: [weather], tool_choice: "maybe" }, "tool_choice"],
  ] as const) {
    const error = await ask(more).then(
      () => undefined,
      e => e as BadRequestError,
    );
    expect(error, JSON.stringify(more)).toBeInstanceOf(BadRequestError);
    expect(error!.param).toBe(param);
  }
});

test("openai: responses, whole and streamed, text and calls; the events build the whole", async () => {
  said.text = "Hello there.";
  const hello = await client.responses.create({ model: "speaker", input: "Hi", instructions: "Be kind." });
  expect(hello.output_text).toBe("Hello there.");
  expect(hello).toMatchObject({ object: "response", status: "completed", store: true, usage: { output_tokens: 13 } });
  expect(said.prompts.at(-1)).toBe("<|system|>Be kind.<|user|>Hi<|assistant|>");

  said.text = called;
  const tools = [{ type: "function" as const, name: "weather", parameters: {}, strict: false }];
  const input = [{ role: "user" as const, content: "Rain?" }];
  const events: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const e of await client.responses.create({ model: "speaker", input, tools, stream: true })) events.push(e);
  expect(events.map(e => e.sequence_number)).toEqual(events.map((_, i) => i));
  expect([events[0]!.type, events[1]!.type, events.at(-1)!.type]).toEqual([
    "response.created",
    "response.in_progress",
    "response.completed",
  ]);
  const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
  expect(last.response.output).toMatchObject([
    { type: "message", status: "completed", content: [{ type: "output_text", text: "Let me look." }] },
    { type: "function_call", name: "weather", arguments: '{"city": "Łódź"}', status: "completed" },
  ]);
  const of = (type: string) => events.filter(e => e.type === type) as { delta: string }[];
  expect(
    of("response.output_text.delta")
      .map(e => e.delta)
      .join(""),
  ).toBe("Let me look.");
  expect(
    of("response.function_call_arguments.delta")
      .map(e => e.delta)
      .join(""),
  ).toBe('{"city": "Łódź"}');
  // the client's own accumulator agrees
  const final = await client.responses.stream({ model: "speaker", input, tools }).finalResponse();
  expect(final.output_text).toBe("Let me look.");

  const call = last.response.output[1] as OpenAI.Responses.ResponseFunctionToolCall;
  said.text = "It rains.";
  const next = await client.responses.create({
    model: "speaker",
    tools,
    input: [...input, call, { type: "function_call_output", call_id: call.call_id, output: "rain" }],
  });
  expect(next.output_text).toBe("It rains.");
  expect(said.prompts.at(-1)).toContain("<|tool|>rain<|assistant|>");
  const cut = await client.responses.create({ model: "speaker", input: "Hi", max_output_tokens: 3 });
  expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output_text: "It " });
  const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
  const format = { type: "json_schema" as const, name: "ok", schema, strict: true };
  const formed = await client.responses.create({ model: "nonsense", input: "Is it?", text: { format }, temperature: 2 });
  expect(JSON.parse(formed.output_text)).toEqual({ ok: expect.any(Boolean) });
  expect(formed.text?.format).toEqual(format);
  await expect(client.responses.create({ model: "speaker", input: "a", previous_response_id: "resp_1" })).rejects.toThrow(
    /404 previous_response_id: Response with id "resp_1" not found/,
  );
  await expect(client.responses.create({ model: "speaker", input: [{ type: "function_call_output" } as never] })).rejects.toThrow(
    /call_id/,
  );
});

test("openai: embeddings as base64 (the client's default) and as numbers, texts and tokens, are the same vectors", async () => {
  const texts = ["a cat", "the weather in the mountains of the north", "a"];
  const { data, usage } = await client.embeddings.create({ model: "tiny-encoder@1", input: texts });
  const floats = await client.embeddings.create({ model: "tiny-encoder@1", input: texts, encoding_format: "float" });
  expect(data.map(d => d.index)).toEqual([0, 1, 2]);
  expect(floats.data.map(d => d.embedding)).toEqual(data.map(d => d.embedding));
  expect(usage).toEqual({ prompt_tokens: 47, total_tokens: 47 });
  const tokens = await client.embeddings.create({ model: "tiny-encoder@1", input: texts.map(t => [...Buffer.from(t)]) });
  expect(tokens.data.map(d => d.embedding)).toEqual(data.map(d => d.embedding));
  for (const { embedding } of data) expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  const short = await client.embeddings.create({ model: "tiny-encoder@1", input: "a cat", dimensions: 5 });
  const first = data[0]!.embedding.slice(0, 5);
  short.data[0]!.embedding.forEach((x, i) => {
    expect(x).toBeCloseTo(first[i]! / Math.hypot(...first), 6);
  });
});

test("openai: a text's vector is the same to the last bit alone and among hundreds, sent at once", async () => {
  const texts = Array.from({ length: 200 }, (_, i) => "word ".repeat(1 + (i % 18)) + i);
  const embed = async (input: string | string[]) =>
    (await client.embeddings.create({ model: "tiny-encoder@1", input })).data.map(d => d.embedding);
  const [together, ...alone] = await Promise.all([embed(texts), ...texts.slice(0, 40).map(t => embed(t))]);
  expect(alone.map(a => a[0])).toEqual(together!.slice(0, 40));
  expect(encoder.stats().batches).toBeLessThan(encoder.stats().texts / 2);
});

test("openai: what cannot be embedded is an error that says why", async () => {
  const refused = async (body: object) =>
    client.embeddings.create({ model: "tiny-encoder@1", ...body } as never).then(
      () => "nothing",
      e => `${(e as BadRequestError).status} ${(e as BadRequestError).param ?? (e as BadRequestError).code}`,
    );
  expect(await refused({ input: "" })).toBe("400 input");
  expect(await refused({ input: [] })).toBe("400 input");
  expect(await refused({ input: ["a", {}] })).toBe("400 input");
  expect(await refused({ input: [300] })).toBe("400 input");
  expect(await refused({ input: "x".repeat(200) })).toBe("400 context_length_exceeded");
  expect(await refused({ input: "a", dimensions: 33 })).toBe("400 dimensions");
  expect(await refused({ input: "a", encoding_format: "int8" })).toBe("400 encoding_format");
  expect(await refused({ model: "tiny", input: "a" })).toBe("400 model");
  expect(await refused({ model: "bert", input: "a" })).toBe("404 model");
  await expect(client.chat.completions.create({ model: "tiny-encoder@1", messages: asked })).rejects.toThrow(/v1\/embeddings/);
  expect(await refused({ input: "x".repeat(200), truncate: true })).toBe("nothing");
});

test("a score equals what the model said of its own words, to the last bit; perplexity follows from it", async () => {
  const body = { model: "tiny", prompt: "Once", max_tokens: 12, seed: 3, logprobs: 2, ignore_eos: true, logit_bias: { 256: -100 } };
  const own = (await client.completions.create(body as never)) as OpenAI.Completion;
  const text = own.choices[0]!;
  const post = async (path: string, b: object) =>
    (
      await fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(b) })
    ).json();
  const prompt = ((await post("/tokenize", { model: "tiny", prompt: "Once" })) as { tokens: number[] }).tokens;
  expect(prompt).toEqual([256, ...Buffer.from("Once")]);
  // the bytes that were drawn need not be UTF-8, so the tokens are what is scored
  const drawn: number[] = [];
  for await (const e of tiny.submit({
    tokens: prompt,
    maxTokens: 12,
    seed: 3,
    sampling: { logitBias: new Map([[256, -100]]) },
    likelihoods: 2,
  }))
    drawn.push(...e.tokens.map(t => t.token));
  const scored = (await post("/v1/score", { model: "tiny", prompt, input: drawn, top_logprobs: 2 })) as {
    data: { tokens: { logprob: number; top_logprobs: unknown[] }[]; perplexity: number; log_likelihood: number }[];
  };
  const of = scored.data[0]!;
  expect(of.tokens.map(t => t.logprob)).toEqual(text.logprobs!.token_logprobs);
  expect(of.tokens[0]!.top_logprobs.length).toBe(2);
  expect(of.perplexity).toBeCloseTo(Math.exp(-of.log_likelihood / 12), 9);
  expect(await post("/detokenize", { model: "tiny", tokens: prompt.slice(1) })).toEqual({ prompt: "Once" });
  expect(await post("/v1/score", { model: "tiny", input: "" })).toMatchObject({ error: { param: "input" } });
  // the whole distribution, where it is asked for
  const whole = (await post("/v1/score", { model: "tiny", prompt, input: drawn, top_logprobs: 1024 })) as {
    data: { tokens: { id: number; logprob: number; top_logprobs: { id: number; logprob: number }[] }[] }[];
  };
  for (const { id, logprob, top_logprobs } of whole.data[0]!.tokens) {
    expect(new Set(top_logprobs.map(t => t.id)).size).toBe(tiny.model.config.vocab);
    expect(top_logprobs.find(t => t.id === id)!.logprob).toBe(logprob);
    expect(top_logprobs.reduce((sum, t) => sum + Math.exp(t.logprob), 0)).toBeCloseTo(1, 6);
  }
  const many = { model: "tiny", prompt, input: Array.from({ length: 128 }, () => drawn), top_logprobs: 1024 };
  expect(await post("/v1/score", many)).toMatchObject({
    error: { param: "top_logprobs", message: expect.stringContaining("at most 682") },
  });
  expect(await post("/detokenize", { model: "tiny", tokens: [999] })).toMatchObject({ error: { param: "tokens" } });
});

test("reranking puts a document that says the query first", async () => {
  const answer = await fetch(`${baseURL}/rerank`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny-encoder@1", query: "a cat", documents: ["zzzz", "a cat", "12"], top_n: 2, return_documents: true }),
  });
  const { results } = (await answer.json()) as { results: { index: number; relevance_score: number; document: { text: string } }[] };
  expect(results.length).toBe(2);
  expect(results[0]).toMatchObject({ index: 1, document: { text: "a cat" } });
  expect(results[0]!.relevance_score).toBeCloseTo(1, 5);
});

test("AI SDK: text, streamed text, a tool that is called and answered, embeddings", async () => {
  const provider = createOpenAICompatible({ name: "loam", baseURL, apiKey: "none", includeUsage: true });
  said.text = "Hello there.";
  const { text, usage } = await generateText({ model: provider("speaker"), prompt: "Hi" });
  expect([text, usage.outputTokens]).toEqual(["Hello there.", 13]);
  let streamed = "";
  for await (const part of streamText({ model: provider("speaker"), prompt: "Hi" }).textStream) streamed += part;
  expect(streamed).toBe("Hello there.");

  said.text = called;
  const cities: string[] = [];
  const result = await generateText({
    model: provider("speaker"),
    prompt: "Rain?",
    stopWhen: stepCountIs(3),
    tools: {
      weather: aiTool({
        description: "Weather of a city",
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => {
          cities.push(city);
          said.text = "It rains.";
          return "rain";
        },
      }),
    },
  });
  expect([cities, result.text, result.steps.length]).toEqual([["Łódź"], "It rains.", 2]);
  const { embeddings } = await embedMany({ model: provider.embeddingModel("tiny-encoder@1"), values: ["a", "b"] });
  const own = await client.embeddings.create({ model: "tiny-encoder@1", input: ["a", "b"] });
  expect(embeddings).toEqual(own.data.map(d => d.embedding));
});

test("LangChain: chat, streams, a bound tool, the Responses API, embeddings", async () => {
  const chat = new ChatOpenAI({ model: "speaker", apiKey: "none", configuration: { baseURL }, maxRetries: 0 });
  said.text = "Hello there.";
  expect((await chat.invoke("Hi")).content).toBe("Hello there.");
  let streamed = "";
  for await (const chunk of await chat.stream("Hi")) streamed += chunk.content;
  expect(streamed).toBe("Hello there.");

  const bound = chat.bindTools([
    tool(async () => "rain", { name: "weather", description: "Weather", schema: z.object({ city: z.string() }) }),
  ]);
  said.text = called;
  const message = await bound.invoke("Rain?");
  expect(message.tool_calls).toMatchObject([{ name: "weather", args: { city: "Łódź" } }]);
  said.text = "It rains.";
  const id = message.tool_calls![0]!.id!;
  const next = await bound.invoke([
    new HumanMessage("Rain?"),
    message as AIMessage,
    new ToolMessage({ content: "rain", tool_call_id: id }),
  ]);
  expect(next.content).toBe("It rains.");

  const newer = new ChatOpenAI({ model: "speaker", apiKey: "none", configuration: { baseURL }, maxRetries: 0, useResponsesApi: true });
  expect((await newer.invoke("Hi")).text).toBe("It rains.");
  let parts = "";
  for await (const chunk of await newer.stream("Hi")) parts += chunk.text;
  expect(parts).toBe("It rains.");

  const vectors = new OpenAIEmbeddings({ model: "tiny-encoder@1", apiKey: "none", configuration: { baseURL } });
  const own = await client.embeddings.create({ model: "tiny-encoder@1", input: ["a", "b"] });
  expect(await vectors.embedDocuments(["a", "b"])).toEqual(own.data.map(d => d.embedding));
  expect(await vectors.embedQuery("a")).toEqual(own.data[0]!.embedding);
});

test("a client that leaves a stream of responses frees its slot", async () => {
  said.text = "x".repeat(3000);
  const stream = await client.responses.create({ model: "speaker", input: "go", stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 6) break;
  await expect.poll(() => said.engine.stats().running).toBe(0);
  await expect.poll(() => app.inFlight).toBe(0);
});

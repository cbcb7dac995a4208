/**
 * A real `loam serve` behind the gateway in each protocol that it speaks, asked through OpenAI's official client: what comes out is what the server
 * says when it is asked directly.
 */
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import OpenAI, { type APIError, BadRequestError } from "openai";
import { afterAll, beforeEach, expect, test } from "vitest";
import { testGateway } from "../src/gateway/fakes.ts";
import { bertConfig, encoderSpec, initialise } from "../src/nn/index.ts";
import { createEmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { servedEncoder } from "../src/serve/embedding/served-encoder.ts";
import { createEngine } from "../src/serve/engine.ts";
import { byteTokenizer, tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { speaker, tinyEncoder } from "../src/serve/http/fakes.ts";
import { listen } from "../src/serve/listen.ts";
import { openDevice } from "../src/tensor/index.ts";
import { chatTemplate } from "../src/text/index.ts";

const device = openDevice("cpu", { threads: 1 });
const withTools = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: withTools });
const tiny = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 4 });
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { aliases: ["encoder"] }), device });
/** Tells kinds of texts by chance: its weights are random. */
const labels = ["spam", "rude", "fine"];
const classes = {
  ...bertConfig({ vocab: 257, width: 24, layers: 2, heads: 2, context: 96 }),
  classifier: { labels, kind: "one" as const },
};
const judge = createEmbeddingEngine({
  model: servedEncoder({
    id: "judge@1",
    name: "judge",
    version: 1,
    aliases: ["judge"],
    model: { family: "encoder", config: classes, parameters: await initialise(encoderSpec(classes), device, "judge") },
    tokenizer: byteTokenizer,
    fingerprint: "judge",
  }),
  device,
});
await Promise.all([tiny.ready, encoder.ready, judge.ready]);
const app = createApp({ engines: [said.engine, tiny], encoders: [encoder, judge], onFailure: () => {} });
const server = await listen(app, { port: 0 });

const protocols = ["anthropic", "ollama", "inference", "tensorflow"] as const;
/** Servers of Messages must be told a bound: the model's own. */
const bounds = { speaker: 2000, tiny: 100, encoder: 1 };
const targetsOf = (model: keyof typeof bounds) =>
  Object.fromEntries(
    ["openai", "chatOnly", ...protocols].map(p => [`${p}-${model}`, { targets: [{ upstream: p, model }], maxOutputTokens: bounds[model] }]),
  );
// Messages are spoken by a gateway of their own before the same server
const messages = await testGateway({
  upstreams: { own: { url: `${server.url}/v1` } },
  models: { speaker: { targets: [{ upstream: "own" }] }, tiny: { targets: [{ upstream: "own" }] } },
});
process.env.LOAM_TEST_MESSAGES_KEY = messages.key;
const gateway = await testGateway({
  upstreams: {
    openai: { url: `${server.url}/v1` },
    chatOnly: { url: `${server.url}/v1`, responses: "chat" },
    anthropic: { url: messages.url, protocol: "anthropic", key: { env: "LOAM_TEST_MESSAGES_KEY" } },
    ollama: { url: server.url, protocol: "ollama" },
    inference: { url: server.url, protocol: "inference" },
    tensorflow: { url: server.url, protocol: "tensorflow" },
  },
  models: {
    ...targetsOf("speaker"),
    ...targetsOf("tiny"),
    ...targetsOf("encoder"),
    judge: { targets: [{ upstream: "tensorflow", model: "judge" }] },
  },
  retries: { attempts: 0 },
});
const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
beforeEach(() => {
  said.prompts.length = 0;
});
afterAll(async () => {
  await gateway.close();
  await messages.close();
  await server.close();
  expect([...gateway.failures, ...messages.failures]).toEqual([]);
});

const weather = {
  type: "function" as const,
  function: { name: "weather", description: "Weather of a city", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const called = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';
const turns = [
  { role: "system" as const, content: "Be kind." },
  { role: "user" as const, content: "Hi" },
  { role: "assistant" as const, content: "Hello!" },
  { role: "user" as const, content: "Rain in Łódź?" },
];

interface Read {
  text: string;
  reason: string | null;
  usage: OpenAI.CompletionUsage | undefined;
}
async function streamed(ask: object): Promise<Read> {
  const got: Read = { text: "", reason: null, usage: undefined };
  for await (const c of (await client.chat.completions.create({
    ...ask,
    stream: true,
    stream_options: { include_usage: true },
  } as never)) as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>) {
    got.text += c.choices[0]?.delta.content ?? "";
    got.reason = c.choices[0]?.finish_reason ?? got.reason;
    got.usage = c.usage ?? got.usage;
  }
  return got;
}

for (const protocol of ["anthropic", "ollama"] as const) {
  test(`${protocol}: a chat, whole and streamed, is what the server says when asked directly; prompt, counts and reason too`, async () => {
    said.text = "No rain. Sunny in Łódź.";
    const direct = await client.chat.completions.create({ model: "openai-speaker", messages: turns });
    const prompt = said.prompts.at(-1);
    const model = `${protocol}-speaker`;
    const whole = await client.chat.completions.create({ model, messages: turns });
    expect(said.prompts.at(-1)).toBe(prompt);
    expect(whole.choices).toMatchObject([{ index: 0, finish_reason: "stop", message: { role: "assistant", content: said.text } }]);
    const { prompt_tokens, completion_tokens, total_tokens } = direct.usage!;
    expect(whole.usage).toMatchObject({ prompt_tokens, completion_tokens, total_tokens });
    const stream = await streamed({ model, messages: turns });
    expect(said.prompts.at(-1)).toBe(prompt);
    expect(stream).toMatchObject({ text: said.text, reason: "stop", usage: { prompt_tokens, completion_tokens, total_tokens } });
    for (const read of [
      (await client.chat.completions.create({ model, messages: turns, max_tokens: 5 })).choices[0]!.finish_reason,
      (await streamed({ model, messages: turns, max_tokens: 5 })).reason,
    ])
      expect(read).toBe("length");
    expect((await client.chat.completions.create({ model, messages: turns, stop: ["Sunny"] })).choices[0]!.message.content).toBe(
      "No rain. ",
    );
  });

  test(`${protocol}: a tool is called and answered, whole and streamed`, async () => {
    const model = `${protocol}-speaker`;
    const ask = { model, messages: turns, tools: [weather] };
    said.text = called;
    const whole = (await client.chat.completions.create(ask)).choices[0]!;
    expect(whole).toMatchObject({
      finish_reason: "tool_calls",
      message: { content: "Let me look.", tool_calls: [{ type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } }] },
    });
    expect(said.prompts.at(-1)).toContain("[tools: weather ]");
    const helped = (await client.chat.completions.stream(ask).finalChatCompletion()).choices[0]!;
    expect(helped.finish_reason).toBe("tool_calls");
    const [call] = helped.message.tool_calls!;
    expect(JSON.parse((call as { function: { arguments: string } }).function.arguments)).toEqual({ city: "Łódź" });
    said.text = "It rains.";
    const next = await client.chat.completions.create({
      ...ask,
      messages: [...turns, helped.message, { role: "tool", tool_call_id: call!.id, content: "rain" }],
    });
    expect(next.choices[0]!.message.content).toBe("It rains.");
    expect(said.prompts.at(-1)).toMatch(/<tool_call>\{.*"weather".*\}<\/tool_call><\|tool\|>rain<\|assistant\|>$/s);
  });
}

test("structured output holds through both: a model of random weights answers by the schema", async () => {
  const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
  const response_format = { type: "json_schema" as const, json_schema: { name: "ok", schema, strict: true } };
  for (const p of ["anthropic", "ollama"]) {
    const ask = { model: `${p}-tiny`, messages: [{ role: "user" as const, content: "ok?" }], response_format, temperature: 1 };
    expect(JSON.parse((await client.chat.completions.create(ask)).choices[0]!.message.content!)).toEqual({ ok: expect.any(Boolean) });
    expect(JSON.parse((await streamed(ask)).text)).toEqual({ ok: expect.any(Boolean) });
  }
});

test("completions of the same seed are the same through every protocol that has them, whole and streamed", async () => {
  const ask = { prompt: "Once", max_tokens: 12, seed: 3, temperature: 1, top_k: 0, top_p: 1, logit_bias: undefined };
  const of = async (model: string, more: object = {}) => {
    const { choices, usage } = (await client.completions.create({ model, ...ask, ...more } as never)) as OpenAI.Completion;
    return { text: choices[0]!.text, reason: choices[0]!.finish_reason, usage };
  };
  const direct = await of("openai-tiny");
  for (const p of ["ollama", "inference", "tensorflow"] as const) {
    const whole = await of(`${p}-tiny`);
    expect([p, whole.text]).toEqual([p, direct.text]);
    let text = "";
    let reason: string | null = null;
    for await (const c of (await client.completions.create({
      model: `${p}-tiny`,
      ...ask,
      stream: true,
    } as never)) as unknown as AsyncIterable<OpenAI.Completion>) {
      text += c.choices[0]?.text ?? "";
      reason = c.choices[0]?.finish_reason ?? reason;
    }
    expect([p, text]).toEqual([p, direct.text]);
    if (p === "tensorflow") continue;
    // TensorFlow's answer does not say how it ended
    expect([p, whole.reason, reason]).toEqual([p, direct.reason, direct.reason]);
    expect(whole.usage!.completion_tokens).toBe(direct.usage!.completion_tokens);
  }
});

test("embeddings are the same to the last bit through every protocol that has them", async () => {
  const input = ["a cat", "the weather in the mountains of the north"];
  const direct = await client.embeddings.create({ model: "openai-encoder", input });
  for (const p of ["ollama", "inference", "tensorflow"] as const)
    for (const encoding_format of [undefined, "float"] as const) {
      const { data } = await client.embeddings.create({ model: `${p}-encoder`, input, ...(encoding_format ? { encoding_format } : {}) });
      expect(data.map(d => d.embedding)).toEqual(direct.data.map(d => d.embedding));
    }
});

test("moderations are a classifier's labels and scores over TensorFlow's classify", async () => {
  const input = ["Buy now!", "Good morning."];
  const { results } = await client.moderations.create({ model: "judge", input });
  const reply = await fetch(`${server.url}/v1/models/judge:classify`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ examples: input.map(text => ({ text })) }),
  });
  const { result } = (await reply.json()) as { result: [string, number][][] };
  expect(results.map(r => r.category_scores)).toEqual(result.map(r => Object.fromEntries(r)));
  for (const [i, { flagged, categories }] of results.entries()) {
    const over = result[i]!.filter(([, score]) => score >= 0.5).map(([label]) => label);
    expect(Object.entries(categories).flatMap(([label, is]) => (is ? [label] : []))).toEqual(over);
    expect(flagged).toBe(over.length > 0);
  }
});

test("responses over chats alone, over Anthropic's and Ollama's: text, calls and their results, whole and by events", async () => {
  const tools = [{ type: "function" as const, name: "weather", parameters: weather.function.parameters, strict: false }];
  const input = [{ role: "user" as const, content: "Rain?" }];
  for (const p of ["chatOnly", "anthropic", "ollama"]) {
    const model = `${p}-speaker`;
    said.text = "Hello there.";
    const hello = await client.responses.create({ model, input: "Hi", instructions: "Be kind." });
    expect([p, hello.output_text, hello.status, hello.usage!.output_tokens]).toEqual([p, "Hello there.", "completed", 13]);
    expect(said.prompts.at(-1)).toBe("<|system|>Be kind.<|user|>Hi<|assistant|>");
    said.text = called;
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const e of await client.responses.create({ model, input, tools, stream: true })) events.push(e);
    expect(events.map(e => e.sequence_number)).toEqual(events.map((_, i) => i));
    const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    expect([events[0]!.type, events[1]!.type, last.type]).toEqual(["response.created", "response.in_progress", "response.completed"]);
    expect(last.response.output).toMatchObject([
      { type: "message", status: "completed", content: [{ type: "output_text", text: "Let me look." }] },
      { type: "function_call", name: "weather", status: "completed" },
    ]);
    const final = await client.responses.stream({ model, input, tools }).finalResponse();
    expect(final.output_text).toBe("Let me look.");
    const call = last.response.output[1] as OpenAI.Responses.ResponseFunctionToolCall;
    expect(JSON.parse(call.arguments)).toEqual({ city: "Łódź" });
    said.text = "It rains.";
    const next = await client.responses.create({
      model,
      tools,
      input: [...input, ...last.response.output, { type: "function_call_output", call_id: call.call_id, output: "rain" }] as never,
    });
    expect(next.output_text).toBe("It rains.");
    const cut = await client.responses.create({ model, input: "Hi", max_output_tokens: 3 });
    expect(cut).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output_text: "It " });
    const kept = client.responses.create({ model, input: "a", previous_response_id: "resp_1" });
    await expect(kept).rejects.toThrow(/previous_response_id.*whole conversation/s);
  }
});

test("a server's refusal keeps its status and its words; what cannot be put is named before any call", async () => {
  const long = { model: "ollama-encoder", input: "x".repeat(200) };
  const refused = await client.embeddings.create(long).then(
    () => undefined,
    e => e as APIError,
  );
  expect(refused).toBeInstanceOf(BadRequestError);
  expect(refused!.message).toMatch(/context|tokens|long/);
  const calls = app.inFlight;
  for (const [ask, param] of [
    [() => client.chat.completions.create({ model: "inference-speaker", messages: turns }), "/v1/chat/completions"],
    [() => client.chat.completions.create({ model: "ollama-speaker", messages: turns, n: 2 }), "n"],
    [() => client.chat.completions.create({ model: "anthropic-speaker", messages: turns, logprobs: true }), "logprobs"],
    [() => client.completions.create({ model: "anthropic-speaker", prompt: "a" }), "/v1/completions"],
    [() => client.embeddings.create({ model: "inference-encoder", input: [[1, 2]] }), "input"],
  ] as const) {
    const error = await ask().then(
      () => undefined,
      e => e as BadRequestError,
    );
    expect(error).toBeInstanceOf(BadRequestError);
    expect([error!.param, error!.code]).toEqual([param, "unsupported_parameter"]);
  }
  expect(app.inFlight).toBe(calls);
  expect(said.prompts).toEqual([]);
});

/** Passes everything on to the server, but the connection of its first answer, which it cuts after so many lines. */
async function cutting(lines: number): Promise<{ readonly url: string; readonly paths: string[]; close(): void }> {
  const paths: string[] = [];
  const proxy = createServer((request, response) => {
    paths.push(request.url!);
    const isFirst = paths.length === 1;
    const onward = httpRequest(`${server.url}${request.url}`, { method: request.method!, headers: request.headers }, reply => {
      response.writeHead(reply.statusCode!, reply.headers);
      let left = lines;
      reply.on("data", (bytes: Buffer) => {
        if (!isFirst) response.write(bytes);
        else
          for (const line of bytes.toString().split(/(?<=\n)/)) {
            if (left-- > 0) response.write(line);
            else if (left === -1) setTimeout(() => response.destroy(), 50);
          }
      });
      reply.on("end", () => (isFirst ? undefined : response.end()));
    });
    request.pipe(onward);
    response.on("close", () => onward.destroy());
  });
  await new Promise<void>(resolve => proxy.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, paths, close: () => proxy.close() };
}

for (const protocol of ["ollama", "inference"] as const)
  test(`${protocol}: a completion that is cut in the middle is gone on with, and says what an uncut one says`, async () => {
    said.text = "No rain today, it is sunny in the whole of Poland.";
    const proxy = await cutting(20);
    const other = await testGateway({
      upstreams: { cut: { url: proxy.url, protocol, resume: "completions" } },
      models: { speaker: { targets: [{ upstream: "cut" }] } },
      retries: { attempts: 1, backoff: "1ms", budget: 1 },
    });
    const own = new OpenAI({ baseURL: `${other.url}/v1`, apiKey: other.key, maxRetries: 0 });
    let text = "";
    let reason: string | null = null;
    for await (const c of await own.completions.create({ model: "speaker", prompt: "Rain? ", max_tokens: 200, stream: true })) {
      text += c.choices[0]?.text ?? "";
      reason = c.choices[0]?.finish_reason ?? reason;
    }
    expect([text, reason]).toEqual([said.text, "stop"]);
    expect(proxy.paths.length).toBe(2);
    expect(other.records.at(-1)).toMatchObject({ resumed: 1, status: 200 });
    await other.close();
    proxy.close();
  });

test("a client that leaves a translated stream frees the server's slot", async () => {
  said.text = "x".repeat(3000);
  for (const p of ["anthropic", "ollama"]) {
    const stream = await client.chat.completions.create({ model: `${p}-speaker`, messages: turns, stream: true });
    let seen = 0;
    for await (const _ of stream) if (++seen === 6) break;
    await expect.poll(() => said.engine.stats().running).toBe(0);
  }
});

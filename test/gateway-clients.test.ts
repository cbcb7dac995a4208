/**
 * The official clients through the gateway, before a real `loam serve` that is asked in OpenAI's protocol and in Ollama's: openai, Anthropic's SDK,
 * LangChain.js, the AI SDK. Chats, streams, tools, structured output, embeddings, and the classes of errors that programs go by.
 */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { type AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { tool as aiTool, embedMany, generateObject, generateText, stepCountIs, streamText } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { fakeUpstream, openAccess, status, testGateway } from "../src/gateway/fakes.ts";
import { createEmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { createEngine } from "../src/serve/engine.ts";
import { tinyConfig, tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { speaker, tinyEncoder } from "../src/serve/http/fakes.ts";
import { listen } from "../src/serve/listen.ts";
import { openDevice } from "../src/tensor/index.ts";
import { chatTemplate } from "../src/text/index.ts";

// it tells of models that are made for its last version but one
(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
const device = openDevice("cpu", { threads: 1 });
/** Writes tools and calls as Hermes' and Qwen's templates do. */
const withTools = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: withTools });
const nonsense = createEngine({
  model: await tinyModel(device, { id: "nonsense", aliases: [], chatTemplate: withTools, config: { ...tinyConfig, context: 512 } }),
  device,
  slots: 4,
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { aliases: ["encoder"] }), device });
await Promise.all([nonsense.ready, encoder.ready]);
const server = await listen(createApp({ engines: [said.engine, nonsense], encoders: [encoder] }), { port: 0 });
const busy = await fakeUpstream(status(429, { "retry-after": "1" }, "Slow down."));
const broken = await fakeUpstream(status(500));

const ways = ["openai", "ollama"] as const;
const gateway = await testGateway(
  {
    upstreams: {
      openai: { url: `${server.url}/v1` },
      ollama: { url: server.url, protocol: "ollama" },
      busy: { url: busy.url },
      broken: { url: broken.url },
    },
    models: {
      ...Object.fromEntries(
        ways.flatMap(upstream =>
          ["speaker", "nonsense", "encoder"].map(model => [`${upstream}-${model}`, { targets: [{ upstream, model }] }]),
        ),
      ),
      busy: { targets: [{ upstream: "busy" }] },
      broken: { targets: [{ upstream: "broken" }] },
      denied: { targets: [{ upstream: "openai" }] },
      few: { targets: [{ upstream: "openai", model: "speaker" }] },
    },
    retries: { attempts: 0 },
  },
  {
    access: {
      ...openAccess,
      policies: [
        { id: "all", effect: "allow" },
        { id: "not-this", effect: "deny", models: ["denied"] },
      ],
      limits: [{ name: "one", per: ["model"], for: { models: ["few"] }, measure: "requests", limit: 1, window: "1h" }],
    },
  },
);
const baseURL = `${gateway.url}/v1`;
const apiKey = gateway.key;
const openai = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 });
beforeEach(() => {
  said.prompts.length = 0;
});
afterAll(async () => {
  await gateway.close();
  await server.close();
  await Promise.all([busy.close(), broken.close()]);
  expect(gateway.failures).toEqual([]);
});

const city = { type: "object" as const, properties: { city: { type: "string" } } };
const called = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';
/** A model of a server that asked for a rest gets no requests for so long. */
const rested = () =>
  expect
    .poll(() => gateway.gateway.state().upstreams.every(u => u.isAvailable && u.models.every(m => m.isAvailable)), { timeout: 20_000 })
    .toBe(true);
const errorOf = async (ask: () => Promise<unknown>): Promise<unknown> => {
  try {
    await ask();
    return "no error";
  } catch (error) {
    return error;
  }
};

for (const way of ways)
  describe(`before a server that is asked in the protocol of ${way}`, () => {
    const model = `${way}-speaker`;
    const ask = { model, messages: [{ role: "user" as const, content: "Rain?" }] };

    test("openai: chat, stream, tools, structured output, embeddings", async () => {
      said.text = "Hello there.";
      expect((await openai.chat.completions.create(ask)).choices[0]!.message.content).toBe("Hello there.");
      let streamed = "";
      for await (const c of await openai.chat.completions.create({ ...ask, stream: true })) streamed += c.choices[0]?.delta.content ?? "";
      expect(streamed).toBe("Hello there.");

      said.text = called;
      const ran: unknown[] = [];
      const runner = openai.chat.completions.runTools({
        ...ask,
        stream: true,
        tools: [
          {
            type: "function",
            function: {
              name: "weather",
              description: "Weather of a city",
              parameters: city,
              parse: JSON.parse,
              function: (args: unknown) => {
                ran.push(args);
                said.text = "It rains.";
                return "rain";
              },
            },
          },
        ],
      });
      expect(await runner.finalContent()).toBe("It rains.");
      expect(ran).toEqual([{ city: "Łódź" }]);

      const shape = z.strictObject({ ok: z.boolean(), kind: z.enum(["a", "b"]) });
      const formed = await openai.chat.completions.parse({
        ...ask,
        model: `${way}-nonsense`,
        response_format: zodResponseFormat(shape, "shape"),
        temperature: 1,
      });
      expect(shape.parse(formed.choices[0]!.message.parsed)).toEqual(formed.choices[0]!.message.parsed);

      const { data } = await openai.embeddings.create({ model: `${way}-encoder`, input: ["a", "b"] });
      for (const { embedding } of data) expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    });

    test("Anthropic's SDK: messages, the stream's helper, a tool that is called and answered", async () => {
      said.text = "Hello there.";
      const whole = await anthropic.messages.create({ ...ask, max_tokens: 100, system: "Be kind." });
      expect(whole.content).toEqual([{ type: "text", text: "Hello there." }]);
      expect(whole).toMatchObject({ type: "message", role: "assistant", stop_reason: "end_turn", usage: { output_tokens: 13 } });
      expect(said.prompts.at(-1)).toBe("<|system|>Be kind.<|user|>Rain?<|assistant|>");
      const cut = await anthropic.messages.create({ ...ask, max_tokens: 3 });
      expect([cut.stop_reason, cut.content]).toEqual(["max_tokens", [{ type: "text", text: "Hel" }]]);

      said.text = called;
      const tools = [{ name: "weather", description: "Weather of a city", input_schema: city }];
      const texts: string[] = [];
      const stream = anthropic.messages.stream({ ...ask, max_tokens: 200, tools }).on("text", t => texts.push(t));
      const message = await stream.finalMessage();
      expect(texts.join("")).toBe("Let me look.");
      expect(message.stop_reason).toBe("tool_use");
      expect(message.content).toMatchObject([
        { type: "text", text: "Let me look." },
        { type: "tool_use", name: "weather", input: { city: "Łódź" } },
      ]);
      const use = message.content[1] as Anthropic.ToolUseBlock;
      said.text = "It rains.";
      const next = await anthropic.messages.create({
        ...ask,
        max_tokens: 100,
        tools,
        messages: [
          ...ask.messages,
          { role: "assistant", content: message.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "rain" }] },
        ],
      });
      expect(next.content).toEqual([{ type: "text", text: "It rains." }]);
    });

    test("LangChain: chat, stream, a bound tool, structured output, the Responses API, embeddings", async () => {
      const configuration = { baseURL };
      const chat = new ChatOpenAI({ model, apiKey, configuration, maxRetries: 0 });
      said.text = "Hello there.";
      expect((await chat.invoke("Hi")).content).toBe("Hello there.");
      let streamed = "";
      for await (const chunk of await chat.stream("Hi")) streamed += chunk.content;
      expect(streamed).toBe("Hello there.");
      const newer = new ChatOpenAI({ model, apiKey, configuration, maxRetries: 0, useResponsesApi: true });
      expect((await newer.invoke("Hi")).text).toBe("Hello there.");
      let parts = "";
      for await (const chunk of await newer.stream("Hi")) parts += chunk.text;
      expect(parts).toBe("Hello there.");

      said.text = called;
      const bound = chat.bindTools([
        tool(async () => "rain", { name: "weather", description: "Weather", schema: z.object({ city: z.string() }) }),
      ]);
      const message = await bound.invoke("Rain?");
      expect(message.tool_calls).toMatchObject([{ name: "weather", args: { city: "Łódź" } }]);
      said.text = "It rains.";
      const result = new ToolMessage({ content: "rain", tool_call_id: message.tool_calls![0]!.id! });
      expect((await bound.invoke([new HumanMessage("Rain?"), message as AIMessage, result])).content).toBe("It rains.");

      const formed = new ChatOpenAI({ model: `${way}-nonsense`, apiKey, configuration, maxRetries: 0, temperature: 1 });
      const shape = z.object({ ok: z.boolean() });
      expect(await formed.withStructuredOutput(shape, { method: "jsonSchema" }).invoke("ok?")).toEqual({ ok: expect.any(Boolean) });

      const vectors = new OpenAIEmbeddings({ model: `${way}-encoder`, apiKey, configuration, maxRetries: 0 });
      const direct = await openai.embeddings.create({ model: "openai-encoder", input: ["a", "b"] });
      expect(await vectors.embedDocuments(["a", "b"])).toEqual(direct.data.map(d => d.embedding));
    });

    test("AI SDK: text, stream, a tool, an object, embeddings; over chats and over responses", async () => {
      const chats = createOpenAICompatible({ name: "loam", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true });
      const responses = createOpenAI({ baseURL, apiKey });
      for (const of of [chats, responses]) {
        said.text = "Hello there.";
        const { text, usage } = await generateText({ model: of(model), prompt: "Hi", maxRetries: 0 });
        expect([text, usage.outputTokens]).toEqual(["Hello there.", 13]);
        let streamed = "";
        for await (const part of streamText({ model: of(model), prompt: "Hi", maxRetries: 0 }).textStream) streamed += part;
        expect(streamed).toBe("Hello there.");
        said.text = called;
        const cities: string[] = [];
        const result = await generateText({
          model: of(model),
          prompt: "Rain?",
          maxRetries: 0,
          stopWhen: stepCountIs(3),
          // servers that keep nothing are sent the whole conversation
          providerOptions: { openai: { store: false } },
          tools: {
            weather: aiTool({
              description: "Weather of a city",
              inputSchema: z.object({ city: z.string() }),
              execute: async ({ city: c }) => {
                cities.push(c);
                said.text = "It rains.";
                return "rain";
              },
            }),
          },
        });
        expect([cities, result.text, result.steps.length]).toEqual([["Łódź"], "It rains.", 2]);
        const { object } = await generateObject({
          model: of(`${way}-nonsense`),
          schema: z.object({ ok: z.boolean() }),
          prompt: "ok?",
          maxRetries: 0,
        });
        expect(object).toEqual({ ok: expect.any(Boolean) });
      }
      const { embeddings } = await embedMany({ model: chats.embeddingModel(`${way}-encoder`), values: ["a", "b"] });
      expect(embeddings.length).toBe(2);
    });
  });

test("each client throws its own class of error for what went wrong", async () => {
  said.text = "Hello.";
  const messages = [{ role: "user" as const, content: "Hi" }];
  const stranger = { apiKey: "sk-loam-none-none", maxRetries: 0 };
  await openai.chat.completions.create({ model: "few", messages });
  for (const [model, chat, message] of [
    ["nothing", OpenAI.NotFoundError, Anthropic.NotFoundError],
    ["denied", OpenAI.PermissionDeniedError, Anthropic.PermissionDeniedError],
    ["few", OpenAI.RateLimitError, Anthropic.RateLimitError],
    ["busy", OpenAI.RateLimitError, Anthropic.RateLimitError],
    ["broken", OpenAI.InternalServerError, Anthropic.InternalServerError],
  ] as const) {
    for (const stream of [false, true]) {
      await rested();
      expect([model, await errorOf(() => openai.chat.completions.create({ model, messages, stream }))]).toEqual([model, expect.any(chat)]);
      await rested();
      const own = await errorOf(() => anthropic.messages.create({ model, messages, max_tokens: 5, stream }));
      expect([model, own]).toEqual([model, expect.any(message)]);
    }
  }
  expect(await errorOf(() => new OpenAI({ baseURL, ...stranger }).models.list())).toBeInstanceOf(OpenAI.AuthenticationError);
  const unknown = new Anthropic({ baseURL: gateway.url, ...stranger });
  expect(await errorOf(() => unknown.messages.create({ model: "few", messages, max_tokens: 5 }))).toBeInstanceOf(
    Anthropic.AuthenticationError,
  );
  const bad = await errorOf(() => openai.chat.completions.create({ model: "openai-speaker", messages, n: "two" as never }));
  expect(bad).toBeInstanceOf(OpenAI.BadRequestError);
  const late = await errorOf(() => openai.embeddings.create({ model: "openai-encoder", input: "x".repeat(400) }));
  expect(late).toBeInstanceOf(OpenAI.BadRequestError);
});

test("a client that retries by itself waits as long as the server asks, and is then answered", async () => {
  await rested();
  let calls = 0;
  const before = busy.script;
  busy.script = (received, response) =>
    ++calls === 1 ? status(429, { "retry-after": "1" }, "Slow down.")(received, response) : status(400, {}, "enough")(received, response);
  const patient = new OpenAI({ baseURL, apiKey, maxRetries: 3 });
  const error = await errorOf(() => patient.chat.completions.create({ model: "busy", messages: [{ role: "user", content: "Hi" }] }));
  expect(error).toBeInstanceOf(OpenAI.BadRequestError);
  expect(calls).toBe(2);
  busy.script = before;
});

/** Responses that are kept, through the official client and through what stands on it: the AI SDK asks this address first. */
import { createOpenAI } from "@ai-sdk/openai";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { tool as aiTool, embedMany, generateObject, generateText, stepCountIs, streamText } from "ai";
import OpenAI, { NotFoundError } from "openai";
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { rounds } from "../../../../test/support/deep.ts";
import { openDevice } from "../../../tensor/index.ts";
import { chatTemplate } from "../../../text/index.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { createEngine } from "../../engine.ts";
import { tinyConfig, tinyModel } from "../../fakes.ts";
import { listen } from "../../listen.ts";
import { createApp } from "../app.ts";
import { speaker, tinyEncoder } from "../fakes.ts";

const device = openDevice("cpu", { threads: 1 });
// the provider is of the generation before, which the SDK says each time
(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
const template = chatTemplate(
  `{%- if tools %}[tools: {% for t in tools %}{{ t.function.name }} {% endfor %}]{% endif -%}
{%- for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}{% endfor -%}
<|assistant|>`,
);
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: template });
const nonsense = createEngine({
  model: await tinyModel(device, { id: "nonsense", aliases: [], chatTemplate: template, config: { ...tinyConfig, context: 512 } }),
  device,
  slots: 4,
});
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
await Promise.all([nonsense.ready, encoder.ready]);
const failures: unknown[] = [];
const app = createApp({ engines: [said.engine, nonsense], encoders: [encoder], onFailure: e => failures.push(e) });
const server = await listen(app, { port: 0 });
const baseURL = `${server.url}/v1`;
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
beforeEach(() => {
  said.prompts.length = 0;
});
afterAll(async () => {
  await server.close();
  expect(failures).toEqual([]);
});

const weather = {
  type: "object",
  properties: { city: { enum: ["Rome", "Oslo"] } },
  required: ["city"],
  additionalProperties: false,
};
const answerSchema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
const form = { type: "json_schema" as const, json_schema: { name: "answer", schema: answerSchema, strict: true } };
const tools = [{ type: "function" as const, function: { name: "weather", parameters: weather } }];

test("openai: a response goes on from the last one; it is read, listed and taken away by its id", async () => {
  said.text = "Hello.";
  const first = await client.responses.create({ model: "speaker", input: "Hi", instructions: "Be kind.", metadata: { a: "1" } });
  expect(await client.responses.retrieve(first.id)).toEqual(first);
  said.text = "Rome.";
  const second = await client.responses.create({ model: "speaker", input: "Where?", previous_response_id: first.id });
  expect(second.previous_response_id).toBe(first.id);
  // instructions are of one request, as OpenAI has it
  expect(said.prompts.at(-1)).toBe("<|user|>Hi<|assistant|>Hello.<|user|>Where?<|assistant|>");
  const third = await client.responses.stream({ model: "speaker", input: "Sure?", previous_response_id: second.id }).finalResponse();
  expect(said.prompts.at(-1)).toBe("<|user|>Hi<|assistant|>Hello.<|user|>Where?<|assistant|>Rome.<|user|>Sure?<|assistant|>");
  expect((await client.responses.retrieve(third.id)).output_text).toBe("Rome.");
  const items = await client.responses.inputItems.list(second.id);
  expect(items.data).toMatchObject([{ type: "message", role: "user", content: "Where?" }]);

  await client.responses.delete(first.id);
  const gone = await client.responses.retrieve(first.id).catch(e => e as Error);
  expect(gone).toBeInstanceOf(NotFoundError);
  await expect(client.responses.delete(first.id)).rejects.toThrow(/not found/);
  // what went on from it stands
  await client.responses.create({ model: "speaker", input: "And?", previous_response_id: third.id });
  expect(said.prompts.at(-1)).toContain("<|user|>Hi<|assistant|>Hello.");

  const forgotten = await client.responses.create({ model: "speaker", input: "Hi", store: false });
  expect(forgotten).toMatchObject({ store: false });
  await expect(client.responses.retrieve(forgotten.id)).rejects.toThrow(NotFoundError);
  const refused = client.responses.create({ model: "speaker", input: "Hi", previous_response_id: forgotten.id });
  await expect(refused).rejects.toMatchObject({ status: 404, param: "previous_response_id" });
  await expect(client.responses.create({ model: "speaker", input: [{ type: "item_reference", id: "msg_0" }] })).rejects.toMatchObject({
    status: 404,
    param: "input[0].id",
  });
});

test("openai: with tools and a form beside, an answer is a call or keeps the form", async () => {
  const asked = { model: "speaker", messages: [{ role: "user" as const, content: "Rain?" }], tools, response_format: form };
  said.text = '{"ok":true}';
  const formed = await client.chat.completions.create(asked);
  expect(formed.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: '{"ok":true}' } });
  said.text = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}';
  for (const { choices } of [
    await client.chat.completions.create(asked),
    await client.chat.completions.stream(asked).finalChatCompletion(),
  ])
    expect(choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: { content: null, tool_calls: [{ function: { name: "weather", arguments: '{"city": "Oslo"}' } }] },
    });
  // who must call calls
  const forced = await client.chat.completions.create({ ...asked, tool_choice: "required" });
  expect(forced.choices[0]!.finish_reason).toBe("tool_calls");

  // a model that speaks nonsense keeps to one of them, whatever it draws
  const kinds = new Set<string>();
  // further seeds where the first ones all drew the same
  for (let seed = 0; seed < rounds(40, 10) || (kinds.size < 2 && seed < 40); seed++) {
    const { choices } = await client.chat.completions.create({ ...asked, model: "nonsense", seed, temperature: 2 });
    const { message, finish_reason } = choices[0]!;
    kinds.add(finish_reason);
    const [call] = (message.tool_calls ?? []) as OpenAI.ChatCompletionMessageFunctionToolCall[];
    if (call) expect(JSON.parse(call.function.arguments)).toEqual({ city: expect.stringMatching(/^(Rome|Oslo)$/) });
    else expect(JSON.parse(message.content!)).toEqual({ ok: expect.any(Boolean) });
  }
  expect([...kinds].sort()).toEqual(["stop", "tool_calls"]);

  const response = await client.responses.create({
    model: "speaker",
    input: "Rain?",
    tools: [{ type: "function", name: "weather", parameters: weather, strict: true }],
    text: { format: { type: "json_schema", name: "answer", schema: answerSchema, strict: true } },
  });
  expect(response.output).toMatchObject([{ type: "function_call", name: "weather", arguments: '{"city": "Oslo"}' }]);
});

test("AI SDK's OpenAI provider as it comes: text, streams, a tool over two steps, an object, embeddings, a conversation that goes on", async () => {
  const openai = createOpenAI({ baseURL, apiKey: "none" });
  said.text = "Hello there.";
  const whole = await generateText({ model: openai("speaker"), prompt: "Hi" });
  expect([whole.text, whole.usage.outputTokens, whole.finishReason]).toEqual(["Hello there.", 13, "stop"]);
  const { responseId } = whole.providerMetadata!.openai as { responseId: string };
  const next = await generateText({
    model: openai("speaker"),
    prompt: "Again",
    providerOptions: { openai: { previousResponseId: responseId } },
  });
  expect(next.text).toBe("Hello there.");
  expect(said.prompts.at(-1)).toBe("<|user|>Hi<|assistant|>Hello there.<|user|>Again<|assistant|>");
  let streamed = "";
  for await (const part of streamText({ model: openai("speaker"), prompt: "Hi" }).textStream) streamed += part;
  expect(streamed).toBe("Hello there.");

  for (const isStream of [false, true]) {
    said.text = 'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>';
    const cities: string[] = [];
    const ask = {
      model: openai("speaker"),
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
    };
    const result = isStream ? streamText(ask) : await generateText(ask);
    expect([await result.text, (await result.steps).length, cities]).toEqual(["It rains.", 2, ["Łódź"]]);
    // the second step names what the first one said, and the server knows it
    expect(said.prompts.at(-1)).toContain("<|assistant|>Let me look.<tool_call>");
    expect(said.prompts.at(-1)).toContain("<|tool|>rain<|assistant|>");
  }

  const { object } = await generateObject({
    model: openai("nonsense"),
    schema: z.object({ ok: z.boolean() }),
    prompt: "Is it?",
    temperature: 2,
  });
  expect(object).toEqual({ ok: expect.any(Boolean) });
  const { embeddings } = await embedMany({ model: openai.textEmbeddingModel("tiny-encoder@1"), values: ["a", "b"] });
  const own = await client.embeddings.create({ model: "tiny-encoder@1", input: ["a", "b"] });
  expect(embeddings).toEqual(own.data.map(d => d.embedding));
  // its chat and its completions, too
  said.text = "Hello there.";
  expect((await generateText({ model: openai.chat("speaker"), prompt: "Hi" })).text).toBe("Hello there.");
  expect((await generateText({ model: openai.completion("speaker"), prompt: "Hi" })).text).toBe("Hello there.");
});

test("LangChain on the Responses API: a tool and its answer, an object by schema, a conversation that goes on", async () => {
  const of = (model: string) => new ChatOpenAI({ model, apiKey: "none", configuration: { baseURL }, maxRetries: 0, useResponsesApi: true });
  const bound = of("speaker").bindTools([
    tool(async () => "rain", { name: "weather", description: "Weather", schema: z.object({ city: z.string() }) }),
  ]);
  said.text = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>';
  const call = await bound.invoke("Rain?");
  expect(call.tool_calls).toMatchObject([{ name: "weather", args: { city: "Rome" } }]);
  said.text = "It rains.";
  const answer = await bound.invoke([
    new HumanMessage("Rain?"),
    call,
    new ToolMessage({ content: "rain", tool_call_id: call.tool_calls![0]!.id! }),
  ]);
  expect(answer.text).toBe("It rains.");
  expect(said.prompts.at(-1)).toContain("<|tool|>rain<|assistant|>");

  const formed = await of("nonsense")
    .withStructuredOutput(z.object({ ok: z.boolean() }), { name: "answer", method: "jsonSchema" })
    .invoke("Is it?");
  expect(formed).toEqual({ ok: expect.any(Boolean) });

  const { id } = answer.response_metadata as { id: string };
  await of("speaker").invoke("And then?", { previous_response_id: id } as object);
  expect(said.prompts.at(-1)).toContain("It rains.<|user|>And then?<|assistant|>");
});

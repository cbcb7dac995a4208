/** The gateway before Loam's own server, through the clients that people use: openai, LangChain.js, the AI SDK. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { testGateway } from "../src/gateway/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { speaker, tinyEncoder } from "../src/serve/http/fakes.ts";
import { createEmbeddingEngine, listen } from "../src/serve/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { chatTemplate } from "../src/text/index.ts";

const device = openDevice("cpu", { threads: 1 });
const said = await speaker(device, { id: "speaker@1", aliases: ["speaker"], chatTemplate: chatTemplate() });
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
await encoder.ready;
const server = await listen(createApp({ engines: [said.engine], encoders: [encoder] }), { port: 0 });
const gateway = await testGateway({
  upstreams: { loam: { url: `${server.url}/v1`, resume: "completions" } },
  models: {
    chat: { targets: [{ upstream: "loam", model: "speaker" }] },
    vectors: { targets: [{ upstream: "loam", model: encoder.model.id }] },
  },
});
const baseURL = `${gateway.url}/v1`;
afterAll(async () => {
  await gateway.close();
  await server.close();
  expect(gateway.failures).toEqual([]);
});
said.text = "The moon is a harsh mistress.";
const messages = [{ role: "user" as const, content: "Say it." }];

test("openai: chat whole and streamed with usage, completions, embeddings as base64, models", async () => {
  const client = new OpenAI({ baseURL, apiKey: gateway.key, maxRetries: 0 });
  const whole = await client.chat.completions.create({ model: "chat", messages });
  expect(whole.choices[0]!.message.content).toBe(said.text);
  const streamed = await client.chat.completions
    .stream({ model: "chat", messages, stream_options: { include_usage: true } })
    .finalChatCompletion();
  expect(streamed.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: said.text } });
  expect(streamed.usage).toEqual(whole.usage);
  const direct = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  const ask = { input: ["one", "two"] };
  const through = await client.embeddings.create({ model: "vectors", ...ask });
  expect(through.data).toEqual((await direct.embeddings.create({ model: encoder.model.id, ...ask })).data);
  expect((await client.models.list()).data.map(m => m.id)).toEqual(["chat", "vectors"]);
  const responses = await client.responses.create({ model: "chat", input: "Say it." });
  expect(responses.output_text).toBe(said.text);
  let text = "";
  for await (const event of await client.responses.create({ model: "chat", input: "Say it.", stream: true }))
    if (event.type === "response.output_text.delta") text += event.delta;
  expect(text).toBe(said.text);
});

test("what was used is what the server said, for every call", async () => {
  const client = new OpenAI({ baseURL, apiKey: gateway.key, maxRetries: 0 });
  gateway.records.length = 0;
  const whole = await client.chat.completions.create({ model: "chat", messages });
  for await (const _ of await client.chat.completions.create({ model: "chat", messages, stream: true }));
  await expect.poll(() => gateway.records.length).toBe(2);
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = whole.usage!;
  for (const r of gateway.records) expect(r).toMatchObject({ inputTokens, outputTokens, status: 200, target: "loam/speaker" });
});

test("LangChain.js: a call, a stream, embeddings", async () => {
  const chat = new ChatOpenAI({ model: "chat", apiKey: gateway.key, maxRetries: 0, configuration: { baseURL } });
  expect((await chat.invoke("Say it.")).content).toBe(said.text);
  let text = "";
  for await (const piece of await chat.stream("Say it.")) text += piece.content;
  expect(text).toBe(said.text);
  const embeddings = new OpenAIEmbeddings({ model: "vectors", apiKey: gateway.key, maxRetries: 0, configuration: { baseURL } });
  expect(Math.hypot(...(await embeddings.embedQuery("one")))).toBeCloseTo(1, 4);
});

test("the AI SDK: whole and streamed", async () => {
  const model = createOpenAICompatible({ name: "loam", baseURL, apiKey: gateway.key })("chat");
  expect((await generateText({ model, prompt: "Say it." })).text).toBe(said.text);
  let text = "";
  for await (const piece of streamText({ model, prompt: "Say it." }).textStream) text += piece;
  expect(text).toBe(said.text);
});

test("an error of the server's is the client's, with its parameter", async () => {
  const client = new OpenAI({ baseURL, apiKey: gateway.key, maxRetries: 0 });
  await expect(client.chat.completions.create({ model: "chat", messages, temperature: 9 })).rejects.toMatchObject({
    status: 400,
    param: "temperature",
  });
});

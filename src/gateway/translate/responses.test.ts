/** Responses for a server that knows only chats: what a request becomes, what is refused by name, and events from a chat that breaks. */
import OpenAI, { APIError, BadRequestError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  goodEvents,
  lastChunk,
  roleChunk,
  status,
  type TestGateway,
  testGateway,
  usageChunk,
  wordChunk,
  words,
} from "../fakes.ts";

type Row = Record<string, unknown>;
let upstream: FakeUpstream;
let gateway: TestGateway;
let client: OpenAI;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url, responses: "chat", breaker: { failures: 1000 } } },
    models: { m: { targets: [{ upstream: "local", model: "inner" }] } },
    retries: { attempts: 0 },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});
/** A part of the call of this index. */
const callChunk = (index: number) => ({
  ...roleChunk,
  choices: [
    { index: 0, delta: { tool_calls: [{ index, id: `c${index}`, function: { name: "f", arguments: "{" } }] }, finish_reason: null },
  ],
});
const create = (body: Row) =>
  client.responses.create({ model: "m", input: "Hi", ...body } as never) as unknown as Promise<OpenAI.Responses.Response>;
const errorOf = async (body: Row) =>
  create(body).then(
    () => undefined,
    e => e as APIError,
  );

test("instructions, items, tools, forms and bounds become a chat's", async () => {
  const answer = await create({
    instructions: "Be brief.",
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "Look: " },
          { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "low" },
        ],
      },
      { type: "reasoning", id: "r1", summary: [] },
      {
        type: "message",
        id: "m1",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "I see.", annotations: [] }],
      },
      { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":"Rome"}' },
      { type: "function_call", call_id: "c2", name: "now", arguments: "{}" },
      { type: "function_call_output", call_id: "c1", output: "rain" },
      { type: "function_call_output", call_id: "c2", output: [{ type: "input_text", text: "noon" }] },
      { role: "developer", content: "Go on." },
    ],
    tools: [{ type: "function", name: "weather", description: "of a city", parameters: { type: "object" }, strict: true }],
    tool_choice: { type: "function", name: "weather" },
    parallel_tool_calls: false,
    text: { format: { type: "json_schema", name: "a", schema: { type: "object" }, strict: true } },
    reasoning: { effort: "low" },
    max_output_tokens: 9,
    temperature: 0.5,
    metadata: { a: "b" },
  });
  expect(upstream.received[0]!.path).toBe("/v1/chat/completions");
  expect(upstream.received[0]!.body).toEqual({
    model: "inner",
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Look: " },
          { type: "image_url", image_url: { url: "data:image/png;base64,AA==", detail: "low" } },
        ],
      },
      {
        role: "assistant",
        content: "I see.",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } },
          { id: "c2", type: "function", function: { name: "now", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "rain" },
      { role: "tool", tool_call_id: "c2", content: "noon" },
      { role: "system", content: "Go on." },
    ],
    tools: [{ type: "function", function: { name: "weather", description: "of a city", parameters: { type: "object" }, strict: true } }],
    tool_choice: { type: "function", function: { name: "weather" } },
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" }, strict: true } },
    reasoning_effort: "low",
    max_tokens: 9,
    temperature: 0.5,
  });
  expect(answer).toMatchObject({
    object: "response",
    status: "completed",
    store: false,
    metadata: { a: "b" },
    usage: { input_tokens: 7, output_tokens: 60, total_tokens: 67 },
  });
  expect(answer.output_text).toBe(words.join(""));
  expect(gateway.records[0]).toMatchObject({ path: "/v1/responses", inputTokens: 7, outputTokens: 60, status: 200 });
});

test("what only a server that keeps responses can do is refused by name, before any call", async () => {
  for (const [body, param] of [
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ conversation: "c" }, "conversation"],
    [{ background: true }, "background"],
    [{ truncation: "auto" }, "truncation"],
    [{ prompt: { id: "p" } }, "prompt"],
    [{ tools: [{ type: "web_search" }] }, "tools[0]"],
    [{ input: [{ type: "item_reference", id: "a" }] }, "input[0]"],
    [{ input: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] }, "input[0].content[0]"],
    [{ top_logprobs: 3 }, "top_logprobs"],
  ] as const) {
    const error = await errorOf(body);
    expect(error).toBeInstanceOf(BadRequestError);
    expect([error!.param, error!.code]).toEqual([param, "unsupported_parameter"]);
  }
  expect(upstream.received).toEqual([]);
  expect((await errorOf({ input: [{ role: "robot", content: "a" }] }))!.param).toBe("input[0].role");
});

test("a chat that breaks off is no whole response: an error event ends it, and what came before stands", async () => {
  for (const then of [
    (r: { destroy(): void; end(text?: string): void }) => r.destroy(),
    (r: { destroy(): void; end(text?: string): void }) => r.end(),
    (r: { destroy(): void; end(text?: string): void }) => r.end(eventText({ error: { message: "out of memory", type: "server_error" } })),
    (r: { destroy(): void; end(text?: string): void }) => r.end(eventText("{{{")),
    (r: { destroy(): void; end(text?: string): void }) => r.end([0, 1, 0].map(callChunk).map(eventText).join("")),
  ]) {
    upstream.script = async (_, response) => {
      begin(response);
      for (const e of goodEvents({}).slice(0, 4)) response.write(e);
      await new Promise(resolve => setTimeout(resolve, 20));
      then(response);
    };
    let text = "";
    const types: string[] = [];
    let error: unknown;
    try {
      for await (const e of await client.responses.create({ model: "m", input: "Hi", stream: true })) {
        types.push(e.type);
        if (e.type === "response.output_text.delta") text += e.delta;
      }
    } catch (e) {
      error = e;
    }
    expect(text).toBe(words.slice(0, 3).join(""));
    expect(error ?? types.at(-1)).toEqual(error === undefined ? "error" : expect.any(APIError));
    expect(types).not.toContain("response.completed");
  }
});

test("a chat without its last word, or without counts, is still a whole response; a refusal keeps its status", async () => {
  upstream.script = (_, response) => {
    begin(response);
    response.end([roleChunk, wordChunk("a"), lastChunk, usageChunk(3, 1)].map(eventText).join(""));
  };
  const final = await client.responses.stream({ model: "m", input: "Hi" }).finalResponse();
  expect([final.status, final.output_text, final.usage!.output_tokens]).toEqual(["completed", "a", 1]);
  upstream.script = status(422, {}, "too odd");
  const error = await errorOf({});
  expect([error!.status, error!.message]).toEqual([422, "422 too odd"]);
});

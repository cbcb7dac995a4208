import { afterEach, beforeEach, expect, test } from "vitest";
import { chatDialects } from "../../protocols/index.ts";
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

const { anthropic } = chatDialects;
const toChat = (body: Record<string, unknown>) => anthropic.read(body).chat;
let upstream: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
    retries: { attempts: 0 },
  });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const tool = { name: "weather", description: "of a city", input_schema: { type: "object", properties: { city: { type: "string" } } } };
const ask = { model: "chat", max_tokens: 100, system: "Be brief.", messages: [{ role: "user", content: "Count." }] };
const post = (body: object) =>
  gateway.post("/v1/messages", body, { headers: { authorization: "", "x-api-key": gateway.key, "anthropic-version": "2023-06-01" } });
type Event = { readonly type: string } & Record<string, unknown>;
const events = (text: string): Event[] =>
  text
    .split("\n\n")
    .filter(e => e !== "")
    .map(e => {
      const [name, data] = e.split("\n");
      const value = JSON.parse(data!.slice(6)) as Event;
      // the official client goes by the event's name
      expect(name).toBe(`event: ${value.type}`);
      return value;
    });

test("a request's turns, tools, results and choices become a chat's", () => {
  expect(
    toChat({
      model: "m",
      max_tokens: 5,
      system: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      stop_sequences: ["x"],
      temperature: 0.5,
      tools: [tool],
      tool_choice: { type: "any", disable_parallel_tool_use: true },
      metadata: { user_id: "u" },
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Rain?" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "text", text: "Let me look." },
            { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "rain" }] },
            { type: "text", text: "So?" },
          ],
        },
      ],
    }),
  ).toEqual({
    model: "m",
    max_tokens: 5,
    stop: ["x"],
    temperature: 0.5,
    user: "u",
    tools: [{ type: "function", function: { name: "weather", description: "of a city", parameters: tool.input_schema } }],
    tool_choice: "required",
    parallel_tool_calls: false,
    messages: [
      { role: "system", content: "ab" },
      {
        role: "user",
        content: [
          { type: "text", text: "Rain?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
        ],
      },
      {
        role: "assistant",
        content: "Let me look.",
        tool_calls: [{ id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } }],
      },
      { role: "tool", tool_call_id: "t1", content: "rain" },
      { role: "user", content: "So?" },
    ],
  });
});

test("a whole answer is a message with its counts, and a cut-off call has an empty input", async () => {
  const answer = (await (await post(ask)).json()) as Event;
  expect(answer).toEqual({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "inner",
    content: [{ type: "text", text: words.join("") }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 7, output_tokens: 60, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });
  expect(upstream.received[0]!.body).toMatchObject({
    model: "inner",
    messages: [{ role: "system", content: "Be brief." }, ask.messages[0]],
  });
  const call = { id: "c", type: "function", function: { name: "f", arguments: '{"a": 1, "b' } };
  const cut = anthropic.answer({
    id: "chatcmpl-2",
    choices: [{ message: { content: null, tool_calls: [call] }, finish_reason: "length" }],
  });
  expect(cut).toMatchObject({ content: [{ type: "tool_use", id: "c", name: "f", input: {} }], stop_reason: "max_tokens" });
});

test("a stream is a message's events in order, and says what a whole answer says", async () => {
  const got = events(await (await post({ ...ask, stream: true })).text());
  expect(got.map(e => e.type)).toEqual([
    "message_start",
    "content_block_start",
    ...words.map(() => "content_block_delta"),
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  expect(got.map(e => (e.delta as { text?: string } | undefined)?.text ?? "").join("")).toBe(words.join(""));
  expect(got.at(-2)).toMatchObject({ delta: { stop_reason: "end_turn" }, usage: { input_tokens: 7, output_tokens: 60 } });
  expect(gateway.records[0]).toMatchObject({ inputTokens: 7, outputTokens: 60, status: 200, path: "/v1/messages" });
});

test("text, then two calls, are three blocks, each closed before the next, whose inputs are JSON", async () => {
  const calls = (list: object[]) => ({ ...roleChunk, choices: [{ index: 0, delta: { tool_calls: list }, finish_reason: null }] });
  upstream.script = (_, response) => {
    begin(response);
    const chunks = [
      wordChunk("Look."),
      calls([{ index: 0, id: "a", type: "function", function: { name: "weather", arguments: "" } }]),
      calls([{ index: 0, function: { arguments: '{"city":' } }]),
      calls([{ index: 0, function: { arguments: '"Łódź"}' } }]),
      calls([{ index: 1, id: "b", type: "function", function: { name: "weather", arguments: "{}" } }]),
      { ...lastChunk, choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      usageChunk(3, 4),
    ];
    response.end(chunks.map(eventText).join("") + eventText("[DONE]"));
  };
  const got = events(await (await post({ ...ask, tools: [tool], stream: true })).text());
  let open: number | undefined;
  const inputs = ["", "", ""];
  for (const e of got) {
    if (e.type === "content_block_start") {
      expect(open).toBeUndefined();
      open = e.index as number;
    } else if (e.type === "content_block_delta") {
      expect(e.index).toBe(open);
      inputs[open!] += (e.delta as { partial_json?: string }).partial_json ?? "";
    } else if (e.type === "content_block_stop") open = undefined;
  }
  expect(inputs).toEqual(["", '{"city":"Łódź"}', "{}"]);
  expect(got.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
});

test("errors are Anthropic's, also in mid-stream", async () => {
  const none = await gateway.post("/v1/messages", ask, { headers: { authorization: "" } });
  expect([none.status, await none.json()]).toMatchObject([401, { type: "error", error: { type: "authentication_error" } }]);
  const odd = await post({ ...ask, messages: [{ role: "user", content: [{ type: "document", source: {} }] }] });
  expect([odd.status, await odd.json()]).toMatchObject([
    400,
    { error: { type: "invalid_request_error", message: expect.stringContaining("messages[0].content[0]") } },
  ]);
  upstream.script = status(500);
  expect((await post(ask)).status).toBe(502);
  upstream.script = async (_, response) => {
    begin(response);
    response.write(goodEvents({}).slice(0, 5).join(""));
    await new Promise(resolve => setTimeout(resolve, 30));
    response.destroy();
  };
  expect(events(await (await post({ ...ask, stream: true })).text()).at(-1)).toMatchObject({ type: "error", error: { type: "api_error" } });
});

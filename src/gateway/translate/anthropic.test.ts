/** A chat put to a server of Anthropic's Messages: its answers are a chat's, its faults are OpenAI's errors. */
import OpenAI, { APIError, BadRequestError, RateLimitError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway, words } from "../fakes.ts";
import { anthropicScript, errorText, eventsOf, type FakeMessage, hello } from "./fakes.ts";

let upstream: FakeUpstream;
let other: FakeUpstream;
let gateway: TestGateway;
let client: OpenAI;
let says: FakeMessage;

async function start(more: object = {}): Promise<void> {
  gateway = await testGateway({
    upstreams: {
      claude: { url: upstream.url, protocol: "anthropic", headers: { "x-api-key": "secret" }, ...more },
      other: { url: other.url },
    },
    models: {
      claude: { targets: [{ upstream: "claude", model: "inner" }], maxOutputTokens: 777 },
      both: {
        targets: [
          { upstream: "claude", model: "inner" },
          { upstream: "other", model: "inner", priority: 1 },
        ],
      },
    },
    retries: { attempts: 1, backoff: "1ms" },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
}
beforeEach(async () => {
  says = hello;
  upstream = await fakeUpstream(anthropicScript(() => says));
  other = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway?.close();
  await Promise.all([upstream.close(), other.close()]);
  expect(gateway?.failures ?? []).toEqual([]);
});

const ask = { model: "claude", messages: [{ role: "user" as const, content: "Hi" }] };
const weather = {
  type: "function" as const,
  function: { name: "weather", description: "of a city", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
test("whole and streamed answers are the same chat: texts, calls, thinking, reasons, counts with what was cached", async () => {
  await start();
  for (const [stop_reason, reason] of [
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["tool_use", "tool_calls"],
    ["refusal", "content_filter"],
  ] as const) {
    says = {
      ...hello,
      stop_reason,
      content: [
        { type: "thinking", thinking: "Let me think of it.", signature: "sig" },
        ...hello.content,
        { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź" } },
        { type: "tool_use", id: "t2", name: "now", input: {} },
      ],
    };
    const whole = await client.chat.completions.create({ ...ask, tools: [weather] });
    const [choice] = whole.choices;
    expect(choice!.finish_reason).toBe(reason);
    expect(choice!.message).toMatchObject({
      content: "Hello there, and good morning.",
      reasoning_content: "Let me think of it.",
      thinking_blocks: [says.content[0]],
      tool_calls: [
        { id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Łódź"}' } },
        { id: "t2", type: "function", function: { name: "now", arguments: "{}" } },
      ],
    });
    expect(whole.usage).toMatchObject({
      prompt_tokens: 125,
      completion_tokens: 9,
      total_tokens: 134,
      prompt_tokens_details: { cached_tokens: 100 },
    });
    const streamed = await client.chat.completions
      .stream({ ...ask, tools: [weather], stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(streamed.choices[0]!.finish_reason).toBe(reason);
    expect(streamed.choices[0]!.message.content).toBe(choice!.message.content);
    expect(streamed.choices[0]!.message.tool_calls).toMatchObject(choice!.message.tool_calls!.map(c => ({ ...c })));
    expect(streamed.usage).toEqual(whole.usage);
  }
  expect(gateway.records.at(-1)).toMatchObject({ inputTokens: 125, cachedTokens: 100, outputTokens: 9, status: 200 });
  const first = upstream.received[0]!;
  expect(first.path).toBe("/v1/messages");
  expect(first.headers).toMatchObject({ "x-api-key": "secret", "anthropic-version": "2023-06-01" });
  expect(first.headers.authorization).toBeUndefined();
  expect(first.body).toMatchObject({ model: "inner", max_tokens: 777 });
});

test("Anthropic's refusal keeps its status and words; a 429 is a RateLimitError with its wait; overload goes to the next server", async () => {
  await start();
  const failing = async (model = "claude") =>
    client.chat.completions.create({ ...ask, model }).then(
      c => c.choices[0]!.message.content,
      e => e as APIError,
    );
  upstream.script = (_, r) => {
    r.writeHead(400, { "content-type": "application/json" });
    r.end(errorText("invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum"));
  };
  const bad = (await failing()) as APIError;
  expect(bad).toBeInstanceOf(BadRequestError);
  expect([bad.message, bad.type]).toEqual(["400 prompt is too long: 300000 tokens > 200000 maximum", "invalid_request_error"]);
  upstream.script = (_, r) => {
    r.writeHead(429, { "content-type": "application/json", "retry-after": "3" });
    r.end(errorText("rate_limit_error", "Slow down."));
  };
  const slow = (await failing()) as APIError;
  expect(slow).toBeInstanceOf(RateLimitError);
  expect([slow.message, slow.headers!.get("retry-after")]).toEqual(["429 Slow down.", "3"]);
  await gateway.close();
  await start();
  upstream.script = (_, r) => {
    r.writeHead(529, { "content-type": "application/json" });
    r.end(errorText("overloaded_error", "Overloaded"));
  };
  expect(await failing("both")).toBe(words.join(""));
});

/** Says the first so many events, then does something. */
const after =
  (count: number, then: (r: Parameters<FakeUpstream["script"]>[1]) => void) =>
  async (_: unknown, r: Parameters<FakeUpstream["script"]>[1]) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    for (const e of eventsOf(says, "inner").slice(0, count)) r.write(e);
    await new Promise(resolve => setTimeout(resolve, 30));
    then(r);
  };
async function read(model: string): Promise<{ text: string; reason: string | null; error: unknown }> {
  const got = { text: "", reason: null as string | null, error: undefined as unknown };
  try {
    for await (const c of await client.chat.completions.create({ ...ask, model, stream: true })) {
      got.text += c.choices[0]?.delta.content ?? "";
      got.reason = c.choices[0]?.finish_reason ?? got.reason;
    }
  } catch (error) {
    got.error = error;
  }
  return got;
}

test("a stream that breaks before its first word is asked elsewhere; in the middle the client is told, and gets nothing twice", async () => {
  await start();
  const overloaded = `event: error\ndata: ${errorText("overloaded_error", "Overloaded")}\n\n`;
  for (const then of [
    (r: Parameters<FakeUpstream["script"]>[1]) => r.destroy(),
    (r: Parameters<FakeUpstream["script"]>[1]) => r.end(),
    (r: Parameters<FakeUpstream["script"]>[1]) => r.end(overloaded),
    (r: Parameters<FakeUpstream["script"]>[1]) => r.end("event: content_block_delta\ndata: {{{\n\n"),
  ]) {
    upstream.script = after(2, then);
    expect(await read("both")).toEqual({ text: words.join(""), reason: "stop", error: undefined });
    upstream.script = after(5, then);
    const cut = await read("both");
    expect([cut.text, cut.reason]).toEqual(["Hello th", null]);
    expect(cut.error).toBeInstanceOf(APIError);
    await gateway.close();
    await start();
  }
});

test("an answer that broke off is gone on with behind its own words (prefill), and counted as one", async () => {
  await start({ resume: "prefill" });
  let calls = 0;
  upstream.script = (received, r) => {
    calls++;
    if (calls === 1) return after(5, x => x.destroy())(received, r);
    says = { ...hello, content: [{ type: "text", text: "ere." }], usage: { input_tokens: 7, output_tokens: 2 } };
    return anthropicScript(() => says)(received, r);
  };
  expect(await read("claude")).toEqual({ text: "Hello there.", reason: "stop", error: undefined });
  expect(upstream.received[1]!.body.messages).toEqual([...ask.messages, { role: "assistant", content: "Hello th" }]);
  expect(gateway.records.at(-1)).toMatchObject({ resumed: 1, status: 200, outputTokens: 4 });
});

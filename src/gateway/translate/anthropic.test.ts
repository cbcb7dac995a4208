/** A chat put to a server of Anthropic's Messages: its requests keep their meaning, its answers are a chat's, its faults are OpenAI's errors. */
import fc from "fast-check";
import OpenAI, { APIError, BadRequestError, RateLimitError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway, words } from "../fakes.ts";
import { anthropicScript, errorText, eventsOf, type FakeMessage, hello, refusalOf } from "./fakes.ts";
import { messages } from "./messages.ts";
import { chatToMessages } from "./to-anthropic.ts";
import type { Asked } from "./translation.ts";

type Row = Record<string, unknown>;
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
const asked = (body: Row): Asked => ({
  body,
  model: "m",
  isStream: false,
  maxOutputTokens: 99,
  inputTokens: 1,
  now: 0,
  isLenient: false,
  asksUsage: true,
  tensors: { input: "text", output: "embedding" },
});
const sent = (body: Row): Row => chatToMessages(asked(body)).body;

// what may be said in a chat: texts, pictures, calls with their results
const text = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }).filter(t => t.trimEnd() === t && t !== "");
const picture = fc
  .constantFrom("data:image/png;base64,AA==", "https://example.org/a.png")
  .map(url => ({ type: "image_url" as const, image_url: { url } }));
const userContent = fc.oneof(
  text,
  fc.array(
    fc.oneof(
      text.map(t => ({ type: "text" as const, text: t })),
      picture,
    ),
    { minLength: 1, maxLength: 4 },
  ),
);
const call = fc.record({
  name: fc.constantFrom("weather", "time"),
  arguments: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 })),
});
const turn = fc.oneof(
  userContent.map(content => [{ role: "user", content }]),
  text.map(content => [{ role: "assistant", content }]),
  fc.tuple(fc.option(text), fc.array(fc.tuple(call, text), { minLength: 1, maxLength: 3 })).map(([said, calls]) => [
    {
      role: "assistant",
      content: said,
      tool_calls: calls.map(([c], i) => ({
        id: `c${i}`,
        type: "function",
        function: { name: c.name, arguments: JSON.stringify(c.arguments) },
      })),
    },
    ...calls.map(([, result], i) => ({ role: "tool", tool_call_id: `c${i}`, content: result })),
  ]),
);
const chat = fc
  .tuple(fc.array(text, { maxLength: 2 }), userContent, fc.array(turn, { maxLength: 5 }))
  .map(([system, first, turns]): Row[] => [
    ...system.map(content => ({ role: "system", content })),
    { role: "user", content: first },
    ...turns.flat(),
  ]);

/** What a conversation says, however it is cut into messages: texts that follow one another in one role are one. */
function meaning(list: readonly Row[]): Row[] {
  const said: Row[] = [];
  const add = (role: unknown, kind: string, value: unknown) => {
    const last = said.at(-1);
    if (kind === "text" && value === "") return;
    if (kind === "text" && last?.kind === "text" && last.role === role) last.value = `${last.value}${value}`;
    else said.push({ role, kind, value });
  };
  for (const m of list) {
    if (m.role === "tool") add("tool", m.tool_call_id as string, m.content);
    else if (typeof m.content === "string") add(m.role, "text", m.content);
    else for (const p of (m.content ?? []) as Row[]) add(m.role, String(p.type), p.type === "text" ? p.text : p.image_url);
    for (const c of (m.tool_calls ?? []) as { id: string; function: { name: string; arguments: string } }[])
      add("assistant", "call", [c.id, c.function.name, JSON.parse(c.function.arguments)]);
  }
  return said;
}

test("a chat that goes through Messages and back says the same, and Anthropic would take it", () => {
  fc.assert(
    fc.property(chat, list => {
      const body = sent({ messages: list, max_tokens: 5 });
      expect(refusalOf({ path: "", headers: { "anthropic-version": "1" }, text: "", body })).toBeUndefined();
      expect(meaning(messages.toChat(body).messages as Row[])).toEqual(meaning(list));
    }),
    { numRuns: 300 },
  );
});

test("tools, their choice, bounds, forms and efforts keep their meaning on the way there and back", () => {
  const form = { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" }, strict: true } };
  for (const choice of ["auto", "none", "required", { type: "function", function: { name: "weather" } }] as const)
    for (const isParallel of [true, false]) {
      const parallel = isParallel || choice === "none" ? {} : { parallel_tool_calls: false };
      const body = {
        messages: ask.messages,
        max_tokens: 7,
        stop: ["a", "b"],
        temperature: 0.5,
        top_p: 0.9,
        tools: [weather],
        tool_choice: choice,
        ...parallel,
        response_format: form,
        reasoning_effort: "high",
        user: "u",
      };
      expect(messages.toChat(sent(body))).toEqual({ model: "m", ...body });
    }
  expect(sent({ messages: ask.messages, max_completion_tokens: 3, stop: "x", parallel_tool_calls: false, tools: [weather] })).toMatchObject(
    {
      max_tokens: 3,
      stop_sequences: ["x"],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
    },
  );
});

test("what Anthropic cannot be told is named; values that ask for nothing, and what changes no answer, are not", () => {
  const place = (more: Row) => {
    try {
      sent({ messages: ask.messages, ...more });
      return undefined;
    } catch (error) {
      const { code, problem } = error as { code: string; problem: { place: string } };
      expect(code).toBe("gateway/untranslated");
      return problem.place;
    }
  };
  for (const [more, named] of [
    [{ n: 2 }, "n"],
    [{ logprobs: true }, "logprobs"],
    [{ seed: 1 }, "seed"],
    [{ frequency_penalty: 1 }, "frequency_penalty"],
    [{ logit_bias: { 5: 1 } }, "logit_bias"],
    [{ temperature: 1.5 }, "temperature"],
    [{ response_format: { type: "json_object" } }, "response_format"],
    [{ functions: [{}] }, "functions"],
    [{ tools: [{ type: "custom", custom: {} }] }, "tools[0]"],
    [{ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] }, "messages[0].content[0]"],
    [
      { messages: [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "{" } }] }] },
      "messages[0].tool_calls[0].function.arguments",
    ],
  ] as const)
    expect([named, place(more)]).toEqual([named, named]);
  const silent = {
    n: 1,
    logprobs: false,
    frequency_penalty: 0,
    logit_bias: {},
    store: true,
    metadata: { a: "b" },
    parallel_tool_calls: true,
  };
  expect(place({ ...silent, seed: null, stream_options: { include_usage: true } })).toBeUndefined();
  const lenient = chatToMessages({ ...asked({ messages: ask.messages, seed: 1, temperature: 2, logprobs: true }), isLenient: true }).body;
  expect(lenient).toEqual({ model: "m", messages: ask.messages, max_tokens: 99, temperature: 1 });
  expect(() => chatToMessages({ ...asked({ messages: ask.messages, n: 2 }), isLenient: true })).toThrow(/"n"/);
});

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

test("marks of what to cache stay on texts, pictures and tools", () => {
  const cache_control = { type: "ephemeral" };
  const body = sent({
    messages: [
      { role: "system", content: [{ type: "text", text: "Long.", cache_control }] },
      { role: "user", content: [{ type: "text", text: "Hi", cache_control }] },
    ],
    tools: [{ ...weather, cache_control }],
  });
  expect(body).toMatchObject({
    system: [{ type: "text", text: "Long.", cache_control }],
    messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control }] }],
    tools: [{ name: "weather", cache_control }],
  });
});

test("thinking goes back to Anthropic with its signature", () => {
  const thought = { type: "thinking", thinking: "a", signature: "s" };
  const body = sent({
    messages: [...ask.messages, { role: "assistant", content: "b", thinking_blocks: [thought] }, { role: "user", content: "c" }],
  });
  expect((body.messages as Row[])[1]).toEqual({ role: "assistant", content: [thought, { type: "text", text: "b" }] });
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

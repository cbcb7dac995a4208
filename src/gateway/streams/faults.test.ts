/** The list of faults that gateways pass on as whole answers, each from a faulty upstream on a real socket: none does here. */
import OpenAI, { APIError } from "openai";
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
  type Script,
  status,
  type TestGateway,
  testGateway,
  usageChunk,
  wordChunk,
  words,
} from "../fakes.ts";

let first: FakeUpstream;
let second: FakeUpstream;
let gateway: TestGateway;
let client: OpenAI;

/** Long enough for a busy machine to be in time where it should be. */
const times = { connect: "2s", firstByte: "1500ms", idle: "1500ms" };
const upstreamPart = (url: string, more: object = {}) => ({ url, timeouts: times, breaker: { failures: 1000, open: "1s" }, ...more });
const configOf = (more: object = {}) => ({
  upstreams: { first: upstreamPart(first.url, more), second: upstreamPart(second.url, more) },
  models: {
    pair: {
      targets: [
        { upstream: "first", model: "inner" },
        { upstream: "second", model: "inner", priority: 1 },
      ],
    },
    alone: { targets: [{ upstream: "first", model: "inner" }] },
  },
  retries: { attempts: 1, backoff: "1ms" },
});

async function start(more: object = {}): Promise<void> {
  gateway = await testGateway(configOf(more));
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
}
beforeEach(async () => {
  first = await fakeUpstream(good);
  second = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([first.close(), second.close()]);
  expect(gateway.failures).toEqual([]);
});

const messages = [{ role: "user" as const, content: "Count." }];

/** What a client of the official library gets: the text, and the error it throws, if any. */
async function read(model: string): Promise<{ text: string; reason: string | null; error: unknown }> {
  let text = "";
  let reason: string | null = null;
  try {
    for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
      reason = chunk.choices[0]?.finish_reason ?? reason;
    }
    return { text, reason, error: undefined };
  } catch (error) {
    return { text, reason, error };
  }
}
const whole = { text: words.join(""), reason: "stop", error: undefined };

/** Says so many words, then does something. */
const after =
  (count: number, then: Script): Script =>
  async (received, response) => {
    begin(response);
    for (const event of [roleChunk, ...words.slice(0, count).map(wordChunk)]) response.write(eventText(event));
    await new Promise(resolve => setTimeout(resolve, 30));
    await then(received, response);
  };
const cut: Script = (_, response) => void response.destroy();
const silence: Script = () => {};

const beforeAnything: Record<string, Script> = {
  "500": status(500),
  "503": status(503),
  "429 without Retry-After": status(429),
  "429 with Retry-After": status(429, { "retry-after": "7" }),
  "401 for the gateway's own key": status(401),
  "a redirect": status(302, { location: "http://127.0.0.1:1/" }),
  "headers that do not come": silence,
  "a connection that is closed without an answer": cut,
  "an error object inside of a 200 stream": (_, response) => {
    begin(response);
    response.end(eventText({ error: { message: "out of memory", type: "server_error", param: null, code: null } }));
  },
  "a stream that ends before its first word": after(0, cut),
  "a malformed first chunk": (_, response) => {
    begin(response);
    response.end('data: {"choices": [{\n\n');
  },
  "a 200 that is a web page": (_, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<html>It works!</html>");
  },
};

for (const [fault, script] of Object.entries(beforeAnything))
  test(`before the first word, ${fault}: another upstream answers, whole and streamed`, async () => {
    first.script = script;
    await start();
    expect(await read("pair")).toEqual(whole);
    const { choices } = await client.chat.completions.create({ model: "pair", messages });
    expect(choices[0]!.message.content).toBe(whole.text);
    expect(second.received.length).toBe(2);
    expect(gateway.records.map(r => [r.status, r.target])).toEqual([
      [200, "second/inner"],
      [200, "second/inner"],
    ]);
  });

for (const code of [429, 503])
  test(`${code} with Retry-After: the first rests as long as it asked, and is asked for nothing meanwhile`, async () => {
    first.script = status(code, { "retry-after": "7" });
    await start();
    const askedMs = performance.now();
    expect(await read("pair")).toEqual(whole);
    const { restsUntilMs, isAvailable } = gateway.gateway.state().upstreams[0]!.models[0]!;
    expect(isAvailable).toBe(false);
    expect(restsUntilMs! - askedMs).toBeGreaterThanOrEqual(7_000);
    expect(restsUntilMs! - performance.now()).toBeLessThanOrEqual(7_000);
    first.script = good;
    for (let i = 0; i < 3; i++) expect(await read("pair")).toEqual(whole);
    expect([first.received.length, second.received.length]).toEqual([1, 4]);
  });

test("a refused connection: another upstream answers", async () => {
  await start();
  await first.close();
  expect(await read("pair")).toEqual(whole);
});

const inTheMiddle: Record<string, Script> = {
  "cut after 40 of 60 words": after(40, cut),
  "closed in order after 40 of 60 words": after(40, (_, response) => void response.end()),
  "20 words, then silence": after(20, silence),
  "one malformed chunk": after(30, (_, response) => void response.end("data: {nonsense\n\n")),
  "an error object in the middle": after(
    30,
    (_, response) => void response.end(eventText({ error: { message: "gpu lost", type: "server_error" } })),
  ),
  "[DONE] without a finish_reason": after(60, (_, response) => void response.end(eventText("[DONE]"))),
  "half a chunk, then the end": after(30, (_, response) => void response.end('data: {"id":"chatcmpl-1","choices":[{"ind')),
};

for (const [fault, script] of Object.entries(inTheMiddle))
  test(`in the middle, ${fault}: the client is told, in OpenAI's form, and gets nothing twice`, async () => {
    first.script = script;
    await start();
    const { text, reason, error } = await read("pair");
    expect(error).toBeInstanceOf(APIError);
    expect(reason).toBeNull();
    expect(whole.text.startsWith(text)).toBe(true);
    expect(text.length).toBeGreaterThan(50);
    expect(second.received).toEqual([]);
    expect(gateway.records[0]).toMatchObject({ status: 200, model: "pair" });
    expect(gateway.records[0]!.error).toMatch(/^gateway\/(cut|timeout)$/);
  });

test("a missing [DONE] after a finish_reason is added", async () => {
  first.script = ({ body }, response) => {
    begin(response);
    response.end(goodEvents(body).slice(0, -1).join(""));
  };
  await start();
  const text = await (await gateway.post("/v1/chat/completions", { model: "alone", messages, stream: true })).text();
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(await read("alone")).toEqual(whole);
});

test("a connection that falls after the last chunk costs nothing", async () => {
  first.script = after(60, async (_, response) => {
    response.write(eventText(lastChunk));
    await new Promise(resolve => setTimeout(resolve, 30));
    response.destroy();
  });
  await start();
  expect(await read("alone")).toEqual(whole);
});

test("a last chunk that comes twice reaches the client once", async () => {
  first.script = after(60, (_, response) => void response.end([lastChunk, lastChunk, "[DONE]"].map(eventText).join("")));
  await start();
  const text = await (await gateway.post("/v1/chat/completions", { model: "alone", messages, stream: true })).text();
  expect(text.match(/"finish_reason":"stop"/g)).toHaveLength(1);
  expect(await read("alone")).toEqual(whole);
});

test("an upstream that says nothing for long keeps the client's connection open by comments", async () => {
  first.script = async (received, response) => {
    await new Promise(resolve => setTimeout(resolve, 200));
    await good(received, response);
  };
  gateway = await testGateway({ ...configOf(), timeouts: { heartbeat: "50ms" } });
  const text = await (await gateway.post("/v1/chat/completions", { model: "alone", messages, stream: true })).text();
  expect(text.match(/^: waiting$/gm)!.length).toBeGreaterThan(1);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("an error after such comments comes as an event", async () => {
  first.script = silence;
  gateway = await testGateway({ ...configOf(), timeouts: { heartbeat: "50ms" } });
  const response = await gateway.post("/v1/chat/completions", { model: "alone", messages, stream: true });
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(text).toContain('"code":"first_byte_timeout"');
});

test("where upstreams can go on, an answer that broke off is gone on with, as one answer", async () => {
  first.script = after(40, cut);
  second.script = ({ body }, response) => {
    begin(response);
    const rest = words.slice(40);
    const other = (c: object) => ({ ...c, id: "chatcmpl-2", created: 1 });
    response.end(
      [roleChunk, ...rest.map(wordChunk), lastChunk].map(c => eventText(other(c))).join("") +
        eventText(other(usageChunk(47, 20))) +
        eventText("[DONE]"),
    );
    expect(body).toMatchObject({
      messages: [...messages, { role: "assistant", content: words.slice(0, 40).join("") }],
      continue_final_message: true,
      add_generation_prompt: false,
      max_tokens: 60,
    });
  };
  await start({ resume: "vllm" });
  const ids = new Set<string>();
  let text = "";
  let usage: OpenAI.CompletionUsage | null | undefined;
  const stream = await client.chat.completions.create({
    model: "pair",
    messages,
    max_tokens: 100,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    ids.add(chunk.id);
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe(whole.text);
  expect([...ids]).toEqual(["chatcmpl-1"]);
  expect(usage).toEqual({ prompt_tokens: 7, completion_tokens: 60, total_tokens: 67 });
  expect(gateway.records[0]).toMatchObject({
    status: 200,
    error: null,
    resumed: 1,
    target: "second/inner",
    inputTokens: 7,
    outputTokens: 60,
  });
});

test("an answer with a call in it is not gone on with: the client is told", async () => {
  first.script = async (_, response) => {
    begin(response);
    const call = { index: 0, id: "c", type: "function", function: { name: "f", arguments: '{"a"' } };
    response.write(eventText({ ...roleChunk, choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] }));
    await new Promise(resolve => setTimeout(resolve, 30));
    response.destroy();
  };
  await start({ resume: "vllm" });
  expect((await read("pair")).error).toBeInstanceOf(APIError);
  expect(second.received).toEqual([]);
});

test("when everything fails the error says what, and the official client may try again", async () => {
  first.script = status(503, { "retry-after": "1" });
  second.script = status(500);
  await start();
  const error = await client.chat.completions.create({ model: "pair", messages }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(APIError);
  expect(error).toMatchObject({ status: 502, code: "upstream_error", type: "server_error" });
});

test("an upstream's own 4xx is passed on and no other is asked", async () => {
  first.script = status(400, {}, "messages: too many");
  await start();
  const error = await client.chat.completions.create({ model: "pair", messages, stream: true }).catch((e: unknown) => e);
  expect(error).toMatchObject({ status: 400, message: "400 messages: too many" });
  expect(second.received).toEqual([]);
});

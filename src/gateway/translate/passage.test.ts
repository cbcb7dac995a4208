/** Messages to a server that speaks them itself: nothing is translated that need not be, and nothing that was changed on the way slips by. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { afterPiece, noBlock, Passage } from "../../protocols/index.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway, words } from "../fakes.ts";
import { anthropicScript, errorText, eventsOf, type FakeMessage, hello, wholeOf } from "./fakes.ts";
import { messages } from "./messages.ts";

let claude: FakeUpstream;
let other: FakeUpstream;
let gateway: TestGateway;
const says: FakeMessage = {
  ...hello,
  content: [
    { type: "thinking", thinking: "Let me see.", signature: "EqQBCg==" },
    { type: "server_tool_use", id: "srv1", name: "web_search", input: {} },
    { type: "web_search_tool_result", tool_use_id: "srv1", content: [{ type: "web_search_result", url: "https://example.org" }] },
    { type: "text", text: "Łódź lies in Poland." },
    { type: "tool_use", id: "t1", name: "weather", input: { city: "Łódź" } },
  ],
};
beforeEach(async () => {
  claude = await fakeUpstream(anthropicScript(() => says));
  other = await fakeUpstream(good);
  gateway = await testGateway({
    upstreams: {
      claude: { url: claude.url, protocol: "anthropic" },
      other: { url: other.url },
      lax: { url: other.url, untranslated: "drop" },
    },
    models: {
      claude: { targets: [{ upstream: "claude", model: "inner" }] },
      other: { targets: [{ upstream: "other", model: "inner" }] },
      lax: { targets: [{ upstream: "lax", model: "inner" }] },
      both: {
        targets: [
          { upstream: "other", model: "inner" },
          { upstream: "claude", model: "inner", priority: 1 },
        ],
        strategy: "weighted",
      },
    },
    retries: { attempts: 1, backoff: "1ms" },
  });
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([claude.close(), other.close()]);
  expect(gateway.failures).toEqual([]);
});

/** What no chat can say, and spaces of the writer's own. */
const request = (model: string, stream: boolean) => `{ "model": "${model}",  "max_tokens": 2000, "stream": ${stream},
  "thinking": {"type": "enabled", "budget_tokens": 1024},
  "tools": [{"type": "web_search_20250305", "name": "web_search"}],
  "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
  "messages": [{"role": "user", "content": [{"type": "search_result", "source": "a", "title": "b", "content": []}, {"type": "text", "text": "1.0"}]}] }`;
const post = (model: string, stream: boolean) =>
  gateway.post("/v1/messages", request(model, stream), {
    headers: { authorization: "", "x-api-key": gateway.key, "anthropic-version": "2023-06-01", "anthropic-beta": "some-beta" },
  });

test("request and answer go through letter by letter, but for the model's name, and are counted", async () => {
  const whole = await post("claude", false);
  expect([whole.status, await whole.text()]).toEqual([200, JSON.stringify(wholeOf(says, "inner"))]);
  expect(claude.received[0]!.text).toBe(request("inner", false));
  expect(claude.received[0]!.headers).toMatchObject({ "anthropic-beta": "some-beta", "anthropic-version": "2023-06-01" });
  expect(claude.received[0]!.path).toBe("/v1/messages");
  const streamed = await post("claude", true);
  expect(await streamed.text()).toBe(eventsOf(says, "inner").join(""));
  expect(claude.received[1]!.text).toBe(request("inner", true));
  for (const r of gateway.records)
    expect(r).toMatchObject({ inputTokens: 125, cachedTokens: 100, outputTokens: 9, status: 200, path: "/v1/messages" });
});

test("untranslated: drop applies to messages: thinking is left out and named in a header, Anthropic's own tools are still refused", async () => {
  const body = {
    model: "lax",
    max_tokens: 2000,
    messages: [{ role: "user", content: "1.0" }],
    thinking: { type: "enabled", budget_tokens: 1024 },
    context_management: { edits: [{ type: "clear_tool_uses_20250919" }] },
  };
  const send = (more: object) => gateway.post("/v1/messages", { ...body, ...more }, { headers: { "anthropic-version": "2023-06-01" } });
  for (const stream of [false, true]) {
    const answer = await send({ stream });
    expect([answer.status, answer.headers.get("x-loam-ignored")]).toEqual([200, "thinking, context_management"]);
    expect(await answer.text()).toContain(stream ? "event: message_stop" : '"type":"message"');
    const told = other.received.at(-1)!.body;
    expect(told).toMatchObject({ model: "inner", max_tokens: 2000, messages: [{ role: "user", content: "1.0" }] });
    for (const name of ["thinking", "context_management", "untranslated"]) expect(told).not.toHaveProperty(name);
  }
  const plain = await send({ thinking: undefined, context_management: undefined });
  expect([plain.status, plain.headers.get("x-loam-ignored")]).toEqual([200, null]);
  const before = other.received.length;
  for (const more of [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, { container: "c" }]) {
    const refused = await send(more);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(Object.keys(more)[0]!)]);
  }
  expect((await send({ model: "other" })).status).toBe(400);
  expect(other.received.length).toBe(before);
});

test("the same request to a server of chats is refused by name before any call; of two servers the one that can is asked", async () => {
  const refused = await post("other", false);
  expect([refused.status, await refused.json()]).toMatchObject([
    400,
    { type: "error", error: { type: "invalid_request_error", message: expect.stringContaining("thinking") } },
  ]);
  expect(other.received).toEqual([]);
  const answer = await post("both", false);
  expect(await answer.text()).toBe(JSON.stringify(wholeOf(says, "inner")));
  expect(other.received).toEqual([]);
});

test("a plain one falls over from a server of Messages to one of chats, and is answered in Messages", async () => {
  await gateway.close();
  gateway = await testGateway({
    upstreams: { claude: { url: claude.url, protocol: "anthropic" }, other: { url: other.url } },
    models: {
      both: {
        targets: [
          { upstream: "claude", model: "inner" },
          { upstream: "other", model: "inner", priority: 1 },
        ],
      },
    },
    retries: { attempts: 1, backoff: "1ms" },
  });
  claude.script = async (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    for (const e of eventsOf(says, "inner").slice(0, 2)) r.write(e);
    await new Promise(resolve => setTimeout(resolve, 20));
    r.end(`event: error\ndata: ${errorText("overloaded_error", "Overloaded")}\n\n`);
  };
  const answer = await gateway.post("/v1/messages", {
    model: "both",
    max_tokens: 9,
    stream: true,
    messages: [{ role: "user", content: "Hi" }],
  });
  const text = await answer.text();
  const deltas = [...text.matchAll(/"text_delta","text":"([^"]*)"/g)].map(m => m[1]).join("");
  expect(deltas).toBe(words.join(""));
  expect(text.match(/message_start/g)?.length).toBe(2);
  expect(text).toMatch(/event: message_stop/);
});

test("a server of Messages that dies in mid-stream ends in Anthropic's error event", async () => {
  claude.script = async (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    for (const e of eventsOf(says, "inner").slice(0, 20)) r.write(e);
    await new Promise(resolve => setTimeout(resolve, 30));
    r.destroy();
  };
  const text = await (await post("claude", true)).text();
  const all = eventsOf(says, "inner").join("");
  const [own, error] = text.split("event: error\n");
  expect(all.startsWith(own!)).toBe(true);
  expect(JSON.parse(error!.slice("data: ".length))).toMatchObject({ type: "error", error: { type: "api_error" } });
});

test("a server of Messages that falls after its last counts has said everything: the client gets them once, and the end", async () => {
  claude.script = async (_, r) => {
    r.writeHead(200, { "content-type": "text/event-stream" });
    for (const e of eventsOf(says, "inner").slice(0, -1)) r.write(e);
    await new Promise(resolve => setTimeout(resolve, 30));
    r.destroy();
  };
  expect(await (await post("claude", true)).text()).toBe(eventsOf(says, "inner").join(""));
  expect(gateway.records.at(-1)).toMatchObject({ status: 200, error: null, inputTokens: 125, outputTokens: 9 });
});

test("what was changed on the way is translated, in blocks that fit those that went through", () => {
  const passage = new Passage();
  const say = messages.stream(passage);
  const chunk = (delta: object) => JSON.stringify({ id: "c", model: "m", choices: [{ index: 0, delta, finish_reason: null }] });
  let block = noBlock;
  const add = (said: string, own: { type: string } & Record<string, unknown>) => {
    block = afterPiece(block, own);
    passage.add({ said, own: `event: ${own.type}\ndata: ${JSON.stringify(own)}\n\n`, ...block });
  };
  add(chunk({ role: "assistant", content: "" }), { type: "message_start", message: {} });
  add(chunk({ reasoning_content: "a" }), { type: "content_block_start", index: 0, content_block: { type: "thinking" } });
  add(chunk({ content: "secret" }), { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "secret" } });
  let out = say(chunk({ role: "assistant", content: "" })) + say(chunk({ reasoning_content: "a" }));
  expect(out).toContain('"thinking"');
  // a guard took the word out
  out += say(chunk({ content: "[hidden]" }));
  expect(out).not.toContain("secret");
  const types = [...out.matchAll(/^event: (.*)$/gm)].map(m => m[1]);
  expect(types).toEqual(["message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_delta"]);
  expect(out).toContain('"index":1,"content_block":{"type":"text"');
});

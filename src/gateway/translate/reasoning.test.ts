/** Reasoning of Anthropic's Messages through the gateway: it is sent to upstreams that take vLLM's parameters, and to no others. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventText, type FakeUpstream, fakeUpstream, lastChunk, type TestGateway, testGateway, wordChunk } from "../fakes.ts";

let thinking: FakeUpstream;
let plain: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  const script: Parameters<typeof fakeUpstream>[0] = ({ body }, response) => {
    if (body.stream === true) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const thought = wordChunk("");
      const chunks = [
        { ...thought, choices: [{ index: 0, delta: { reasoning_content: "Hm." }, finish_reason: null }] },
        wordChunk("Four."),
        lastChunk,
      ];
      response.end([...chunks, "[DONE]"].map(eventText).join(""));
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    const message = { role: "assistant", content: "Four.", reasoning_content: "Hm." };
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] }));
  };
  thinking = await fakeUpstream(script);
  plain = await fakeUpstream(script);
  gateway = await testGateway({
    upstreams: {
      thinking: { url: thinking.url, reasoning: "vllm" },
      plain: { url: plain.url },
      lax: { url: plain.url, untranslated: "drop" },
    },
    models: {
      thinking: { targets: [{ upstream: "thinking", model: "inner" }] },
      plain: { targets: [{ upstream: "plain", model: "inner" }] },
      lax: { targets: [{ upstream: "lax", model: "inner" }] },
      shadowed: { targets: [{ upstream: "thinking", model: "inner" }], shadow: { upstream: "plain", model: "inner", share: 1 } },
    },
    retries: { attempts: 0 },
  });
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([thinking.close(), plain.close()]);
  expect(gateway.failures).toEqual([]);
});

const thought = { type: "thinking", thinking: "Two and two are four, as everybody knows.", signature: "" };
const turns = (isThoughtful: boolean) => [
  { role: "user", content: "2 + 2?" },
  { role: "assistant", content: [...(isThoughtful ? [thought] : []), { type: "text", text: "Four." }] },
  { role: "user", content: "Sure?" },
];
const enabled = { type: "enabled", budget_tokens: 1024 };
const post = (model: string, more: object = {}, path = "/v1/messages") =>
  gateway.post(path, { model, max_tokens: 2000, messages: turns(true), ...more });

test("reasoning of earlier turns goes on to an upstream that reads it, and to no other", async () => {
  expect((await post("thinking")).status).toBe(200);
  expect(thinking.received[0]!.body.messages).toEqual([
    { role: "user", content: "2 + 2?" },
    { role: "assistant", content: "Four.", reasoning_content: thought.thinking },
    { role: "user", content: "Sure?" },
  ]);
  expect(thinking.received[0]!.body).toMatchObject({ include_reasoning: false, chat_template_kwargs: { enable_thinking: false } });
  expect((await post("plain")).status).toBe(200);
  expect(plain.received[0]!.body.messages).toEqual([
    { role: "user", content: "2 + 2?" },
    { role: "assistant", content: "Four." },
    { role: "user", content: "Sure?" },
  ]);
  expect(plain.received[0]!.text).not.toMatch(/reasoning|chat_template_kwargs/);
  // nor by a copy
  await post("shadowed");
  await expect.poll(() => plain.received.length).toBe(2);
  expect(plain.received[1]!.text).not.toMatch(/reasoning|chat_template_kwargs/);
});

test("count_tokens counts reasoning of earlier turns, as the message that is then sent", async () => {
  const counted = async (isThoughtful: boolean): Promise<number> => {
    const messages = turns(isThoughtful);
    const answer = await gateway.post("/v1/messages/count_tokens", { model: "thinking", messages });
    return ((await answer.json()) as { readonly input_tokens: number }).input_tokens;
  };
  expect(await counted(true)).toBeGreaterThan((await counted(false)) + 5);
  await post("thinking");
  gateway.gateway.tell();
  expect(gateway.records.at(-1)).toMatchObject({ path: "/v1/messages", inputTokens: await counted(true) });
});

test("thinking is put to such an upstream with its budget and comes back as a block, whole and streamed; others refuse or drop it", async () => {
  const whole = (await (await post("thinking", { thinking: enabled })).json()) as { readonly content: unknown };
  expect(whole.content).toEqual([
    { type: "thinking", thinking: "Hm.", signature: "" },
    { type: "text", text: "Four." },
  ]);
  const { body } = thinking.received[0]!;
  expect(body).toMatchObject({ include_reasoning: true, thinking_token_budget: 1024, chat_template_kwargs: { enable_thinking: true } });
  expect(body).not.toHaveProperty("untranslated");
  const text = await (await post("thinking", { thinking: enabled, stream: true })).text();
  expect(text).toContain('"thinking_delta","thinking":"Hm."');
  expect(text.indexOf("thinking_delta")).toBeLessThan(text.indexOf("text_delta"));
  const refused = await post("plain", { thinking: enabled });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("thinking")]);
  const dropped = await post("lax", { thinking: enabled });
  expect([dropped.status, dropped.headers.get("x-loam-ignored")]).toEqual([200, "thinking"]);
  // reasoning that was not asked for is not told
  expect(await (await post("thinking")).text()).not.toContain("Hm.");
  const wrong = await post("thinking", { thinking: { type: "always" } });
  expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining("thinking.type")]);
});

test("only what no chat can say is refused beside thinking", async () => {
  const tools = [{ type: "web_search_20250305", name: "web_search" }];
  const refused = await post("thinking", { thinking: enabled, tools });
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("tools[0]")]);
});

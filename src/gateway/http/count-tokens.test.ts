/** Tokens of a message, counted for Anthropic's client: what admission counts, under the same policies, for a request and nothing else. */
import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
const access: ControlGiven = {
  ...openAccess,
  policies: [
    { id: "seen", effect: "allow", endpoints: ["models"] },
    { id: "short", effect: "allow", endpoints: ["messages"], parameters: { max_tokens: { max: 1024 } } },
    { id: "denied", effect: "deny", models: ["denied"] },
  ],
  limits: [
    { name: "few", for: { models: ["few"] }, measure: "requests", limit: 2, window: "1h" },
    { name: "tokens", per: ["key"], measure: "tokens", limit: 1000, window: "1h" },
  ],
};
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  const targets = [{ upstream: "local" }];
  gateway = await testGateway(
    { upstreams: { local: { url: upstream.url } }, models: { chat: { targets }, few: { targets }, denied: { targets } } },
    { access },
  );
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const clientOf = (apiKey = gateway.key, more: object = {}) => new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0, ...more });
const tools: Anthropic.Tool[] = [{ name: "weather", description: "of a city", input_schema: { type: "object", properties: {} } }];
const asked = { system: "Be brief.", messages: [{ role: "user" as const, content: "Count these words." }] };
const told = () => gateway.gateway.tell();

test("the count is the one that a message is admitted by, with its system and its tools", async () => {
  // an answer without usage is charged by what admission counted
  upstream.script = (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const choices = [{ index: 0, message: { role: "assistant", content: "1" }, finish_reason: "stop" }];
    response.end(JSON.stringify({ id: "c", object: "chat.completion", choices }));
  };
  const counts: number[] = [];
  for (const more of [{}, { tools }]) {
    const { input_tokens: counted } = await clientOf().messages.countTokens({ model: "chat", ...asked, ...more });
    await clientOf().messages.create({ model: "chat", max_tokens: 5, ...asked, ...more });
    told();
    expect(gateway.records.at(-1)).toMatchObject({ path: "/v1/messages", inputTokens: counted });
    counts.push(counted);
  }
  expect(counts[1]).toBeGreaterThan(counts[0]!);
});

test("what a chat cannot say is counted as its text and not refused", async () => {
  const thinking = { type: "enabled" as const, budget_tokens: 1024 };
  const search = { type: "web_search_20250305" as const, name: "web_search" as const };
  const plain = await clientOf().messages.countTokens({ model: "chat", ...asked });
  expect(await clientOf().messages.countTokens({ model: "chat", ...asked, thinking, tools: [search] })).toEqual(plain);
});

test("it costs a request and no tokens, and asks no server", async () => {
  const client = clientOf();
  const long = { model: "chat", messages: [{ role: "user" as const, content: "word ".repeat(5000) }] };
  expect((await client.messages.countTokens(long)).input_tokens).toBeGreaterThan(5000);
  const { response } = await client.messages.countTokens({ model: "few", ...asked }).withResponse();
  expect(response.headers.get("x-ratelimit-remaining-requests")).toBe("1");
  expect(response.headers.get("x-ratelimit-remaining-tokens")).toBe("1000");
  await client.messages.countTokens({ model: "few", ...asked });
  await expect(client.messages.countTokens({ model: "few", ...asked })).rejects.toBeInstanceOf(Anthropic.RateLimitError);
  expect(upstream.received).toEqual([]);
  told();
  expect(gateway.records.map(r => [r.path, r.model, r.status])).toEqual([
    ["/v1/messages/count_tokens", "chat", 200],
    ["/v1/messages/count_tokens", "few", 200],
    ["/v1/messages/count_tokens", "few", 200],
    ["/v1/messages/count_tokens", "few", 429],
  ]);
});

test("who may not ask the model gets no count of it, in Anthropic's errors", async () => {
  await expect(clientOf().messages.countTokens({ model: "denied", ...asked })).rejects.toBeInstanceOf(Anthropic.PermissionDeniedError);
  await expect(clientOf().messages.countTokens({ model: "chatt", ...asked })).rejects.toThrow(/not_found_error.*Did you mean/);
  await expect(clientOf("sk-loam-wrong").messages.countTokens({ model: "chat", ...asked })).rejects.toBeInstanceOf(
    Anthropic.AuthenticationError,
  );
  const broken = { model: "chat", messages: [{ role: "user" as const, content: [{ type: "text" as const }] }] };
  // what the client's types forbid
  await expect(clientOf().messages.countTokens(broken as never)).rejects.toThrow(/invalid_request_error.*messages\[0\]/);
});

test("the client's base address may end in /v1 or not where nothing else answers there", async () => {
  const body = { model: "chat", ...asked };
  const [own, bare] = await Promise.all(
    ["/v1/messages/count_tokens", "/messages/count_tokens"].map(async path => (await gateway.post(path, body)).json()),
  );
  expect(bare).toEqual(own);
});

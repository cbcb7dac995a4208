/** A reload forgets nothing that is still true: shares, the retry budget, times; through the gateway's door. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, status, type TestGateway, testGateway } from "../fakes.ts";

let first: FakeUpstream;
let second: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  [first, second] = await Promise.all([fakeUpstream(good), fakeUpstream(good)]);
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([first.close(), second.close()]);
  expect(gateway.failures).toEqual([]);
});

const configOf = (chat: object, more: object = {}) => ({
  upstreams: { first: { url: first.url }, second: { url: second.url } },
  models: { chat },
  ...more,
});
const reload = async (config: object) =>
  gateway.gateway.reload(
    await checkConfig({ ...config, state: "memory:", log: { to: "none" }, access: openAccess }, "gateway.yaml", "."),
    "test",
  );
const ask = async (headers: Record<string, string> = {}) => {
  const response = await gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }] }, { headers });
  await response.text();
  return response;
};
const targetOf = async (headers: Record<string, string> = {}) => (await ask(headers)).headers.get("x-loam-target");
const weights = (a: number, b: number, more: object = {}) => ({
  targets: [
    { upstream: "first", weight: a, tags: ["eu"] },
    { upstream: "second", weight: b, tags: ["eu"] },
  ],
  ...more,
});

for (const [what, more, headers] of [
  ["of a model", {}, {}],
  ["of a rule", { rules: [{ when: { tags: ["eu"] }, use: ["eu"] }] }, { "x-loam-tags": "eu" }],
] as const)
  test(`shares ${what} stay exact across reloads: one in five is the other's, though a reload comes before each`, async () => {
    gateway = await testGateway(configOf(weights(4, 1, more)));
    const got: (string | null)[] = [];
    for (let i = 0; i < 20; i++) {
      got.push(await targetOf(headers));
      await reload(configOf(weights(4, 1, { ...more, aliases: [`a${i}`] })));
    }
    for (let i = 0; i + 5 <= 20; i++) expect(got.slice(i, i + 5).filter(t => t === "second/chat").length).toBe(1);
  });

test("shares of other weights begin anew: what was owed under the old ones is not paid", async () => {
  gateway = await testGateway(configOf(weights(1000, 999)));
  expect(await targetOf()).toBe("first/chat");
  // under the old weights the second would be next
  await reload(configOf(weights(3, 1)));
  expect([await targetOf(), await targetOf(), await targetOf(), await targetOf()].filter(t => t === "first/chat").length).toBe(3);
  expect(await targetOf()).toBe("first/chat");
});

test("a reload grants no retries anew: when everything fails they stay within their share, whatever that becomes", async () => {
  const config = (budget: number) =>
    configOf(weights(1, 1), {
      retries: { attempts: 1, budget, backoff: "1ms" },
      upstreams: { first: { url: first.url, breaker: { failures: 1000 } }, second: { url: second.url, breaker: { failures: 1000 } } },
    });
  first.script = second.script = status(500);
  gateway = await testGateway(config(0));
  for (let i = 0; i < 30; i++) {
    expect((await ask()).status).toBe(502);
    if (i % 10 === 9) await reload(config(0));
  }
  const asked = () => first.received.length + second.received.length;
  // ten are granted in ten seconds whatever the traffic; a few more may come as they fade
  expect(asked()).toBeGreaterThanOrEqual(40);
  expect(asked()).toBeLessThan(48);
  // a larger share of the same requests
  const before = asked();
  await reload(config(1));
  for (let i = 0; i < 5; i++) await ask();
  expect(asked() - before).toBe(10);
});

test("what is slow for a model is known after a reload, and what hedges were granted", async () => {
  const config = (more: object = {}) =>
    configOf({ ...weights(1, 0), hedge: { after: "p95", share: 0.01 }, ...more }, { retries: { attempts: 0 } });
  gateway = await testGateway(config());
  for (let i = 0; i < 25; i++) await ask();
  const p95 = () => gateway.gateway.runtime.memory("chat").firstBytes(false).p95;
  const known = p95();
  expect(known).toBeGreaterThan(0);
  await reload(config({ aliases: ["other"] }));
  expect(p95()).toBe(known);
  // one is granted whatever the traffic
  gateway.gateway.runtime.memory("chat").hedges!.withdraw();
  await reload(config());
  expect(gateway.gateway.runtime.memory("chat").hedges!.withdraw()).toBe(false);
});

test("a model with other servers learns its times anew", async () => {
  const config = (upstreams: string[]) =>
    configOf({ targets: upstreams.map(upstream => ({ upstream })), hedge: { after: "p95", share: 1 } });
  gateway = await testGateway(config(["first", "second"]));
  for (let i = 0; i < 25; i++) await ask();
  await reload(config(["second", "first"]));
  expect(gateway.gateway.runtime.memory("chat").firstBytes(false).p95).toBeUndefined();
});

/** By cost: the cheapest server that can be asked; and every answer is charged at the price of whoever gave it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, status, type TestGateway, testGateway } from "../fakes.ts";

let a: FakeUpstream;
let b: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  [a, b] = await Promise.all([fakeUpstream(good), fakeUpstream(good)]);
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([a.close(), b.close()]);
  expect(gateway.failures).toEqual([]);
});
const ask = (more: object = {}, content = "hi") =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }], ...more });
const usage = async () => (await gateway.gateway.control.usage("2000-01-01", "2100-01-01"))[0]!;
const accessWith = (
  models: NonNullable<NonNullable<ControlGiven["prices"]>["models"]>,
  limits: ControlGiven["limits"] = [],
): ControlGiven => ({
  ...openAccess,
  prices: { currency: "EUR", models },
  limits,
});
const upstreams = () => ({ a: { url: a.url }, b: { url: b.url } });

test("the cheapest for this prompt and answer is asked, and the next cheapest where that one fails", async () => {
  // a is cheap to read, b to write
  const access = accessWith({ "a/chat": { input: 1, output: 100 }, "b/chat": { input: 50, output: 1 } });
  gateway = await testGateway(
    { upstreams: upstreams(), models: { chat: { strategy: "cost", targets: [{ upstream: "a" }, { upstream: "b" }] } } },
    { access },
  );
  const long = "word ".repeat(2_000);
  expect((await ask({ max_tokens: 5 }, long)).headers.get("x-loam-target")).toBe("a/chat");
  expect((await ask({ max_tokens: 5_000 })).headers.get("x-loam-target")).toBe("b/chat");
  b.script = status(500);
  expect((await ask({ max_tokens: 5_000 })).headers.get("x-loam-target")).toBe("a/chat");
});

test("what answers come to is learnt: a bound that nobody uses does not decide", async () => {
  // answers have 60 tokens: 7 x 1 + 60 x 10 against 7 x 150 + 60 x 1 for a short prompt; by the bound of 100,000 b would be cheaper
  const access = accessWith({ "a/chat": { input: 1, output: 10 }, "b/chat": { input: 150, output: 1 } });
  gateway = await testGateway(
    { upstreams: upstreams(), models: { chat: { strategy: "cost", targets: [{ upstream: "a" }, { upstream: "b" }] } } },
    { access },
  );
  expect((await ask({ max_tokens: 100_000 })).headers.get("x-loam-target")).toBe("b/chat");
  await until(async () => gateway.records.length === 1);
  expect((await ask({ max_tokens: 100_000 })).headers.get("x-loam-target")).toBe("a/chat");
});

test("a target without a price is a mistake where the strategy is cost", async () => {
  gateway = await testGateway({ upstreams: upstreams(), models: { chat: { targets: [{ upstream: "a" }] } } });
  const config = { upstreams: upstreams(), models: { chat: { strategy: "cost", targets: [{ upstream: "a" }, { upstream: "b" }] } } };
  await expect(testGateway(config, { access: accessWith({ "a/chat": { input: 1 } }) })).rejects.toThrow(
    /models\.chat\.targets\[1\]: expected a price, since the strategy is cost.*b\/chat/,
  );
});

test("an answer by a fallback is charged at the fallback's price, whole and streamed; usage has the sum", async () => {
  a.script = status(500);
  const access = accessWith({ chat: { input: 1, output: 1 }, dear: { input: 100, output: 1_000 } });
  gateway = await testGateway(
    {
      upstreams: upstreams(),
      models: { chat: { targets: [{ upstream: "a" }], fallbacks: ["dear"] }, dear: { targets: [{ upstream: "b" }] } },
      retries: { attempts: 0 },
    },
    { access },
  );
  // 7 read, 60 written, in 1e-9: (7 x 100 + 60 x 1,000) x 1e3
  const once = (7 * 100 + 60 * 1_000) * 1_000;
  await (await ask()).text();
  await until(async () => (await usage())?.costNano === once);
  await (await ask({ stream: true })).text();
  await until(async () => (await usage()).costNano === 2 * once);
  expect(await usage()).toMatchObject({ model: "chat", requests: 2 });
});

test("targets of one model may differ in price, and each answer costs what its target does", async () => {
  const access = accessWith({ chat: { output: 1 }, "b/chat": { output: 7 } });
  gateway = await testGateway(
    { upstreams: upstreams(), models: { chat: { targets: [{ upstream: "a" }, { upstream: "b" }] } } },
    { access },
  );
  for (let i = 0; i < 6; i++) await (await ask()).text();
  await until(async () => (await usage())?.costNano === 3 * 60 * (1 + 7) * 1_000);
});

test("money is held for the dearest that may answer: a budget that could not pay it lets nobody through, and what was not used comes back", async () => {
  const limits: ControlGiven["limits"] = [{ name: "budget", measure: "cost", per: ["key"], limit: 0.1, period: "total" }];
  const access = accessWith({ chat: { output: 1 }, dear: { output: 1_000 } }, limits);
  const models = { chat: { targets: [{ upstream: "a" }], fallbacks: ["dear"] }, dear: { targets: [{ upstream: "b" }] } };
  gateway = await testGateway({ upstreams: upstreams(), models, retries: { attempts: 0 } }, { access });
  // 200 tokens of the dear one are 0.2
  expect((await ask({ max_tokens: 200 })).status).not.toBe(200);
  expect(a.received.length).toBe(0);
  // 90 are 0.09: held, but the cheap one answered for 60 x 1e-6, so the next has room again
  for (let i = 0; i < 5; i++) expect((await ask({ max_tokens: 90 })).status).toBe(200);
  a.script = status(500);
  // now the dear one answers for 0.06, and 0.09 more is too much
  expect((await ask({ max_tokens: 90 })).status).toBe(200);
  expect((await ask({ max_tokens: 90 })).status).toBe(429);
});

test("a budget lets nothing pass to a fallback that has no price, and says which", async () => {
  const limits: ControlGiven["limits"] = [{ name: "budget", measure: "cost", limit: 5, period: "day" }];
  const models = { chat: { targets: [{ upstream: "a" }], fallbacks: ["other"] }, other: { targets: [{ upstream: "b" }] } };
  gateway = await testGateway({ upstreams: upstreams(), models }, { access: accessWith({ chat: { output: 1 } }, limits) });
  const denied = await ask();
  expect(denied.status).toBe(429);
  expect(((await denied.json()) as { error: { message: string } }).error.message).toContain('model "other" has no price');
});

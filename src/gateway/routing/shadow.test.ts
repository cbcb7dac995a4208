/** Shadow traffic over real sockets: the client notices nothing, whatever the shadow does. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import {
  type FakeUpstream,
  fakeUpstream,
  good,
  goodEvents,
  openAccess,
  type Script,
  status,
  type TestGateway,
  testGateway,
} from "../fakes.ts";
import type { ShadowRecord } from "./shadow.ts";

let live: FakeUpstream;
let dark: FakeUpstream;
let gateway: TestGateway;
let copies: ShadowRecord[] = [];
beforeEach(async () => {
  [live, dark] = await Promise.all([fakeUpstream(good), fakeUpstream(good)]);
  copies = [];
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([live.close(), dark.close()]);
  expect(gateway.failures).toEqual([]);
});
const start = async (shadow: object = {}, more: object = {}, access = openAccess) => {
  gateway = await testGateway(
    {
      upstreams: { live: { url: live.url }, dark: { url: dark.url, breaker: { failures: 1, open: "1h" } } },
      models: { chat: { targets: [{ upstream: "live", model: "inner" }], shadow: { upstream: "dark", model: "next", ...shadow } } },
      ...more,
    },
    { access, onShadow: r => copies.push(r) },
  );
};
const ask = (more: object = {}, init: RequestInit = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }], ...more }, init);

test("the shadow gets what the client asked, whole and streamed; both are held beside each other, and nobody is charged", async () => {
  await start({}, {}, { ...openAccess, limits: [{ name: "few", measure: "tokens", limit: 100_000, window: "1h" }] });
  const whole = await ask({ temperature: 0.5 });
  const streamed = await ask({ stream: true });
  expect([whole.headers.get("x-loam-target"), streamed.headers.get("x-loam-target")]).toEqual(["live/inner", "live/inner"]);
  expect([(await whole.text()).includes("w59"), (await streamed.text()).includes("[DONE]")]).toEqual([true, true]);
  await until(() => copies.length === 2 && gateway.records.length === 2);
  expect(dark.received.map(r => [r.body.model, r.body.temperature, r.body.stream])).toEqual([
    ["next", 0.5, undefined],
    ["next", undefined, true],
  ]);
  for (const copy of copies)
    expect(copy).toMatchObject({
      model: "chat",
      target: "dark/next",
      how: "answered",
      status: 200,
      outputTokens: 60,
      inputTokens: 7,
      isSame: true,
    });
  expect(copies.map(c => c.shadowOf).sort()).toEqual(gateway.records.map(r => r.id).sort());
  for (const c of copies) expect(c.client).toMatchObject({ outputTokens: 60 });
  expect(JSON.stringify(copies)).not.toContain("w59");
  const [usage] = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
  expect(usage).toMatchObject({ requests: 2, outputTokens: 120 });
  const text = await gateway.gateway.metrics.text();
  expect(text).toContain('loam_gateway_shadow_requests_total{model="chat",target="dark/next",how="answered"} 2');
  expect(text).toContain('loam_gateway_shadow_same_total{model="chat",target="dark/next",same="true"} 2');
  expect(text).toContain('loam_gateway_tokens_total{model="chat",kind="output"} 120');
});

test("another text is another text", async () => {
  dark.script = ({ body }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(goodEvents(body, ["no "]).join(""));
  };
  await start();
  await (await ask({ stream: true })).text();
  await until(() => copies.length === 1);
  expect(copies[0]).toMatchObject({ isSame: false, outputTokens: 1 });
});

const cutShort: Script = (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(goodEvents({}).slice(0, 5).join(""));
  setTimeout(() => response.destroy(), 10);
};
for (const [what, script, how, howStreamed = how] of [
  ["500", status(500), "status"],
  ["404", status(404), "refused"],
  ["429", status(429, { "retry-after": "60" }), "refused"],
  ["a connection that is closed", (_, response) => void response.destroy(), "reset"],
  ["a stream that is cut", cutShort, "cut"],
  ["a web page", (_, response) => void response.end("<html>"), "malformed", "cut"],
] as readonly (readonly [string, Script, string, string?])[])
  test(`a shadow that fails (${what}) is in its own log line, nowhere else: answers, breakers and errors are as without it`, async () => {
    dark.script = script;
    await start();
    for (const stream of [false, true]) {
      const response = await ask({ stream });
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("w59");
    }
    await until(() => copies.length === 2 && gateway.records.length === 2);
    const of = (i: number) => copies.find(c => c.shadowOf === gateway.records[i]!.id);
    expect(of(0)).toMatchObject({ how, isSame: null });
    expect(of(1)).toMatchObject({ how: howStreamed, isSame: null });
    expect(gateway.records.map(r => [r.status, r.error, r.attempts.length])).toEqual([
      [200, null, 1],
      [200, null, 1],
    ]);
    expect(gateway.gateway.state().upstreams[1]).toMatchObject({ id: "dark", isAvailable: true, failures: 0, outstanding: 0 });
  });

test("a shadow that is silent holds nobody up, copies beyond those that may be under way are left out, and a stop ends them", async () => {
  dark.script = () => {};
  await start({ atOnce: 2 });
  for (let i = 0; i < 5; i++) expect(await (await ask({ stream: true })).text()).toContain("[DONE]");
  await until(() => dark.received.length === 2);
  expect(await gateway.gateway.metrics.text()).toContain(
    'loam_gateway_shadow_requests_total{model="chat",target="dark/next",how="skipped"} 3',
  );
  await gateway.close();
  await until(() => dark.aborted === 2);
});

test("shares are exact, and a copy goes only when the client's answer has begun", async () => {
  let go = () => {};
  live.script = async (received, response) => {
    await new Promise<void>(resolve => {
      go = resolve;
    });
    await good(received, response);
  };
  await start({ share: 0.25 });
  for (let i = 0; i < 12; i++) {
    const answer = ask();
    await until(() => live.received.length === i + 1);
    expect(dark.received.length).toBe(Math.floor(i / 4));
    go();
    await (await answer).text();
  }
  await until(() => dark.received.length === 3);
});

test("by user, all of one user's requests are copied or none, and about the share of users are", async () => {
  await start({ share: 0.3, by: "user", atOnce: 1000 });
  const users = Array.from({ length: 60 }, (_, i) => `user-${i}`);
  for (const user of [...users, ...users]) await (await ask({ user })).text();
  await until(() => copies.length === dark.received.length && copies.length > 0);
  const times = new Map<string, number>();
  for (const { body } of dark.received) times.set(String(body.user), (times.get(String(body.user)) ?? 0) + 1);
  expect(new Set(times.values())).toEqual(new Set([2]));
  // 5 standard deviations of a binomial share
  expect(Math.abs(times.size - 18)).toBeLessThan(5 * Math.sqrt(60 * 0.3 * 0.7));
});

test("the shadow is told no key that makes two requests one, and nothing goes to it that a server would keep", async () => {
  await start();
  await (await ask({}, { headers: { "idempotency-key": "k" } })).text();
  await (await ask({ store: true })).text();
  await until(() => copies.length === 1);
  // of the tenant and the client's key
  expect(live.received[0]!.headers["idempotency-key"]).toMatch(/^[\w-]{43}$/);
  expect(dark.received.map(r => r.headers["idempotency-key"])).toEqual([undefined]);
});

test("a client that leaves in mid-answer: the copy ends by itself, and its line holds no comparison", async () => {
  live.script = ({ body }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(goodEvents(body).slice(0, 3).join(""));
  };
  await start();
  const response = await ask({ stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => copies.length === 1);
  expect(copies[0]).toMatchObject({ how: "answered", isSame: null, client: null, outputTokens: 60 });
});

test("copies take no place in line from requests: where the shadow's upstream is full they are left out", async () => {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  dark.script = async (received, response) => {
    await gate;
    await good(received, response);
  };
  gateway = await testGateway(
    {
      upstreams: { live: { url: live.url }, dark: { url: dark.url, concurrency: 1 } },
      models: {
        chat: { targets: [{ upstream: "live" }], shadow: { upstream: "dark" } },
        other: { targets: [{ upstream: "dark" }] },
      },
    },
    { onShadow: r => copies.push(r) },
  );
  const own = ask({ model: "other" });
  await until(() => dark.received.length === 1);
  await (await ask()).text();
  go();
  expect((await own).status).toBe(200);
  expect(dark.received.length).toBe(1);
  await until(() => gateway.gateway.state().upstreams[1]!.lane!.running === 0);
});

test("an unknown upstream of a shadow is named with the near one", async () => {
  await start();
  await expect(
    testGateway({
      upstreams: { dark: { url: dark.url } },
      models: { chat: { targets: [{ upstream: "dark" }], shadow: { upstream: "drak" } } },
    }),
  ).rejects.toThrow(/models\.chat\.shadow\.upstream: .*Did you mean "dark"/);
});

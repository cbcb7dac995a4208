/** Hedging: a second server where the first is slow, over real sockets; and who may be asked twice. */
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
import { Recent } from "./memory.ts";

let first: FakeUpstream;
let second: FakeUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  [first, second] = await Promise.all([fakeUpstream(good), fakeUpstream(good)]);
});
afterEach(async () => {
  await gateway?.close();
  await Promise.all([first.close(), second.close()]);
  expect(gateway?.failures ?? []).toEqual([]);
});
const start = async (hedge: object = { after: "20ms", share: 1 }, more: object = {}, access = openAccess) => {
  gateway = await testGateway(
    {
      upstreams: { first: { url: first.url, breaker: { failures: 2 } }, second: { url: second.url } },
      models: { chat: { targets: [{ upstream: "first" }, { upstream: "second", priority: 1 }], hedge } },
      retries: { attempts: 0 },
      ...more,
    },
    { access },
  );
};
const ask = (more: object = {}, headers: Record<string, string> = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "hi" }], ...more }, { headers });
const silent: Script = () => {};
/** Headers at once, and then nothing: what servers do whose queue is long. */
const headersOnly: Script = (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
};

for (const [what, script, stream] of [
  ["is silent, whole", silent, false],
  ["is silent, streamed", silent, true],
  ["sends headers and no word", headersOnly, true],
] as const)
  test(`a server that ${what}: the second answers, the first's work is ended, and one answer is charged`, async () => {
    first.script = script;
    await start({ after: "20ms", share: 1 }, {}, { ...openAccess, limits: [{ name: "few", measure: "requests", limit: 2, window: "1h" }] });
    const response = await ask({ stream });
    expect([response.status, response.headers.get("x-loam-target")]).toEqual([200, "second/chat"]);
    expect(await response.text()).toContain("w59");
    await until(() => first.aborted === 1 && gateway.records.length === 1);
    expect(gateway.records[0]).toMatchObject({ isHedged: true, target: "second/chat", outputTokens: 60 });
    expect(gateway.records[0]!.attempts.map(a => [a.target, a.how]).sort()).toEqual([
      ["first/chat", "outrun"],
      ["second/chat", "answered"],
    ]);
    // of two requests an hour one was charged, and one is left
    first.script = good;
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
    const [usage] = await gateway.gateway.control.usage("2000-01-01", "2100-01-01");
    expect(usage).toMatchObject({ requests: 2, outputTokens: 120 });
    // being outrun is no fault
    expect(gateway.gateway.state().upstreams[0]).toMatchObject({ failures: 0, breaker: "closed", outstanding: 0 });
  });

test("a server that answers in time is the only one that is asked", async () => {
  await start({ after: "10s", share: 1 });
  for (let i = 0; i < 5; i++) await (await ask({ stream: i % 2 === 0 })).text();
  expect([first.received.length, second.received.length]).toEqual([5, 0]);
});

test("whoever began first wins, though the other was asked before it; nothing of the loser reaches the client", async () => {
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  first.script = async ({ body }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    await until(() => second.received.length === 1);
    response.write(goodEvents(body, ["first "]).slice(0, 2).join(""));
    await gate;
    response.end(goodEvents(body, ["first "]).slice(2).join(""));
  };
  second.script = silent;
  await start();
  const response = await ask({ stream: true });
  expect(response.headers.get("x-loam-target")).toBe("first/chat");
  await until(() => second.aborted === 1);
  go();
  expect(await response.text()).toContain("first ");
});

test("the second's failure is not the client's: the first is waited for; and of two failures the first's is told", async () => {
  second.script = status(500);
  first.script = async (received, response) => {
    await until(() => second.received.length > 0);
    await new Promise(resolve => setTimeout(resolve, 30));
    await good(received, response);
  };
  await start();
  expect((await ask()).status).toBe(200);
  first.script = async (received, response) => {
    const before = second.received.length;
    await until(() => second.received.length > before);
    await new Promise(resolve => setTimeout(resolve, 30));
    await status(400, {}, "the first one's word")(received, response);
  };
  second.script = silent;
  const refused = await ask();
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("the first one's word")]);
  await until(() => second.aborted === 1);
});

test("hedged requests stay within their share: of 40 slow ones a tenth and one", async () => {
  first.script = async (received, response) => {
    await new Promise(resolve => setTimeout(resolve, 60));
    await good(received, response);
  };
  await start({ after: "1ms", share: 0.1 });
  for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 10 }, () => ask()));
  expect(second.received.length).toBeGreaterThan(0);
  expect(second.received.length).toBeLessThanOrEqual(5);
  await until(() => gateway.records.length === 40);
  expect(gateway.records.filter(r => r.isHedged).length).toBe(second.received.length);
});

test("p95 is learnt from first bytes: nobody is hedged before twenty came", async () => {
  await start({ after: "p95", share: 1 });
  for (let i = 0; i < 25; i++) await (await ask()).text();
  const before = second.received.length;
  first.script = silent;
  expect((await ask()).headers.get("x-loam-target")).toBe("second/chat");
  expect(second.received.length).toBe(before + 1);
});

test("slow ones that were outrun are not missing among the times: the tail does not shrink because it is cut", async () => {
  await start({ after: "40ms", share: 1 });
  for (let i = 0; i < 30; i++) {
    first.script = i % 5 === 0 ? silent : good;
    await (await ask()).text();
  }
  // a fifth of them took longer than 40 ms
  expect(gateway.gateway.runtime.memory("chat").firstBytes(false).p95).toBeGreaterThanOrEqual(39);
});

test("where the request cannot be put to the second server's protocol the first is waited for", async () => {
  first.script = async (received, response) => {
    await new Promise(resolve => setTimeout(resolve, 60));
    await good(received, response);
  };
  gateway = await testGateway({
    upstreams: { first: { url: first.url }, second: { url: second.url, protocol: "anthropic" } },
    models: { chat: { targets: [{ upstream: "first" }, { upstream: "second", priority: 1 }], hedge: { after: "5ms", share: 1 } } },
  });
  const response = await ask({ logprobs: true });
  expect([response.status, response.headers.get("x-loam-target"), second.received.length]).toEqual([200, "first/chat", 0]);
});

test("a request that a server keeps, or that its client made one by a key, goes to one server alone", async () => {
  await start({ after: "1ms", share: 1 });
  first.script = async (received, response) => {
    await new Promise(resolve => setTimeout(resolve, 40));
    await good(received, response);
  };
  await (await ask({ store: true })).text();
  await (await ask({}, { "idempotency-key": "k1" })).text();
  await (await gateway.post("/v1/responses", { model: "chat", input: "hi" })).text();
  expect([first.received.length, second.received.length]).toEqual([3, 0]);
  await (await ask({ seed: 7, temperature: 0 })).text();
  expect(second.received.length).toBe(1);
});

test("a client that leaves ends both", async () => {
  [first.script, second.script] = [silent, silent];
  await start();
  const leaving = new AbortController();
  const gone = gateway.post("/v1/chat/completions", { model: "chat", messages: [] }, { signal: leaving.signal }).catch(() => "gone");
  await until(() => second.received.length === 1);
  leaving.abort();
  expect(await gone).toBe("gone");
  await until(() => first.aborted === 1 && second.aborted === 1);
  expect(gateway.gateway.state().upstreams.map(u => u.outstanding)).toEqual([0, 0]);
});

test("hedging needs a second target", async () => {
  await expect(
    testGateway({ upstreams: { first: { url: first.url } }, models: { chat: { targets: [{ upstream: "first" }], hedge: {} } } }),
  ).rejects.toThrow(/models\.chat\.hedge: expected at least two targets/);
});

test("of a hundred times 95 are at most the 95th; fewer than twenty say nothing", () => {
  const recent = new Recent();
  for (let i = 0; i < 19; i++) recent.push(i);
  expect(recent.p95).toBeUndefined();
  for (let i = 1; i <= 200; i++) recent.push(((i * 37) % 100) + 1);
  expect(recent.p95).toBe(95);
});

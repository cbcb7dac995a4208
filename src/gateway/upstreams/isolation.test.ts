/** What one key or one model does leaves the others of the upstream in service; over real sockets. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { explainRequest } from "../admin/explain-request.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  type Received,
  roleChunk,
  type Script,
  status,
  type TestGateway,
  testGateway,
  wordChunk,
} from "../fakes.ts";
import { noticeText, type UpstreamNotice } from "./notice.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
let notices: UpstreamNotice[] = [];
const others: FakeUpstream[] = [];
const clients: AbortController[] = [];

beforeEach(async () => {
  upstream = await fakeUpstream(good);
  notices = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.abort();
  await gateway.close();
  await Promise.all([upstream, ...others.splice(0)].map(u => u.close()));
  expect(gateway.failures).toEqual([]);
});

const start = async (own: object = {}, more: object = {}, options: object = {}) => {
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url, key: { env: "HOME" }, ...own } },
      models: { chat: { targets: [{ upstream: "local" }] }, mail: { targets: [{ upstream: "local" }] } },
      retries: { attempts: 0 },
      ...more,
    },
    { onNotice: (n: UpstreamNotice) => notices.push(n), ...options },
  );
};
const keyOf = async (name: string): Promise<string> => (await gateway.gateway.control.keys.create({ name, subject: "ann" }, "test")).secret;
const ask = (content: string, model = "chat", key = gateway.key, more: object = {}) => {
  const client = new AbortController();
  clients.push(client);
  return gateway.post(
    "/v1/chat/completions",
    { model, messages: [{ role: "user", content }], ...more },
    { headers: { authorization: `Bearer ${key}` }, signal: client.signal },
  );
};
const statusesOf = async (responses: readonly Promise<Response>[]): Promise<number[]> => (await Promise.all(responses)).map(r => r.status);
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string; message: string } }).error;
const explainOf = (key: string) => ({ key, method: "POST", path: "/v1/chat/completions", model: "chat", set: [] });
const state = () => gateway.gateway.state().upstreams[0]!;
const promptOf = ({ body }: Received) => (body.messages as { content: string }[])[0]!.content;
/** Streams begin and say no more; everything else is answered. */
const idle: Script = (received, response) => {
  if (received.body.stream !== true) return good(received, response);
  begin(response);
  response.write(eventText(roleChunk) + eventText(wordChunk("one")));
};

test("530 idle streams of one key leave the others served", async () => {
  upstream.script = idle;
  await start();
  const other = await keyOf("other");
  const streams = Array.from({ length: 530 }, (_, i) => ask(`${i}`, "chat", gateway.key, { stream: true }));
  const refused = new Map<number, number>();
  for (const s of streams)
    void s.then(
      r => refused.set(r.status, (refused.get(r.status) ?? 0) + 1),
      () => {},
    );
  // a quarter of 512 goes, 100 wait, the others are told so
  await until(() => refused.get(429) === 302 && upstream.received.length >= 128);
  expect(state()).toMatchObject({ breaker: "closed", lane: { running: 128, waiting: 100, perKey: 128, concurrency: 512 } });
  const answers = await statusesOf(Array.from({ length: 60 }, (_, i) => ask(`other ${i}`, i % 2 ? "chat" : "mail", other)));
  expect(answers).toEqual(Array.from({ length: 60 }, () => 200));
  const late = await ask("one more");
  const { code, message } = await codeOf(late);
  expect([late.status, code]).toEqual([429, "queue_full"]);
  expect(message).toContain("upstreams.local.concurrencyPerKey is 128");
  expect(Number(late.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
});

test("waiting in our own pool does not open the breaker, and counts towards no figure of the upstream", async () => {
  upstream.script = idle;
  await start(
    { connections: 4, concurrencyPerKey: 5, breaker: { failures: 1 }, queue: { most: 5, longest: "60ms" } },
    { retries: { attempts: 2 } },
  );
  await Promise.all(Array.from({ length: 4 }, (_, i) => ask(`${i}`, "chat", gateway.key, { stream: true })));
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(`wait ${i}`)));
  expect(answers.map(r => r.status)).toEqual(Array.from({ length: 12 }, () => 429));
  for (const r of answers) expect((await codeOf(r)).message).toContain("upstreams.local.connections is 4");
  // nothing of it reached the server, nothing was tried again
  expect(upstream.received.length).toBe(4);
  const { models, ...own } = state();
  expect(own).toMatchObject({ breaker: "closed", isAvailable: true, failures: 0, answers: 0, outstanding: 4 });
  expect(models).toMatchObject([{ model: "chat", breaker: "closed", failures: 0 }]);
  expect(gateway.records.filter(r => r.status === 429).every(r => r.attempts.length === 0)).toBe(true);
  for (const client of clients.splice(0)) client.abort();
  await until(() => state().outstanding === 0);
  expect((await ask("again")).status).toBe(200);
});

test("copies, pass-through requests and hedges wait in the same queue: never more than `connections` at the server", async () => {
  let [now, most] = [0, 0];
  upstream.script = async (received, response) => {
    // of a hedge that lost the place is free before its server has seen that
    const isHedged = received.body.model === "mail";
    if (!isHedged) most = Math.max(most, ++now);
    expect(state().lane!.running).toBeLessThanOrEqual(3);
    await new Promise(resolve => setTimeout(resolve, 5));
    if (!isHedged) now--;
    if (received.path.includes("classify")) response.end("{}");
    else await good(received, response);
  };
  const second = await fakeUpstream(good);
  others.push(second);
  await start(
    {},
    {
      upstreams: {
        local: { url: upstream.url, connections: 3, concurrencyPerKey: 3, queue: { most: 1_000 } },
        second: { url: second.url },
      },
      models: {
        chat: { targets: [{ upstream: "local" }], shadow: { upstream: "local", model: "dark" } },
        mail: { targets: [{ upstream: "second", weight: 1 }, { upstream: "local" }], hedge: { after: "1ms", share: 1 } },
      },
      passThrough: { "/v1/classify": { upstream: "local", methods: ["POST"] } },
    },
  );
  const keys = await Promise.all(Array.from({ length: 4 }, (_, i) => keyOf(`k${i}`)));
  const all = keys.flatMap(key => [
    ...Array.from({ length: 8 }, (_, i) => ask(`${i}`, i % 2 ? "chat" : "mail", key, { stream: i % 3 === 0 })),
    ...Array.from({ length: 4 }, () => gateway.post("/v1/classify", { a: 1 }, { headers: { authorization: `Bearer ${key}` } })),
  ]);
  for (const response of await Promise.all(all)) {
    expect(response.status).toBe(200);
    await response.text();
  }
  await until(() => state().outstanding === 0 && state().lane!.running === 0);
  expect(most).toBeLessThanOrEqual(3);
  expect(state().lane!.waiting).toBe(0);
});

test("one model's 429 leaves the other models of the upstream in service", async () => {
  upstream.script = (received, response) =>
    received.body.model === "mail" ? status(429, { "retry-after": "30" })(received, response) : good(received, response);
  await start();
  expect((await ask("a", "mail")).status).toBe(429);
  expect((await ask("b", "mail")).status).toBe(503);
  expect(await statusesOf(Array.from({ length: 5 }, (_, i) => ask(`${i}`)))).toEqual([200, 200, 200, 200, 200]);
  expect(upstream.received.filter(r => r.body.model === "mail").length).toBe(1);
  expect(state().isAvailable).toBe(true);
  expect(state().models.map(m => [m.model, m.isAvailable])).toEqual([
    ["mail", false],
    ["chat", true],
  ]);
  const metrics = await gateway.gateway.metrics.text();
  expect(metrics).toContain('loam_gateway_upstream_model_available{upstream="local",model="mail"} 0');
  expect(metrics).toContain('loam_gateway_upstream_model_available{upstream="local",model="chat"} 1');
});

test("requests that make one model answer 500 open the breaker of that model alone", async () => {
  upstream.script = (received, response) => (received.body.model === "mail" ? status(500) : good)(received, response);
  await start({ breaker: { failures: 2, open: "60s" } });
  const other = await keyOf("other");
  expect(await statusesOf([ask("a", "mail"), ask("b", "mail", other)])).toEqual([502, 502]);
  expect((await ask("c", "mail")).status).toBe(503);
  expect(await statusesOf([ask("d"), ask("e", "chat", other)])).toEqual([200, 200]);
  expect(state()).toMatchObject({ breaker: "closed", isAvailable: true });
  expect(notices.flatMap(n => (n.kind === "breaker" ? [n.change] : []))).toMatchObject([
    { upstream: "local", model: "mail", to: "opened", key: null },
  ]);
});

test("a server that cannot be reached is left alone with all of its models", async () => {
  await start({ breaker: { failures: 2, open: "60s" } });
  await upstream.close();
  expect(await statusesOf([ask("same"), ask("same", "mail")])).toEqual([502, 502]);
  expect(state()).toMatchObject({ breaker: "open", isAvailable: false });
  expect((await ask("same", "mail")).status).toBe(503);
});

test("one prompt that answers 500 does not open the breaker for others", async () => {
  upstream.script = (received, response) => (promptOf(received).startsWith("poison") ? status(500) : good)(received, response);
  await start({ breaker: { failures: 2, open: "60s" } });
  const [other, third] = [await keyOf("other"), await keyOf("third")];
  // one prompt counts once, whoever sends it
  for (let i = 0; i < 5; i++) expect(await statusesOf([ask("poison"), ask("poison", "chat", other)])).toEqual([502, 502]);
  expect((await ask("a")).status).toBe(200);
  // prompts of one key stop that key alone
  for (let i = 0; i < 2; i++) expect((await ask(`poison ${i}`)).status).toBe(502);
  expect((await ask("b")).status).toBe(503);
  const data = await gateway.gateway.control.keys.list({});
  const seen = (name: string) =>
    explainRequest(
      gateway.gateway.control,
      gateway.gateway.config.routes,
      explainOf(data.find(k => k.name === name)!.id),
      gateway.gateway.runtime,
    );
  expect((await seen("test")).route!.targets).toMatchObject([{ target: "local/chat", state: "breakerOpen" }]);
  expect((await seen("other")).route!.targets).toMatchObject([{ target: "local/chat", state: "available" }]);
  expect(await statusesOf([ask("c", "chat", other), ask("d", "chat", third), ask("e", "mail")])).toEqual([200, 200, 200]);
  expect(state().models[0]).toMatchObject({ model: "chat", breaker: "open", isAvailable: true });
  expect(state().models[0]!.breakerKey).toMatch(/^key_/);
});

test("a 401 of the upstream is not retried", async () => {
  upstream.script = status(401, {}, "Incorrect API key provided: sk-upstream-secret");
  await start(
    { breaker: { failures: 1 } },
    {
      models: {
        chat: { targets: [{ upstream: "local" }, { upstream: "local", model: "twin" }], fallbacks: ["mail"] },
        mail: { targets: [{ upstream: "local" }] },
      },
      retries: { attempts: 3 },
    },
  );
  for (const stream of [false, true]) {
    const response = await ask(`${stream}`, "chat", gateway.key, { stream });
    const error = await codeOf(response);
    expect([response.status, error.code]).toEqual([502, "upstream_credentials"]);
    expect(error.message).not.toContain("sk-");
  }
  expect(upstream.received.length).toBe(2);
  // it is no fault of the server: nothing is kept from it
  expect(state()).toMatchObject({ breaker: "closed", isAvailable: true, failures: 0 });
  expect(state().models.every(m => m.isAvailable)).toBe(true);
  expect(state().models.some(m => m.refusesCredentials)).toBe(true);
  const told = notices.filter(n => n.kind === "credentials");
  expect(told.map(noticeText)[0]).toMatch(/^error: upstreams\.local\.key: the upstream refused it \(status 401/);
  expect(await gateway.gateway.metrics.text()).toMatch(/upstream_model_credentials_refused\{upstream="local",model="\w+"\} 1/);
  upstream.script = good;
  expect(await statusesOf([ask("a"), ask("b")])).toEqual([200, 200]);
  expect(state().models.some(m => m.refusesCredentials)).toBe(false);
});

test("where one upstream refuses the gateway's key another one answers", async () => {
  upstream.script = status(403);
  const second = await fakeUpstream(good);
  others.push(second);
  await start(
    {},
    {
      upstreams: { local: { url: upstream.url }, second: { url: second.url } },
      models: { chat: { targets: [{ upstream: "local" }, { upstream: "second", priority: 1 }] } },
      retries: { attempts: 1 },
    },
  );
  expect(await statusesOf([ask("a"), ask("b")])).toEqual([200, 200]);
  expect([upstream.received.length, second.received.length]).toEqual([2, 2]);
  expect(notices.filter(n => n.kind === "credentials").length).toBe(1);
});

test("connections near their limit are reported once, and shown by the metrics", async () => {
  upstream.script = idle;
  await start({ connections: 10, concurrencyPerKey: 9 });
  const streams = await Promise.all(Array.from({ length: 9 }, (_, i) => ask(`${i}`, "chat", gateway.key, { stream: true })));
  const waiting = ask("waits");
  await until(() => state().lane!.waiting === 1);
  expect(notices).toEqual([{ kind: "connections", upstream: "local", inUse: 8, limit: 10, waiting: 0 }]);
  expect(noticeText(notices[0]!)).toContain("upstreams.local.connections: 8 of 10 in use");
  const metrics = await gateway.gateway.metrics.text();
  for (const [name, value] of [
    ["in_use", 9],
    ["limit", 10],
    ["waiting", 1],
  ])
    expect(metrics).toContain(`loam_gateway_upstream_connections_${name}{upstream="local"} ${value}`);
  await streams[0]!.body!.cancel();
  expect((await waiting).status).toBe(200);
});

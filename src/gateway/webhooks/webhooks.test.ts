/** Events of a real gateway at a real receiver: signed, sent again, once each, and never in a request's way. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, status, type TestGateway, testGateway } from "../fakes.ts";
import { verifyWebhook } from "./signature.ts";
import { openWebhooks } from "./webhooks.ts";

const secret = "a secret that is long enough to sign with";
const key = Buffer.from(secret);

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> };
}
interface Receiver {
  readonly url: string;
  readonly got: Got[];
  /** Of the next answers; 204 where there is none. */
  statuses: number[];
  /** Before an answer. */
  gate: Promise<void> | undefined;
  close(): Promise<void>;
}
async function startReceiver(): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    receiver.got.push({ headers: request.headers, text, body: JSON.parse(text) as Got["body"] });
    await receiver.gate;
    const code = receiver.statuses.shift() ?? 204;
    response.writeHead(code, code === 302 ? { location: "/elsewhere" } : {}).end();
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?team=a`,
    got: [],
    statuses: [],
    gate: undefined,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

const access: ControlGiven = {
  principals: { users: { ann: { roles: ["admin"] }, bob: {} } },
  policies: [{ id: "all", effect: "allow" }],
  limits: [
    { name: "money", per: ["user"], measure: "cost", limit: 0.0003, period: "month", warnAt: 0.5 },
    { name: "requests", per: ["key"], measure: "requests", limit: 3, window: "1h", for: { users: ["bob"] } },
  ],
  prices: { currency: "EUR", models: { "*": { input: 1, output: 1 } } },
};
const ask = { model: "chat", messages: [{ role: "user", content: "the launch code is 0000" }], max_tokens: 60 };

let receiver: Receiver;
let upstream: FakeUpstream;
let gateway: TestGateway;
const open = async (events: string[], more: object = {}) => {
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url, breaker: { failures: 2, open: "100ms" } } },
      models: { chat: { targets: [{ upstream: "local" }] } },
      retries: { attempts: 0 },
      webhooks: [{ url: receiver.url, secret: { env: "HOOK_SECRET" }, events, network: "any" }],
      ...more,
    },
    { access, webhooks: { lookMs: 20, pauseMs: 5 } },
  );
};
beforeEach(async () => {
  vi.stubEnv("HOOK_SECRET", secret);
  receiver = await startReceiver();
  upstream = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway?.close();
  await upstream.close();
  await receiver.close();
  vi.unstubAllEnvs();
});
const types = () => receiver.got.map(g => g.body.type);
const until = (count: number) => expect.poll(() => receiver.got.length).toBeGreaterThanOrEqual(count);
const post = async (bearer = gateway.key, body: object = ask) =>
  (await gateway.post("/v1/chat/completions", body, { headers: { authorization: `Bearer ${bearer}` } })).status;

test("a budget that is near and then spent is told once each, with whose it is, and signed as Standard Webhooks says", async () => {
  await open(["budget.*"]);
  const statuses = [];
  for (let i = 0; i < 8; i++) statuses.push(await post());
  expect(statuses).toContain(429);
  await until(2);
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(types()).toEqual(["budget.warned", "budget.exceeded"]);
  for (const { headers, text, body } of receiver.got) {
    expect(verifyWebhook(key, name => headers[name] as string, text)).toBe(true);
    // the signature by the specification's own words
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", secret).update(signed).digest("base64")}`);
    expect(body.data).toMatchObject({ limit: "money", measure: "cost", subject: "ann", model: "chat", capacity: 300_000 });
    expect(body.data.bucket).toBe(`money user="ann" ${new Date().toISOString().slice(0, 7)}`);
    expect(text).not.toContain("launch");
    expect(text).not.toContain(gateway.key);
  }
});

test("an alarm of the monitors is sent once, signed, and again when it grows worse or is resolved", async () => {
  await open(["alarm.*"]);
  const data = {
    alarm: "alarm_1",
    monitor: "latency-p95-cusum",
    kind: "chart",
    model: "mail@3",
    severity: "ticket",
    evidence: { ratio: 1.2 },
  };
  const alarm = (type: "alarm.raised" | "alarm.resolved", severity = "ticket") =>
    gateway.gateway.alarm({ type, id: "alarm_1", data: { ...data, severity } });
  for (let i = 0; i < 3; i++) alarm("alarm.raised");
  alarm("alarm.raised", "page");
  alarm("alarm.resolved", "page");
  alarm("alarm.resolved", "page");
  await until(3);
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(receiver.got.map(g => [g.body.type, g.body.data.severity])).toEqual([
    ["alarm.raised", "ticket"],
    ["alarm.raised", "page"],
    ["alarm.resolved", "page"],
  ]);
  expect(new Set(receiver.got.map(g => g.headers["webhook-id"])).size).toBe(3);
  for (const { headers, text, body } of receiver.got) {
    expect(verifyWebhook(key, name => headers[name] as string, text)).toBe(true);
    expect(body.data).toMatchObject({ alarm: "alarm_1", monitor: "latency-p95-cusum", evidence: { ratio: 1.2 } });
  }
});

test("a limit that comes back by itself is no event when it denies", async () => {
  await open(["*"]);
  const { secret: bobs } = await gateway.gateway.control.keys.create({ name: "b", subject: "bob" }, "test");
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push(await post(bobs));
  expect(statuses.filter(s => s === 429).length).toBeGreaterThanOrEqual(2);
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(types().filter(t => t === "budget.exceeded")).toEqual([]);
});

test("a breaker that opens is told, and that it closes again", async () => {
  await open(["breaker.*"]);
  upstream.script = status(500);
  for (let i = 0; i < 3; i++) await post(gateway.key, { ...ask, messages: [{ role: "user", content: `${i}` }] });
  upstream.script = good;
  await expect.poll(() => post(), { interval: 30 }).toBe(200);
  await until(2);
  expect(receiver.got.map(g => [g.body.type, g.body.data.upstream, g.body.data.model])).toEqual([
    ["breaker.opened", "local", "chat"],
    ["breaker.closed", "local", "chat"],
  ]);
  expect(receiver.got[0]!.body.data).toMatchObject({ failures: 2, restMs: 100 });
});

test("credentials that an upstream refuses are told once, with its name and status and without the key", async () => {
  await open(["upstream.*"]);
  upstream.script = status(401, {}, "Incorrect API key provided: sk-upstream");
  for (let i = 0; i < 3; i++) expect(await post()).toBe(502);
  await until(1);
  expect(receiver.got.map(g => [g.body.type, g.body.data])).toEqual([
    ["upstream.credentials", { upstream: "local", model: "chat", status: 401 }],
  ]);
});

test("keys that are made, rotated, revoked are told whoever did it, those that end soon too, and none with its secret", async () => {
  await open(["key.*"]);
  const { control } = gateway.gateway;
  await new Promise(resolve => setTimeout(resolve, 30));
  const made = await control.keys.create({ name: "ci", subject: "bob", expiresMs: Date.now() + 86_400_000 }, "kim");
  const { secret: second } = await control.keys.rotate(made.key.id, "kim");
  await control.keys.revoke(made.key.id, "kim");
  await expect.poll(() => types().slice(-3)).toEqual(["key.created", "key.rotated", "key.revoked"]);
  expect(receiver.got.at(-3)!.body.data).toMatchObject({ by: "kim", id: made.key.id, subject: "bob" });
  const all = receiver.got.map(g => g.text).join("\n");
  for (const one of [made.secret, second]) expect(all).not.toContain(one);
  await control.keys.create({ name: "soon", subject: "bob", expiresMs: Date.now() + 6 * 86_400_000 }, "kim");
  await control.keys.create({ name: "late", subject: "bob", expiresMs: Date.now() + 60 * 86_400_000 }, "kim");
  await gateway.gateway.reload(gateway.gateway.config, "test");
  await expect.poll(() => receiver.got.filter(g => g.body.type === "key.expiring").map(g => g.body.data.name)).toEqual(["soon"]);
});

test("who is made, changed or deleted, and what they may do, is told with what it was before", async () => {
  await open(["principal.*", "policy.changed"]);
  const { entries } = gateway.gateway.control;
  await new Promise(resolve => setTimeout(resolve, 30));
  await entries.put({ kind: "users", name: "zoe", value: { roles: ["viewer"] } }, "kim");
  await entries.put({ kind: "policies", name: "zoe", value: { effect: "deny", who: { subjects: ["zoe"] } } }, "kim");
  await entries.remove({ kind: "policies", name: "zoe" }, "kim");
  await expect.poll(() => types()).toEqual(["principal.changed", "policy.changed", "policy.changed"]);
  const user = { roles: ["viewer"], disabled: false, teams: [] };
  expect(receiver.got[0]!.body.data).toMatchObject({ by: "kim", kind: "users", name: "zoe", before: null, after: user });
  expect(receiver.got[2]!.body.data).toMatchObject({ kind: "policies", name: "zoe", before: { effect: "deny" }, after: null });
});

test("an event that is not taken is sent again with the same id and a fresh signature, in order, until it is", async () => {
  await open(["key.*"]);
  const { control } = gateway.gateway;
  // what the test's own key came to is past
  await control.keys.create({ name: "first", subject: "bob" }, "kim");
  await expect.poll(() => receiver.got.at(-1)?.body.data.name).toBe("first");
  // received, and its answer heard of
  await expect.poll(() => gateway.gateway.state().webhooks[0]!.waiting).toBe(0);
  const before = gateway.gateway.state().webhooks[0]!.delivered;
  receiver.got.length = 0;
  receiver.statuses = [500, 302, 429];
  const { key: made } = await control.keys.create({ name: "ci", subject: "bob" }, "kim");
  await control.keys.revoke(made.id, "kim");
  await until(5);
  await expect.poll(() => gateway.gateway.state().webhooks[0]!.waiting).toBe(0);
  expect(types()).toEqual(["key.created", "key.created", "key.created", "key.created", "key.revoked"]);
  expect(new Set(receiver.got.slice(0, 4).map(g => g.headers["webhook-id"])).size).toBe(1);
  // a redirect is not followed
  expect(gateway.gateway.state().webhooks).toEqual([
    { origin: new URL(receiver.url).origin, waiting: 0, delivered: before + 2, lost: 0, lastError: null },
  ]);
  const metrics = await gateway.gateway.metrics.text();
  // the address alone: path and query may hold a secret
  expect(metrics).toContain(`loam_gateway_webhook_events_delivered_total{receiver="${new URL(receiver.url).origin}"} ${before + 2}`);
  expect(metrics).not.toContain("team=a");
});

test("a receiver that says nothing holds up no request and no stop, and its queue is bounded", async () => {
  const lost: string[] = [];
  receiver.gate = new Promise(() => {});
  const webhooks = openWebhooks([{ url: new URL(receiver.url), key, events: ["*"], network: "any" }], {
    onLost: (_, event, why) => lost.push(`${event.id}: ${why}`),
  });
  for (let i = 0; i < 1_500; i++) webhooks.send({ id: `e${i}`, type: "breaker.opened", atMs: 0, data: {} });
  expect(webhooks.state()[0]).toMatchObject({ waiting: 1_000, lost: 500 });
  expect(lost[0]).toBe("e0: more than 1000 wait");
  await webhooks.close();
  await open(["*"]);
  expect(await post()).toBe(200);
});

test("private addresses are called only where that is said, and metadata services never", async () => {
  const config = (url: string, network?: string) =>
    open(["*"], { webhooks: [{ url, secret: { env: "HOOK_SECRET" }, ...(network ? { network } : {}) }] });
  await expect(config("http://127.0.0.1:9/hook")).rejects.toThrow("network: any");
  await expect(config("http://169.254.169.254/latest", "any")).rejects.toThrow("metadata");
  await expect(config("ftp://example.org/")).rejects.toThrow("webhooks[0].url");
  await expect(config("https://user:pass@example.org/")).rejects.toThrow("credentials");
  vi.stubEnv("HOOK_SECRET", "short");
  await expect(config("https://example.org/")).rejects.toThrow("at least 24 bytes");
  // a name that turns out to be private
  const named = new URL(receiver.url.replace("127.0.0.1", "localhost"));
  const webhooks = openWebhooks([{ url: named, key, events: ["*"], network: "public" }], {
    pauseMs: 1,
  });
  webhooks.send({ id: "e", type: "breaker.opened", atMs: 0, data: {} });
  await expect.poll(() => webhooks.state()[0]!.lastError, { timeout: 3_000 }).toContain("private");
  await webhooks.close();
  expect(receiver.got).toEqual([]);
});

test("a signature holds for its body, its id, its time and its secret alone", () => {
  const nowMs = 1_700_000_000_000;
  // the example of the Standard Webhooks specification's own libraries
  const its = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const body = '{"test": 2432232314}';
  const headers: Record<string, string> = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const at = 1_614_265_330_000;
  const holds = (more: Record<string, string> = {}, text = body, k = its, ms = at) =>
    verifyWebhook(k, name => ({ ...headers, ...more })[name], text, ms);
  expect(holds()).toBe(true);
  expect(holds({ "webhook-signature": `v1,AAAA ${headers["webhook-signature"]}` })).toBe(true);
  expect(holds({}, `${body} `)).toBe(false);
  expect(holds({ "webhook-id": "msg_other" })).toBe(false);
  expect(holds({ "webhook-timestamp": "1614265331" })).toBe(false);
  expect(holds({}, body, key)).toBe(false);
  expect(holds({}, body, its, nowMs)).toBe(false);
  expect(holds({ "webhook-signature": "" })).toBe(false);
});

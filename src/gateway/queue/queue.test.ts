/** Lines through the gateway's door, before an upstream on a real socket. */
import OpenAI, { RateLimitError } from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, good, openAccess, type Script, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
let release: (() => void)[] = [];
let atOnce = 0;
let mostAtOnce = 0;
/** Answers when it is told to. */
const held: Script = async (received, response) => {
  atOnce++;
  mostAtOnce = Math.max(mostAtOnce, atOnce);
  await new Promise<void>(resolve => {
    release.push(resolve);
    response.on("close", resolve);
  });
  atOnce--;
  await good(received, response);
};
beforeEach(async () => {
  upstream = await fakeUpstream(held);
  [release, atOnce, mostAtOnce] = [[], 0, 0];
});
afterEach(async () => {
  for (const go of release) go();
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const start = async (queue: object, more: object = {}, access = openAccess) => {
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url, concurrency: 2, queue } },
      models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
      ...more,
    },
    { access },
  );
};
const ask = (name: string, headers: Record<string, string> = {}, more: object = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: name }], ...more }, { headers });
const names = () => upstream.received.map(r => (r.body.messages as { content: string }[])[0]!.content);
const lane = () => gateway.gateway.state().upstreams[0]!.lane!;

test("forty at once, whole and streamed: never more than two at the server, and every one is answered", async () => {
  await start({});
  upstream.script = async (received, response) => {
    atOnce++;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    await new Promise(resolve => setTimeout(resolve, 3));
    response.on("finish", () => {
      atOnce--;
    });
    await good(received, response);
  };
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const response = await ask(`${i}`, {}, { stream: i % 2 === 0 });
      return [response.status, (await response.text()).includes("w59")];
    }),
  );
  expect(answers).toEqual(Array.from({ length: 40 }, () => [200, true]));
  expect(mostAtOnce).toBe(2);
  await until(() => gateway.records.length === 40);
  expect(gateway.records.filter(r => r.queuedMs > 0).length).toBe(38);
  expect(lane()).toMatchObject({ running: 0, waiting: 0 });
  expect(await gateway.gateway.metrics.text()).toContain('loam_gateway_queue_seconds_count{model="chat"} 38');
});

test("who comes first is decided by team, and by the header within what the row allows", async () => {
  const access = {
    ...openAccess,
    principals: { teams: { ops: {} }, users: { ann: { roles: ["admin"] }, bob: { teams: ["ops"] } } },
  };
  await start({}, { priorities: [{ when: { teams: ["ops"] }, priority: 5, upTo: 9 }] }, access);
  const { secret } = await gateway.gateway.control.keys.create({ name: "bob", subject: "bob" }, "test");
  const asBob = { authorization: `Bearer ${secret}` };
  const all = [ask("a"), ask("b")];
  await until(() => lane().running === 2);
  const queue = async (name: string, headers: Record<string, string> = {}) => {
    const before = lane().waiting;
    all.push(ask(name, headers));
    await until(() => lane().waiting === before + 1);
  };
  await queue("plain");
  await queue("less", { "x-loam-priority": "-3" });
  // ann's row allows no more than everybody has
  await queue("pushy", { "x-loam-priority": "9" });
  await queue("ops", asBob);
  await queue("urgent", { ...asBob, "x-loam-priority": "50" });
  for (let i = 0; i < 7; i++) {
    await until(() => release.length > i);
    release[i]!();
  }
  await Promise.all(all);
  // places become free one by one here, so the order at the server is the line's
  expect(names().slice(2)).toEqual(["urgent", "ops", "plain", "pushy", "less"]);
});

test("a full line is a 429 with Retry-After that the official client reads, and costs nothing", async () => {
  await start({ most: 1 }, {}, { ...openAccess, limits: [{ name: "few", measure: "requests", limit: 4, window: "1h" }] });
  const under = [ask("a"), ask("b")];
  await until(() => lane().running === 2);
  under.push(ask("c"));
  await until(() => lane().waiting === 1);
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  for (let i = 0; i < 3; i++) {
    const error = await client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "d" }] }).then(
      () => undefined,
      (e: unknown) => e as InstanceType<typeof RateLimitError>,
    );
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error!.code).toBe("queue_full");
    expect(Number(error!.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  for (let i = 0; i < 3; i++) {
    await until(() => release.length > i);
    release[i]!();
  }
  expect((await Promise.all(under)).map(r => r.status)).toEqual([200, 200, 200]);
  // three were turned away; of four requests an hour one is left
  upstream.script = good;
  expect([(await ask("e")).status, (await ask("f")).status]).toEqual([200, 429]);
  expect(gateway.records.filter(r => r.error === "gateway/queueFull").length).toBe(3);
});

test("the time in line is bounded by the upstream, by the row, and by the client's header: 429", async () => {
  await start({ longest: "60s" }, { priorities: [{ when: { tags: ["quick"] }, queueTime: "30ms" }] });
  void ask("a");
  void ask("b");
  await until(() => lane().running === 2);
  const byRow = await ask("c", { "x-loam-tags": "slow, quick" });
  const byHeader = await ask("d", { "x-loam-queue-time": "20ms" });
  for (const response of [byRow, byHeader]) {
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([429, "queue_time"]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  expect(names()).toEqual(["a", "b"]);
  const wrong = await ask("e", { "x-loam-queue-time": "soon" });
  expect([wrong.status, ((await wrong.json()) as { error: { param: string } }).error.param]).toEqual([400, "x-loam-queue-time"]);
  const odd = await ask("e", { "x-loam-priority": "1e9" });
  expect([odd.status, ((await odd.json()) as { error: { param: string } }).error.param]).toEqual([400, "x-loam-priority"]);
});

test("a client that leaves the line makes room at once and its request reaches nobody", async () => {
  await start({ most: 1 });
  void ask("a");
  void ask("b");
  await until(() => lane().running === 2);
  const leaving = new AbortController();
  const gone = gateway
    .post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "c" }] }, { signal: leaving.signal })
    .catch(() => "gone");
  await until(() => lane().waiting === 1);
  leaving.abort();
  expect(await gone).toBe("gone");
  await until(() => lane().waiting === 0);
  const next = ask("d");
  await until(() => lane().waiting === 1);
  release[0]!();
  await until(() => release.length === 3);
  release[2]!();
  expect((await next).status).toBe(200);
  expect(names()).toEqual(["a", "b", "d"]);
  expect(gateway.records.find(r => r.status === 499)).toMatchObject({ error: "gateway/cancelled", attempts: [] });
});

test("where another server of the model has a place nobody waits, and a full line goes on to the next priority, then to a fallback", async () => {
  const others = await Promise.all([fakeUpstream(held), fakeUpstream(held), fakeUpstream(good)]);
  const lanes = (url: string) => ({ url, concurrency: 1, queue: { most: 0 } });
  gateway = await testGateway({
    upstreams: { one: lanes(upstream.url), two: lanes(others[0].url), dear: lanes(others[1].url), last: { url: others[2].url } },
    models: {
      chat: {
        targets: [{ upstream: "one", weight: 99 }, { upstream: "two" }, { upstream: "dear", priority: 1 }],
        fallbacks: ["small"],
      },
      small: { targets: [{ upstream: "last" }] },
    },
  });
  const under: Promise<Response>[] = [];
  for (let i = 0; i < 3; i++) {
    under.push(ask(`${i}`));
    await until(() => release.length === i + 1);
  }
  expect([upstream, ...others].map(u => u.received.length)).toEqual([1, 1, 1, 0]);
  expect((await ask("3")).headers.get("x-loam-target")).toBe("last/small");
  for (const go of release) go();
  expect((await Promise.all(under)).map(r => r.status)).toEqual([200, 200, 200]);
  await Promise.all(others.map(o => o.close()));
});

test("who waits has the first place that any of the model's servers has; a sticky caller waits for its own", async () => {
  const other = await fakeUpstream(held);
  const lanes = (url: string) => ({ url, concurrency: 1 });
  gateway = await testGateway({
    upstreams: { one: lanes(upstream.url), two: lanes(other.url) },
    models: {
      chat: { targets: [{ upstream: "one" }, { upstream: "two" }] },
      kept: { sticky: "user", targets: [{ upstream: "one" }, { upstream: "two" }] },
    },
  });
  const under = [ask("a"), ask("b")];
  await until(() => release.length === 2);
  const waits = (i: number) => gateway.gateway.state().upstreams[i]!.lane!.waiting;
  const c = ask("c");
  await until(() => waits(0) === 1 && waits(1) === 1);
  const kept = ask("d", {}, { model: "kept", user: "u" });
  await until(() => waits(0) + waits(1) === 3);
  const home = waits(0) === 2 ? 0 : 1;
  // the place at the other one is c's; at home d's turn comes when that is free
  const at = (i: number) => (i === 0 ? upstream : other).received.length;
  const [first, second] = names()[0] === "a" ? [0, 1] : [1, 0];
  release[home === 0 ? second : first]!();
  await until(() => at(1 - home) === 2);
  expect([waits(home), waits(1 - home)]).toEqual([1, 0]);
  release[home === 0 ? first : second]!();
  await until(() => at(home) === 2);
  release[2]!();
  await until(() => release.length === 4);
  release[3]!();
  expect((await Promise.all([...under, c, kept])).map(r => r.status)).toEqual([200, 200, 200, 200]);
  expect((await kept).headers.get("x-loam-target")).toBe(["one/kept", "two/kept"][home]);
  await other.close();
});

test("a stop of the gateway ends those who wait with an error", async () => {
  await start({});
  const under = [ask("a"), ask("b"), ask("c")];
  await until(() => lane().waiting === 1);
  await gateway.gateway.drain(20);
  gateway.gateway.cutOff();
  expect((await Promise.all(under)).map(r => r.status)).toEqual([502, 502, 502]);
  expect(lane()).toMatchObject({ running: 0, waiting: 0 });
});

/** Probes of health: who fails them is not asked and comes back, silence is a failure, and each change is told once. */
import { afterEach, expect, test, vi } from "vitest";
import { until } from "../../../test/support/until.ts";
import {
  begin,
  eventText,
  type FakeUpstream,
  fakeUpstream,
  good,
  type Script,
  status,
  type TestGateway,
  testGateway,
  wordChunk,
} from "../fakes.ts";

const upstreams: FakeUpstream[] = [];
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await Promise.all(upstreams.splice(0).map(u => u.close()));
  expect(gateway?.failures ?? []).toEqual([]);
  gateway = undefined;
});

interface Probed extends FakeUpstream {
  /** What its health path answers by. */
  health: Script;
  probes(): number;
  asked(): number;
}

async function probed(health: Script): Promise<Probed> {
  const fake = await fakeUpstream((received, response) => (received.path === "/healthz" ? own.health : good)(received, response));
  upstreams.push(fake);
  const count = (isProbe: boolean) => fake.received.filter(r => (r.path === "/healthz") === isProbe).length;
  const own: Probed = Object.assign(fake, { health, probes: () => count(true), asked: () => count(false) });
  return own;
}

const up = status(200);
/** Every how many ms; long against the loopback, short against a test. */
const every = "40ms";
const told: (readonly [string, boolean])[] = [];

async function start(first: FakeUpstream, second?: FakeUpstream, more: object = {}, onTold = () => {}): Promise<TestGateway> {
  told.length = 0;
  const part = (url: string) => ({ url, health: { path: "/healthz", every }, breaker: { failures: 1000 }, ...more });
  gateway = await testGateway(
    {
      upstreams: { first: part(first.url), ...(second ? { second: part(second.url) } : {}) },
      models: {
        chat: { targets: [{ upstream: "first" }, ...(second ? [{ upstream: "second", priority: 1 }] : [])] },
      },
      retries: { attempts: 0 },
    },
    {
      onHealth: (upstream, isHealthy) => {
        told.push([upstream, isHealthy]);
        onTold();
      },
    },
  );
  return gateway;
}

const body = { model: "chat", messages: [{ role: "user", content: "Count." }] };
const ask = (g: TestGateway) => g.post("/v1/chat/completions", body);
const who = async (g: TestGateway): Promise<string | null> => (await ask(g)).headers.get("x-loam-target");

for (const [what, ill] of [
  ["answers 500", status(500)],
  ["answers 503", status(503)],
  ["closes the connection", (_, response) => void response.destroy()],
] satisfies [string, Script][])
  test(`an upstream whose health ${what} is left out, comes back when it is well, and each is told once`, async () => {
    const first = await probed(up);
    const second = await probed(up);
    const g = await start(first, second);
    await until(() => first.probes() > 0);
    expect(await who(g)).toBe("first/chat");
    first.health = ill;
    await until(() => told.length > 0);
    const before = first.asked();
    for (let i = 0; i < 5; i++) expect(await who(g)).toBe("second/chat");
    expect(first.asked()).toBe(before);
    expect(g.gateway.state().upstreams[0]).toMatchObject({ isHealthy: false, isAvailable: false });
    // it goes on failing: nothing new is told
    const probes = first.probes();
    await until(() => first.probes() > probes + 3);
    expect(told).toEqual([["first", false]]);
    first.health = up;
    await until(() => told.length > 1);
    expect(await who(g)).toBe("first/chat");
    const again = first.probes();
    await until(() => first.probes() > again + 3);
    expect(told).toEqual([
      ["first", false],
      ["first", true],
    ]);
  });

for (const code of [200, 204, 301, 401, 404])
  test(`a server that answers its health with ${code} runs: it is asked`, async () => {
    const first = await probed(status(code));
    const g = await start(first);
    await until(() => first.probes() > 2);
    expect(await who(g)).toBe("first/chat");
    expect(told).toEqual([]);
  });

test("where the only upstream is ill the answer is 503 with a time to come back, and no request is sent", async () => {
  const first = await probed(status(500));
  const g = await start(first);
  await until(() => told.length > 0);
  const response = await ask(g);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("5");
  expect(await response.json()).toMatchObject({ error: { code: "service_unavailable" } });
  expect(first.asked()).toBe(0);
});

test("a server that cannot be reached fails its probe, and is back when it listens again", async () => {
  const first = await probed(up);
  const second = await probed(up);
  const port = Number(new URL(first.url).port);
  const g = await start(first, second);
  await first.close();
  await until(() => told.length > 0);
  expect(told).toEqual([["first", false]]);
  expect(await who(g)).toBe("second/chat");
  const again = await fakeUpstream(good, port);
  upstreams.push(again);
  await until(() => told.length > 1);
  expect(told[1]).toEqual(["first", true]);
  expect(await who(g)).toBe("first/chat");
});

test("a probe that nobody answers is a failed one, asks no second time meanwhile, and leaves no connection behind", async () => {
  const first = await probed(() => {});
  const second = await probed(up);
  // Several times the interval: a probe that did not wait for the one before would have come before the first one's end.
  let probesAtEnd = 0;
  const g = await start(first, second, { timeouts: { firstByte: "300ms" } }, () => (probesAtEnd ||= first.probes()));
  await until(() => told.length > 0);
  expect(probesAtEnd).toBe(1);
  expect(told).toEqual([["first", false]]);
  await until(() => first.aborted > 0);
  expect(await who(g)).toBe("second/chat");
  first.health = up;
  await until(() => told.length > 1);
  expect(await who(g)).toBe("first/chat");
});

test("a probe waits five seconds at most, however long answers may take", async () => {
  const first = await probed(() => {});
  const wanted: number[] = [];
  const real = setTimeout;
  const timer = vi.spyOn(globalThis, "setTimeout").mockImplementation((call: () => void, ms?: number) => {
    wanted.push(ms ?? 0);
    return real(call, ms);
  });
  const g = await start(first, undefined, { timeouts: { firstByte: "10m" } });
  await until(() => first.probes() > 0);
  timer.mockRestore();
  expect(wanted).toContain(5_000);
  expect(wanted).not.toContain(600_000);
  expect(g.gateway.state().upstreams[0]).toMatchObject({ isHealthy: true });
});

test("an upstream all of whose connections are taken is busy, not ill: its probe does not wait behind them", async () => {
  const first = await probed(up);
  const g = await start(first, undefined, { connections: 1, timeouts: { connect: "150ms" } });
  first.script = (received, response) => {
    if (received.path === "/healthz") return up(received, response);
    begin(response);
    response.write(eventText(wordChunk("first")));
  };
  const response = await g.post("/v1/chat/completions", { ...body, stream: true });
  const reader = response.body!.getReader();
  await reader.read();
  const probes = first.probes();
  await until(() => first.probes() > probes + 6);
  expect(told).toEqual([]);
  expect(g.gateway.state().upstreams[0]).toMatchObject({ isHealthy: true, outstanding: 1 });
  await reader.cancel();
});

test("a probe that a shutdown breaks off says nothing", async () => {
  const first = await probed(() => {});
  const g = await start(first);
  await until(() => first.probes() > 0);
  await g.close();
  gateway = undefined;
  await until(() => first.aborted > 0);
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(told).toEqual([]);
});

test("a health page that never ends is not read", async () => {
  const first = await probed((_, response) => {
    response.writeHead(200);
    const more = setInterval(() => response.write("x".repeat(1_000)), 1);
    response.on("close", () => clearInterval(more));
  });
  const g = await start(first);
  await until(() => first.aborted > 3);
  expect(await who(g)).toBe("first/chat");
  expect(told).toEqual([]);
});

test("probes say nothing of how an upstream does its work: they are no answers, no failures and no requests under way", async () => {
  const first = await probed(status(500));
  const g = await start(first);
  await until(() => first.probes() > 3);
  expect(g.gateway.state().upstreams[0]).toMatchObject({ outstanding: 0, answers: 0, failures: 0, breaker: "closed" });
});

/**
 * What routing is worth, on servers made for it: a tail cut by hedging, a busy server left to its work by its own load, waits by priority. Times of
 * the servers are set (timers), so what is measured is the choice, not the machine.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { checkConfig, Gateway, listenGateway, openControl } from "../src/gateway/index.ts";
import { type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const answer = JSON.stringify({
  id: "x",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
});

interface FakeServer {
  readonly url: string;
  asked: number;
  /** Work that others gave it: takes a slot as long as a request does. */
  others(): void;
  close(): void;
}

/** A server of so many slots and a queue; each request takes the time that `msOf` says. Says its queue as vLLM does. */
async function serverOf(slots: number, msOf: () => number): Promise<FakeServer> {
  let running = 0;
  const waiting: (() => void)[] = [];
  const work = async (): Promise<void> => {
    if (running >= slots) await new Promise<void>(resolve => waiting.push(resolve));
    else running++;
    await new Promise(resolve => setTimeout(resolve, msOf()));
    const next = waiting.shift();
    if (next) next();
    else running--;
  };
  const server: Server = createServer(async (request, response) => {
    if (request.url === "/metrics") return void response.end(`vllm:num_requests_waiting ${waiting.length}\nvllm:kv_cache_usage_perc 0\n`);
    request.resume();
    own.asked++;
    await work();
    response.setHeader("content-type", "application/json");
    response.end(answer);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const own: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked: 0,
    others: () => void work(),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return own;
}

interface Door {
  /** Milliseconds that a request took; undefined where it was turned away. */
  ask(headers?: Record<string, string>): Promise<number | undefined>;
  close(): Promise<void>;
}

async function doorOf(parts: Record<string, unknown>): Promise<Door> {
  const access = { principals: { users: { ann: { roles: ["admin"] } } }, policies: [{ id: "all", effect: "allow" as const }] };
  const config = await checkConfig({ ...parts, state: "memory:", log: { to: "none" }, access }, "gateway.yaml", ".");
  const control = await openControl({ state: "memory:", root: ".", config: access });
  const gateway = await Gateway.open({ config, control });
  const listening = await listenGateway(gateway, { host: "127.0.0.1", port: 0 });
  const { secret } = await control.keys.create({ name: "bench", subject: "ann" }, "bench");
  return {
    ask: async (headers = {}) => {
      const began = performance.now();
      const response = await fetch(`${listening.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}`, ...headers },
        body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Hi" }] }),
      });
      await response.text();
      return response.status === 200 ? performance.now() - began : undefined;
    },
    close: async () => void (await listening.drain({ graceMs: 0 })),
  };
}

const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
};
const timesOf = (values: readonly (number | undefined)[]) => {
  const ms = values.filter(v => v !== undefined);
  return { p50Ms: digits(median(ms)), p99Ms: digits(quantile(ms, 0.99)), answered: ms.length, turnedAway: values.length - ms.length };
};

/** Asks at a fixed rate, whatever comes back. */
async function atRate(count: number, everyMs: number, ask: (i: number) => Promise<number | undefined>): Promise<(number | undefined)[]> {
  const began = performance.now();
  const all: Promise<number | undefined>[] = [];
  for (let i = 0; i < count; i++) {
    const late = began + i * everyMs - performance.now();
    if (late > 0) await new Promise(resolve => setTimeout(resolve, late));
    all.push(ask(i));
  }
  return Promise.all(all);
}

/** Two servers of 20 ms, of whose answers three in a hundred take 500 ms. */
async function hedging(count: number, hedge: object | undefined) {
  let n = 0;
  const servers = await Promise.all([0, 1].map(() => serverOf(1_000, () => (n++ % 33 === 0 ? 500 : 20))));
  const door = await doorOf({
    upstreams: { a: { url: servers[0]!.url }, b: { url: servers[1]!.url } },
    models: { chat: { targets: [{ upstream: "a" }, { upstream: "b" }], ...(hedge ? { hedge } : {}) } },
  });
  // what p95 is learnt from
  await atRate(60, 10, () => door.ask());
  for (const s of servers) s.asked = 0;
  const times = await atRate(count, 10, () => door.ask());
  const asked = servers.reduce((sum, s) => sum + s.asked, 0);
  await door.close();
  for (const s of servers) s.close();
  return { ...timesOf(times), askedTwice: digits((asked - count) / count) };
}

/** Two servers of four slots and 40 ms; others keep the first one busy to its last slot. */
async function byLoad(count: number, strategy: string) {
  const servers = await Promise.all([0, 1].map(() => serverOf(4, () => 40)));
  const door = await doorOf({
    upstreams: { a: { url: servers[0]!.url, load: { every: "50ms" } }, b: { url: servers[1]!.url, load: { every: "50ms" } } },
    models: { chat: { strategy, targets: [{ upstream: "a" }, { upstream: "b" }] } },
  });
  for (let i = 0; i < 24; i++) servers[0]!.others();
  const others = setInterval(() => servers[0]!.others(), 10);
  await new Promise(resolve => setTimeout(resolve, 200));
  const times = await atRate(count, 20, () => door.ask());
  clearInterval(others);
  await door.close();
  for (const s of servers) s.close();
  return timesOf(times);
}

/** A server of four places and 40 ms, asked for half more than it can: one in ten asks with priority 10. */
async function priorities(count: number, isOn: boolean) {
  const server = await serverOf(1_000, () => 40);
  const door = await doorOf({
    upstreams: { a: { url: server.url, concurrency: 4, queue: { most: 100, longest: "10s", aging: "1s" } } },
    models: { chat: { targets: [{ upstream: "a" }] } },
    ...(isOn ? { priorities: [{ when: { tags: ["first"] }, priority: 10 }] } : {}),
  });
  const isFirst = (i: number) => i % 10 === 0;
  const times = await atRate(count, 1000 / 150, i => door.ask(isFirst(i) ? { "x-loam-tags": "first" } : {}));
  await door.close();
  server.close();
  return { first: timesOf(times.filter((_, i) => isFirst(i))), others: timesOf(times.filter((_, i) => !isFirst(i))) };
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const n = (count: number) => Math.max(100, Math.round(count * scale));
  say("hedging");
  const [plain, hedged] = [await hedging(n(1_000), undefined), await hedging(n(1_000), { after: "p95", share: 0.1 })];
  say("load");
  const strategies: Record<string, ReturnType<typeof timesOf>> = {};
  for (const s of ["weighted", "leastOutstanding", "latency", "load"]) strategies[s] = await byLoad(n(300), s);
  say("priorities");
  const [without, withThem] = [await priorities(n(900), false), await priorities(n(900), true)];
  const tail = plain.p99Ms / hedged.p99Ms;
  const wait = without.first.p50Ms / withThem.first.p50Ms;
  return {
    method:
      "servers on loopback whose times are set: 20 ms with three in a hundred of 500 ms, 100 requests/s; two of four slots and 40 ms, of which others keep one busy, 50 requests/s; one of four places and 40 ms asked 150 times a second, one in ten with priority",
    ours: { plain, hedged, ...strategies, priorityOff: without, priorityOn: withThem },
    peers: {},
    ratios: { p99WithoutOverWithHedging: digits(tail), firstWithoutOverWithPriority: digits(wait) },
    bars: [
      { name: "p99 without hedging over with it", want: ">= 3", got: digits(tail), holds: tail >= 3 },
      { name: "requests hedged", want: "<= 0.12", got: hedged.askedTwice, holds: hedged.askedTwice <= 0.12 },
      {
        name: "p99 by weight over by load, beside a busy server",
        want: ">= 2",
        got: digits(strategies.weighted!.p99Ms / strategies.load!.p99Ms),
        holds: strategies.weighted!.p99Ms >= 2 * strategies.load!.p99Ms,
      },
      { name: "median of those with priority, without over with", want: ">= 3", got: digits(wait), holds: wait >= 3 },
    ],
  };
}

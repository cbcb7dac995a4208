import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../base/index.ts";
import { fakeUpstream, good, testGateway } from "../fakes.ts";
import type { RequestTrace } from "../tracing/tracing.ts";
import { EndedRequests } from "./ended.ts";
import type { GatewayExchange } from "./exchange.ts";

const exchange = (id: string, more: Partial<GatewayExchange> = {}): GatewayExchange => ({
  id,
  startMs: 0,
  method: "POST",
  ip: null,
  path: "/v1/chat/completions",
  isStream: false,
  inputTokens: 0,
  attempts: [],
  resumed: 0,
  isOver: true,
  ...more,
});

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] }));
afterEach(() => void vi.useRealTimers());

const opened = () => {
  const told: string[] = [];
  const ended = new EndedRequests(systemClock, record => told.push(record.id));
  return { told, ended };
};

test("each is told once, in the order in which they ended, by itself within 50 ms", () => {
  const { told, ended } = opened();
  for (const id of ["a", "b"]) ended.add(exchange(id), { status: 200 });
  vi.advanceTimersByTime(49);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual(["a", "b"]);
  ended.add(exchange("c"), { status: 200 });
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(["a", "b", "c"]);
});

test("whoever looks has all of them told; no time-out tells them again", () => {
  const { told, ended } = opened();
  ended.add(exchange("a"), { status: 200 });
  ended.tell();
  expect(told).toEqual(["a"]);
  ended.tell();
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(["a"]);
});

test("32 do not wait for more, and a traced one waits for nothing", () => {
  const { told, ended } = opened();
  for (let i = 0; i < 31; i++) ended.add(exchange(`${i}`), { status: 200 });
  expect(told).toEqual([]);
  ended.add(exchange("31"), { status: 200 });
  expect(told).toHaveLength(32);
  const trace = { traceId: "t" } as RequestTrace;
  ended.add(exchange("before"), { status: 200 });
  ended.add(exchange("traced", { trace }), { status: 200 });
  expect(told.slice(32)).toEqual(["before", "traced"]);
});

test("a record says when its answer ended, not when it was told", () => {
  vi.setSystemTime(new Date("2026-11-27T10:00:00Z"));
  const times: [string, number][] = [];
  const ended = new EndedRequests(systemClock, record => times.push([record.time, record.ms]));
  const startMs = systemClock.monotonic();
  vi.advanceTimersByTime(20);
  ended.add(exchange("a", { startMs }), { status: 200 });
  vi.advanceTimersByTime(50);
  expect(times).toEqual([["2026-11-27T10:00:00.020Z", 20]]);
});

test("a listener that throws costs neither an answer nor the records of others", async () => {
  vi.useRealTimers();
  const upstream = await fakeUpstream(good);
  const seen: string[] = [];
  const gateway = await testGateway(
    { upstreams: { local: { url: upstream.url } }, models: { chat: { targets: [{ upstream: "local", model: "inner" }] } } },
    {
      onRequest: record => {
        seen.push(record.id);
        if (seen.length === 1) throw new Error("the disk is full");
      },
    },
  );
  try {
    for (const id of ["one", "two"]) {
      const body = { model: "chat", messages: [{ role: "user", content: "Count." }] };
      const answer = await gateway.post("/v1/chat/completions", body, { headers: { "x-request-id": id } });
      expect(answer.status).toBe(200);
      await answer.text();
    }
    gateway.gateway.tell();
    expect(seen).toEqual(["one", "two"]);
    expect(gateway.failures.map(String)).toEqual(["Error: the disk is full"]);
  } finally {
    await gateway.close();
    await upstream.close();
  }
});

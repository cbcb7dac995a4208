/** Traces of real requests through a real gateway, as an OTLP collector gets them. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Collector, type ReceivedSpan, startCollector } from "../../../test/support/collector.ts";
import { eventText, type FakeUpstream, fakeUpstream, good, status, type TestGateway, testGateway } from "../fakes.ts";
import { openGatewayTracing } from "./open-tracing.ts";
import type { GatewayTracing } from "./tracing.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callers = `00-${traceId}-b7ad6b7169203331-01`;
const secret = "the launch code is 0000";
const ask = { model: "chat", messages: [{ role: "user", content: secret }], max_tokens: 100, temperature: 0.5 };

let collector: Collector;
let one: FakeUpstream;
let two: FakeUpstream;
let gateway: TestGateway;
let tracing: GatewayTracing | undefined;
const open = async (options: { sample?: number } | "off" = {}) => {
  tracing =
    options === "off" ? undefined : await openGatewayTracing({ url: `${collector.url}/v1/traces`, version: "1.2.3", env: {}, ...options });
  gateway = await testGateway(
    {
      upstreams: { one: { url: one.url }, two: { url: two.url } },
      models: {
        chat: {
          targets: [
            { upstream: "one", model: "inner" },
            { upstream: "two", model: "inner", priority: 1 },
          ],
        },
      },
      retries: { backoff: "1ms" },
    },
    { tracing },
  );
};
beforeEach(async () => {
  collector = await startCollector();
  one = await fakeUpstream(good);
  two = await fakeUpstream(good);
});
afterEach(async () => {
  await gateway.close();
  await one.close();
  await two.close();
  await collector[Symbol.asyncDispose]();
  expect(gateway.failures).toEqual([]);
});
const post = async (headers: Record<string, string>, body: object = ask, path = "/v1/chat/completions") =>
  (await gateway.post(path, body, { headers })).text();
const spanOf = (id: string): ReceivedSpan => collector.spans.find(s => s.attributes["loam.request.id"] === id)!;
const below = (span: ReceivedSpan) => collector.spans.filter(s => s.parentSpanId === span.spanId);

test("a request is a server span under its caller's, each call a client span below it, and the upstream's parent is that call", async () => {
  await open();
  one.script = status(503);
  await post({ traceparent: callers, tracestate: "vendor=1, bad", "x-request-id": "mine" });
  await tracing!.close();
  const span = spanOf("mine");
  expect(span).toMatchObject({ name: "chat chat", kind: 2, traceId, parentSpanId: "b7ad6b7169203331", status: 0 });
  expect(span.resource).toMatchObject({ "service.name": "loam-gateway", "service.version": "1.2.3" });
  const [record] = gateway.records;
  expect(record!.trace).toBe(traceId);
  expect(span.attributes).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/v1/chat/completions",
    "http.response.status_code": 200,
    "loam.key.id": record!.key,
    "enduser.id": "ann",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "loam",
    "gen_ai.request.model": "chat",
    "gen_ai.request.max_tokens": 100,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.response.model": "inner",
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.usage.output_tokens": 60,
    "loam.target": "two/inner",
    "loam.attempts": 2,
  });
  const calls = below(span).sort((a, b) => Number(a.attributes["loam.attempt"]) - Number(b.attributes["loam.attempt"]));
  expect(calls.map(s => [s.name, s.kind, s.status, s.attributes["loam.target"], s.attributes["loam.outcome"]])).toEqual([
    ["chat inner", 3, 2, "one/inner", "status"],
    ["chat inner", 3, 0, "two/inner", "answered"],
  ]);
  for (const call of calls) {
    expect(call.attributes).toMatchObject({ "server.address": "127.0.0.1", "gen_ai.request.model": "inner" });
    expect(call.startNs).toBeGreaterThanOrEqual(span.startNs);
    expect(call.endNs).toBeLessThanOrEqual(span.endNs);
  }
  expect([one, two].map(u => u.received[0]!.headers.traceparent)).toEqual(calls.map(s => `00-${traceId}-${s.spanId}-01`));
  // a malformed state is nobody's, the trace goes on
  expect(two.received[0]!.headers.tracestate).toBeUndefined();
  expect(collector.bodies.join("\n")).not.toContain("launch");
  expect(collector.bodies.join("\n")).not.toContain(gateway.key);
});

test("a state that is well formed goes on with the trace, and a malformed parent begins a new one", async () => {
  await open();
  await post({ traceparent: callers, tracestate: "vendor=1,other@sys=b", "x-request-id": "state" });
  await post({ traceparent: `00-${traceId}-0000000000000000-01`, "x-request-id": "new" });
  await tracing!.close();
  expect(one.received[0]!.headers.tracestate).toBe("vendor=1,other@sys=b");
  const span = spanOf("new");
  expect(span.parentSpanId).toBeUndefined();
  expect(span.traceId).not.toBe(traceId);
  expect(one.received[1]!.headers.traceparent).toBe(`00-${span.traceId}-${below(span)[0]!.spanId}-01`);
});

test("a stream's span ends with the stream; a denial, a failure and a cut are told apart", async () => {
  await open();
  await post({ "x-request-id": "stream" }, { ...ask, stream: true });
  await post({ "x-request-id": "wrong" }, { ...ask, model: "none" });
  one.script = two.script = status(500);
  await post({ "x-request-id": "down" });
  one.script = two.script = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(eventText({ choices: [{ index: 0, delta: { content: "a" } }] }));
    setTimeout(() => response.destroy(), 20);
  };
  await post({ "x-request-id": "cut" }, { ...ask, stream: true });
  await tracing!.close();
  expect(spanOf("stream").attributes).toMatchObject({ "gen_ai.usage.output_tokens": 60, "gen_ai.response.model": "inner" });
  expect(spanOf("wrong")).toMatchObject({
    status: 0,
    attributes: { "error.type": "gateway/unknownModel", "http.response.status_code": 404 },
  });
  expect(below(spanOf("wrong"))).toEqual([]);
  expect(spanOf("down")).toMatchObject({ status: 2, attributes: { "error.type": "gateway/upstream", "http.response.status_code": 502 } });
  expect(below(spanOf("down")).length).toBeGreaterThanOrEqual(2);
  for (const call of below(spanOf("down"))) expect(call).toMatchObject({ status: 2, attributes: { "loam.outcome": "status" } });
  expect(spanOf("cut").attributes["error.type"]).toBe("gateway/cut");
  expect(below(spanOf("cut"))[0]).toMatchObject({ status: 2, attributes: { "error.type": "cut" } });
});

test("what is not sampled is not sent, and the upstream is told so in the same trace", async () => {
  await open({ sample: 0 });
  await post({ "x-request-id": "own" });
  await post({ "x-request-id": "callers", traceparent: callers });
  await fetch(`${gateway.url}/healthz`);
  await tracing!.close();
  // whoever calls with a trace has decided
  expect(collector.spans.map(s => s.attributes["loam.request.id"]).filter(Boolean)).toEqual(["callers"]);
  expect(one.received[0]!.headers.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
  expect(gateway.records.map(r => r.trace)).toEqual([null, traceId, null]);
});

test("without tracing a caller's trace goes on as it came, where it is well formed", async () => {
  await open("off");
  await post({ traceparent: callers, tracestate: "vendor=1" });
  await post({ traceparent: `${callers}, ${callers}`, tracestate: "vendor=1" });
  await post({ tracestate: "vendor=1" });
  expect(one.received.map(r => [r.headers.traceparent, r.headers.tracestate])).toEqual([
    [callers, "vendor=1"],
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

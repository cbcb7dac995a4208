/** Traces of real requests to a real server, as an OTLP collector gets them. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import OpenAI from "openai";
import { afterAll, expect, test, vi } from "vitest";
import { type Collector, type ReceivedSpan, startCollector } from "../../../test/support/collector.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { collectorUrl } from "../../tracing/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { listen } from "../listen.ts";
import { openTracing } from "./open-tracing.ts";

const device = openDevice("cpu", { threads: 1 });
const secret = "the launch code is 0000";
const env = { OTEL_SERVICE_NAME: "mail", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,broken,team=a%20b" };

const servers: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

/** A server of its own, since closing tracing sends what is there; `failures` are what tracing could not send. */
async function served(collector: string) {
  const failures: unknown[] = [];
  const engine = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 2 });
  const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
  const tracing = await openTracing({ url: collectorUrl(collector, {})!, version: "1.2.3", env, onFailure: e => failures.push(e) });
  const app = createApp({ engines: [engine], encoders: [encoder], tracing });
  const server = await listen(app, { port: 0 });
  await Promise.all([engine.ready, encoder.ready]);
  servers.push(server);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  return { server, engine, tracing, client, failures };
}

const childrenOf = ({ spans }: Collector, parent: ReceivedSpan) =>
  spans.filter(s => s.parentSpanId === parent.spanId).sort((a, b) => Number(a.startNs - b.startNs));

test("a request is a server span under its caller's, with GenAI names and usage, and its answers' queue, prefill and decode below it", async () => {
  await using collector = await startCollector();
  const { server, client, tracing } = await served(collector.url);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  const asked = { model: "tiny", messages: [{ role: "user" as const, content: secret }], max_tokens: 6, temperature: 0.5, n: 2, seed: 4 };
  const whole = await client.chat.completions.create(asked, { headers: { traceparent, "x-request-id": "mine-1" } });
  await client.embeddings.create({ model: "tiny-encoder@1", input: [secret, "b"] });
  await tracing.close();

  const span = collector.spans.find(s => s.attributes["loam.request.id"] === "mine-1")!;
  expect(span).toMatchObject({ name: "chat tiny", kind: 2, traceId, parentSpanId: "b7ad6b7169203331", status: 0 });
  expect(span.resource).toMatchObject({
    "service.name": "mail",
    "service.version": "1.2.3",
    "deployment.environment.name": "test",
    team: "a b",
  });
  expect(span.attributes).toEqual({
    "http.request.method": "POST",
    "http.route": "/v1/chat/completions",
    "http.response.status_code": 200,
    "url.path": "/v1/chat/completions",
    "url.scheme": "http",
    "server.address": "127.0.0.1",
    "server.port": server.port,
    "loam.request.id": "mine-1",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "loam",
    "gen_ai.request.model": "tiny",
    "gen_ai.request.max_tokens": 6,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.seed": 4,
    "gen_ai.request.choice.count": 2,
    "gen_ai.response.model": "tiny@1",
    "gen_ai.response.finish_reasons": whole.choices.map(c => c.finish_reason),
    "gen_ai.usage.input_tokens": whole.usage!.prompt_tokens,
    "gen_ai.usage.output_tokens": whole.usage!.completion_tokens,
    ...(whole.usage!.prompt_tokens_details!.cached_tokens
      ? { "gen_ai.usage.cache_read.input_tokens": whole.usage!.prompt_tokens_details!.cached_tokens }
      : {}),
  });
  const children = childrenOf(collector, span);
  for (const choice of [0, 1]) {
    const own = children.filter(s => s.attributes["loam.choice"] === choice);
    expect(own.map(s => s.name)).toEqual(["queue", "prefill", "decode"]);
    for (const [i, s] of own.entries()) {
      expect(s.traceId).toBe(traceId);
      expect(s.startNs).toBeGreaterThanOrEqual(span.startNs);
      expect(s.endNs).toBeLessThanOrEqual(span.endNs);
      if (i > 0) expect(s.startNs).toBeGreaterThanOrEqual(own[i - 1]!.endNs - 1_000_000n);
    }
  }
  expect(children).toHaveLength(6);

  const embedded = collector.spans.find(s => s.name === "embeddings tiny-encoder@1")!;
  expect(embedded.attributes).toMatchObject({ "gen_ai.operation.name": "embeddings", "gen_ai.response.model": "tiny-encoder@1" });
  expect(embedded.attributes["gen_ai.usage.input_tokens"]).toBeGreaterThan(0);
  // nothing that was said is in any span
  expect(collector.bodies.join("\n")).not.toContain("launch");
});

test("a stream's span ends with the stream; who leaves, what is wrong and what fails are told apart", async () => {
  await using collector = await startCollector();
  const { server, client, engine, tracing } = await served(collector.url);
  const asked = { model: "tiny", prompt: "a", stream: true, temperature: 0, stream_options: { include_usage: true } } as const;
  const stream = await client.completions.create({ ...asked, max_tokens: 12 }, { headers: { "x-request-id": "streamed" } });
  let usage: number | undefined;
  for await (const chunk of stream) usage = chunk.usage?.completion_tokens ?? usage;
  const endedMs = Date.now();

  const left = await client.completions.create({ ...asked, max_tokens: 150, ignore_eos: true } as typeof asked & { max_tokens: number }, {
    headers: { "x-request-id": "left" },
  });
  for await (const _ of left) break;
  await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "wrong" },
    body: JSON.stringify({ model: "tiny", prompt: "a", temperature: "hot" }),
  });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await fetch(`${server.url}/nothing`, { headers: { "x-request-id": "nowhere", traceparent } });
  for (const path of ["/healthz", "/metrics", "/v1/models"]) await fetch(`${server.url}${path}`, { headers: { "x-request-id": "probe" } });
  while (engine.stats().running > 0) await new Promise(resolve => setTimeout(resolve, 10));
  await engine.close();
  await fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "down" },
    body: JSON.stringify({ model: "tiny", prompt: "a" }),
  });
  await tracing.close();

  const of = (id: string) => collector.spans.find(s => s.attributes["loam.request.id"] === id)!;
  const streamed = of("streamed");
  expect(streamed.attributes).toMatchObject({ "gen_ai.usage.output_tokens": usage, "http.response.status_code": 200 });
  const [, , decode] = childrenOf(collector, streamed);
  expect(decode!.endNs).toBeLessThanOrEqual(streamed.endNs);
  expect(Number(streamed.endNs / 1_000_000n)).toBeLessThanOrEqual(endedMs + 5);
  expect(of("left")).toMatchObject({
    status: 0,
    attributes: { "http.response.status_code": 499, "error.type": "serve/cancelled", "gen_ai.response.finish_reasons": ["cancelled"] },
  });
  expect(of("wrong")).toMatchObject({ status: 0, attributes: { "http.response.status_code": 400, "error.type": "serve/type" } });
  expect(of("nowhere")).toMatchObject({ name: "GET unknown", status: 0, attributes: { "http.response.status_code": 404 } });
  expect(of("probe")).toBeUndefined();
  expect(of("down")).toMatchObject({ status: 2, attributes: { "http.response.status_code": 503, "error.type": "serve/draining" } });
});

test("a caller that does not sample gets no spans, and its answer all the same", async () => {
  await using collector = await startCollector();
  const { client, tracing } = await served(collector.url);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  const answer = await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 2 }, { headers: { traceparent } });
  await tracing.close();
  expect(answer.choices).toHaveLength(1);
  expect(collector.spans).toEqual([]);
});

test("a collector that is dead, or takes connections and says nothing, breaks no answer and holds no end up, and is told of once", async () => {
  // batches leave while answers are written, and not only at the end
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "20");
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await new Promise(resolve => silent.once("listening", resolve));
  for (const url of ["http://127.0.0.1:9", `http://127.0.0.1:${(silent.address() as AddressInfo).port}`]) {
    const { client, tracing, failures } = await served(url);
    const deadlineMs = Date.now() + 20_000;
    let answers = 0;
    while ((failures.length === 0 && Date.now() < deadlineMs) || answers < 40) {
      const { choices } = await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 2 });
      expect(choices).toHaveLength(1);
      answers++;
    }
    const startMs = performance.now();
    await tracing.close();
    // the last spans get two seconds, whoever does not take them
    expect(performance.now() - startMs).toBeLessThan(4_000);
    expect(failures).toHaveLength(1);
  }
  vi.unstubAllEnvs();
  silent.close();
});

/** `gen_ai` metrics of real requests to a real server, as collectors get them: a small one of our own, and OpenTelemetry's. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, expect, test } from "vitest";
import { freePort, installed, stopped } from "../../../test/support/installed.ts";
import { startMetricsCollector } from "../../../test/support/metrics-collector.ts";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { metricsUrl } from "../../tracing/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyModel } from "../fakes.ts";
import { createApp } from "../http/app.ts";
import { tinyEncoder } from "../http/fakes.ts";
import { listen } from "../listen.ts";
import { openTelemetry } from "./open-tracing.ts";

const device = openDevice("cpu", { threads: 1 });
const secret = "the launch code is 0000";
const collectorProgram = installed("otelcol", "LOAM_OTELCOL", join(homedir(), ".cache", "loam-otelcol", "otelcol"));
const reason =
  collectorProgram === undefined
    ? " (skipped: no collector: LOAM_OTELCOL=PATH, or build ~/.cache/loam-otelcol/otelcol, docs/observability.md)"
    : "";

const servers: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const server of servers) await server.close();
});

async function served(collector: string, intervalMs: number) {
  const failures: string[] = [];
  const engine = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 2 });
  const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
  const env = { OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs), OTEL_SERVICE_NAME: "mail" };
  const tracing = (await openTelemetry({
    metricsUrl: metricsUrl(collector, {})!,
    version: "1.2.3",
    env,
    onFailure: what => failures.push(what),
  }))!;
  const server = await listen(createApp({ engines: [engine], encoders: [encoder], tracing }), { port: 0 });
  await Promise.all([engine.ready, encoder.ready]);
  servers.push(server);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  return { server, tracing, client, failures };
}

async function ask(client: OpenAI): Promise<void> {
  const messages = [{ role: "user" as const, content: secret }];
  const stream = await client.chat.completions.create({ model: "tiny", messages, max_tokens: 6, stream: true, user: secret });
  for await (const _ of stream);
  await client.completions.create({ model: "tiny@1", prompt: secret, max_tokens: 1, n: 2 });
  await client.embeddings.create({ model: "tiny-encoder@1", input: [secret, "b"] });
  await client.chat.completions.create({ model: `no-such-model ${secret}`, messages }).catch(() => {});
  await client.chat.completions.create({ model: "tiny", messages, temperature: -9 }).catch(() => {});
}

test("a request's duration, first token and tokens reach a collector under the conventions' names, and no text does", async () => {
  await using collector = await startMetricsCollector();
  const { client, tracing, server, failures } = await served(collector.url, 600_000);
  await ask(client);
  await fetch(`${server.url}/metrics`);
  await tracing.close();

  const of = (name: string) => collector.points.filter(p => p.name === name);
  const own = { "gen_ai.provider.name": "loam", "gen_ai.request.model": "tiny", "gen_ai.response.model": "tiny@1" };
  expect(new Set(collector.points.map(p => p.name))).toEqual(
    new Set(["gen_ai.server.request.duration", "gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token"]),
  );
  for (const p of collector.points) {
    expect(p.schemaUrl).toBe("https://opentelemetry.io/schemas/1.37.0");
    expect(p.unit).toBe("s");
    expect(p.resource).toMatchObject({ "service.name": "mail", "service.version": "1.2.3", "service.instance.id": expect.any(String) });
  }
  const durations = of("gen_ai.server.request.duration");
  expect(durations.map(p => p.attributes)).toEqual(
    expect.arrayContaining([
      { "gen_ai.operation.name": "chat", ...own },
      { "gen_ai.operation.name": "text_completion", ...own },
      {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "loam",
        "gen_ai.request.model": "tiny-encoder",
        "gen_ai.response.model": "tiny-encoder@1",
      },
      { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "loam", "error.type": "serve/unknownModel" },
    ]),
  );
  expect(durations.reduce((n, p) => n + p.count, 0)).toBe(5);
  expect(durations[0]!.bounds).toEqual([0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]);
  // of successful requests that generated: the chat, and the completion of two answers
  const first = of("gen_ai.server.time_to_first_token");
  expect(first.map(p => [p.attributes["gen_ai.operation.name"], p.count]).sort()).toEqual([
    ["chat", 1],
    ["text_completion", 1],
  ]);
  expect(first[0]!.bounds).toEqual([0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
  for (const p of first) expect(p.sum).toBeGreaterThan(0);
  const per = of("gen_ai.server.time_per_output_token");
  expect(per.every(p => p.attributes["gen_ai.operation.name"] === "chat")).toBe(true);
  expect(per[0]?.bounds ?? []).toEqual([0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]);
  const body = collector.bodies.join();
  expect(body).not.toContain(secret);
  expect(body).not.toContain("launch");
  expect(failures).toEqual([]);
});

test("a collector that is down costs one warning and no request, and one that comes back is told of everything", async () => {
  const port = await freePort();
  const { client, tracing, failures } = await served(`http://127.0.0.1:${port}`, 100);
  await ask(client);
  await expect.poll(() => failures.length).toBe(1);
  await ask(client);
  await ask(client);
  await using collector = await startMetricsCollector(port);
  const total = () => collector.points.filter(p => p.name === "gen_ai.server.request.duration").reduce((n, p) => n + p.count, 0);
  await expect.poll(total, { timeout: 60_000 }).toBe(15);
  expect(failures).toEqual(["metrics"]);
  // and away again: told once more
  collector.status = 400;
  await expect.poll(() => failures.length, { timeout: 60_000 }).toBe(2);
  const calls = collector.calls;
  await expect.poll(() => collector.calls, { timeout: 60_000 }).toBeGreaterThan(calls + 1);
  await ask(client);
  expect(failures).toEqual(["metrics", "metrics"]);
  await tracing.close();
});

test("a bucket of a latency leads to a request and its trace, for a scraper that asks for OpenMetrics", async () => {
  const engine = createEngine({ model: await tinyModel(device, { chatTemplate: chatTemplate() }), device, slots: 2 });
  const tracing = (await openTelemetry({ tracesUrl: `http://127.0.0.1:${await freePort()}/v1/traces`, version: "1.2.3", env: {} }))!;
  const server = await listen(createApp({ engines: [engine], tracing }), { port: 0 });
  await engine.ready;
  servers.push(server);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const asked = (headers: Record<string, string>) =>
    fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "tiny", prompt: secret, max_tokens: 3 }),
    }).then(r => r.arrayBuffer());
  const page = async (accept: string) => {
    const response = await fetch(`${server.url}/metrics`, { headers: { accept } });
    return { type: response.headers.get("content-type"), text: await response.text() };
  };
  await asked({ "x-request-id": "mine-1", traceparent: `00-${traceId}-b7ad6b7169203331-01` });
  const open = await page("application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
  expect(open.type).toContain("application/openmetrics-text");
  for (const name of ["loam_time_to_first_token_seconds", "loam_answer_seconds", "loam_queue_seconds", "loam_http_request_seconds"])
    expect(open.text, name).toMatch(new RegExp(`^${name}_bucket\\{.*\\} 1 # \\{request_id="mine-1",trace_id="${traceId}"\\} \\d`, "m"));
  expect(open.text).toMatch(/^vllm:time_to_first_token_seconds_bucket\{.*# \{request_id="mine-1"/m);
  // a caller that does not sample has no trace to be led to
  await asked({ "x-request-id": "mine-2", traceparent: `00-${traceId}-b7ad6b7169203331-00` });
  const next = await page("application/openmetrics-text");
  expect(next.text).toMatch(/# \{request_id="mine-2"\}/);
  const plain = await page("*/*");
  expect(plain.type).toContain("text/plain");
  expect(plain.text).not.toContain("mine-");
  expect(open.text).not.toContain("launch");
  await tracing.close();
});

test.skipIf(collectorProgram === undefined)(
  `OpenTelemetry's own collector takes the metrics, their version and their attributes${reason}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "loam-otelcol-"));
    const port = await freePort();
    const config = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { debug: { verbosity: "detailed" } },
      service: {
        telemetry: { metrics: { level: "none" } },
        pipelines: { metrics: { receivers: ["otlp"], exporters: ["debug"] }, traces: { receivers: ["otlp"], exporters: ["debug"] } },
      },
    };
    writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
    const child = spawn(collectorProgram!, ["--config", join(folder, "config.yaml")], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", part => (text += String(part)));
    try {
      await expect.poll(() => text, { timeout: 60_000 }).toContain("Everything is ready");
      const { client, tracing, failures } = await served(`http://127.0.0.1:${port}`, 600_000);
      await ask(client);
      await tracing.close();
      expect(failures).toEqual([]);
      await expect.poll(() => text, { timeout: 60_000 }).toContain("gen_ai.server.time_per_output_token");
      for (const said of [
        "ScopeMetrics SchemaURL: https://opentelemetry.io/schemas/1.37.0",
        "-> service.name: Str(mail)",
        "-> Name: gen_ai.server.request.duration",
        "-> Name: gen_ai.server.time_to_first_token",
        "-> Unit: s",
        "-> AggregationTemporality: Cumulative",
        "-> gen_ai.operation.name: Str(chat)",
        "-> gen_ai.operation.name: Str(embeddings)",
        "-> gen_ai.provider.name: Str(loam)",
        "-> gen_ai.request.model: Str(tiny)",
        "-> gen_ai.response.model: Str(tiny@1)",
        "-> error.type: Str(serve/unknownModel)",
      ])
        expect(text).toContain(said);
      expect(text).not.toContain("launch code");
    } finally {
      await stopped(child);
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

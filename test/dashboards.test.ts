/**
 * Every query of every dashboard, asked of a real Prometheus that scrapes a Loam server and a gateway under load, gives data; and every metric that a panel or
 * an alert names is one that server or gateway has.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { openAccess, testGateway } from "../src/gateway/fakes.ts";
import { createEmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { createEngine } from "../src/serve/engine.ts";
import { tinyModel } from "../src/serve/fakes.ts";
import { createApp } from "../src/serve/http/app.ts";
import { tinyEncoder } from "../src/serve/http/fakes.ts";
import { testFleet } from "../src/serve/lifecycle/fakes.ts";
import { listen } from "../src/serve/listen.ts";
import { openDevice } from "../src/tensor/index.ts";
import { chatTemplate } from "../src/text/index.ts";
import type { WatchFigures } from "../src/tracing/index.ts";
import { dashboardFiles, dashboardTables, inRule } from "../src/watch/index.ts";
import { freePort, installed, stopped } from "./support/installed.ts";

const program = installed("prometheus", "LOAM_PROMETHEUS");
const reason = program === undefined ? " (skipped: prometheus is not installed: apt-get install prometheus, or LOAM_PROMETHEUS=PATH)" : "";

const figures: WatchFigures = {
  alarms: [{ monitor: "latency", kind: "chart", model: "tiny@1", severity: "ticket" }],
  objectives: [{ name: "responses", objective: 0.999, reached: 0.9995, budgetLeft: 0.5, burn: { "5m": 0.4, "1h": 0.5 } }],
  drift: [{ model: "tiny@1", feature: "length", measure: "ks", score: 0.1, p: 0.4 }],
  quality: [{ model: "tiny@1", metric: "log_loss", source: "estimate", value: 0.2 }],
  lookedMs: Date.now(),
};

const device = openDevice("cpu", { threads: 1 });
const ask = { max_tokens: 100, ignore_eos: true, stop_token_ids: [], temperature: 0 };

/** A server with everything that panels draw, and a gateway before it. `load` sends one round of requests. */
async function underLoad(folder: string) {
  const { engines, fleet } = await testFleet(device);
  // a cache that two long responses do not both fit into
  const model = await tinyModel(device, { chatTemplate: chatTemplate() });
  const engine = createEngine({ model, device, slots: 2, cacheTokens: 192 });
  const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
  engines.add(engine);
  engines.addEncoder(encoder);
  const server = await listen(
    createApp({ engines, fleet, storeFolder: folder, usdPerCoreHour: 0.04, watchFigures: () => figures, admin: true }),
    { port: 0 },
  );
  await Promise.all([engine.ready, encoder.ready, fleet.load("toy", 1)]);
  const gateway = await testGateway(
    {
      upstreams: { local: { url: `${server.url}/v1` } },
      models: { chat: { targets: [{ upstream: "local", model: "tiny" }], guards: ["words"] } },
      guards: { words: { kind: "blocklist", words: ["bomb"] } },
      cache: {},
    },
    { access: { ...openAccess, limits: [{ name: "most", measure: "outputTokens", per: ["key"], limit: 1_000_000, window: "1h" }] } },
  );
  const post = (path: string, body: object) =>
    fetch(`${server.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then(r =>
      r.arrayBuffer(),
    );
  const say = (content: string, more: object = {}) => ({
    model: "chat",
    messages: [{ role: "user", content }],
    ...ask,
    max_tokens: 20,
    ...more,
  });
  let round = 0;
  const load = async () => {
    round++;
    await Promise.all([
      post("/v1/completions", { model: "tiny", prompt: "abcabcabc", ...ask }),
      post("/v1/completions", { model: "tiny", prompt: `abcabcabd ${round}`, ...ask }),
    ]);
    // alone, so that guesses from its own text are verified
    await post("/v1/completions", { model: "tiny", prompt: "abcabcabc", ...ask });
    await post("/v1/embeddings", { model: "tiny-encoder@1", input: ["a", "b"] });
    await post("/v1/completions", { model: "nobody", prompt: "a" });
    await gateway.post("/v1/chat/completions", say(`hello ${round}`)).then(r => r.arrayBuffer());
    await gateway.post("/v1/chat/completions", say("hello")).then(r => r.arrayBuffer());
    await gateway.post("/v1/chat/completions", say("a bomb")).then(r => r.arrayBuffer());
    await gateway.post("/v1/chat/completions", say("much", { max_tokens: 2_000_000 })).then(r => r.arrayBuffer());
    await gateway.post("/v1/chat/completions", say("a", { model: "nobody" })).then(r => r.arrayBuffer());
  };
  return {
    server,
    gateway,
    load,
    close: async () => {
      await gateway.close();
      await server.close();
      await fleet.close();
    },
  };
}

/** Every query of the tables, and every alert's own expression. */
const queries = dashboardTables().flatMap(({ title, rows }) =>
  rows.flatMap(({ panels }) => panels.flatMap(p => p.queries.map(({ expr }) => ({ place: `${title}: ${p.title}`, expr })))),
);
const alertQueries = dashboardTables().flatMap(({ title, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(p => (p.alerts ?? []).flatMap(a => (a.expr ? [{ place: `${title}: ${a.name}`, expr: a.expr }] : []))),
  ),
);

const vector = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** A driver's program that tells of one card. */
function fakeGpu(folder: string): () => void {
  const before = process.env.PATH;
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "nvidia-smi"), "#!/bin/sh\necho '0, Test Card, 37, 1024, 8192, 41, 70.5'\n");
  chmodSync(join(folder, "bin", "nvidia-smi"), 0o755);
  process.env.PATH = `${join(folder, "bin")}${delimiter}${before}`;
  return () => {
    process.env.PATH = before;
  };
}

test.skipIf(program === undefined)(`every query of every dashboard gives data on a real Prometheus${reason}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-dashboards-"));
  const restore = fakeGpu(folder);
  const { server, gateway, load, close } = await underLoad(folder);
  for (const [name, text] of Object.entries(dashboardFiles()))
    if (/^prometheus\/loam-(recording|alerts)\.yml$/.test(name)) writeFileSync(join(folder, name.slice("prometheus/".length)), text);
  const port = await freePort();
  const target = (url: string) => [{ targets: [new URL(url).host] }];
  writeFileSync(
    join(folder, "prometheus.yml"),
    // YAML holds JSON
    JSON.stringify({
      global: { scrape_interval: "500ms", scrape_timeout: "450ms", evaluation_interval: "1s" },
      rule_files: ["loam-recording.yml", "loam-alerts.yml"],
      scrape_configs: [
        { job_name: "loam", static_configs: target(server.url) },
        {
          job_name: "loam-gateway",
          static_configs: target(gateway.url),
          authorization: { type: "Bearer", credentials: gateway.key },
        },
      ],
    }),
  );
  const prometheus = spawn(
    program!,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
    ],
    { stdio: "ignore" },
  );
  let isOver = false;
  const working = (async () => {
    while (!isOver) await load();
  })();
  const at = (path: string) => fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
  const hasData = async (expr: string): Promise<boolean> => {
    const response = await at(`query?query=${encodeURIComponent(inRule(expr, { job: "loam.*" }, "30s"))}`);
    if (!response) return false;
    const text = await response.text();
    expect(response.ok || response.status === 503, `${expr}: ${text}`).toBe(true);
    return response.ok && vector.parse(JSON.parse(text)).data.result.some(r => r.value[1] !== "NaN");
  };
  try {
    let missing = queries;
    const endMs = Date.now() + 240_000;
    while (missing.length > 0) {
      await sleep(1_000);
      const left = [];
      for (const query of missing) if (!(await hasData(query.expr))) left.push(query);
      missing = left;
      if (Date.now() > endMs) throw new Error(`no data for ${JSON.stringify(missing, null, 2)}`);
    }
    // a request can be found from a bucket of the latency
    const exemplars = await at(
      `query_exemplars?query=loam_time_to_first_token_seconds_bucket&start=${Date.now() / 1000 - 600}&end=${Date.now() / 1000 + 60}`,
    );
    expect(await exemplars!.text()).toMatch(/"request_id":"req-[\da-f]{32}"/);
    // the rules were taken, and none of them failed
    const rules = await (await at("rules"))!.text();
    expect(rules).not.toMatch(/"health":"err"/);
    expect(rules).toContain('"name":"LoamServerErrors"');
  } finally {
    isOver = true;
    await working.catch(() => {});
    await stopped(prometheus);
    await close();
    restore();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("every metric that a panel or an alert names is one that a server or a gateway has", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-dashboards-"));
  const { server, gateway, close } = await underLoad(folder);
  const text = async (url: string, headers: Record<string, string> = {}) => (await fetch(`${url}/metrics`, { headers })).text();
  const pages = [await text(server.url), await text(gateway.url, { authorization: `Bearer ${gateway.key}` })].join("\n");
  const there = new Set([...pages.matchAll(/^# TYPE (\S+) /gm)].map(m => m[1]!));
  const named = [...queries, ...alertQueries].flatMap(({ place, expr }) =>
    [...expr.matchAll(/\b(?:loam|process|nodejs|vllm)[_:][\w:]+/g)]
      .filter(m => !m[0].startsWith("loam:"))
      .map(m => ({ place, name: m[0] })),
  );
  expect(named.length).toBeGreaterThan(60);
  const unknown = named.filter(({ name }) => !there.has(name) && !there.has(name.replace(/_(bucket|sum|count)$/, "")));
  expect(unknown).toEqual([]);
  await close();
  rmSync(folder, { recursive: true, force: true });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pages } from "../../../console/src/route.ts";
import { readStaticPage } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { ConsoleSource } from "../console-source.ts";
import { createEngine } from "../engine.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import { createApp } from "./app.ts";
import { consolePages } from "./console-paths.ts";

const device = openDevice("cpu", { threads: 1 });
const model = await tinyModel(device, { name: "tiny", version: 1, artifact: "model-0123456789ab" });
const engine = createEngine({ model, device, open: async () => scriptedProgram({ slots: 3 }) });
await engine.ready;

const record = mkdtempSync(join(tmpdir(), "loam-console-"));
const folder = join(record, "dist");
mkdirSync(join(folder, "assets"), { recursive: true });
writeFileSync(join(folder, "index.html"), "<!doctype html><title>Loam</title>");
writeFileSync(join(folder, "assets", "index-BvJ3kQ0x.js"), "export {};");
writeFileSync(join(record, "secret.txt"), "secret");
symlinkSync(join(record, "secret.txt"), join(folder, "link.js"));
afterAll(() => {
  rmSync(record, { recursive: true, force: true });
  return engine.close();
});

const point = { step: 1, tokens: 64, loss: 5, learningRate: 0.1, tokensPerSecond: 9, gradientNorm: 1 };
const source: ConsoleSource = {
  project: "mail",
  machine: () => ({ cores: 2, processor: "p", memoryBytes: 3, vector: ["avx2"] }),
  models: async () => [
    { id: "tiny@1", name: "tiny", version: 1, artifact: "model-0123456789ab", createdAt: 1, aliases: ["latest"], scores: { bpb: 2 } },
  ],
  runs: () => [{ artifact: "model-0123456789ab", stage: "train", startedAt: 1, endedAt: 2, summary: { steps: 3 } }],
  metrics: artifact => (artifact === "model-0123456789ab" ? [point] : undefined),
  evaluations: () => {
    throw new Error("the disk is gone, password=hunter2");
  },
  examples: id => (id === "model-0123456789ab" ? { of: 1, shown: [] } : undefined),
  graph: id => (id === "model-0123456789ab" ? { root: id, nodes: [], edges: [] } : undefined),
  dataSets: () => [{ name: "mail", artifact: "documents-0123456789ab", createdAt: 3, summary: { kept: 2 } }],
  dataReport: id => (id === "documents-0123456789ab" ? { artifact: id, funnel: [] } : undefined),
  releases: {
    releases: () => [{ model: "tiny", versions: [], aliases: [], history: [] }],
    verdicts: id => (id === "tiny@1" ? { id, gates: [] } : undefined),
    report: (id, against) => (id === "tiny@1" ? { id, against: against ?? null, tasks: [] } : undefined),
    logged: id => (id === "model-0123456789ab" ? { artifact: id, steps: [1] } : undefined),
  },
};
const built = (await readStaticPage(folder))!;
const app = createApp({ engines: [engine], console: source, admin: true, page: built, version: "1.2.3" });
const get = (path: string, headers: Record<string, string> = {}) => app.fetch(new Request(`http://localhost${path}`, { headers }));
const json = async (path: string) => {
  const response = await get(path);
  return [response.status, await response.json()] as [number, Record<string, unknown>];
};

test("the overview says what is served, of what project, on what machine", async () => {
  const [status, body] = await json("/api/overview");
  expect(status).toBe(200);
  expect(body).toEqual({
    loam: "1.2.3",
    project: "mail",
    model: {
      id: "tiny@1",
      name: "tiny",
      version: 1,
      artifact: "model-0123456789ab",
      family: "decoder",
      // two tables of 257 x 32, two blocks of 4 x 32 x 32 + 3 x 32 x 128 and two norms, a last norm
      parameters: 2 * 257 * 32 + 2 * (4 * 32 * 32 + 3 * 32 * 128 + 2 * 32) + 32,
      context: 192,
      vocab: 257,
      layers: 2,
      width: 32,
    },
    models: ["tiny@1"],
    startedAt: expect.any(Number),
    machine: { cores: 2, processor: "p", memoryBytes: 3, vector: ["avx2"] },
  });
});

test("models, runs, metrics and graph come from the source; the engine speaks for itself", async () => {
  expect(await json("/api/models")).toEqual([200, await source.models()]);
  expect(await json("/api/runs")).toEqual([200, await source.runs()]);
  expect(await json("/api/runs/model-0123456789ab/metrics")).toEqual([200, { points: [point] }]);
  expect(await json("/api/runs/model-0123456789ab/examples")).toEqual([200, { of: 1, shown: [] }]);
  expect(await json("/api/runs/model-ffff/examples")).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/graph?id=model-0123456789ab")).toEqual([200, { root: "model-0123456789ab", nodes: [], edges: [] }]);
  expect(await json("/api/data")).toEqual([200, await source.dataSets()]);
  expect(await json("/api/data/documents-0123456789ab")).toEqual([200, { artifact: "documents-0123456789ab", funnel: [] }]);
  for await (const _ of engine.submit({ tokens: [1], maxTokens: 3, stopTokens: [] }));
  expect(await json("/api/engine")).toMatchObject([
    200,
    { model: "tiny@1", slots: 3, running: 0, queued: 0, requests: 1, cacheUse: 0, cacheBytes: 0, history: expect.any(Array) },
  ]);
});

test("releases, verdicts, reports and what runs logged come from the source, and an id that is none is refused", async () => {
  expect(await json("/api/releases")).toEqual([200, [{ model: "tiny", versions: [], aliases: [], history: [] }]]);
  expect(await json("/api/releases/tiny@1")).toEqual([200, { id: "tiny@1", gates: [] }]);
  expect(await json("/api/reports/tiny@1?against=tiny@2")).toEqual([200, { id: "tiny@1", against: "tiny@2", tasks: [] }]);
  expect(await json("/api/logged/model-0123456789ab")).toEqual([200, { artifact: "model-0123456789ab", steps: [1] }]);
  for (const path of ["/api/releases/tiny@9", "/api/reports/tiny@9", "/api/logged/model-f"])
    expect(await json(path), path).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/reports/tiny@1?against=a%2Fb")).toMatchObject([400, { error: { code: "serve/parameter" } }]);
  const bare = createApp({ engines: [], admin: true });
  expect(await (await bare.fetch(new Request("http://localhost/api/releases"))).json()).toEqual([]);
});

test("what is not there, not an id, or broken is an error with code and message, and no detail of the inside", async () => {
  expect(await json("/api/runs/model-ffff/metrics")).toMatchObject([
    404,
    { error: { code: "serve/unknownRecord", message: 'id: expected an artifact in the record, got "model-ffff".' } },
  ]);
  expect(await json("/api/data/documents-ffff")).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/graph?id=../../etc")).toMatchObject([400, { error: { code: "serve/parameter" } }]);
  expect(await json("/api/graph")).toMatchObject([400, { error: { code: "serve/parameter", received: "nothing" } }]);
  expect(await json("/api/nothing")).toMatchObject([404, { error: { code: "serve/unknownUrl" } }]);
  const [status, body] = await json("/api/evaluations");
  expect(status).toBe(500);
  expect(body).toEqual({ error: { code: "internal", message: expect.stringMatching(/^internal error, request req-/) } });
});

test("without a source the console's lists are empty and the machine is this one", async () => {
  const bare = createApp({ engines: [], admin: true });
  const body = await (await bare.fetch(new Request("http://localhost/api/overview"))).json();
  expect(body).toMatchObject({ project: null, model: null, models: [], machine: { cores: expect.any(Number) } });
  expect(await (await bare.fetch(new Request("http://localhost/api/engine"))).json()).toMatchObject({ slots: 0, history: [] });
  expect(await (await bare.fetch(new Request("http://localhost/"))).text()).toContain("/v1");
});

test("the page comes with a policy and is asked for each time; hashed files are kept for ever", async () => {
  const page = await get("/");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(page.headers.get("x-content-type-options")).toBe("nosniff");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const script = await get("/assets/index-BvJ3kQ0x.js");
  expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(script.headers.get("cache-control")).toContain("immutable");
  const again = await get("/", { "if-none-match": page.headers.get("etag")! });
  expect([again.status, await again.text()]).toEqual([304, ""]);
});

test("an unknown path is 404, not the page: a probe of /version or /props does not take HTML for an answer", async () => {
  const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  for (const path of ["/version", "/props", "/slots", "/server_info", "/training/tiny/more", "/trainings"])
    for (const headers of [{}, browser]) {
      const response = await get(path, headers);
      expect([response.status, response.headers.get("content-type")], path).toEqual([404, "application/json"]);
      expect(await response.json(), path).toMatchObject({ error: { code: "unknown_url" } });
    }
});

test("/health is readiness, not the page: 503 while no model is loaded", async () => {
  const empty = createApp({ engines: [], page: built });
  const loading = await empty.fetch(new Request("http://localhost/health", { headers: { accept: "text/html" } }));
  expect([loading.status, await loading.json()]).toEqual([503, { status: "not ready", models: {} }]);
  expect(await json("/health")).toEqual([200, { status: "ready", models: { "tiny@1": "ready" } }]);
  expect((await get("/health?model=tiny")).status).toBe(200);
  expect((await get("/health?model=other")).status).toBe(404);
});

test("a browser that asks for a console page's path is redirected to the page; a program is not", async () => {
  const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  for (const path of ["/training", "/training/tiny", "/lineage/model-0123456789ab/"]) {
    const response = await get(path, browser);
    expect([response.status, response.headers.get("location")], path).toEqual([302, `/#${path}`]);
    expect((await get(path)).status, path).toBe(404);
    expect((await get(path, { accept: "application/json" })).status, path).toBe(404);
  }
  const bare = createApp({ engines: [] });
  expect((await bare.fetch(new Request("http://localhost/training", { headers: browser }))).status).toBe(404);
});

test("the server's list of console pages is the console's", () => {
  expect(consolePages).toEqual(pages);
});

test("nothing outside the folder is served, however it is asked for", async () => {
  for (const path of [
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/..%5csecret.txt",
    "/link.js",
    "/%00.txt",
    "/%ff.txt",
    "/assets",
    "//secret.txt",
  ]) {
    const response = await get(path);
    const text = await response.text();
    expect(text.includes("secret") && !text.includes("serve/") && !text.includes("error")).toBe(false);
    expect([400, 404], path).toContain(response.status);
  }
});

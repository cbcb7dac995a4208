import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pages } from "../../../console/src/route.ts";
import { answerChecker } from "../../../test/support/openapi.ts";
import { type OpenApiDocument, readStaticPage, systemClock } from "../../base/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { ConsoleSource } from "../console-source.ts";
import { createEngine } from "../engine.ts";
import { Engines } from "../engines.ts";
import { scriptedProgram, tinyModel } from "../fakes.ts";
import type { LabelGiven } from "../label-source.ts";
import { createApp } from "./app.ts";
import { consoleApi } from "./console-api.ts";
import { consolePages } from "./console-paths.ts";
import { contracts } from "./contracts.ts";

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

const masks = { of: 1, looked: 1, tokens: 4, trainedTokens: 2, shown: [] };
const curated = {
  artifact: "documents-0123456789ab",
  funnel: [{ what: "read", documents: 3 }],
  reasons: [],
  rules: [],
  edits: [],
  clusters: { count: 0, stay: 0, copies: 0, largest: [] },
  facets: [],
  sizes: null,
  notes: [],
} as const;
const judged = { id: "tiny@1", digest: "d", gates: [], approvals: [], signatures: [], tags: {}, notes: [] };
const ofRun = {
  artifact: "model-0123456789ab",
  stage: "train@1",
  options: {},
  summary: {},
  madeFrom: {},
  steps: [1],
  columns: { loss: [Number.NaN] },
  units: { loss: "nats per token" },
};
const labelled = {
  name: "mood",
  on: "mail",
  classes: ["a", "b"],
  kind: "one",
  model: null,
  texts: 2,
  decided: 0,
  disagreements: 0,
  file: "labels/mood/labelled.jsonl",
  agreement: { kind: null, kappa: null, items: 0, people: [] },
} as const;
const revisions = { artifacts: "1", runs: "1" };
const point = { step: 1, tokens: 64, loss: 5, learningRate: 0.1, tokensPerSecond: 9, gradientNorm: 1 };
const amounts = { coreSeconds: 1, flops: 2, kilowattHours: 3, usd: 4 };
const line = {
  what: "tiny@1",
  stage: "train",
  category: "training",
  runs: 1,
  unfinished: 0,
  withoutLedger: 0,
  ...amounts,
  mfu: 0.5,
  hfu: null,
};
const cost = {
  subject: "model-0123456789ab",
  lines: [line],
  categories: [{ category: "training", share: 1, ...amounts }],
  total: amounts,
  totalWithoutSweeps: amounts,
  notes: [],
};
const head = { size: 2, root: "a" };
const listedDocuments = {
  artifact: "documents-0123456789ab",
  count: 0,
  searched: 2,
  of: 2,
  cursor: 0,
  next: null,
  documents: [],
  facets: [],
};
const lookedAt = {
  artifact: "documents-0123456789ab",
  source: "a.txt",
  side: "train" as const,
  attributes: {},
  text: "x",
  entries: [],
  history: { changes: [], missing: null },
  where: { tokens: [], trainedOnIt: [], heldOutFrom: [] },
  difference: null,
};
const listed = {
  artifact: "task-result-1",
  kind: "task" as const,
  task: "mood",
  model: "tiny@1",
  version: "tiny@1",
  modelArtifact: "model-0123456789ab",
  at: 4,
  items: 9,
  variant: null,
  scores: [{ metric: "acc", better: "higher" as const, value: 0.5 }],
  hasItems: true,
};
const compared = {
  task: "mood",
  output: "classify",
  first: listed,
  second: listed,
  metric: "acc",
  differences: [],
  onlyFirst: 0,
  onlySecond: 0,
  counts: { fixed: 1, broken: 0, better: 0, worse: 0, same: 0 },
  groups: [{ by: "length", groups: ["long", "short"] }],
  total: 1,
  items: [
    {
      id: "i",
      place: "f:1",
      prompt: "p",
      right: "a",
      first: "a",
      second: "b",
      scores: [1, 0] as [number, number],
      gain: 1,
      change: "fixed" as const,
    },
  ],
};
const part = { path: "models.tiny", kind: "model", name: "tiny", command: ["train", "--model", "tiny"] } as const;
const rolledBack: unknown[] = [];
const source: ConsoleSource = {
  project: "mail",
  machine: () => ({ cores: 2, processor: "p", memoryBytes: 3, vector: ["avx2"] }),
  models: async () => [
    { id: "tiny@1", name: "tiny", version: 1, artifact: "model-0123456789ab", createdAt: 1, aliases: ["latest"], scores: { bpb: 2 } },
  ],
  runs: () => [
    { artifact: "model-0123456789ab", stage: "train", lossUnit: "nats per token", startedAt: 1, endedAt: 2, summary: { steps: 3 } },
  ],
  metrics: artifact => (artifact === "model-0123456789ab" ? [point] : undefined),
  evaluations: () => {
    throw new Error("the disk is gone, password=hunter2");
  },
  examples: id => (id === "model-0123456789ab" ? masks : undefined),
  cost: id => (id === "model-0123456789ab" ? cost : undefined),
  profile: id => (id === "model-0123456789ab" ? { profile: null } : undefined),
  graph: id => (id === "model-0123456789ab" ? { root: id, nodes: [], edges: [] } : undefined),
  dataSets: () => [{ name: "mail", artifact: "documents-0123456789ab", createdAt: 3, summary: { kept: 2 } }],
  dataReport: id => (id === "documents-0123456789ab" ? curated : undefined),
  revisions: () => ({ ...revisions }),
  documents: {
    page: async id => (id === "documents-0123456789ab" ? listedDocuments : undefined),
    document: async (id, document) => (id === "documents-0123456789ab" ? { ...lookedAt, id: document } : undefined),
    clusters: async id => (id === "documents-0123456789ab" ? { artifact: id, count: 0, cursor: 0, next: null, clusters: [] } : undefined),
  },
  labels: {
    sets: () => [labelled],
    revision: () => "1",
    batch: name => (name === "mood" ? { ...labelled, left: 1, items: [{ id: "t", text: "x", guess: null }], asked: null } : undefined),
    disagreements: name => (name === "mood" ? { ...labelled, adjudicators: null, items: [] } : undefined),
    give: name => (name === "mood" ? labelled : undefined),
  },
  releases: {
    releases: () => [{ model: "tiny", versions: [], aliases: [], history: [] }],
    verdicts: id => (id === "tiny@1" ? judged : undefined),
    report: (id, against) => (id === "tiny@1" ? { id, against: against ?? null, tasks: [] } : undefined),
    evaluations: () => [listed],
    diff: (first, second, wished) =>
      first !== "task-result-9" ? { ...compared, second: { ...listed, artifact: second }, total: wished.limit } : undefined,
    logged: id => (id === "model-0123456789ab" ? ofRun : undefined),
  },
  actions: {
    user: "ann",
    unavailable: () => null,
    promote: async () => expect.fail("nothing is promoted here"),
    rollback: async () => expect.fail("nothing is rolled back here"),
    approve: async () => expect.fail("nothing is approved here"),
  },
  deployments: {
    list: async () => [],
    rollback: async (name, { generation = 1 }, by, isVerified) => {
      rolledBack.push([name, generation, by, isVerified]);
      return { name, model: "tiny", from: { generation: 2, version: 2 }, to: { generation, version: 1 } };
    },
  },
  starts: {
    parts: async () => ({ parts: [part], labels: ["mood"] }),
    form: async path => ({ ...part, path, isThere: true, fields: [], digest: "d" }),
    edit: async () => ({ diff: [], problem: null, digest: "d", isWritten: false }),
    state: async () => null,
    start: async () => expect.fail("nothing is started here"),
    stop: async () => expect.fail("nothing is stopped here"),
  },
  governance: {
    acts: async (kind, most) => ({
      acts: [{ id: "a1", position: 1, leaf: "b", at: 2, kind: kind ?? "incident", erased: [] }].slice(0, most),
      log: head,
    }),
    proof: async position =>
      position < 2 ? { index: position, entry: "{}", leaf: "b", tree: head, path: ["c"], openings: [] } : undefined,
    report: async kind => ({ kind, title: "t", source: "s", project: "mail", made: "m", log: head, sections: [], missing: 0, duties: [] }),
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
    noModels: null,
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
  expect(await json("/api/runs/model-0123456789ab/examples")).toEqual([200, masks]);
  expect(await json("/api/runs/model-ffff/examples")).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/graph?id=model-0123456789ab")).toEqual([200, { root: "model-0123456789ab", nodes: [], edges: [] }]);
  expect(await json("/api/data")).toEqual([200, await source.dataSets()]);
  expect(await json("/api/data/documents-0123456789ab")).toEqual([200, curated]);
  for await (const _ of engine.submit({ tokens: [1], maxTokens: 3, stopTokens: [] }));
  expect(await json("/api/engine")).toMatchObject([
    200,
    { model: "tiny@1", slots: 3, running: 0, queued: 0, requests: 1, cacheUse: 0, cacheBytes: 0, history: expect.any(Array) },
  ]);
});

test("acts, proofs and reports for laws come from the source; another kind, position or number is refused", async () => {
  expect(await json("/api/governance/acts?kind=review&most=5")).toMatchObject([200, { acts: [{ kind: "review" }], log: head }]);
  expect(await json("/api/governance/proofs/1")).toMatchObject([200, { index: 1, path: ["c"] }]);
  expect(await json("/api/governance/proofs/7")).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/governance/reports/nist-rmf")).toMatchObject([200, { kind: "nist-rmf" }]);
  for (const path of ["acts?most=0", "acts?most=1e9", "acts?kind=..%2F", "proofs/-1", "proofs/x", "reports/annex-v"])
    expect((await json(`/api/governance/${path}`))[0], path).toBe(400);
  const bare = createApp({ engines: [], admin: true });
  expect(await (await bare.fetch(new Request("http://localhost/api/governance/acts"))).json()).toEqual({
    acts: [],
    log: { size: 0, root: "" },
  });
});

test("a deployment is rolled back under the name of the server's user; a name that is none, another field and a server without a project are refused", async () => {
  expect(await json("/api/deployments")).toEqual([200, []]);
  const post = (of: typeof app, path: string, body: object) =>
    of.fetch(
      new Request(`http://localhost/api/deployments/${path}/rollback`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  expect(await (await post(app, "page", { generation: 3 })).json()).toMatchObject({ name: "page", to: { generation: 3 } });
  expect((await post(app, "page", {})).status).toBe(200);
  for (const [path, body] of [
    ["page", { generation: 0 }],
    ["page", { generation: 1.5 }],
    ["page", { force: true }],
    ["a%20b", {}],
  ] as const)
    expect((await post(app, path, body)).status, path).toBe(400);
  // who asks has no account: the name is what the machine says
  expect(rolledBack).toEqual([
    ["page", 3, "ann", false],
    ["page", 1, "ann", false],
  ]);
  const bare = createApp({ engines: [], admin: true });
  expect(await (await bare.fetch(new Request("http://localhost/api/deployments"))).json()).toEqual([]);
  expect((await post(bare, "page", {})).status).toBeGreaterThanOrEqual(400);
});

test("evaluations are listed, and two are compared by pages; what is none is refused", async () => {
  expect(await json("/api/evaluations/list")).toEqual([200, [listed]]);
  const path = `/api/evaluations/diff?first=${listed.artifact}&second=task-result-2`;
  expect(await json(path)).toMatchObject([200, { second: { artifact: "task-result-2" }, total: 50 }]);
  expect(await json(`${path}&change=fixed&limit=9999`)).toMatchObject([200, { total: 1000 }]);
  expect((await json(`/api/evaluations/diff?first=task-result-9&second=x`))[0]).toBe(404);
  for (const query of ["first=a", "first=a%2Fb&second=c", "first=a&second=b&change=maybe", "first=a&second=b&offset=-1"])
    expect((await json(`/api/evaluations/diff?${query}`))[0], query).toBe(400);
});

test("releases, verdicts, reports and what runs logged come from the source, and an id that is none is refused", async () => {
  expect(await json("/api/releases")).toEqual([200, [{ model: "tiny", versions: [], aliases: [], history: [] }]]);
  expect(await json("/api/releases/tiny@1")).toEqual([200, judged]);
  expect(await json("/api/reports/tiny@1?against=tiny@2")).toEqual([200, { id: "tiny@1", against: "tiny@2", tasks: [] }]);
  expect(await json("/api/logged/model-0123456789ab")).toEqual([200, { ...ofRun, columns: { loss: [null] } }]);
  for (const path of ["/api/releases/tiny@9", "/api/reports/tiny@9", "/api/logged/model-f"])
    expect(await json(path), path).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/reports/tiny@1?against=a%2Fb")).toMatchObject([400, { error: { code: "serve/parameter" } }]);
  const bare = createApp({ engines: [], admin: true });
  expect(await (await bare.fetch(new Request("http://localhost/api/releases"))).json()).toEqual([]);
});

test("what is not there, not an id, or broken is an error with code and message, and no detail of the inside", async () => {
  expect(await json("/api/runs/model-ffff/metrics")).toMatchObject([
    404,
    { error: { code: "serve/unknownRecord", message: 'id: expected the id of a stored artifact, got "model-ffff".' } },
  ]);
  expect(await json("/api/data/documents-ffff")).toMatchObject([404, { error: { code: "serve/unknownRecord" } }]);
  expect(await json("/api/graph?id=../../etc")).toMatchObject([400, { error: { code: "serve/parameter" } }]);
  expect(await json("/api/graph")).toMatchObject([400, { error: { code: "serve/parameter", received: "nothing" } }]);
  expect(await json("/api/runs/x/nothing")).toMatchObject([404, { error: { code: "serve/unknownUrl" } }]);
  // what is not the console's is answered as Ollama does
  expect(await json("/api/nothing")).toEqual([404, { error: "GET /api/nothing: there is nothing at this address." }]);
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

test("a label and an approval carry the account of their request; a typed name is unverified, and beside an account refused", async () => {
  const kept: unknown[] = [];
  const approved = { model: "tiny", version: 1, alias: "prod", changed: true, approvals: [] };
  const recording = {
    ...source,
    labels: {
      ...source.labels!,
      batch: async (name: string, by: string, isVerified?: boolean) => {
        kept.push(["batch", by, isVerified]);
        return source.labels!.batch(name, by);
      },
      give: (_: string, { by, isVerified }: LabelGiven) => {
        kept.push(["label", by, isVerified]);
        return labelled;
      },
    },
    actions: {
      ...source.actions!,
      approve: async (_: string, __: unknown, by: string, isVerified: boolean) => {
        kept.push(["approval", by, isVerified]);
        return approved;
      },
    },
  };
  const as = (subject?: string) => {
    const caller = { owner: null, usesUnowned: true, note: null, subject };
    const own = createApp({
      engines: [engine],
      console: recording,
      admin: true,
      ...(subject === undefined ? {} : { callerOf: () => caller }),
    });
    const send = async (path: string, body?: object) => {
      const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const response = await own.fetch(new Request(`http://localhost${path}`, body && post));
      return [response.status, await response.json()] as [number, Record<string, unknown>];
    };
    return send;
  };
  const label = { id: "t", label: "a" };
  const approval = { alias: "prod", role: "reviewer" };
  // without accounts, and by the link of the login that all its users share: a name that somebody typed
  for (const subject of [undefined, "loam-console"]) {
    const send = as(subject);
    expect((await send("/api/labels/mood", label))[0]).toBe(400);
    expect((await send("/api/labels/mood"))[0]).toBe(400);
    expect((await send("/api/labels/mood?by=eve"))[0]).toBe(200);
    expect((await send("/api/labels/mood", { ...label, by: "eve" }))[0]).toBe(200);
    expect((await send("/api/releases/tiny@1/approve", approval))[0]).toBe(200);
    expect((await send("/api/actions"))[1]).toMatchObject({ who: subject ?? "ann", verified: false });
    expect(kept.splice(0)).toEqual([
      ["batch", "eve", false],
      ["label", "eve", false],
      ["approval", subject ?? "ann", false],
    ]);
  }
  const send = as("bob");
  expect(await send("/api/labels/mood", { ...label, by: "eve" })).toMatchObject([
    400,
    { error: { message: expect.stringContaining('"bob"') } },
  ]);
  expect((await send("/api/labels/mood?by=eve"))[0]).toBe(400);
  expect((await send("/api/labels/mood"))[0]).toBe(200);
  for (const by of [{}, { by: "bob" }]) expect((await send("/api/labels/mood", { ...label, ...by }))[0]).toBe(200);
  // who approves is never the client's to say
  expect((await send("/api/releases/tiny@1/approve", { ...approval, by: "eve" }))[0]).toBe(400);
  expect((await send("/api/releases/tiny@1/approve", approval))[0]).toBe(200);
  expect((await send("/api/actions"))[1]).toMatchObject({ who: "bob", verified: true });
  expect(kept).toEqual([
    ["batch", "bob", true],
    ["label", "bob", true],
    ["label", "bob", true],
    ["approval", "bob", true],
  ]);
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

test("an unknown path is 404, not the page: a probe of /server_info does not take HTML for an answer", async () => {
  const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  for (const path of ["/server_info", "/loads", "/v3/models", "/training/tiny/more", "/trainings"])
    for (const headers of [{}, browser]) {
      const response = await get(path, headers);
      expect([response.status, response.headers.get("content-type")], path).toEqual([404, "application/json"]);
      expect(await response.json(), path).toMatchObject({ error: { code: "unknown_url" } });
    }
});

test("/health is readiness, not the page: 503 while no model is loaded", async () => {
  const empty = createApp({ engines: [], page: built });
  const loading = await empty.fetch(new Request("http://localhost/health", { headers: { accept: "text/html" } }));
  expect([loading.status, await loading.json()]).toMatchObject([
    503,
    { status: "not ready", models: {}, error: { code: 503, message: "Loading model" } },
  ]);
  for (const path of ["/health", "/v1/health"]) expect(await json(path)).toEqual([200, { status: "ok", models: { "tiny@1": "ready" } }]);
  expect(await json("/readyz")).toEqual([200, { status: "ready", models: { "tiny@1": "ready" } }]);
  for (const path of ["/version", "/props", "/openapi.json"])
    expect((await get(path, { accept: "text/html" })).headers.get("content-type")).toBe("application/json");
  expect((await get("/health?model=tiny")).status).toBe(200);
  expect((await get("/health?model=other")).status).toBe(404);
});

test("a browser that asks for a console page's path is redirected to the page; a program is not", async () => {
  const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
  for (const path of ["/training", "/training/tiny", "/lineage/model-0123456789ab/", "/talk"]) {
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

test("every answer is one that /api/openapi.json describes, to its last field", async () => {
  const { evaluations: _, ...rest } = source;
  const whole = createApp({ engines: [engine], console: { ...rest, evaluations: () => [] }, admin: true, version: "1.2.3" });
  const ask = async (path: string) => (await whole.fetch(new Request(`http://localhost${path}`))).json() as Promise<unknown>;
  const document = (await ask("/api/openapi.json")) as OpenApiDocument;
  expect(document).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
  const check = answerChecker(document);
  const ids: Readonly<Record<string, string>> = { name: "mood", version: "tiny@1", position: "1", kind: "annex-iv", path: "models.tiny" };
  const asked: string[] = [];
  for (const [template, methods] of Object.entries(document.paths)) {
    if (!methods.get || template === "/api/events" || template.startsWith("/v1/fine_tuning") || template.startsWith("/v1/admin")) continue;
    const artifact = template.startsWith("/api/data") ? "documents-0123456789ab" : "model-0123456789ab";
    const path = template.replace(/\{(\w+)\}/g, (__, name: string) => ids[name] ?? artifact);
    const query = (methods.get.parameters ?? []).filter(p => p.in === "query" && p.required).map(p => `${p.name}=${artifact}`);
    expect(check(`GET ${template}`, await ask(`${path}?${query.join("&")}`)), path).toEqual([]);
    asked.push(template);
  }
  expect(asked.length).toBeGreaterThan(17);
  expect(check("GET /api/graph", await ask("/api/graph?id=model-ffff"), 404)).toEqual([]);
  // and it would find one that is not
  expect(check("GET /api/models", [{ ...(await source.models())[0], more: 1 }])).toHaveLength(1);
});

test("/api/openapi.json has every address of the console, of administration and of fine-tuning jobs", async () => {
  const { operations } = await import("./console-operations.ts");
  const described = operations.map(o => `${o.method} ${o.path}`);
  const { routes } = consoleApi({
    engines: new Engines(),
    source,
    admin: true,
    version: "0",
    clock: systemClock,
    heartbeatMs: 1,
    login: undefined,
  });
  const ofConsole = routes.routes.filter(r => r.method !== "ALL").map(r => `${r.method} /api${r.path}`);
  const ofContracts = contracts
    .filter(c => ["admin", "fine-tuning"].includes(c.name))
    .flatMap(c => c.routes.map(r => `${r.method} ${r.path}`));
  expect(described.filter(o => !o.includes(" /v1/models")).sort()).toEqual([...ofConsole, ...ofContracts].sort());
});

test("the event stream says which topics changed, beats while nothing does, is no work under way, and ends with the server", async () => {
  const own = createApp({ engines: [engine], console: source, admin: true, heartbeatMs: 1 });
  const response = await own.fetch(new Request("http://localhost/api/events"));
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(own.inFlight).toBe(0);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (fits: RegExp) => {
    while (!fits.test(text)) text += (await reader.read()).value ?? expect.fail(text);
  };
  await until(
    /^event: changes\ndata: \{"revisions":\{"artifacts":\d+,"runs":\d+,"labels":\d+,"jobs":\d+,"serving":\d+,"engine":\d+,"watch":\d+\}\}\n\n/,
  );
  await until(/\n: open\n\n/);
  text = "";
  revisions.artifacts = "2";
  await until(/event: changes\ndata: \{"revisions":\{"artifacts":\d+/);
  expect(text).not.toContain('"labels"');
  own.close();
  for (let read = await reader.read(); !read.done; ) read = await reader.read();
  // whoever may not read the console is told of no change
  const closed = createApp({ engines: [engine], console: source });
  expect((await closed.fetch(new Request("http://localhost/api/events"))).status).toBe(401);
});

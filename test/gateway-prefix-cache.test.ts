/**
 * The engine's prefix cache behind a project's gateway: whether a prompt's beginning is found computed must not tell a tenant what another one sent.
 * The routes are read from the contracts' own tables, so that one that is added without an owner fails here.
 */
import { afterAll, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../src/gateway/config/read-config.ts";
import { type TestGateway, testGateway } from "../src/gateway/fakes.ts";
import { createEngine } from "../src/serve/engine.ts";
import { tinyModel } from "../src/serve/fakes.ts";
import { type App, createApp } from "../src/serve/http/app.ts";
import { contracts } from "../src/serve/http/contracts.ts";
import { callerBehindGateway } from "../src/serve/http/owner.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const engine = createEngine({ model: await tinyModel(device), device, slots: 8 });
await engine.ready;
let reused = 0;
engine.observe({
  reused: tokens => {
    reused += tokens;
  },
});

/** Two users for every route, so that nobody has sent anything before. */
const users = Array.from({ length: 20 }, (_, i) => [`a${i}`, `b${i}`]).flat();
const accounts = ["bot", "bot2"];
const access = {
  principals: {
    teams: { mail: {} },
    users: Object.fromEntries(["ann", ...users].map(user => [user, {}])),
    serviceAccounts: { bot: { teams: ["mail"] }, bot2: { teams: ["mail"] } },
  },
  policies: [{ id: "all", effect: "allow" as const }],
};

interface Behind {
  readonly app: App;
  readonly gateway: TestGateway;
  readonly keys: ReadonlyMap<string, string>;
}
async function behindGateway(more: { readonly sharedPrefixCache?: boolean }): Promise<Behind> {
  const app = createApp({ engines: [engine], callerOf: callerBehindGateway, ...more });
  const file = {
    state: "memory:",
    log: { to: "none" },
    access,
    upstreams: { loam: { url: "http://127.0.0.1/v1" } },
    models: { tiny: { targets: [{ upstream: "loam", model: "tiny" }] } },
  };
  const config = await checkConfig(file, "gateway.yaml", ".");
  const upstreams = new Map([["loam", { ...config.upstreams.get("loam")!, here: (request: Request) => app.fetch(request) }]]);
  const gateway = await testGateway(file, {
    access,
    config: { ...config, upstreams },
    server: (request, authorize) => app.fetch(request, undefined, authorize),
  });
  const keys = new Map<string, string>();
  for (const subject of [...users, ...accounts])
    keys.set(subject, (await gateway.gateway.control.keys.create({ name: subject, subject }, "test")).secret);
  return { app, gateway, keys };
}
const own = await behindGateway({});
const shared = await behindGateway({ sharedPrefixCache: true });
afterAll(async () => {
  for (const { app, gateway } of [own, shared]) {
    await gateway.close();
    app.close();
    expect(gateway.failures).toEqual([]);
  }
  await engine.close();
});

/** Positions of the prompt that were not computed again. */
async function reusedBy({ gateway, keys }: Behind, who: string, path: string, body: object): Promise<number> {
  reused = 0;
  const response = await fetch(`${gateway.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${keys.get(who)}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect([path, response.status, response.ok ? "" : text]).toEqual([path, 200, ""]);
  return reused;
}

let prompt: string;
let prompts = 0;
beforeEach(() => {
  prompt = `${prompts++}: the merger with Acme closes on Friday`;
});

const routes = contracts.flatMap(contract => contract.routes.map(route => ({ endpoint: contract.endpoint, ...route })));
/** Routes that compute no prompt, or that reach the handler of another row. */
const others =
  /^\/((v[12]\/)?(embeddings?|embed|moderations|rerank|reranking|pooling)|infill|api\/embed(dings)?|models\/.*)$|:version|:label/;
const answering = routes.filter(({ uses, path }) => uses === "answer" && !others.test(path));
const generate = () => ({ text_input: prompt, parameters: { max_tokens: 1 } });
const bodies: Readonly<Record<string, () => object>> = {
  "/v1/completions": () => ({ model: "tiny", prompt, max_tokens: 1 }),
  "/completion": () => ({ model: "tiny", prompt, n_predict: 1 }),
  "/completions": () => ({ model: "tiny", prompt, max_tokens: 1 }),
  "/v1/chat/completions": () => ({ model: "tiny", messages: [{ role: "user", content: prompt }], max_tokens: 1 }),
  "/v1/messages": () => ({ model: "tiny", messages: [{ role: "user", content: prompt }], max_tokens: 1 }),
  "/v1/messages/count_tokens": () => ({ model: "tiny", messages: [{ role: "user", content: prompt }] }),
  "/v1/responses": () => ({ model: "tiny", input: prompt, max_output_tokens: 1 }),
  "/v1/score": () => ({ model: "tiny", input: "Friday", prompt }),
  "/v1/attributions": () => ({ model: "tiny", prompt, max_tokens: 1 }),
  "/api/generate": () => ({ model: "tiny", prompt, stream: false, options: { num_predict: 1 } }),
  "/api/chat": () => ({ model: "tiny", messages: [{ role: "user", content: prompt }], stream: false, options: { num_predict: 1 } }),
  "/invocations": () => ({ model: "tiny", inputs: prompt, parameters: { max_new_tokens: 1 } }),
  "/predict": () => ({
    instances: [{ "@requestFormat": "chatCompletions", model: "tiny", messages: [{ role: "user", content: prompt }], max_tokens: 1 }],
  }),
  "/v2/models/:model/infer": () => ({
    inputs: [{ name: "text", datatype: "BYTES", shape: [1], data: [prompt] }],
    parameters: { max_tokens: 1 },
  }),
  "/v2/models/:model/generate": generate,
  "/v2/models/:model/generate_stream": generate,
  "/v1/models/:target{.+:(?:predict|classify|regress)}": () => ({ instances: [{ text: prompt, max_tokens: 1 }] }),
};

test.each(answering.map(({ path }, i) => [path, i] as const))(
  "a tenant is not told by %s that another tenant has sent the same prompt",
  async (path, i) => {
    const body = bodies[path]!();
    const at = path.replace(/:target\{.*\}$/, "tiny:predict").replace(":model", "tiny");
    expect(await reusedBy(own, `a${i}`, at, body)).toBe(0);
    expect(await reusedBy(own, `a${i}`, at, body)).toBeGreaterThanOrEqual(8);
    expect(await reusedBy(own, `b${i}`, at, body)).toBe(0);
  },
);

test("service accounts of one team share prefixes, and usage tells nobody else of cached tokens", async () => {
  const body = { model: "tiny", prompt, max_tokens: 1 };
  const cached = async (who: string) => {
    const response = await own.gateway.post("/v1/completions", body, { headers: { authorization: `Bearer ${own.keys.get(who)}` } });
    return ((await response.json()) as { usage: { prompt_tokens_details?: { cached_tokens: number } } }).usage.prompt_tokens_details
      ?.cached_tokens;
  };
  expect(await cached("bot")).toBe(0);
  expect(await cached("bot2")).toBeGreaterThan(8);
  expect(await cached("a19")).toBe(0);
});

test("no cache_salt leads into another tenant's prefixes", async () => {
  const sent = { model: "tiny", prompt, max_tokens: 1, cache_salt: "x" };
  expect(await reusedBy(own, "a19", "/v1/completions", sent)).toBe(0);
  const guesses = ["x", '["user:a19","x"]', '"user:a19","x', "user:a19", '\0["user:a19","x"]'];
  for (const cache_salt of guesses) expect(await reusedBy(own, "b19", "/v1/completions", { ...sent, cache_salt })).toBe(0);
  expect(await reusedBy(own, "a19", "/v1/completions", { ...sent, cache_salt: "y" })).toBe(0);
  expect(await reusedBy(own, "a19", "/v1/completions", sent)).toBeGreaterThanOrEqual(8);
});

test("with sharedPrefixCache tenants share prefixes, but not those of a request with its own cache_salt", async () => {
  const sent = { model: "tiny", prompt, max_tokens: 1 };
  expect(await reusedBy(shared, "a19", "/v1/completions", { ...sent, cache_salt: "secret" })).toBe(0);
  expect(await reusedBy(shared, "b19", "/v1/completions", sent)).toBe(0);
  expect(await reusedBy(shared, "a19", "/v1/completions", sent)).toBeGreaterThanOrEqual(8);
});

/**
 * Models that policies deny to a caller of a project's server: lists of every contract leave them out, and whatever is asked about one is answered as for
 * a name that no model has. The routes are read from the contracts' own tables.
 */
import { afterAll, expect, test } from "vitest";
import { checkConfig } from "../src/gateway/config/read-config.ts";
import type { ControlGiven } from "../src/gateway/control-config.ts";
import { testGateway } from "../src/gateway/fakes.ts";
import { createEmbeddingEngine } from "../src/serve/embedding/embedding-engine.ts";
import { createApp } from "../src/serve/http/app.ts";
import { contracts } from "../src/serve/http/contracts.ts";
import { speaker, tinyEncoder } from "../src/serve/http/fakes.ts";
import { callerBehindGateway } from "../src/serve/http/owner.ts";
import { openDevice } from "../src/tensor/index.ts";

const device = openDevice("cpu", { threads: 1 });
const open = await speaker(device, { id: "speaker@1", aliases: ["speaker"], name: "speaker", version: 1 });
const hidden = await speaker(device, { id: "merger@1", aliases: ["merger", "merger@live"], name: "merger", version: 1 });
const encoder = createEmbeddingEngine({ model: await tinyEncoder(device, { id: "acquired@1", aliases: ["acquired"] }), device });
await Promise.all([open.engine.ready, hidden.engine.ready, encoder.ready]);
const app = createApp({ engines: [open.engine, hidden.engine], encoders: [encoder], callerOf: callerBehindGateway });

const access: ControlGiven = {
  principals: { users: { ann: {}, denied: { roles: ["most"] }, few: { roles: ["few"] } } },
  policies: [
    { id: "ann", effect: "allow", who: { subjects: ["ann"] } },
    { id: "most", effect: "allow", who: { roles: ["most"] } },
    { id: "not-these", effect: "deny", who: { roles: ["most"] }, models: ["merger", "acquired"] },
    { id: "few", effect: "allow", who: { roles: ["few"] }, models: ["speaker"] },
    { id: "few-lists", effect: "allow", who: { roles: ["few"] }, endpoints: ["models"], models: ["speaker"] },
  ],
};
const file = {
  state: "memory:",
  log: { to: "none" },
  access,
  upstreams: { loam: { url: "http://127.0.0.1/v1" } },
  models: Object.fromEntries(["speaker", "merger", "acquired"].map(model => [model, { targets: [{ upstream: "loam", model }] }])),
};
const config = await checkConfig(file, "gateway.yaml", ".");
const upstreams = new Map([["loam", { ...config.upstreams.get("loam")!, here: (request: Request) => app.fetch(request) }]]);
const gateway = await testGateway(file, {
  access,
  config: { ...config, upstreams },
  server: (request, authorize) => app.fetch(request, undefined, authorize),
});
const keys = new Map<string, string>();
for (const subject of ["ann", "denied", "few"])
  keys.set(subject, (await gateway.gateway.control.keys.create({ name: subject, subject }, "test")).secret);
afterAll(async () => {
  await gateway.close();
  app.close();
  await Promise.all([open.engine.close(), hidden.engine.close(), encoder.close()]);
  expect(gateway.failures).toEqual([]);
});

const send = async (who: string, method: string, path: string, body?: object) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${keys.get(who)}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const headers = [...response.headers.keys()].filter(name => name.startsWith("x-ratelimit"));
  return { status: response.status, text: await response.text(), headers };
};
const secret = /merger|acquired/;

test.each(["/v1/models", "/api/tags", "/api/ps"])("%s lists no model that the caller's policy denies", async path => {
  const all = (await send("ann", "GET", path)).text;
  for (const name of ["speaker", "merger", "acquired"]) expect(all).toContain(name);
  const { status, text } = await send("denied", "GET", path);
  expect([status, text]).toEqual([200, expect.stringContaining("speaker")]);
  expect(text).not.toMatch(secret);
});

const routes = contracts.flatMap(contract => contract.routes.map(route => ({ endpoint: contract.endpoint, ...route })));
const describing = routes.filter(({ uses, endpoint }) => uses === "model" && endpoint === "models");
test.each(describing.map(({ method, path }) => [method, path] as const))(
  "%s %s of a denied model is answered as for a name that no model has, in status, words and headers",
  async (method, path) => {
    const of = (name: string) =>
      (path.includes(":") || method === "POST" ? path : `${path}?model=${encodeURIComponent(name)}`)
        .replace(/:(model|target)(\{[^}]*\})?/, name)
        .replace(/:version(\{[^}]*\})?/, "1")
        .replace(/:label(\{[^}]*\})?/, "live");
    const ask = (who: string, name: string) => send(who, method, of(name), method === "POST" ? { model: name } : undefined);
    for (const who of ["denied", "few"])
      for (const [name, never] of [
        ["merger", "never1"],
        ["merger@1", "never1@1"],
        ["merger@7", "never1@7"],
        ["acquired", "never123"],
      ] as const) {
        const [found, unknown] = [await ask(who, name), await ask(who, never)];
        // what is not served would have to be pulled, which nobody may
        expect([who, name, found.status]).toEqual([who, name, path === "/api/pull" ? 400 : 404]);
        expect({ ...found, text: found.text.replaceAll(name, "NAME") }).toEqual({
          ...unknown,
          text: unknown.text.replaceAll(never, "NAME"),
        });
        expect(unknown.text).not.toMatch(secret);
      }
    for (const name of ["merger", "merger@1"]) expect([name, (await ask("ann", name)).status]).toEqual([name, 200]);
    expect((await ask("denied", "speaker")).status).toBe(200);
  },
);

test("errors of unknown names, and probes without a key, name no model that is denied", async () => {
  for (const [path, body] of [
    ["/v1/chat/completions", { model: "merge", messages: [{ role: "user", content: "hi" }] }],
    ["/api/chat", { model: "merge", messages: [{ role: "user", content: "hi" }] }],
    ["/api/show", { model: "merge" }],
    ["/invocations", { inputs: "hi" }],
    ["/v1/embeddings", { model: "acquire", input: "hi" }],
    ["/v2/models/merge/infer", { inputs: [] }],
    ["/v1/models/merge:predict", { instances: ["a"] }],
  ] as const) {
    const { status, text } = await send("denied", "POST", path, body);
    expect([path, status >= 400 && status < 500]).toEqual([path, true]);
    expect([path, text]).not.toEqual([path, expect.stringMatching(secret)]);
  }
  for (const path of ["/readyz", "/health"])
    expect(await (await app.fetch(new Request(`http://127.0.0.1${path}`))).text()).not.toMatch(secret);
});

/** What clients send makes no series: labels are names of the configuration, patterns of routes, codes of tables, and ten keys. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, fakeUpstream, good, openAccess, type TestGateway, testGateway } from "../fakes.ts";
import { mostKeys } from "../usage/metrics.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway(
    { upstreams: { local: { url: upstream.url } }, models: { chat: { targets: [{ upstream: "local", model: "inner" }] } } },
    {
      access: {
        ...openAccess,
        principals: { users: { ann: { roles: ["admin"] }, ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`u${i}`, {}])) } },
      },
    },
  );
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** Values of each label of the gateway's own series. */
function labelsIn(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of text.split("\n").filter(l => l.startsWith("loam_")))
    for (const [, name, value] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      found.set(name!, (found.get(name!) ?? new Set()).add(value!));
  return found;
}

const word = fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019-_.é{}"') });
const request = fc.record({
  path: fc.oneof(
    fc.constantFrom("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses", "/v1/models"),
    word.map(w => `/v1/${encodeURIComponent(w)}`),
    word.map(w => `/v1/models/${encodeURIComponent(w)}`),
    word.map(w => `/${encodeURIComponent(w)}`),
  ),
  method: fc.constantFrom("GET", "POST", "POST", "POST", "PUT", "DELETE"),
  model: fc.oneof(fc.constantFrom("chat", "chat@x"), word),
  key: fc.option(word),
  user: word,
});

test("no path, model, method, key, user or request id of a client becomes a label", { timeout: 120_000 }, async () => {
  const sent: string[] = [];
  await fc.assert(
    fc.asyncProperty(request, async ({ path, method, model, key, user }) => {
      const id = `mine-${sent.length}`;
      sent.push(id, user);
      const response = await fetch(`${gateway.url}${path}`, {
        method,
        headers: {
          "content-type": "application/json",
          "x-request-id": id,
          "x-loam-user": encodeURIComponent(user),
          authorization: `Bearer ${key === null ? gateway.key : encodeURIComponent(key)}`,
        },
        ...(method === "GET" ? {} : { body: JSON.stringify({ model, user, messages: [{ role: "user", content: user }] }) }),
      });
      await response.arrayBuffer();
    }),
    { numRuns: 400 },
  );
  const answer = await gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "a" }] });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  const labels = labelsIn(await gateway.gateway.metrics.text());
  expect([...labels.get("model")!].sort()).toEqual(["chat", "inner", "none"]);
  const paths = [...labels.get("path")!];
  expect(
    paths.filter(
      p => !/^(\/v1\/(chat\/completions|completions|embeddings|messages|responses|models|models\/:model)|unknown|server|\/\w+)$/.test(p),
    ),
  ).toEqual([]);
  expect(paths.length).toBeLessThan(15);
  expect([...labels.get("target")!]).toEqual(["local/inner"]);
  expect(labels.get("status")!.size).toBeLessThan(12);
  expect(labels.get("code")!.size).toBeLessThan(20);
  // one key alone can ask for models
  expect(labels.get("key")!.size).toBeLessThanOrEqual(2);
});

test("however many keys there are, ten have series and all others one, and together they are everything", async () => {
  const { control, metrics } = gateway.gateway;
  const keys = await Promise.all(Array.from({ length: 30 }, (_, i) => control.keys.create({ name: `k${i}`, subject: `u${i}` }, "test")));
  for (const [i, { secret }] of keys.entries())
    for (let n = 0; n <= i % 15; n++) {
      const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "a" }] });
      const headers = { "content-type": "application/json", authorization: `Bearer ${secret}` };
      await (await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body })).arrayBuffer();
    }
  const sum = async () => {
    const lines = [...(await metrics.text()).matchAll(/^loam_gateway_key_output_tokens_today\{key="([^"]+)".*\} (\d+)$/gm)];
    return { keys: lines.map(m => m[1]!), total: lines.reduce((n, m) => n + Number(m[2]), 0) };
  };
  const today = new Date().toISOString().slice(0, 10);
  const all = (await control.usage(today, today)).reduce((n, r) => n + r.outputTokens, 0);
  // figures are kept for ten seconds
  await expect.poll(async () => (await sum()).total, { timeout: 60_000 }).toBe(all);
  const found = await sum();
  expect(found.keys).toHaveLength(mostKeys + 1);
  expect(found.keys).toContain("other");
  expect(all).toBeGreaterThan(10_000);
});

test("the keys with the most tokens are named, the most first", async () => {
  const day = new Date().toISOString().slice(0, 10);
  const { keys, all } = await gateway.gateway.control.topUsage(day, 3);
  const rows = await gateway.gateway.control.usage(day, day);
  const tokens = new Map<string, number>();
  for (const r of rows) tokens.set(r.keyId, (tokens.get(r.keyId) ?? 0) + r.inputTokens + r.outputTokens);
  expect(keys.map(k => k.inputTokens + k.outputTokens)).toEqual([...tokens.values()].sort((a, b) => b - a).slice(0, 3));
  expect(all.requests).toBe(rows.reduce((n, r) => n + r.requests, 0));
  expect(await gateway.gateway.control.topUsage("1999-01-01", 3)).toEqual({
    keys: [],
    all: { requests: 0, errors: 0, inputTokens: 0, outputTokens: 0, costNano: 0 },
  });
});

/** What an upstream with a prefix cache is told of the tenant, by `upstreams.NAME.cacheSalt`. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { checkConfig } from "../config/read-config.ts";
import { type FakeUpstream, fakeUpstream, testGateway } from "../fakes.ts";

const upstream: FakeUpstream = await fakeUpstream((_, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ id: "x", object: "x", model: "m", choices: [], output: [], data: [] }));
});
const gateway = await testGateway(
  {
    upstreams: {
      salted: { url: upstream.url, cacheSalt: true },
      chats: { url: upstream.url, cacheSalt: true, responses: "chat" },
      plain: { url: upstream.url },
    },
    models: Object.fromEntries(["salted", "chats", "plain"].map(name => [name, { targets: [{ upstream: name }] }])),
  },
  {
    access: {
      principals: {
        teams: { mail: {} },
        users: { ann: {}, bob: {} },
        serviceAccounts: { bot: { teams: ["mail"] }, bot2: { teams: ["mail"] } },
      },
      policies: [{ id: "all", effect: "allow" }],
    },
  },
);
const keys = new Map<string, string>();
for (const subject of ["ann", "bob", "bot", "bot2"])
  keys.set(subject, (await gateway.gateway.control.keys.create({ name: subject, subject }, "test")).secret);
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.received.length = 0;
});
const saltOf = async (who: string, path: string, body: object) => {
  await (await gateway.post(path, body, { headers: { authorization: `Bearer ${keys.get(who)}` } })).text();
  return upstream.received.at(-1)!.body.cache_salt;
};
const asks = [
  ["/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }],
  ["/v1/completions", { prompt: "hi" }],
  ["/v1/responses", { input: "hi" }],
] as const;

test.each(asks)("%s is told a salt of the owner, whatever cache_salt the client sends", async (path, body) => {
  for (const model of path === "/v1/responses" ? ["salted", "chats"] : ["salted"]) {
    const ask = { ...body, model };
    const ann = await saltOf("ann", path, ask);
    expect(ann).toMatch(/^[\w-]{43}$/);
    expect(await saltOf("ann", path, ask)).toBe(ann);
    const bob = await saltOf("bob", path, ask);
    const ofTeam = await saltOf("bot", path, ask);
    expect(await saltOf("bot2", path, ask)).toBe(ofTeam);
    const chosen = await saltOf("ann", path, { ...ask, cache_salt: "x" });
    const stolen = await saltOf("bob", path, { ...ask, cache_salt: ann });
    expect(new Set([ann, bob, ofTeam, chosen, stolen]).size).toBe(5);
  }
});

test("without cacheSalt an upstream is told what the client said, and embeddings have no salt", async () => {
  expect(await saltOf("ann", "/v1/completions", { model: "plain", prompt: "hi" })).toBeUndefined();
  expect(await saltOf("ann", "/v1/completions", { model: "plain", prompt: "hi", cache_salt: "x" })).toBe("x");
  expect(await saltOf("ann", "/v1/embeddings", { model: "salted", input: "hi" })).toBeUndefined();
});

test("cacheSalt is refused where the upstream's protocol has none", async () => {
  const file = {
    upstreams: { a: { url: upstream.url, protocol: "anthropic", cacheSalt: true } },
    models: { m: { targets: [{ upstream: "a" }] } },
  };
  await expect(checkConfig(file, "gateway.yaml", ".")).rejects.toThrow("upstreams.a.cacheSalt");
});

/** The gateway's verbs over its state and, by URL, against one that runs: the same answers; and a request traced to the documents behind its answer. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createOutput } from "../src/cli/output.ts";
import type { Options } from "../src/cli/verb.ts";
import { verbs } from "../src/cli/verbs.ts";
import { type FakeUpstream, fakeUpstream, good } from "../src/gateway/fakes.ts";
import {
  type ChangeEntry,
  type Control,
  followConfig,
  Gateway,
  type GatewayListening,
  listenGateway,
  readConfig,
} from "../src/gateway/index.ts";
import { openFor } from "../src/project/gateway/open-control.ts";
import { openStore } from "../src/store/index.ts";
import { versions } from "../src/store/releases.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-admin-"));
const file = join(folder, "gateway.yaml");
let upstream: FakeUpstream;
let control: Control;
let running: GatewayListening;
let url: string;
let key: string;
let following: { stop(): void };

const project =
  "data: { none: { source: { folder: none, reader: text } } }\ntokenizer: { vocab: 300, from: none }\nmodels: { m: { layers: 1, width: 16, heads: 2, context: 32, train: { on: none, tokens: 100, rate: 0.01 } } }\n";
const writeConfig = (users: string) =>
  writeFileSync(
    file,
    `state: "sqlite:gateway.db"
log: { to: none }
upstreams: { loam: { url: "${upstream.url}" } }
models: { chat: { targets: [{ upstream: loam, model: m }] } }
access:
  principals: { users: { ${users}, bob: {} } }
  policies: [{ id: all, effect: allow }]
  limits: [{ name: tokens, per: [user], measure: tokens, limit: 10000, window: 1h }]
`,
  );

beforeAll(async () => {
  upstream = await fakeUpstream((asked, response) => {
    // as Loam's server says which version answered
    response.setHeader("x-loam-model", "m@2");
    return good(asked, response);
  });
  writeFileSync(join(folder, "loam.yaml"), project);
  writeConfig("ann: { roles: [admin] }, vera: { roles: [viewer] }");
  const store = await openStore({ root: folder });
  await versions(store, 2);
  await store.close();
  const config = await readConfig(file);
  control = await openFor(config, () => {});
  key = (await control.keys.create({ name: "first", subject: "ann" }, "test")).secret;
  const gateway = await Gateway.open({ config, control });
  following = await followConfig({ path: file, gateway, everyMs: 60_000, onReload: () => {} });
  running = await listenGateway(gateway, { host: "127.0.0.1", port: 0 });
  url = running.url;
  vi.stubEnv("LOAM_GATEWAY_KEY", key);
});
afterAll(async () => {
  following.stop();
  await running.drain({ graceMs: 0 });
  await upstream.close();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: results are looked at by their own tests
async function loam(words: string, options: Options = {}): Promise<{ result: any; text: string }> {
  const [given, names] = [words.split(" "), verbs.map(v => v.usage.replace(/ [<[].*$/, ""))];
  const name = names.filter(n => `${words} `.startsWith(`${n} `)).sort((a, b) => b.length - a.length)[0]!;
  const verb = await verbs[names.indexOf(name)]!.load();
  let [json, text] = ["", ""];
  const sink = (take: (piece: string) => void) => {
    const write = (piece: string) => {
      take(piece);
      return true;
    };
    return { write } as unknown as NodeJS.WritableStream;
  };
  const context = { cwd: folder, signal: new AbortController().signal };
  const args = given.slice(name.split(" ").length);
  await verb(
    {
      ...context,
      out: createOutput(true, {
        out: sink(p => {
          json += p;
        }),
        err: sink(p => {
          text += p;
        }),
      }),
    },
    args,
    options,
  );
  return { result: JSON.parse(json.trim().split("\n").at(-1)!), text };
}
const ask = (more: Record<string, string> = {}, bearer = key) =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}`, ...more },
    body: JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Hi" }], max_tokens: 70 }),
  });

test("keys are made, rotated and revoked against a gateway that runs, in the name of whose key it was", async () => {
  const made = await loam("gateway keys create ci", { url, subject: "bob", scope: ["chat"], expires: "90d" });
  expect(made.result.key).toMatchObject({ name: "ci", subject: "bob", scopes: ["chat"] });
  expect(made.result.key.expiresMs - made.result.key.createdMs).toBeGreaterThan(89 * 86_400_000);
  const { id } = made.result.key;
  expect((await ask({}, made.result.secret)).status).toBe(200);
  const turned = await loam(`gateway keys rotate ${id}`, { url, overlap: "0h" });
  expect([(await ask({}, made.result.secret)).status, (await ask({}, turned.result.secret)).status]).toEqual([401, 200]);
  const [here, there] = [await loam("gateway keys list", { subject: "bob" }), await loam("gateway keys list", { url, subject: "bob" })];
  expect(there.result.keys.map((k: { id: string }) => k.id)).toEqual(here.result.keys.map((k: { id: string }) => k.id));
  await loam(`gateway keys revoke ${id}`, { url });
  expect((await ask({}, turned.result.secret)).status).toBe(401);
  const { result } = await loam("gateway changes", { url, verify: true });
  expect(result.verified).toBe(true);
  const own = result.entries.filter((e: ChangeEntry) => e.detail.id === id);
  expect(own.map((e: ChangeEntry) => e.what)).toEqual(["key.create", "key.rotate", "key.revoke"]);
  for (const e of own) expect(e.by).toMatch(/^ann \(key_/);
});

test("usage, limits, explain, changes, requests are the same by URL as from the state", async () => {
  await (await ask()).text();
  const id = (await control.keys.list({ subject: "ann" }))[0]!.id;
  await control.journal.list();
  const asked: [string, Options][] = [
    ["gateway usage", {}],
    ["gateway limits", {}],
    ["gateway limits tokens", { user: "ann", top: "1" }],
    [`gateway explain ${id} POST /v1/chat/completions`, { model: "chat", set: ["max_tokens=5"] }],
    ["gateway changes", { verify: true }],
    ["gateway requests", { status: "200", since: "1h" }],
  ];
  for (const [words, options] of asked) {
    const [here, there] = [await loam(words, options), await loam(words, { ...options, url })];
    // a sliding window leaks between the looks, and only a running gateway knows the state of its servers
    const still = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (k, v) => (["used", "remaining", "share", "resetMs", "state"].includes(k) ? 0 : v)));
    expect([words, still(there.result)]).toEqual([words, still(here.result)]);
  }
  const { result } = await loam("gateway limits tokens", { url });
  expect(result.limits[0]).toMatchObject({
    limit: "tokens",
    quota: 10_000,
    buckets: [
      { of: { user: "bob" }, held: 0 },
      { of: { user: "ann" }, held: 0 },
    ],
  });
});

test("changes are exported, verified without the state, and a file that was altered or cut is told", async () => {
  const { result } = await loam("gateway changes", { export: "changes.jsonl", url });
  expect(result).toMatchObject({ verified: true, written: "changes.jsonl" });
  const checked = await loam("gateway changes", { verifyFile: "changes.jsonl", head: result.head });
  expect(checked.result).toMatchObject({ verified: true, head: result.head });
  const lines = readFileSync(join(folder, "changes.jsonl"), "utf8").trim().split("\n");
  const write = (name: string, all: readonly string[]) => writeFileSync(join(folder, name), `${all.join("\n")}\n`);
  write(
    "altered.jsonl",
    lines.map((line, i) => (i === 1 ? line.replace('"by":"', '"by":"m') : line)),
  );
  write(
    "missing.jsonl",
    lines.filter((_, i) => i !== 1),
  );
  write("cut.jsonl", lines.slice(0, -1));
  write("broken.jsonl", ["{}"]);
  await expect(loam("gateway changes", { verifyFile: "altered.jsonl" })).rejects.toThrow("change 1: expected the head");
  await expect(loam("gateway changes", { verifyFile: "missing.jsonl" })).rejects.toThrow("position 1, got the next one at 2");
  await expect(loam("gateway changes", { verifyFile: "cut.jsonl", head: result.head })).rejects.toThrow("The end was cut off");
  await expect(loam("gateway changes", { verifyFile: "broken.jsonl" })).rejects.toThrow("broken.jsonl:1");
});

test("a request is traced from its id to who asked, which version answered, and from what that was made", async () => {
  const response = await ask();
  await response.text();
  const id = response.headers.get("x-request-id")!;
  expect(id).toMatch(/^req_/);
  // the gateway that runs writes it when it is asked, and by itself within half a second
  for (const options of [{ url }, {}]) {
    const { result } = await loam(`trace ${id}`, options);
    expect(result.requests[0]).toMatchObject({
      id,
      subject: "ann",
      model: "chat",
      target: "loam/m",
      served: "m@2",
      status: 200,
      outputTokens: 60,
    });
    expect(result.lineage.subject).toMatchObject({ type: "version", id: "m@2" });
    expect(result.lineage.madeFrom).toHaveLength(1);
    expect(result.lineage.documents[0].first).toEqual(["a", "b"]);
  }
  await (await ask({ "x-request-id": "mine-1" })).text();
  await control.journal.list();
  const own = await loam("trace mine-1", { request: true });
  expect(own.result).toMatchObject({ served: "m@2", requests: [{ id: "mine-1" }] });
  await expect(loam("trace req_none")).rejects.toThrow("no such request");
  await expect(loam("gateway requests req_none", { url })).rejects.toThrow("no request");
  const { result } = await loam(`gateway requests ${id}`, { url });
  expect(result.requests).toHaveLength(1);
});

test("a reload by URL is taken up, refused where it leaves no admin, and a key without the right is told which role it lacks", async () => {
  const viewer = (await control.keys.create({ name: "v", subject: "vera" }, "test")).secret;
  vi.stubEnv("LOAM_GATEWAY_KEY", viewer);
  expect((await loam("gateway keys list", { url })).result.keys.length).toBeGreaterThan(0);
  await expect(loam("gateway reload", { url })).rejects.toThrow("needs the role admin, and vera has viewer");
  await expect(loam("gateway keys create x", { url, subject: "bob" })).rejects.toThrow("needs the role admin or keys");
  vi.stubEnv("LOAM_GATEWAY_KEY", key);
  writeConfig("ann: {}, vera: { roles: [viewer] }");
  await expect(loam("gateway reload", { url })).rejects.toThrow("expected somebody with the role admin");
  writeConfig("ann: { roles: [admin] }, vera: { roles: [viewer] }, eve: {}");
  expect((await loam("gateway reload", { url })).result.head.position).toBeGreaterThan(0);
  expect(control.access().principals.users.eve).toBeDefined();
  vi.stubEnv("LOAM_GATEWAY_KEY", "");
  await expect(loam("gateway reload", { url })).rejects.toThrow("LOAM_GATEWAY_KEY");
  vi.stubEnv("LOAM_GATEWAY_KEY", key);
  await expect(loam("gateway usage", { url: "http://127.0.0.1:9" })).rejects.toThrow("no gateway answers there");
});

test("principals and policies are put, shown, replaced by whoever saw them, and deleted: by URL and in the state the same", async () => {
  const seen = async (words: string, options: Options = {}) => {
    const [here, there] = [await loam(words, options), await loam(words, { ...options, url })];
    expect([words, there.result]).toEqual([words, here.result]);
    return here.result;
  };
  const made = await loam("gateway principals put teams/ops", { url, value: "{ roles: [writer] }" });
  expect(made.result).toMatchObject({ created: true, principal: { kind: "teams", name: "ops", roles: ["writer"], origin: "store" } });
  writeFileSync(join(folder, "zoe.yaml"), "teams: [ops]\n");
  await loam("gateway principals put users/zoe", { from: "zoe.yaml", as: "carl" });
  // the gateway that runs looks for it
  await expect.poll(async () => (await loam("gateway principals list users", { url })).text, { timeout: 20_000 }).toContain("users/zoe");
  const { principal } = await seen("gateway principals show users/zoe");
  expect(principal).toMatchObject({ teams: ["ops"], roles: [] });
  await seen("gateway principals list");
  await seen("gateway principals list teams");
  await expect(loam("gateway principals put users/zoe", { url, value: "{ roles: [viewer] }" })).rejects.toThrow(
    `--revision ${principal.revision}`,
  );
  writeFileSync(join(folder, "zoe.json"), JSON.stringify({ ...principal, roles: ["viewer"] }));
  expect((await loam("gateway principals put users/zoe", { url, from: "zoe.json" })).result.created).toBe(false);
  await expect(loam("gateway principals put users/zoe", { from: "zoe.json" })).rejects.toThrow("expected revision");
  await loam("gateway principals put users/zoe", { url, value: "{ teams: [ops] }", force: true });
  await expect(loam("gateway principals delete teams/ops", { url })).rejects.toThrow("one that is named by users/zoe");
  await expect(loam("gateway principals put users/ann", { url, value: "{}" })).rejects.toThrow(`one that stands in ${file}, under access`);
  await expect(loam("gateway principals put user/zoe", { url, value: "{}" })).rejects.toThrow('Did you mean "users"?');
  await expect(loam("gateway principals put users/zoe", { url })).rejects.toThrow("--from FILE or --value YAML");
  await expect(loam("gateway principals shw users/zoe", { url })).rejects.toThrow('Did you mean "show"?');

  const night = '{ effect: deny, who: { subjects: [zoe] }, models: [chat], when: { notBefore: "2020-01-01T00:00:00Z" } }';
  await expect(loam("gateway policies put night", { value: night.replace("chat", "caht") })).rejects.toThrow('Did you mean "chat"?');
  await loam("gateway policies put night", { url, value: night });
  expect((await seen("gateway policies list")).policies.map((p: { id: string }) => p.id)).toEqual(["all", "night"]);
  const zoe = (await loam("gateway keys create zoe", { url, subject: "zoe" })).result;
  expect((await ask({}, zoe.secret)).status).toBe(403);
  // what another gateway gets is what holds, not what the file says
  const exported = (await loam("gateway export kong", { to: "kong" })).result;
  expect(exported.differences.map((d: { place: string }) => d.place)).toContain("access.policies.night");
  await loam("gateway policies delete night", { url });
  expect((await ask({}, zoe.secret)).status).toBe(200);
  await loam(`gateway keys revoke ${zoe.key.id}`, { url });
  for (const name of ["users/zoe", "teams/ops"]) await loam(`gateway principals delete ${name}`, { url });
  const { result } = await loam("gateway changes", { url, verify: true });
  expect(result.verified).toBe(true);
  const own = result.entries.filter((e: ChangeEntry) => e.detail.kind !== undefined);
  expect(own.map((e: ChangeEntry) => [e.what, e.by.split(" ")[0]])).toEqual([
    ["principal.create", "ann"],
    ["principal.create", "carl"],
    ["principal.replace", "ann"],
    ["principal.replace", "ann"],
    ["policy.create", "ann"],
    ["policy.delete", "ann"],
    ["principal.delete", "ann"],
    ["principal.delete", "ann"],
  ]);
});

/** Administration over sockets: who may look, who may change, and that every change is in the list. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { calledChecker } from "../../../test/support/openapi.ts";
import { until } from "../../../test/support/until.ts";
import { followConfig } from "../config/follow.ts";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";
import { adminDocument, adminOperations } from "./openapi.ts";
import { adminPages } from "./pages.ts";
import { adminPaths } from "./paths.ts";

/** Every answer is held against what /gateway/openapi.json says of it. */
const check = calledChecker(adminDocument());
const access: ControlGiven = {
  principals: {
    teams: { research: {} },
    users: { ann: { roles: ["admin"] }, vera: { roles: ["viewer"] }, kim: { roles: ["keys"] }, bob: { teams: ["research"] } },
    serviceAccounts: { mailer: { teams: ["research"] } },
  },
  policies: [{ id: "everything", effect: "allow" }],
  limits: [
    { name: "requests", per: ["key"], measure: "requests", limit: 100, window: "1h" },
    { name: "tokens", per: ["team", "model"], measure: "tokens", limit: 10_000, window: "1h" },
    { name: "budget", per: ["user"], measure: "cost", limit: 1, period: "month", warnAt: 0.8 },
    { name: "all", measure: "requests", limit: 1_000, window: "1h", mode: "shadow" },
  ],
  prices: { currency: "EUR", models: { "*": { input: 1, output: 1 } } },
};

let upstream: FakeUpstream;
let gateway: TestGateway;
const keys: Record<string, string> = {};
/** The time of limits, where a test holds it; they leak with it. */
let heldMs: number | undefined;
beforeEach(async () => {
  heldMs = undefined;
  upstream = await fakeUpstream(good);
  gateway = await testGateway(
    { upstreams: { local: { url: upstream.url } }, models: { chat: { targets: [{ upstream: "local" }] } } },
    { access, now: () => heldMs ?? Date.now() },
  );
  for (const subject of ["ann", "vera", "kim", "bob", "mailer"])
    keys[subject] = (await gateway.gateway.control.keys.create({ name: `${subject}'s`, subject }, "test")).secret;
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

interface Said {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at by their own tests
  readonly body: any;
  readonly headers: Headers;
}
async function as(who: string, method: string, path: string, body?: unknown): Promise<Said> {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${keys[who] ?? who}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(check(method, path, response.status, text)).toEqual([]);
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text, headers: response.headers };
}
const chat = (who: string) =>
  as(who, "POST", "/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "Hi" }], max_tokens: 100 });
const mailers = async () => {
  const { body } = await as("ann", "GET", "/gateway/keys?subject=mailer");
  return body.data as { id: string; state: string; name: string; prefix: string }[];
};

test("a policy that allows everything makes nobody an administrator: the role decides what is looked at and changed", async () => {
  const tries: [string, string, string, unknown, Record<string, number>][] = [
    ["GET", "/gateway/state", "look", undefined, { ann: 200, vera: 200, kim: 403, bob: 403 }],
    ["GET", "/gateway/usage", "look", undefined, { ann: 200, vera: 200, kim: 403, bob: 403 }],
    ["GET", "/gateway/limits", "look", undefined, { ann: 200, vera: 200, kim: 403, bob: 403 }],
    ["GET", "/gateway/keys", "keys", undefined, { ann: 200, vera: 200, kim: 200, bob: 403 }],
    ["POST", "/gateway/keys", "make", { name: "x", subject: "mailer" }, { ann: 201, vera: 403, kim: 201, bob: 403 }],
  ];
  for (const [method, path, , body, wanted] of tries)
    for (const [who, status] of Object.entries(wanted))
      expect([path, who, (await as(who, method, path, body)).status]).toEqual([path, who, status]);
  expect((await as("nobody", "GET", "/gateway/keys")).status).toBe(401);
  const { body } = await as("bob", "GET", "/gateway/state");
  expect(body.error.message).toContain("needs the role admin or viewer, and bob has none");
});

test("a key whose scopes leave admin out does not administer, whoever's it is; and a policy can deny it", async () => {
  keys.scoped = (await gateway.gateway.control.keys.create({ name: "scoped", subject: "ann", scopes: ["chat"] }, "test")).secret;
  expect((await as("scoped", "GET", "/gateway/keys")).status).toBe(403);
  keys.admin = (await gateway.gateway.control.keys.create({ name: "only admin", subject: "ann", scopes: ["admin"] }, "test")).secret;
  expect((await as("admin", "GET", "/gateway/keys")).status).toBe(200);
  expect((await chat("admin")).status).toBe(403);
  await gateway.gateway.control.reload(
    { ...access, policies: [...access.policies!, { id: "no-admin", effect: "deny", who: { subjects: ["kim"] }, endpoints: ["admin"] }] },
    "test",
  );
  expect((await as("kim", "GET", "/gateway/keys")).status).toBe(403);
});

test("a key is made, works, is rotated with and without an overlap, and revoked; each secret is shown once and each change is in the list", async () => {
  const made = await as("kim", "POST", "/gateway/keys", { name: "ci", subject: "mailer", scopes: ["chat"], expiresIn: "1h" });
  expect(made.body.key).toMatchObject({ name: "ci", subject: "mailer", scopes: ["chat"], state: "live" });
  // counted from when it was asked for, a moment before it was made
  expect(Math.round((made.body.key.expiresMs - made.body.key.createdMs) / 60_000)).toBe(60);
  expect(made.headers.get("cache-control")).toBe("no-store");
  const { id } = made.body.key;
  expect((await chat(made.body.secret)).status).toBe(200);
  const overlapped = await as("kim", "POST", `/gateway/keys/${id}/rotate`, {});
  expect([(await chat(made.body.secret)).status, (await chat(overlapped.body.secret)).status]).toEqual([200, 200]);
  const clean = await as("kim", "POST", `/gateway/keys/${id}/rotate`, { overlap: "0" });
  expect([
    (await chat(made.body.secret)).status,
    (await chat(overlapped.body.secret)).status,
    (await chat(clean.body.secret)).status,
  ]).toEqual([401, 401, 200]);
  expect((await as("kim", "DELETE", `/gateway/keys/${id}`)).body.key.state).toBe("revoked");
  expect((await chat(clean.body.secret)).status).toBe(401);
  expect((await as("kim", "POST", `/gateway/keys/${id}/rotate`, {})).status).toBe(409);
  expect((await as("kim", "GET", `/gateway/keys/${id}`)).body.key.state).toBe("revoked");
  const all = JSON.stringify(await mailers());
  for (const { secret } of [made.body, overlapped.body, clean.body]) expect(all).not.toContain(secret);
  const changes = [];
  for await (const entry of gateway.gateway.control.changes())
    if (entry.detail.id === id) changes.push([entry.what, entry.by.split(" ")[0]]);
  expect(changes).toEqual([
    ["key.create", "kim"],
    ["key.rotate", "kim"],
    ["key.rotate", "kim"],
    ["key.revoke", "kim"],
  ]);
  expect(await gateway.gateway.control.verifyChanges()).toBeNull();
});

test("whoever handles keys alone cannot become more by it: no key of an admin or a viewer is made, renewed or taken", async () => {
  const list = (await as("kim", "GET", "/gateway/keys")).body.data as { id: string; subject: string }[];
  for (const subject of ["ann", "vera"]) {
    const id = list.find(k => k.subject === subject)!.id;
    expect((await as("kim", "POST", "/gateway/keys", { name: "mine", subject })).status).toBe(403);
    expect((await as("kim", "POST", `/gateway/keys/${id}/rotate`, { overlap: "0" })).status).toBe(403);
    expect((await as("kim", "DELETE", `/gateway/keys/${id}`)).status).toBe(403);
  }
  expect((await as("vera", "GET", "/gateway/state")).status).toBe(200);
  expect((await as("kim", "POST", "/gateway/keys", { name: "mine", subject: "kim" })).status).toBe(201);
});

test("the last admin's key is not revoked", async () => {
  const list = (await as("ann", "GET", "/gateway/keys?subject=ann")).body.data as { id: string; name: string }[];
  const [own, other] = [list.find(k => k.name === "ann's")!, list.find(k => k.name !== "ann's")!];
  expect((await as("ann", "DELETE", `/gateway/keys/${other.id}`)).status).toBe(200);
  const refused = await as("ann", "DELETE", `/gateway/keys/${own.id}`);
  expect([refused.status, refused.body.error.code]).toEqual([409, "last_admin"]);
  expect((await as("ann", "GET", "/gateway/keys")).status).toBe(200);
});

test("what is wrong is named: fields, times, subjects, keys, queries, methods", async () => {
  const make = (body: unknown) => as("ann", "POST", "/gateway/keys", body);
  const cases: [() => Promise<Said>, number, string][] = [
    [() => make({ name: "x" }), 400, "subject"],
    [() => make({ name: "x", subject: "mailer", scope: ["chat"] }), 400, 'Did you mean "scopes"?'],
    [() => make({ name: "x", subject: "mailer", scopes: ["chatt"] }), 400, 'Did you mean "chat"?'],
    [() => make({ name: "x", subject: "maler" }), 404, 'Did you mean "mailer"?'],
    [() => make({ name: "x", subject: "mailer", expiresIn: "-1h" }), 400, "expiresIn"],
    [() => make({ name: "x", subject: "mailer", expiresAt: "2020-01-01T00:00:00Z" }), 400, "expiresAt"],
    [() => make({ name: "x", subject: "mailer", expiresIn: "1h", expiresAt: "2099-01-01T00:00:00Z" }), 400, "expiresIn or expiresAt"],
    [() => make({ name: "a\nb", subject: "mailer" }), 400, "name"],
    [() => as("ann", "GET", "/gateway/keys/key_none"), 404, "key"],
    [() => as("ann", "GET", "/gateway/keys/%zz"), 400, "percent"],
    [() => as("ann", "GET", "/gateway/limits?top=0"), 400, "top"],
    [() => as("ann", "GET", "/gateway/limits?tops=5"), 400, "query"],
    [() => as("ann", "GET", "/gateway/usage?from=now"), 400, "from"],
    [() => as("ann", "GET", "/gateway/usage?format=xml"), 400, "format"],
    [() => as("ann", "GET", "/gateway/limits?limit=none"), 400, "limit"],
    [() => as("ann", "PUT", "/gateway/keys"), 405, "GET, HEAD, POST"],
  ];
  for (const [answer, status, word] of cases) {
    const { status: got, body } = await answer();
    expect([got, body.error.message]).toEqual([status, expect.stringContaining(word)]);
  }
  expect((await as("ann", "PUT", "/gateway/keys")).headers.get("allow")).toBe("GET, HEAD, POST");
});

test("limits are shown by bucket, the most used first, with what is used, held and left", async () => {
  // a limit of 1,000 an hour gives one back every 3.6 s: on a busy machine the test takes as long
  heldMs = Date.now();
  let go = () => {};
  const gate = new Promise<void>(resolve => {
    go = resolve;
  });
  for (let i = 0; i < 3; i++) expect((await chat("bob")).status).toBe(200);
  expect((await chat("mailer")).status).toBe(200);
  // an answer is charged when it has ended, behind its client
  const heldNow = async () => {
    const { data } = (await as("vera", "GET", "/gateway/limits")).body;
    return data.flatMap((l: { buckets: { held: number }[] }) => l.buckets.map(b => b.held)).filter((held: number) => held > 0);
  };
  await expect.poll(heldNow).toEqual([]);
  upstream.script = async (asked, response) => {
    await gate;
    await good(asked, response);
  };
  const waiting = chat("mailer");
  await until(() => upstream.received.length === 5);
  const { body } = await as("vera", "GET", "/gateway/limits");
  go();
  await waiting;
  expect([body.object, body.currency, body.isWhole]).toEqual(["list", "EUR", true]);
  const [requests, tokens, budget, all] = body.data;
  expect(requests).toMatchObject({
    limit: "requests",
    measure: "requests",
    per: ["key"],
    quota: 100,
    capacity: 100,
    windowMs: 3_600_000,
    period: null,
    numBuckets: 2,
  });
  expect(requests.buckets.map((b: { remaining: number }) => b.remaining)).toEqual([97, 98]);
  const ids = Object.fromEntries((await gateway.gateway.control.keys.list()).map(k => [k.subject, k.id]));
  expect(requests.buckets[0].of).toEqual({ key: ids.bob });
  // four answers of 7 and 60 tokens, and one under way that may have 100
  expect(tokens.buckets).toHaveLength(1);
  expect(tokens.buckets[0].of).toEqual({ team: "research", model: "chat" });
  expect(tokens.buckets[0].held).toBe(100);
  expect(tokens.buckets[0].remaining).toBe(10_000 - tokens.buckets[0].used - 100);
  expect(tokens.buckets[0].used).toBeGreaterThanOrEqual(4 * 67);
  expect(budget).toMatchObject({ quota: 1e9, period: new Date(heldMs).toISOString().slice(0, 7), warnAt: 0.8, numBuckets: 2 });
  expect(budget.buckets[0]).toMatchObject({ of: { user: "bob" }, used: 3 * 67_000, held: 0 });
  expect(all).toMatchObject({ mode: "shadow", buckets: [{ of: {}, used: 5 }] });
  heldMs += 4_000;
  expect((await as("vera", "GET", "/gateway/limits?limit=all")).body.data[0]).toMatchObject({ buckets: [{ of: {}, used: 4 }] });

  const one = await as("vera", "GET", "/gateway/limits?limit=requests&top=1");
  expect(one.body.data).toHaveLength(1);
  expect(one.body.data[0]).toMatchObject({ numBuckets: 2, buckets: [{ of: { key: ids.bob } }] });
  const only = await as("vera", "GET", `/gateway/limits?limit=requests&key=${ids.mailer}`);
  expect(only.body.data[0].buckets.map((b: { of: object }) => b.of)).toEqual([{ key: ids.mailer }]);
});

test("who there is, who may do what and why is shown to those who look, and no secret with it", async () => {
  const { body } = await as("vera", "GET", "/gateway/principals");
  const named = (name: string) => body.data.find((e: { name: string }) => e.name === name);
  expect(named("ann")).toMatchObject({ kind: "users", roles: ["admin"], origin: "file", revision: null });
  expect(named("research")).toMatchObject({ kind: "teams", origin: "file" });
  const policies = await as("vera", "GET", "/gateway/policies");
  expect(policies.body.data.map((p: { id: string }) => p.id)).toEqual(["everything"]);
  // the list that the gateway has just answered
  const [{ id }] = (await mailers()) as unknown as [{ id: string }];
  const why = await as("vera", "GET", `/gateway/explain?key=${id}&path=/v1/chat/completions&model=chat&set=max_tokens=5`);
  expect(why.body).toMatchObject({
    identity: { subject: "mailer" },
    action: { endpoint: "chat", model: "chat", parameters: { max_tokens: 5 } },
    decision: { allowed: true, policy: "everything" },
  });
  expect(why.body.limits.map((l: { limit: string }) => l.limit)).toEqual(["requests", "tokens", "budget", "all"]);
  for (const [query, word] of [
    ["key=none&path=/v1/models&method=GET", "key"],
    [`key=${id}&path=/nowhere`, "path"],
    [`key=${id}&path=/v1/models`, "method"],
    [`key=${id}&path=/v1/chat/completions&model=none`, "model"],
    ["path=/v1/models", "key"],
  ])
    expect((await as("vera", "GET", `/gateway/explain?${query}`)).body.error.message).toContain(word);
});

test("changes are listed from the newest, or from a position on, with the head, and verified; tampering is told", async () => {
  const newest = await as("vera", "GET", "/gateway/changes?most=2");
  expect(newest.body.data).toHaveLength(2);
  expect(newest.body.head).toEqual({ position: newest.body.data[1].position, head: newest.body.data[1].head });
  const first = await as("vera", "GET", "/gateway/changes?from=0&most=1&verify=true");
  expect(first.body).toMatchObject({ data: [{ position: 0, what: "config" }], verified: true, finding: null });
});

test("a request is found by the id that its client was given, and listed by key and status, by those who look", async () => {
  const answer = await chat("bob");
  const id = answer.headers.get("x-request-id")!;
  await as("bob", "POST", "/v1/chat/completions", { model: "none", messages: [] });
  const { body } = await as("vera", "GET", `/gateway/requests/${id}`);
  expect(body.data).toHaveLength(1);
  expect(body.data[0]).toMatchObject({
    id,
    subject: "bob",
    model: "chat",
    target: "local/chat",
    served: "chat",
    status: 200,
    outputTokens: 60,
    attempts: [{ target: "local/chat", how: "answered" }],
  });
  const failed = await as("vera", "GET", `/gateway/requests?status=error&subject=bob`);
  expect(failed.body.data.map((r: { status: number; error: string }) => [r.status, r.error])).toEqual([[404, "gateway/unknownModel"]]);
  expect((await as("vera", "GET", "/gateway/requests?key=key_none")).body.data).toEqual([]);
  for (const path of ["/gateway/requests", `/gateway/requests/${id}`]) expect((await as("bob", "GET", path)).status).toBe(403);
  expect((await as("vera", "GET", "/gateway/requests/req_none")).status).toBe(404);
  expect((await as("vera", "GET", "/gateway/requests?status=good")).body.error.message).toContain("status");
  expect((await as("vera", "GET", "/gateway/requests?since=yesterday")).body.error.message).toContain("since");
  // administration itself is not in it
  expect((await as("vera", "GET", "/gateway/requests")).body.data.every((r: { path: string }) => r.path.startsWith("/v1/"))).toBe(true);
});

test("every address of administration asks who it is first", async () => {
  for (const path of adminPaths) {
    const url = `${gateway.url}${path.replaceAll(/:\w+/g, "x")}`;
    const statuses = await Promise.all(["GET", "POST", "PUT", "DELETE"].map(async method => (await fetch(url, { method })).status));
    expect(statuses.filter(s => s !== 401 && s !== 405)).toEqual([]);
    expect(statuses).toContain(401);
  }
});

test("the file is taken up again by an admin alone; one that leaves no admin, or is wrong, changes nothing and is told", async () => {
  expect((await as("ann", "POST", "/gateway/reload")).body.error.message).toContain("without a file");
  const folder = mkdtempSync(join(tmpdir(), "loam-admin-"));
  const path = join(folder, "gateway.yaml");
  const write = (users: object) =>
    writeFileSync(
      path,
      JSON.stringify({
        state: "memory:",
        log: { to: "none" },
        upstreams: { local: { url: upstream.url } },
        models: { chat: { targets: [{ upstream: "local" }] } },
        access: { ...access, principals: { ...access.principals, users } },
      }),
    );
  write(access.principals!.users!);
  const following = await followConfig({ path, gateway: gateway.gateway, everyMs: 60_000, onReload: () => {} });
  try {
    for (const who of ["vera", "kim", "bob"]) expect((await as(who, "POST", "/gateway/reload")).status).toBe(403);
    expect((await as("ann", "POST", "/gateway/reload")).body.reloaded).toBe(true);
    write({ ann: {}, vera: { roles: ["viewer"] }, bob: { teams: ["research"] } });
    const refused = await as("ann", "POST", "/gateway/reload");
    expect([refused.status, refused.body.error.code]).toEqual([409, "last_admin"]);
    write({ ann: { role: "admin" } });
    const wrong = await as("ann", "POST", "/gateway/reload");
    expect([wrong.status, wrong.body.error.message]).toEqual([400, expect.stringContaining('Did you mean "roles"')]);
    expect((await as("ann", "GET", "/gateway/principals/users/ann")).body.principal.roles).toEqual(["admin"]);
    write({ ann: { roles: ["admin"] }, eve: { roles: ["viewer"] } });
    await as("ann", "POST", "/gateway/reload");
    const users = (await as("ann", "GET", "/gateway/principals?kind=users")).body.data;
    expect(users.map((e: { name: string }) => e.name)).toEqual(["ann", "eve"]);
    const { body } = await as("ann", "GET", "/gateway/changes?most=1");
    expect(body.data[0]).toMatchObject({ what: "config" });
    expect(body.data[0].by).toMatch(/^ann \(key_/);
  } finally {
    following.stop();
    rmSync(folder, { recursive: true });
  }
});

test("policies that would let no admin administer are refused, those of office hours are not", async () => {
  const { control } = gateway.gateway;
  const only = { id: "office", effect: "allow", who: { roles: ["admin"] }, when: { days: ["mon"], from: "09:00", to: "10:00" } } as const;
  await control.reload({ ...access, policies: [only] }, "test");
  const denied = { id: "none", effect: "deny", endpoints: ["admin"] } as const;
  for (const policies of [[], [{ id: "chat", effect: "allow", endpoints: ["chat"] } as const], [only, denied]])
    await expect(control.reload({ ...access, policies }, "test")).rejects.toThrow(
      "lets somebody with the role admin use the endpoint admin",
    );
  expect(control.access().policies.map(p => p.id)).toEqual(["office"]);
});

test("/gateway/openapi.json has every address and method of administration, and is for those who may look", async () => {
  const described = adminOperations.map(o => `${o.method} ${o.path}`);
  expect(described.sort()).toEqual(adminPages.flatMap(p => Object.keys(p.methods).map(method => `${method} ${p.path}`)).sort());
  const { status, body } = await as("vera", "GET", "/gateway/openapi.json");
  expect([status, body.openapi, Object.keys(body.paths).length]).toEqual([200, "3.1.0", adminPaths.length]);
  expect((await as("bob", "GET", "/gateway/openapi.json")).status).toBe(403);
});

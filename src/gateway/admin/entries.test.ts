/** Principals and policies over sockets: who may, under which revision, what is refused, and that it decides at once. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { calledChecker } from "../../../test/support/openapi.ts";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, good, type TestGateway, testGateway } from "../fakes.ts";
import { adminDocument } from "./openapi.ts";

/** Every answer is held against what /gateway/openapi.json says of it. */
const check = calledChecker(adminDocument());

const access: ControlGiven = {
  principals: {
    teams: { research: { roles: ["writer"] } },
    users: { ann: { roles: ["admin"] }, vera: { roles: ["viewer"] }, kim: { roles: ["keys"] }, bob: { teams: ["research"] } },
  },
  policies: [
    { id: "admins", effect: "allow", who: { roles: ["admin", "viewer", "keys"] }, endpoints: ["admin"] },
    { id: "writers", effect: "allow", who: { roles: ["writer"] }, endpoints: ["chat"] },
  ],
};

let upstream: FakeUpstream;
let gateway: TestGateway;
let keys: Record<string, string>;
beforeEach(async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url } },
      models: {
        chat: {
          aliases: ["gpt"],
          targets: [
            { upstream: "local", model: "small" },
            { upstream: "local", model: "large", tags: ["big"] },
          ],
          rules: [
            { name: "long", when: { inputTokens: { from: 1000 } }, use: ["big"], otherwise: "none" },
            { name: "beta", when: { headers: { "x-beta": "yes" } }, use: ["local/large"] },
          ],
        },
      },
    },
    { access },
  );
  keys = {};
  for (const subject of ["ann", "vera", "kim", "bob"])
    keys[subject] = (await gateway.gateway.control.keys.create({ name: subject, subject }, "test")).secret;
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

async function as(who: string, method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${keys[who] ?? who}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...more,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(check(method, path, response.status, text)).toEqual([]);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at by their own tests
  return { status: response.status, body: (text.startsWith("{") ? JSON.parse(text) : text) as any, etag: response.headers.get("etag") };
}
const chat = async (who: string) =>
  (await as(who, "POST", "/v1/chat/completions", { model: "chat", messages: [{ role: "user", content: "Hi" }], max_tokens: 9 })).status;

test("a user is made, put into a team, and may at once what its policies allow; taken out, no more", async () => {
  expect((await as("ann", "PUT", "/gateway/principals/users/zoe", {})).status).toBe(201);
  keys.zoe = (await as("ann", "POST", "/gateway/keys", { name: "zoe", subject: "zoe" })).body.secret;
  expect(await chat("zoe")).toBe(403);
  const joined = await as("ann", "PUT", "/gateway/principals/teams/research/members/zoe");
  expect(joined.body.principal).toMatchObject({ kind: "users", name: "zoe", teams: ["research"], origin: "store" });
  expect(await chat("zoe")).toBe(200);
  expect((await as("vera", "GET", "/gateway/principals/users/zoe")).body.effective).toMatchObject({
    teams: ["research"],
    roles: ["writer"],
  });
  expect((await as("vera", "GET", "/gateway/principals/teams/research")).body.members.map((m: { name: string }) => m.name)).toEqual([
    "bob",
    "zoe",
  ]);
  await as("ann", "PUT", "/gateway/policies/no-zoe", { effect: "deny", who: { subjects: ["zoe"] }, reason: "on leave" });
  expect(await chat("zoe")).toBe(403);
  expect((await as("ann", "DELETE", "/gateway/policies/no-zoe")).body.deleted).toBe(true);
  expect(await chat("zoe")).toBe(200);
  await as("ann", "DELETE", "/gateway/principals/teams/research/members/zoe");
  expect(await chat("zoe")).toBe(403);
});

test("a role is given and taken by its address, and its holders are listed with the team that brings it", async () => {
  await as("ann", "PUT", "/gateway/principals/serviceAccounts/ops", { teams: ["research"] });
  keys.ops = (await as("ann", "POST", "/gateway/keys", { name: "ops", subject: "ops" })).body.secret;
  expect((await as("ops", "GET", "/gateway/state")).status).toBe(403);
  await as("ann", "PUT", "/gateway/principals/roles/viewer/members/ops");
  expect((await as("ops", "GET", "/gateway/state")).status).toBe(200);
  const holders = async (role: string) => (await as("vera", "GET", `/gateway/principals/roles/${role}/members`)).body.data;
  expect(await holders("viewer")).toEqual([
    { kind: "users", name: "vera", through: null },
    { kind: "serviceAccounts", name: "ops", through: null },
  ]);
  expect(await holders("writer")).toEqual([
    { kind: "users", name: "bob", through: "research" },
    { kind: "serviceAccounts", name: "ops", through: "research" },
  ]);
  await as("ann", "DELETE", "/gateway/principals/roles/viewer/members/ops");
  expect((await as("ops", "GET", "/gateway/state")).status).toBe(403);
});

test("who looks sees all of it and changes none; who handles keys sees none; only an admin changes", async () => {
  await as("ann", "PUT", "/gateway/principals/users/zoe", {});
  await as("ann", "PUT", "/gateway/policies/zoe", { effect: "allow", who: { subjects: ["zoe"] } });
  const before = JSON.stringify(gateway.gateway.control.entries.list());
  const looks = [
    "/gateway/principals",
    "/gateway/principals/users/zoe",
    "/gateway/principals/teams/research/members",
    "/gateway/policies",
    "/gateway/policies/zoe",
  ];
  for (const path of looks)
    expect([
      path,
      ...(await Promise.all(["ann", "vera", "kim", "bob", "nobody"].map(async who => (await as(who, "GET", path)).status))),
    ]).toEqual([path, 200, 200, 403, 403, 401]);
  const changes: [string, string, unknown][] = [
    ["PUT", "/gateway/principals/users/eve", { roles: ["admin"] }],
    ["PUT", "/gateway/principals/users/zoe", { revision: 1, roles: ["admin"] }],
    ["DELETE", "/gateway/principals/users/zoe", undefined],
    ["PUT", "/gateway/principals/roles/admin/members/zoe", undefined],
    ["PUT", "/gateway/policies/all", { effect: "allow" }],
    ["DELETE", "/gateway/policies/zoe", undefined],
  ];
  for (const [method, path, body] of changes)
    for (const [who, status] of [
      ["vera", 403],
      ["kim", 403],
      ["bob", 403],
      ["nobody", 401],
    ] as const)
      expect([path, who, (await as(who, method, path, body)).status]).toEqual([path, who, status]);
  expect(JSON.stringify(gateway.gateway.control.entries.list())).toBe(before);
});

test("what was shown is sent back changed; its revision, in the body or as an ETag, lets one of two admins win", async () => {
  const made = await as("ann", "PUT", "/gateway/policies/embed", { effect: "allow", endpoints: ["embeddings"] });
  expect([made.status, made.etag]).toEqual([201, `"${made.body.policy.revision}"`]);
  const shown = (await as("vera", "GET", "/gateway/policies/embed")).body.policy;
  expect(shown).toEqual({
    id: "embed",
    effect: "allow",
    who: {},
    endpoints: ["embeddings"],
    origin: "store",
    revision: made.body.policy.revision,
  });
  const first = await as("ann", "PUT", "/gateway/policies/embed", { ...shown, models: ["chat"] });
  expect([first.status, first.body.policy.models]).toEqual([200, ["chat"]]);
  const late = await as("ann", "PUT", "/gateway/policies/embed", { ...shown, models: ["*"] });
  expect([late.status, late.body.error.code]).toEqual([412, "entry_changed"]);
  const blind = await as("ann", "PUT", "/gateway/policies/embed", { effect: "deny" });
  expect([blind.status, blind.body.error.code]).toEqual([428, "revision_required"]);
  expect(blind.body.error.message).toContain(`If-Match: ${first.etag}`);
  const put = (headers: Record<string, string>) =>
    as("ann", "PUT", "/gateway/policies/embed", { effect: "deny", endpoints: ["embeddings"] }, headers);
  expect((await put({ "if-match": made.etag! })).status).toBe(412);
  expect((await put({ "if-none-match": "*" })).status).toBe(412);
  expect((await put({ "if-match": "yes" })).body.error.message).toContain("if-match");
  const second = await put({ "if-match": first.etag! });
  expect(second.status).toBe(200);
  expect((await as("ann", "DELETE", "/gateway/policies/embed", undefined, { "if-match": first.etag! })).status).toBe(412);
  expect((await as("ann", "DELETE", "/gateway/policies/embed", undefined, { "if-match": second.etag! })).status).toBe(200);
  expect((await as("ann", "GET", "/gateway/policies/embed")).status).toBe(404);
  const told = [];
  for await (const { what, by, detail } of gateway.gateway.control.changes()) if (what.startsWith("policy")) told.push([what, by, detail]);
  expect(told.map(([what]) => what)).toEqual(["policy.create", "policy.replace", "policy.replace", "policy.delete"]);
  expect(told[1]![1]).toMatch(/^ann \(key_/);
  const allows = { effect: "allow", who: {}, endpoints: ["embeddings"] };
  expect(told[1]![2]).toEqual({ kind: "policies", name: "embed", before: allows, after: { ...allows, models: ["chat"] } });
  expect(await gateway.gateway.control.verifyChanges()).toBeNull();
});

test("what is wrong is named, what stands in the file is not changed, and what is needed is not deleted", async () => {
  await as("ann", "PUT", "/gateway/principals/users/zoe", { teams: ["research"] });
  const cases: [string, string, unknown, number, string][] = [
    ["PUT", "/gateway/principals/users/ann", { roles: [] }, 409, "one that stands in the gateway's file"],
    ["PUT", "/gateway/policies/admins", { effect: "deny" }, 409, "one that stands in the gateway's file"],
    ["DELETE", "/gateway/policies/admins", undefined, 409, "one that stands in the gateway's file"],
    ["PUT", "/gateway/principals/teams/research/members/bob", undefined, 409, "one that stands in the gateway's file"],
    ["PUT", "/gateway/principals/user/zoe", {}, 400, 'Did you mean "users"?'],
    ["PUT", "/gateway/principals/users/zoe", { role: [] }, 400, 'role: expected a known key, got "role". Did you mean "roles"?'],
    ["PUT", "/gateway/principals/users/tim", { teams: ["reserch"] }, 400, 'Did you mean "research"?'],
    ["PUT", "/gateway/principals/users/tim", { name: "tom" }, 400, 'name: expected "tim"'],
    ["PUT", "/gateway/principals/users/tim", { revision: "7" }, 400, "revision: expected a whole number"],
    ["PUT", "/gateway/principals/users/tim", undefined, 415, "application/json"],
    ["PUT", "/gateway/principals/users/%zz", {}, 400, "percent"],
    ["PUT", "/gateway/principals/teams/reserch/members/zoe", undefined, 404, 'Did you mean "research"?'],
    ["PUT", "/gateway/principals/teams/research/members/zo", undefined, 404, 'Did you mean "zoe"?'],
    ["PUT", "/gateway/principals/organisations/acme/members/zoe", undefined, 400, "one of teams, roles"],
    [
      "PUT",
      "/gateway/policies/p",
      { effect: "allow", models: ["chatt"] },
      400,
      'models[0]: expected a model of this gateway (chat), or its beginning and "*", got "chatt". Did you mean "chat"?',
    ],
    ["PUT", "/gateway/policies/p", { effect: "allow", models: ["gpt"] }, 400, 'policies go by the name "chat"'],
    ["PUT", "/gateway/policies/p", { effect: "allow", who: { teams: ["x"] } }, 400, "who.teams[0]"],
    ["PUT", "/gateway/policies/p", { effect: "allow", when: { from: "08:00" } }, 400, "from and to"],
    ["DELETE", "/gateway/policies/p", undefined, 404, 'there is no "p"'],
    ["GET", "/gateway/principals?kind=user", undefined, 400, 'Did you mean "users"?'],
    ["POST", "/gateway/policies", {}, 405, "GET, HEAD"],
  ];
  for (const [method, path, body, status, said] of cases) {
    const answer = await as("ann", method, path, body);
    expect([path, answer.status, answer.body.error.message]).toEqual([path, status, expect.stringContaining(said)]);
  }
  await as("ann", "POST", "/gateway/keys", { name: "zoe", subject: "zoe" });
  const used = await as("ann", "DELETE", "/gateway/principals/users/zoe");
  expect([used.status, used.body.error.code, used.body.error.message]).toEqual([
    409,
    "entry_in_use",
    expect.stringMatching(/named by key key_/),
  ]);
});

test("the last admin of the state stays", async () => {
  const { control } = gateway.gateway;
  await as("ann", "PUT", "/gateway/principals/users/zoe", { roles: ["admin"] });
  await control.reload({ ...access, principals: { ...access.principals, users: { vera: { roles: ["viewer"] } } } }, "test");
  keys.zoe = (await control.keys.create({ name: "zoe", subject: "zoe" }, "test")).secret;
  for (const [method, path, body] of [
    ["PUT", "/gateway/principals/users/zoe", { roles: [], revision: control.entries.find("users", "zoe").revision }],
    ["DELETE", "/gateway/principals/roles/admin/members/zoe", undefined],
    ["PUT", "/gateway/policies/none", { effect: "deny", endpoints: ["admin"] }],
  ] as const) {
    const { status, body: said } = await as("zoe", method, path, body);
    expect([path, status, said.error.code]).toEqual([path, 409, "last_admin"]);
  }
  expect((await as("zoe", "GET", "/gateway/policies")).status).toBe(200);
});

test("metrics are read by who may look at the rest, by whom a policy lets, and not by scopes or denials that say no", async () => {
  const { control } = gateway.gateway;
  const read = async (who: string) => (await as(who, "GET", "/metrics")).status;
  await control.reload(
    {
      ...access,
      policies: [access.policies![1]!, { id: "ann", effect: "allow", who: { subjects: ["ann", "bob"] }, endpoints: ["admin"] }],
    },
    "test",
  );
  expect(await Promise.all(["ann", "vera", "bob", "kim", "nobody"].map(read))).toEqual([200, 200, 200, 403, 401]);
  keys.scoped = (await control.keys.create({ name: "s", subject: "vera", scopes: ["chat"] }, "test")).secret;
  expect(await read("scoped")).toBe(403);
  await as("ann", "PUT", "/gateway/policies/no-vera", { effect: "deny", who: { subjects: ["vera"] }, endpoints: ["admin"] });
  expect(await read("vera")).toBe(403);
});

test("explaining asks policies with the class of data that a request's header would say, and with all names of max_tokens", async () => {
  const { id } = (await gateway.gateway.control.keys.list({ subject: "bob" }))[0]!;
  await as("ann", "PUT", "/gateway/policies/no-personal", { effect: "deny", dataClasses: ["personal"] });
  await as("ann", "PUT", "/gateway/policies/short", { effect: "deny", parameters: { max_tokens: { min: 1000 } } });
  const decision = async (more: string, of = "path=/v1/chat/completions&model=chat") =>
    (await as("vera", "GET", `/gateway/explain?key=${id}&${of}${more}`)).body.decision;
  expect(await decision("&header=X-Loam-Data-Class%3Dpersonal")).toMatchObject({ allowed: false, policy: "no-personal" });
  expect(await decision("&header=x-loam-data-class%3Dpublic")).toMatchObject({ allowed: true });
  expect(await decision("&set=max_tokens%3D5&set=max_completion_tokens%3D5000")).toMatchObject({ allowed: false, policy: "short" });
  expect(await decision("&set=max_tokens%3D5")).toMatchObject({ allowed: true });
  // a list of models is of no data
  expect(await decision("&header=x-loam-data-class%3Dpersonal", "path=/v1/models&method=GET")).not.toMatchObject({ policy: "no-personal" });
});

test("explaining names the rule that would choose the server, by header and length of the prompt", async () => {
  const { id } = (await gateway.gateway.control.keys.list({ subject: "bob" }))[0]!;
  const why = async (more: string) =>
    (await as("vera", "GET", `/gateway/explain?key=${id}&path=/v1/chat/completions&model=gpt${more}`)).body.route;
  expect(await why("")).toEqual({
    model: "chat",
    strategy: "weighted",
    rule: null,
    rules: [
      { rule: "long", applies: false },
      { rule: "beta", applies: false },
    ],
    targets: [
      { target: "local/small", weight: 1, priority: 0, state: "available" },
      { target: "local/large", weight: 1, priority: 0, state: "available" },
    ],
    fallbacks: [],
  });
  expect(await why("&tokens=5000")).toMatchObject({ rule: "long", rules: [{ applies: true }], targets: [{ target: "local/large" }] });
  const beta = await why("&header=X-Beta%3Dyes");
  expect([beta.rule, beta.targets[0].target]).toEqual(["beta", "local/large"]);
  expect(
    (await as("vera", "GET", `/gateway/explain?key=${id}&path=/v1/chat/completions&model=chat&header=x`)).body.error.message,
  ).toContain("header: expected NAME=VALUE");
  // as a request really goes
  await as(
    "bob",
    "POST",
    "/v1/chat/completions",
    { model: "gpt", messages: [{ role: "user", content: "Hi" }], max_tokens: 9 },
    { "x-beta": "yes" },
  );
  expect(gateway.records.at(-1)).toMatchObject({ rule: "beta", target: "local/large" });
});

test("a limit of the state denies at once, is replaced under its revision, keeps what was used, and is deleted", async () => {
  const rule = { measure: "requests", limit: 2, window: "1h", for: { users: ["bob"] } };
  const made = await as("ann", "PUT", "/gateway/limits/bob-requests", rule);
  expect(made).toMatchObject({
    status: 201,
    body: { created: true, limit: { ...rule, kind: "limits", per: [], mode: "enforce", origin: "store" } },
  });
  expect([await chat("bob"), await chat("bob"), await chat("bob")]).toEqual([200, 200, 429]);
  const listed = (await as("vera", "GET", "/gateway/limits")).body.data;
  expect(listed).toMatchObject([{ limit: "bob-requests", quota: 2, rule: { name: "bob-requests", revision: made.body.limit.revision } }]);
  expect((await as("ann", "PUT", "/gateway/limits/bob-requests", { ...rule, limit: 3 })).status).toBe(428);
  const wider = await as("ann", "PUT", "/gateway/limits/bob-requests", { ...made.body.limit, limit: 4 });
  expect(wider).toMatchObject({ status: 200, body: { created: false, limit: { limit: 4, window: "1h" } } });
  expect((await as("vera", "GET", "/gateway/limits")).body.data[0].buckets[0]).toMatchObject({ used: expect.closeTo(2, 1) });
  expect([await chat("bob"), await chat("bob"), await chat("bob")]).toEqual([200, 200, 429]);
  await as("ann", "PUT", "/gateway/principals/users/zoe", {});
  await as("ann", "PUT", "/gateway/limits/zoe-cost", { measure: "cost", limit: 5, period: "month", for: { users: ["zoe"] } });
  expect((await as("ann", "DELETE", "/gateway/principals/users/zoe")).body.error.message).toContain("limits/zoe-cost");
  expect((await as("ann", "DELETE", "/gateway/limits/bob-requests")).body.deleted).toBe(true);
  expect(await chat("bob")).toBe(200);
  const changes = (await as("vera", "GET", "/gateway/changes")).body.data.filter(
    (c: { what: string; detail: { name?: string } }) => c.what.startsWith("limit.") && c.detail.name === "bob-requests",
  );
  expect(changes.map((c: { what: string; by: string }) => [c.what, c.by.split(" ")[0]])).toEqual([
    ["limit.create", "ann"],
    ["limit.replace", "ann"],
    ["limit.delete", "ann"],
  ]);
});

test("a limit that cannot be one is refused with its place; nobody but an admin changes limits", async () => {
  const put = (body: object) => as("ann", "PUT", "/gateway/limits/x", body);
  for (const [body, place] of [
    [{ measure: "request", limit: 2, window: "1h" }, "measure"],
    [{ measure: "requests", limit: 2 }, "window"],
    [{ measure: "requests", limit: 2, window: "1h", for: { users: ["bop"] } }, "for.users[0]"],
    [{ measure: "requests", limit: 2, window: "1h", for: { models: ["gpt"] } }, "for.models[0]"],
    [{ measure: "cost", limit: 2, period: "month", for: { keys: ["key_none"] } }, "for.keys[0]"],
  ] as const)
    expect([place, (await put(body)).status, (await put(body)).body.error.message]).toEqual([place, 400, expect.stringContaining(place)]);
  const rule = { measure: "cost", limit: 5, period: "month" };
  for (const who of ["vera", "kim", "bob"])
    for (const method of ["PUT", "DELETE"])
      expect([who, method, (await as(who, method, "/gateway/limits/x", method === "PUT" ? rule : undefined)).status]).toEqual([
        who,
        method,
        403,
      ]);
  expect((await as("vera", "GET", "/gateway/limits")).body.data).toEqual([]);
});

test("whoever has a key learns what they may do, and why not the rest, as the addresses themselves say", async () => {
  const missing = async (who: string) => (await as(who, "GET", "/gateway/permissions")).body.missing as Record<string, string | null>;
  expect(await missing("ann")).toEqual({ look: null, lookAtKeys: null, changeKeys: null, change: null, review: null });
  const vera = await missing("vera");
  expect(vera).toMatchObject({ look: null, lookAtKeys: null, change: "this needs the role admin, and vera has viewer" });
  const refused = await as("vera", "PUT", "/gateway/principals/users/eve", {});
  expect(refused.status).toBe(403);
  expect(refused.body.error.message).toContain(vera.change!);
  expect(Object.entries(await missing("kim")).flatMap(([right, why]) => (why === null ? [right] : []))).toEqual([
    "lookAtKeys",
    "changeKeys",
  ]);
  expect(Object.values(await missing("bob")).every(why => why?.includes("no policy"))).toBe(true);
  expect((await as("nobody", "GET", "/gateway/permissions")).status).toBe(401);
});

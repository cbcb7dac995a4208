/** Which refusal wins where a request has several faults: the order in which the steps of each address look, as a client and the log see it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ControlGiven } from "../control-config.ts";
import { type FakeUpstream, fakeUpstream, status, type TestGateway, testGateway } from "../fakes.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
let spentKey: string;

const access: ControlGiven = {
  principals: { users: { ann: { roles: ["admin"] }, bob: {} } },
  policies: [
    { id: "all", effect: "allow" },
    { id: "not-denied", effect: "deny", models: ["denied"] },
    { id: "not-secret", effect: "deny", dataClasses: ["secret"] },
  ],
  limits: [{ name: "spent", measure: "requests", per: ["key"], limit: 1, period: "total", for: { users: ["bob"] } }],
};

beforeAll(async () => {
  upstream = await fakeUpstream(status(400));
  const targets = [{ upstream: "local", model: "inner" }];
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets, guards: ["list"] }, denied: { targets } },
      guards: { list: { kind: "blocklist", words: ["verboten"] } },
      passThrough: { "/v1/audio": { upstream: "local", methods: ["POST"], bodyBytes: 1000 } },
    },
    { access },
  );
  const { secret } = await gateway.gateway.control.keys.create({ name: "spent", subject: "bob" }, "test");
  spentKey = secret;
  // bob's one request
  await (await post("/v1/chat/completions", ["overLimit"])).text();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** What can be wrong with a request for a model, in the order in which it is looked at; and what the client and the log are told. */
const faults = {
  unauthenticated: [401, "gateway/unauthenticated"],
  mediaType: [415, "gateway/mediaType"],
  notJson: [400, "gateway/body"],
  badStream: [400, "gateway/parameter"],
  unknownModel: [404, "gateway/unknownModel"],
  forbidden: [403, "gateway/forbidden"],
  badMaxTokens: [400, "gateway/parameter"],
  badPriority: [400, "gateway/parameter"],
  overLimit: [429, "limits/insufficient_quota"],
  guarded: [400, "gateway/blocked"],
  refusedByServer: [400, "upstream/400"],
} as const;
type Fault = keyof typeof faults;
const order = Object.keys(faults) as Fault[];

/** What a body says; a body that is no JSON says nothing. */
const ofBody: readonly Fault[] = ["badStream", "unknownModel", "badMaxTokens", "guarded"];
const canBoth = (a: Fault, b: Fault): boolean =>
  !(a === "unauthenticated" && b === "overLimit") && !(a === "notJson" && ofBody.includes(b)) && b !== "refusedByServer";

function post(path: string, wrong: readonly Fault[]): Promise<Response> {
  const has = (fault: Fault) => wrong.includes(fault);
  const body = {
    model: has("unknownModel") ? "nobody" : "chat",
    messages: [{ role: "user", content: has("guarded") ? "verboten" : "Hello." }],
    max_tokens: has("badMaxTokens") ? -1 : 10,
    ...(has("badStream") ? { stream: "maybe" } : {}),
  };
  return gateway.post(path, has("notJson") ? "{" : body, {
    headers: {
      "x-request-id": "req",
      ...(has("unauthenticated") ? { authorization: "Bearer sk-loam-nobody" } : {}),
      ...(has("overLimit") ? { authorization: `Bearer ${spentKey}` } : {}),
      ...(has("mediaType") ? { "content-type": "text/plain" } : {}),
      ...(has("forbidden") ? { "x-loam-data-class": "secret" } : {}),
      ...(has("badPriority") ? { "x-loam-priority": "high" } : {}),
    },
  });
}

/** Answer and record of a request, without what differs from one time to the next. */
async function told(responding: Promise<Response>) {
  const response = await responding;
  const text = await response.text();
  const headers = [...response.headers].filter(([name]) => !/^date$|^connection$|^keep-alive$|reset|retry-after/.test(name));
  const { time: _time, ms: _ms, firstMs: _firstMs, ...record } = gateway.records.at(-1)!;
  return { status: response.status, text, headers, record };
}

test.each(["/v1/chat/completions", "/v1/messages"])(
  "of two faults of a request to %s the first of the order is told, alone",
  async path => {
    for (const [i, fault] of order.entries()) {
      const alone = await told(post(path, [fault]));
      // Anthropic's API reads these itself, before the model is looked for
      const isOwn = path === "/v1/messages" && (fault === "badMaxTokens" || fault === "badStream");
      const [status, error] = isOwn ? [400, "gateway/parameter"] : faults[fault];
      expect([fault, alone.status, alone.record.error]).toEqual([fault, status, error]);
      for (const other of order.slice(i + 1)) {
        if (!canBoth(fault, other)) continue;
        const isReadFirst = path === "/v1/messages" && other === "badMaxTokens" && order.indexOf(fault) > order.indexOf("notJson");
        if (isReadFirst) continue;
        expect(await told(post(path, [other, fault])), `${fault} and ${other}`).toEqual({
          ...alone,
          record: expect.objectContaining({ error }),
        });
      }
    }
  },
);

test("counting tokens looks in the same order, and asks no guard and no server", async () => {
  const path = "/v1/messages/count_tokens";
  for (const fault of order.filter(f => f !== "badStream" && f !== "badMaxTokens" && f !== "badPriority")) {
    const { status, record } = await told(post(path, [fault]));
    const expected = fault === "guarded" || fault === "refusedByServer" ? [200, null] : faults[fault];
    expect([fault, status, record.error]).toEqual([fault, ...expected]);
  }
});

const passFaults = {
  unauthenticated: [401, "gateway/unauthenticated"],
  forbidden: [403, "gateway/forbidden"],
  badMethod: [405, "gateway/method"],
  badPath: [400, "gateway/parameter"],
  tooLarge: [413, "gateway/tooLarge"],
  overLimit: [429, "limits/insufficient_quota"],
} as const;
type PassFault = keyof typeof passFaults;

test("of two faults of a passed request the first of the order is told", async () => {
  const pass = (wrong: readonly PassFault[]) => {
    const has = (fault: PassFault) => wrong.includes(fault);
    return gateway.post(`/v1/audio/${has("badPath") ? "a%3Bb" : "speech"}`, has("tooLarge") ? "x".repeat(2000) : "x", {
      method: has("badMethod") ? "PUT" : "POST",
      headers: {
        ...(has("unauthenticated") ? { authorization: "Bearer sk-loam-nobody" } : {}),
        ...(has("overLimit") ? { authorization: `Bearer ${spentKey}` } : {}),
        ...(has("forbidden") ? { "x-loam-data-class": "secret" } : {}),
      },
    });
  };
  const order = Object.keys(passFaults) as PassFault[];
  for (const [i, fault] of order.entries())
    for (const other of [fault, ...order.slice(i + 1)]) {
      if (fault === "unauthenticated" && other === "overLimit") continue;
      const { status, record } = await told(pass([fault, other]));
      expect([fault, other, status, record.error, record.path]).toEqual([fault, other, ...passFaults[fault], "/v1/audio/*"]);
    }
});

test("what is refused before a server is asked takes nothing of a limit", async () => {
  const { secret } = await gateway.gateway.control.keys.create({ name: "fresh", subject: "bob" }, "test");
  const authorization = `Bearer ${secret}`;
  const body = { model: "chat", messages: [{ role: "user", content: "Hello." }] };
  for (const wrong of [{ "x-loam-data-class": "secret" }, { "x-loam-priority": "high" }, { "content-type": "text/plain" }] as Record<
    string,
    string
  >[])
    expect((await gateway.post("/v1/chat/completions", body, { headers: { authorization, ...wrong } })).status).not.toBe(429);
  expect((await gateway.post("/v1/chat/completions", body, { headers: { authorization } })).headers.get("x-loam-target")).toBe(null);
  expect((await gateway.post("/v1/chat/completions", body, { headers: { authorization } })).status).toBe(429);
});

test("a gateway that drains says so before it looks at who asks", async () => {
  const own = await testGateway({
    upstreams: { local: { url: upstream.url } },
    models: { chat: { targets: [{ upstream: "local", model: "inner" }] } },
  });
  await own.gateway.drain(0);
  const response = await own.post("/v1/chat/completions", "{", { headers: { authorization: "Bearer sk-loam-nobody" } });
  expect([response.status, own.records.at(-1)!.error]).toEqual([503, "gateway/draining"]);
  await own.close();
});

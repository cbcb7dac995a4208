/** Feedback at a gateway that stands alone: whose response it is, bodies, limits, and what is told of responses. */
import { afterEach, expect, test } from "vitest";
import type { FeedbackInfo, FeedbackPort } from "../../protocols/index.ts";
import { type FakeUpstream, fakeUpstream, good, status, type TestGateway, testGateway } from "../fakes.ts";
import type { AnsweredRequest, GatewayFeedback } from "../feedback.ts";

let upstream: FakeUpstream | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await upstream?.close();
});

/** Keeps what is told and said. */
function kept(): GatewayFeedback & { readonly all: AnsweredRequest[] } {
  const all: AnsweredRequest[] = [];
  const labels = new Map<string, FeedbackInfo[]>();
  const keyOf = (owner: string | null, id: string) => `${owner} ${id}`;
  const isKnown = (owner: string | null, id: string) => all.some(t => t.owner === owner && t.requestId === id);
  const port: FeedbackPort = {
    give: async (owner, { requestId, source, label, score, confidence, index }) => {
      const request = all.find(t => t.owner === owner && t.requestId === requestId);
      if (!request) return { kind: "unknown" };
      if (source === "busy") return { kind: "full", expected: "at most 1 label a minute", retryAfterSeconds: 7 };
      const said = { source, label, score, confidence, index, trusted: false, created: 0 };
      const feedback: FeedbackInfo = { object: "feedback", request_id: requestId, model: request.served ?? request.model, ...said };
      labels.set(keyOf(owner, requestId), [...(labels.get(keyOf(owner, requestId)) ?? []), feedback]);
      return { kind: "kept", feedback, isReplaced: false };
    },
    list: async (owner, id) => (isKnown(owner, id) ? (labels.get(keyOf(owner, id)) ?? []) : undefined),
    remove: async (owner, id) => (isKnown(owner, id) ? (labels.get(keyOf(owner, id)) ?? []).length : undefined),
  };
  return { port, told: request => void all.push(request), all };
}

const access = {
  principals: {
    users: { ann: { roles: ["admin"] }, bob: {} },
    serviceAccounts: { bot: { teams: ["mail"] }, other: { teams: ["mail"] } },
    teams: { mail: {} },
  },
  policies: [{ id: "all", effect: "allow" as const }],
};
const config = (url: string) => ({ upstreams: { local: { url } }, models: { chat: { targets: [{ upstream: "local", model: "inner" }] } } });
const question = { model: "chat", messages: [{ role: "user", content: "Hi" }] };

async function open() {
  const feedback = kept();
  upstream = await fakeUpstream(good);
  gateway = await testGateway(config(upstream.url), { access, feedback });
  const { url } = gateway;
  const keyOf = async (subject: string) => (await gateway!.gateway.control.keys.create({ name: subject, subject }, "test")).secret;
  const as =
    (key: string | undefined) =>
    async (method: string, path: string, body?: unknown, more: Record<string, string> = {}) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}), ...more },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
    };
  return { feedback, as, keyOf };
}

test("its owner's keys label a response; other keys, an administrator's too, are answered as for an unknown id", async () => {
  const { as, keyOf, feedback } = await open();
  const [bob, alsoBob, bot, other] = await Promise.all(["bob", "bob", "bot", "other"].map(keyOf));
  for (const [id, key] of [
    ["of-bob", bob],
    ["of-bot", bot],
  ] as const)
    expect((await as(key)("POST", "/v1/chat/completions", question, { "x-request-id": id })).status).toBe(200);
  const give = (key: string | undefined, id: string) => as(key)("POST", "/v1/feedback", { request_id: id, source: "me", score: true });
  // at once: what has ended is told before
  expect(await give(bob, "of-bob")).toMatchObject({ status: 201, body: { request_id: "of-bob", score: 1, model: "inner" } });
  expect((await give(alsoBob, "of-bob")).status).toBe(201);
  // service accounts of one team stand in for each other
  expect((await give(other, "of-bot")).status).toBe(201);
  const unknown = await give(bob, "nobody's");
  expect(unknown.status).toBe(400);
  const none = (await give(bob, "nothing")).body;
  for (const key of [gateway!.key, other, bot]) {
    expect(await give(key, "of-bob")).toMatchObject({ status: 404, body: none });
    for (const method of ["GET", "DELETE"]) expect((await as(key)(method, "/v1/feedback/of-bob")).status).toBe(404);
  }
  expect((await give(undefined, "of-bob")).status).toBe(401);
  expect((await as(bob)("GET", "/v1/feedback/of-bob")).body).toMatchObject({ object: "list", data: [{ source: "me" }, { source: "me" }] });
  expect((await as(bob)("DELETE", "/v1/feedback/of-bob")).body).toEqual({ id: "of-bob", object: "feedback", deleted: true, labels: 2 });
  expect(feedback.all.map(t => [t.requestId, t.owner, t.model, t.served, t.status])).toEqual([
    ["of-bob", "user:bob", "chat", "inner", 200],
    ["of-bot", "team:mail", "chat", "inner", 200],
  ]);
});

test("a failed response is told of nowhere, and bodies are checked by name", async () => {
  const { as, feedback } = await open();
  const call = as(gateway!.key);
  upstream!.script = status(400);
  await call("POST", "/v1/chat/completions", question, { "x-request-id": "failed" });
  gateway!.gateway.tell();
  expect(feedback.all).toEqual([]);
  upstream!.script = good;
  await call("POST", "/v1/chat/completions", question, { "x-request-id": "r1" });
  const error = async (body: object) => {
    const { status: code, body: answer } = await call("POST", "/v1/feedback", { request_id: "r1", source: "me", ...body });
    const { param, code: kind } = answer.error as { param: string; code: string };
    return [code, param, kind];
  };
  expect(await error({})).toEqual([400, "label", "invalid_value"]);
  expect(await error({ score: 2 })).toEqual([400, "score", "invalid_value"]);
  expect(await error({ score: 1, source: "two words" })).toEqual([400, "source", "invalid_value"]);
  expect(await error({ score: 1, request_id: "unknown" })).toEqual([404, "request_id", "unknown_request"]);
  expect(await error({ score: 1, source: "busy" })).toEqual([429, null, "rate_limit_exceeded"]);
  const { headers, status: code } = await call("POST", "/v1/feedback", { request_id: "r1", source: "me", score: 0.5, comment: "so-so" });
  expect([code, headers.get("x-loam-ignored")]).toEqual([201, "comment"]);
  expect((await call("PUT", "/v1/feedback", {})).headers.get("allow")).toBe("POST");
});

test("without a port there is nothing at the address", async () => {
  upstream = await fakeUpstream(good);
  gateway = await testGateway(config(upstream.url));
  expect((await gateway.post("/v1/feedback", { request_id: "r1", source: "me", score: 1 })).status).toBe(404);
});

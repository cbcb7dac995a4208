/** Requests that wait for a person, over sockets: approved, refused, too late, too many, and a client that leaves. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../../test/support/until.ts";
import { type FakeUpstream, fakeUpstream, type TestGateway, testGateway } from "../../fakes.ts";
import { jsonOf, says } from "../fakes.ts";
import type { HeldInfo } from "./held.ts";

let upstream: FakeUpstream;
let gateway: TestGateway;
const access = {
  principals: { users: { ann: { roles: ["admin"] }, vera: { roles: ["viewer"] }, bob: {} } },
  policies: [{ id: "all", effect: "allow" as const }],
};
const start = async (more: object = {}) => {
  upstream = await fakeUpstream(says(["done"]));
  gateway = await testGateway(
    {
      upstreams: { local: { url: upstream.url } },
      models: { chat: { targets: [{ upstream: "local" }], guards: ["names", "risky", "reviewer"] } },
      guards: {
        names: { kind: "blocklist", words: ["ann lee"], action: "mask" },
        risky: { kind: "blocklist", words: ["wire transfer"], action: "flag" },
        reviewer: { kind: "person", timeout: "10s", ...more },
      },
    },
    { access },
  );
};
beforeEach(() => start());
afterEach(async () => {
  await gateway.close();
  await upstream.close();
  expect(gateway.failures).toEqual([]);
});

const ask = (content: string, init?: RequestInit) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }] }, init);
const admin = async (method: string, path: string, body?: object, key = gateway.key) => {
  const response = await fetch(`${gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: await jsonOf(response) };
};
/** Waits until so many wait. */
async function waiting(count: number): Promise<HeldInfo[]> {
  for (let i = 0; i < 400; i++) {
    const { data } = (await admin("GET", "/gateway/held")).body as { data: HeldInfo[] };
    if (data.length === count) return data;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  throw new Error(`never ${count}`);
}

test("what a guard flagged waits, is seen as the model would see it, and goes on when it is approved", async () => {
  expect((await ask("hello")).status).toBe(200);
  const answer = ask("Wire  transfer to Ann Lee");
  const [held] = await waiting(1);
  expect(held).toMatchObject({
    guard: "reviewer",
    subject: "ann",
    model: "chat",
    endpoint: "chat",
    flaggedBy: ["risky"],
    text: "Wire  transfer to [removed]",
  });
  expect(upstream.received.length).toBe(1);
  const { body } = await admin("POST", `/gateway/held/${held!.id}`, { decision: "approve" });
  expect(body).toMatchObject({ decision: "approved", held: { id: held!.id }, by: expect.stringContaining("ann") });
  expect((await answer).status).toBe(200);
  expect(gateway.records.find(r => r.id === held!.request)!.guards).toContainEqual(
    expect.stringMatching(/^reviewer request approved by ann/),
  );
  expect(await waiting(0)).toEqual([]);
});

test("one that is refused is blocked; deciding twice, wrongly, or without being an admin is an error", async () => {
  const answer = ask("a wire transfer");
  const [{ id } = { id: "" }] = await waiting(1);
  for (const subject of ["vera", "bob"]) {
    const { secret } = await gateway.gateway.control.keys.create({ name: subject, subject }, "test");
    expect((await admin("GET", "/gateway/held", undefined, secret)).status).toBe(403);
    expect((await admin("POST", `/gateway/held/${id}`, { decision: "approve" }, secret)).status).toBe(403);
  }
  expect((await admin("POST", `/gateway/held/${id}`, { decision: "maybe" })).status).toBe(400);
  expect((await admin("POST", `/gateway/held/${id}`, { decision: "refuse" })).status).toBe(200);
  const refused = await answer;
  expect([refused.status, (await jsonOf(refused)).error.message]).toEqual([400, expect.stringContaining("a person refused it")]);
  const again = await admin("POST", `/gateway/held/${id}`, { decision: "approve" });
  expect([again.status, again.body.error.message]).toEqual([404, expect.stringContaining("no request with this id waits")]);
  expect(upstream.received).toEqual([]);
});

test("a client that leaves is dropped, and its server is not asked", async () => {
  const leaving = new AbortController();
  const answer = ask("a wire transfer", { signal: leaving.signal }).catch((e: Error) => e.name);
  const [{ id } = { id: "" }] = await waiting(1);
  leaving.abort();
  expect(await answer).toBe("AbortError");
  expect(await waiting(0)).toEqual([]);
  expect((await admin("POST", `/gateway/held/${id}`, { decision: "approve" })).status).toBe(404);
  await until(() => gateway.gateway.inFlight === 0);
  expect(upstream.received).toEqual([]);
  expect(gateway.records.find(r => r.path === "/v1/chat/completions")).toMatchObject({ status: 499, error: "gateway/cancelled" });
});

test.each(["refuse", "approve"] as const)("when nobody decides in time: %s", async onTimeout => {
  await gateway.close();
  await upstream.close();
  await start({ timeout: "50ms", onTimeout });
  const answer = await ask("a wire transfer");
  expect(answer.status).toBe(onTimeout === "approve" ? 200 : 400);
  expect(upstream.received.length).toBe(onTimeout === "approve" ? 1 : 0);
});

test("no more wait than may, and what is held is not a hole in a shutdown", async () => {
  await gateway.close();
  await upstream.close();
  await start({ holds: "all", most: 2 });
  const first = [ask("one"), ask("two")];
  await waiting(2);
  const third = await ask("three");
  expect([third.status, third.headers.get("x-loam-guard")]).toEqual([503, "reviewer"]);
  expect(gateway.records.at(-1)!.detail ?? gateway.records.find(r => r.status === 503)!.detail).toContain("2 requests wait");
  gateway.gateway.cutOff();
  expect((await Promise.all(first)).map(r => r.status)).toEqual([502, 502]);
  expect(gateway.gateway.held.list()).toEqual([]);
  expect(upstream.received).toEqual([]);
});

test("a case outlives its request: reviewers take it and vote once, wrong asks are 404, 409 and 403, and the client appeals", async () => {
  await gateway.close();
  await upstream.close();
  await start({ holds: "all", timeout: "1ms" });
  const refused = await ask("a wire transfer");
  const [id, token] = refused.headers.get("x-loam-appeal")!.split(" ") as [string, string];
  expect([refused.status, JSON.stringify(gateway.records)]).toEqual([400, expect.not.stringContaining(token)]);
  const keyOf = async (subject: string) => (await gateway.gateway.control.keys.create({ name: subject, subject }, "test")).secret;
  const [vera, bob] = [await keyOf("vera"), await keyOf("bob")];
  expect((await admin("GET", "/gateway/review", undefined, vera)).status).toBe(403);
  expect((await admin("POST", "/gateway/review", { id: "review_none" })).status).toBe(404);
  expect((await admin("POST", `/gateway/review/case/${id}`, { action: "refuse" })).status).toBe(409);
  expect((await admin("POST", "/gateway/review", {})).body).toMatchObject({ case: { id, text: "a wire transfer" } });
  expect((await admin("POST", `/gateway/review/case/${id}`, { action: "perhaps" })).status).toBe(400);
  const voted = await admin("POST", `/gateway/review/case/${id}`, { action: "refuse", category: "fraud" });
  expect(voted.body).toMatchObject({ case: { decision: "refuse", decidedBy: "reviewers" } });
  const again = await admin("POST", `/gateway/review/case/${id}`, { action: "approve" });
  expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
  expect((await admin("GET", "/gateway/review/documents")).body).toMatchObject({ data: [{ id, label: "fraud" }] });
  expect((await admin("POST", "/gateway/review/appeal", { token, reason: "a song" }, bob)).body).toMatchObject({ id, state: "waiting" });
  expect((await admin("POST", "/gateway/review/appeal", { token }, bob)).status).toBe(409);
  expect((await admin("POST", "/gateway/review/appeal", { token: "none" }, bob)).status).toBe(404);
});

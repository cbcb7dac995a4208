/** Threads run built code: these tests take the gateway from dist. */
import { afterAll, afterEach, expect, test } from "vitest";
import { UpstreamFailure } from "../../upstreams/failure.ts";
import { Stop } from "../../upstreams/stop.ts";
import { openJudge } from "./judge.ts";
import type { JudgeInput, JudgeSpec } from "./judge-types.ts";
import { type JudgePool, threadPool } from "./pool.ts";

const built = (path: string): URL => new URL(`../../../../dist/src/gateway/${path}`, import.meta.url);
const words = (...list: string[]) => list.map(w => [...w].map(c => c.codePointAt(0)!));
const list: JudgeSpec = { kind: "blocklist", words: words("bomb"), patterns: ["sk-\\d+"], wholeWords: true, action: "mask", mask: "#" };
const pii: JudgeSpec = {
  kind: "private",
  types: ["email", "phone", "card"],
  minScore: 0.5,
  regions: undefined,
  names: undefined,
  action: "redact",
};
const input = (text: string): JudgeInput => ({ texts: [text], fixed: [], conversation: undefined });
const phones = (times: number) => "+1 (212) 736-5000 ".repeat(times);

let pool: JudgePool | undefined;
const newPool = (size: number): JudgePool => {
  pool = threadPool(size, built("guards/judge/thread.js"));
  return pool;
};
afterEach(async () => {
  await pool?.close();
  pool = undefined;
});
async function quiet({ running }: { readonly running: () => number }): Promise<void> {
  await expect.poll(running).toBe(0);
}

test("a thread decides as the process does", async () => {
  const threads = newPool(1);
  for (const [spec, text] of [
    [list, `make a b0mb and sk-123 ${"long ".repeat(20_000)}`],
    [pii, `ann.lee@corp-mail.com ${phones(100)}`],
  ] as const) {
    const judging = (await openJudge(spec)).judge(input(text));
    let step = judging.next();
    while (!step.done) step = judging.next();
    expect(step.value.verdict.kind).toBe("rewrite");
    expect(await threads.run(threads.add(spec), input(text), "ann", new Stop())).toEqual(step.value);
  }
});

test("the event loop goes on while a large text is judged", async () => {
  const threads = newPool(1);
  const events: string[] = [];
  const large = threads.run(threads.add(pii), input(phones(100_000)), "ann", new Stop()).then(() => events.push("large"));
  for (let i = 0; i < 50; i++) await new Promise(resume => setImmediate(resume));
  events.push("50 turns");
  await large;
  expect(events).toEqual(["50 turns", "large"]);
});

test("a client that leaves ends its work, in the middle of a text too, and the next one is served", async () => {
  const threads = newPool(1);
  const handle = threads.add(pii);
  const stop = new Stop();
  const first = threads.run(handle, input(phones(500_000)), "ann", stop);
  const waiting = new Stop();
  const second = threads.run(handle, input(phones(500_000)), "ann", waiting);
  await new Promise(resume => setTimeout(resume, 50));
  waiting.stop(new UpstreamFailure("left", "the client left"));
  expect(await second).toBeUndefined();
  expect(threads.running).toBe(1);
  stop.stop(new UpstreamFailure("left", "the client left"));
  expect(await first).toBeUndefined();
  await quiet({ running: () => threads.running });
  expect((await threads.run(handle, input("ann.lee@corp-mail.com"), "ann", new Stop()))!.verdict).toEqual({
    kind: "rewrite",
    texts: ["<EMAIL_1>"],
  });
});

test("a caller with many large texts does not keep another's waiting", async () => {
  const threads = newPool(1);
  const handle = threads.add(list);
  const done: string[] = [];
  const run = (key: string, name: string) =>
    threads.run(handle, input("long ".repeat(20_000)), key, new Stop()).then(() => done.push(name));
  await Promise.all([...Array.from({ length: 6 }, (_, i) => run("ann", `ann ${i}`)), run("bob", "bob")]);
  expect(done.indexOf("bob")).toBeLessThanOrEqual(2);
});

test("a caller who fills the queue is refused, and another caller still gets in", async () => {
  const threads = newPool(1);
  const handle = threads.add(list);
  const errors: string[] = [];
  const run = (key: string) =>
    threads.run(handle, input("long ".repeat(2_000)), key, new Stop()).catch((error: Error) => errors.push(`${key}: ${error.message}`));
  // one is judged, 256 wait
  const ann = Array.from({ length: 258 }, () => run("ann"));
  await ann.at(-1);
  expect(errors).toEqual(["ann: 256 large requests wait for it already"]);
  const bob = run("bob");
  await ann.at(-2);
  expect(errors).toHaveLength(2);
  expect(errors.every(e => e.startsWith("ann"))).toBe(true);
  expect(await bob).toMatchObject({ verdict: { kind: "pass" } });
});

test("a guard that is closed is forgotten, and what waits for it fails", async () => {
  const threads = newPool(1);
  const handle = threads.add(list);
  await threads.run(handle, input("x"), "ann", new Stop());
  threads.remove(handle);
  await expect(threads.run(handle, input("x"), "ann", new Stop())).rejects.toThrow("its guard was closed");
});

const fakes = (await import(built("fakes.js").href)) as typeof import("../../fakes.ts");
const shared = (await import(built("guards/judge/pool.js").href)) as typeof import("./pool.ts");
const upstream = await fakes.fakeUpstream(fakes.good);
const gateway = await fakes.testGateway({
  upstreams: { local: { url: upstream.url } },
  models: { chat: { targets: [{ upstream: "local", model: "inner" }], guards: ["pii"] } },
  retries: { attempts: 0 },
  guards: { pii: { kind: "private", maxBytes: 9_000_000 } },
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
const post = (content: string, init: RequestInit = {}) =>
  gateway.post("/v1/chat/completions", { model: "chat", messages: [{ role: "user", content }] }, init);

test("a 1 MB prompt does not hold up /healthz, nor small requests", async () => {
  const events: string[] = [];
  const large = post(phones(60_000)).then(async response => {
    events.push("large");
    expect(response.status).toBe(200);
  });
  await expect.poll(() => shared.sharedPool().running).toBe(1);
  for (let i = 0; i < 3; i++) {
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    events.push("health");
  }
  expect((await post("hello")).status).toBe(200);
  events.push("small");
  await large;
  expect(events).toEqual(["health", "health", "health", "small", "large"]);
  expect(upstream.received.at(-1)!.text).toContain("<PHONE_1>");
});

test("when its client leaves a large prompt's work ends, and no server is asked", async () => {
  const before = upstream.received.length;
  const leaving = new AbortController();
  const large = post(phones(400_000), { signal: leaving.signal }).catch((error: Error) => error.name);
  await expect.poll(() => shared.sharedPool().running).toBe(1);
  leaving.abort();
  expect(await large).toBe("AbortError");
  await expect.poll(() => shared.sharedPool().running).toBe(0);
  await expect.poll(() => gateway.gateway.inFlight).toBe(0);
  expect(upstream.received.length).toBe(before);
});

test("texts above a guard's maxBytes are refused with 413", async () => {
  const response = await post("long ".repeat(2_000_000));
  const { error } = (await response.json()) as { error: { message: string } };
  expect([response.status, error.message]).toEqual([413, expect.stringContaining("at most")]);
});

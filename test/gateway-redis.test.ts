/** The gateway's limits in a real Redis server beside records in SQLite: the laws of every store, in one process and in four; and what is lost with the server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openControl } from "../src/gateway/control.ts";
import { sharedStoreLaws } from "../src/gateway/limits/bucket-store.laws.ts";
import { childScript, processLaws } from "../src/gateway/limits/processes.laws.ts";
import { identityWith } from "../src/gateway/policy/fakes.ts";
import { openState } from "../src/gateway/state/state.ts";
import { usageBetween } from "../src/gateway/usage/usage.ts";
import { bundleScript, startChild } from "../src/store/children.laws.ts";
import { findRedis, type RunningServer, startRedis } from "../src/store/servers.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-redis-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let script: Promise<string> | undefined;
const start = async (state: string, config: object, limitsState?: string) => {
  script ??= bundleScript(childScript, folder, "limits");
  return startChild(await script, [state, JSON.stringify(config), limitsState ?? ""]);
};
const records = (name: string): string => `sqlite:${join(folder, `${name}.db`)}`;

const found = findRedis();
describe.skipIf(!found.program)(`Redis${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startRedis(found.program!);
  });
  afterAll(() => server?.stop());
  const open = (name: string, more: { readonly now?: () => number; readonly leaseMs?: number } = {}) =>
    openState({ url: records(name), limitsUrl: server.url(name), root: ".", timeoutMs: 60_000, ...more });
  const usage = (day: string, outputTokens: number) => ({
    day,
    keyId: 'key "ä"',
    subject: "ann",
    team: "",
    organisation: "",
    model: "mail",
    requests: 1,
    errors: 0,
    inputTokens: 2,
    cachedTokens: 0,
    outputTokens,
    costNano: 2 ** 50 + 1,
  });
  const settled = (row: ReturnType<typeof usage>) => [{ id: "none", deltas: {}, tookLines: false, usage: row }];

  describe("one process", () => {
    sharedStoreLaws(open);
  });
  describe("four processes", () => {
    processLaws(start, records, name => server.url(name));
  });

  test("a decision and a settlement are one command each, however many requests they carry", async () => {
    const state = await open("commands");
    const admin = new Redis(server.url("commands").split("?")[0]!);
    const line = { bucket: "b", capacity: 9, leakPerMs: 0, charge: 1, hold: 1, enforce: true, endsMs: null };
    const ask = (id: string) => ({ id, lifeMs: 1_000, lines: [line, { ...line, bucket: "c" }] });
    // the scripts are there from now on
    await state.buckets.reserve([ask("first")]);
    await state.buckets.settle([{ id: "first", deltas: {}, tookLines: true, usage: null }]);
    const commands = async () => {
      const stats = await admin.info("commandstats");
      return ["evalsha", "eval", "multi", "script\\|load"].map(name =>
        Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
      );
    };
    const before = await commands();
    await state.buckets.reserve([ask("x"), ask("y")]);
    await state.buckets.settle([{ id: "x", deltas: { b: 1 }, tookLines: true, usage: null }]);
    const after = await commands();
    expect(after.map((n, i) => n - before[i]!)).toEqual([2, 0, 0, 0]);
    admin.disconnect();
    await state.close();
  });

  test("usage comes into the records once, however many processes bring it there and wherever one of them stops", async () => {
    const day = "2026-01-01";
    const [one, two] = [await open("moves"), await open("moves")];
    await one.buckets.settle(settled(usage(day, 3)));
    // a process that took what waits and wrote it, and stopped before it said so
    const admin = new Redis(server.url("moves").split("?")[0]!);
    await admin.rename("{moves}:usage", "{moves}:moving");
    await admin.hset("{moves}:moving", "", "stopped");
    await one.database.write(async sql => {
      await sql.all("insert into gateway_usage_moves (name, at_ms) values (?, ?)", ["stopped", Date.now()]);
      await sql.all(
        `insert into gateway_usage (day, key_id, subject, team, organisation, model, requests, errors, input_tokens, cached_tokens, output_tokens, cost_nano)
         values (?, ?, 'ann', '', '', 'mail', 1, 0, 2, 0, 3, ?)`,
        [day, 'key "ä"', 2 ** 50 + 1],
      );
    });
    await Promise.all([one, two, one, two].map((s, i) => s.buckets.settle(settled(usage(day, i)))));
    const looks = await Promise.all([one, two, two, one].map(s => usageBetween(s.database, day, day)));
    for (const rows of looks) expect(rows).toEqual([{ ...usage(day, 9), requests: 5, inputTokens: 10, costNano: 5 * (2 ** 50 + 1) }]);
    expect(await admin.exists("{moves}:usage", "{moves}:moving")).toBe(0);
    admin.disconnect();
    await Promise.all([one.close(), two.close()]);
  });

  test("two prefixes on one server know nothing of each other", async () => {
    const [a, b] = [await open("left"), await open("right")];
    const ask = {
      id: "r",
      lifeMs: 1_000,
      lines: [{ bucket: "b", capacity: 1, leakPerMs: 0, charge: 1, hold: 0, enforce: true, endsMs: null }],
    };
    for (const { buckets } of [a, b]) expect((await buckets.reserve([ask]))[0]!.granted).toBe(true);
    expect((await a.buckets.list("", 10)).rows.map(r => r.id)).toEqual(["b"]);
    await Promise.all([a.close(), b.close()]);
  });

  test("what is empty is dropped from the server, of any number of buckets", async () => {
    const clock = { ms: Date.UTC(2026, 0, 1) };
    const state = await open("dropped", { now: () => clock.ms, leaseMs: 1e12 });
    const line = { capacity: 9, leakPerMs: 1, charge: 1, hold: 0, enforce: true, endsMs: null };
    const lines = Array.from({ length: 2_500 }, (_, i) => ({ ...line, bucket: `b${i}` }));
    await state.buckets.reserve([{ id: "many", lifeMs: 1_000, lines: [...lines, { ...line, bucket: "stays", leakPerMs: 0 }] }]);
    clock.ms += 61_000;
    await state.buckets.sweep();
    expect((await state.buckets.list("", 10)).rows.map(r => r.id)).toEqual(["stays"]);
    await state.close();
  });

  test("when the server hangs or is gone an open limit lets through, a closed one says 503, and what was used is counted when it is back", async () => {
    const own = await startRedis(found.program!);
    const limit = { measure: "tokens", limit: 100, window: "1h" };
    const events: string[] = [];
    const control = await openControl({
      state: records("hangs"),
      limitsState: own.url("hangs"),
      root: ".",
      timeoutMs: 300,
      onStore: state => events.push(state),
      config: {
        limits: [
          { ...limit, name: "open", onStoreLoss: "open" },
          { ...limit, name: "strict", for: { models: ["dear"] } },
        ],
      },
    });
    const ask = async (model: string) => {
      const subjects = { identity: identityWith(), model, ip: null };
      const r = await control.limits.reserve(subjects, { inputTokens: 10, maxOutputTokens: 0, bytes: 1 });
      if (r.denial) return r.denial.status;
      await r.settle({ inputTokens: 10, cachedTokens: 0, outputTokens: 0, status: 200 });
      return r.unlimited ? "unlimited" : "counted";
    };
    expect([await ask("mail"), await ask("dear")]).toEqual(["counted", "counted"]);
    process.kill(own.pid, "SIGSTOP");
    expect([await ask("mail"), await ask("dear"), await ask("mail")]).toEqual(["unlimited", 503, "unlimited"]);
    process.kill(own.pid, "SIGCONT");
    await expect.poll(() => ask("dear"), { timeout: 20_000, interval: 200 }).toBe("counted");
    expect(events).toEqual(["lost", "back"]);
    const today = async () => (await control.usage("2000-01-01", "2999-12-31")).find(r => r.model === "mail")!;
    await expect.poll(async () => (await today()).inputTokens, { timeout: 20_000 }).toBe(30);
    // "mail" before and, decided late, in the first moment of the hang; "dear" before and after; what was let through unasked is usage alone
    const open = async () => (await control.limitsView({ limit: "open" })).limits[0]!.buckets[0];
    await expect.poll(open, { timeout: 20_000 }).toMatchObject({ used: 40, held: 0 });
    await own.stop();
    expect([await ask("mail"), await ask("dear")]).toEqual(["unlimited", 503]);
    await control.close();
  });

  test("what no limit can be kept in is refused with its reason, and no sentence has the password", async () => {
    const bad = (limitsUrl: string) => openState({ url: "memory:", limitsUrl, root: ".", timeoutMs: 2_000 });
    await expect(bad("redis://127.0.0.1:1/0")).rejects.toMatchObject({ code: "gateway/stateLost" });
    await expect(bad("redis://u:hunter2@127.0.0.1:1/0")).rejects.not.toThrow(/hunter2/);
    await expect(bad("rediss://u:hunter2@/x?prefix=a b")).rejects.not.toThrow(/hunter2/);
    await expect(bad("redis://u:hunter2%zz@h/0")).rejects.toThrow(/^limitsState: expected a user and a password/);
    await expect(bad("postgres://h/d")).rejects.toThrow(/limitsState: expected redis:/);
    await expect(bad("redis://h/0?prefix=a&sentinel=b")).rejects.toThrow(/no parameter but prefix/);
    await expect(openState({ url: "redis://h/0", root: "." })).rejects.toThrow(/Redis keeps limits alone/);
    const full = await startRedis(found.program!, ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru", "--requirepass", "hunter2"]);
    const url = full.url("x").replace("//", "//:hunter2@");
    await expect(bad(url)).rejects.toThrow(/expected a server that evicts no key.*allkeys-lru/s);
    await expect(bad(full.url("x"))).rejects.toThrow(/NOAUTH/);
    await full.stop();
  });
});

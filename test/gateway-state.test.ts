/** The gateway's limits and entries in PostgreSQL, on a real server, and in processes that share it or a SQLite file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { journalLaws } from "../src/gateway/admin/journal.laws.ts";
import { openControl } from "../src/gateway/control.ts";
import { erasureLaws } from "../src/gateway/erasure/erasure.laws.ts";
import { entryLaws, entryScript } from "../src/gateway/identity/entries.laws.ts";
import { sharedStoreLaws } from "../src/gateway/limits/bucket-store.laws.ts";
import { childScript, processLaws } from "../src/gateway/limits/processes.laws.ts";
import { killedReviewLaws, reviewScript } from "../src/gateway/review/killed.laws.ts";
import { reviewLaws } from "../src/gateway/review/queue.laws.ts";
import { openState } from "../src/gateway/state/state.ts";
import { bundleScript, startChild } from "../src/store/children.laws.ts";
import { findPostgres, type RunningServer, startPostgres } from "../src/store/servers.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-state-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const starter = (text: string, name: string) => {
  let script: Promise<string> | undefined;
  return async (state: string, config: object) => {
    script ??= bundleScript(text, folder, name);
    return startChild(await script, [state, JSON.stringify(config)]);
  };
};
const start = starter(childScript, "limits");
const startEntries = starter(entryScript, "entries");
const startReviews = starter(reviewScript, "reviews");

describe("four processes on one SQLite file", () => {
  processLaws(start, name => `sqlite:${join(folder, `${name}.db`)}`);
});
describe("two processes that change principals and policies on one SQLite file", () => {
  entryLaws(startEntries, name => `sqlite:${join(folder, `${name}.db`)}`);
});
describe("three processes that review on one SQLite file", () => {
  killedReviewLaws(startReviews, name => `sqlite:${join(folder, `${name}.db`)}`);
});

const found = findPostgres();
describe.skipIf(!found.program)(`PostgreSQL${found.program ? "" : ` (skipped: ${found.reason})`}`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startPostgres(found.program!);
  });
  afterAll(() => server?.stop());

  describe("one process", () => {
    // a thousand statements that wait for one row on a busy machine: longer than anybody would let a request wait
    sharedStoreLaws((name, options) => openState({ url: server.url(name), root: ".", timeoutMs: 60_000, ...options }));
    journalLaws(name => openState({ url: server.url(name), root: "." }));
    reviewLaws(name => openState({ url: server.url(name), root: "." }));
    erasureLaws(name => openState({ url: server.url(name), root: "." }));
  });
  describe("three processes that review", () => {
    killedReviewLaws(startReviews, name => server.url(name));
  });
  describe("four processes", () => {
    processLaws(start, name => server.url(name));
  });
  describe("two processes that change principals and policies", () => {
    entryLaws(startEntries, name => server.url(name));
  });

  test("when the server is gone known keys still open, an open limit lets through, and a closed one says 503", async () => {
    const own = await startPostgres(found.program!);
    const limit = { measure: "requests", limit: 5, window: "1h" };
    const events: string[] = [];
    const control = await openControl({
      state: own.url("gone"),
      root: ".",
      secrets: ["test-only".repeat(5)],
      keyCacheMs: 1,
      timeoutMs: 5_000,
      onStore: state => events.push(state),
      config: {
        principals: { users: { ann: {} } },
        limits: [
          { ...limit, name: "open", onStoreLoss: "open" },
          { ...limit, name: "strict", for: { models: ["dear"] } },
        ],
      },
    });
    const { secret } = await control.keys.create({ name: "k", subject: "ann" }, "ann");
    const ask = async (model: string) => {
      const { identity, refusal } = await control.authenticate({ token: secret });
      if (!identity) return refusal.code;
      const r = await control.limits.reserve({ identity, model, ip: null }, { inputTokens: 1, maxOutputTokens: 1, bytes: 1 });
      return r.denial ? r.denial.status : r.unlimited ? "unlimited" : "counted";
    };
    expect([await ask("mail"), await ask("dear")]).toEqual(["counted", "counted"]);
    await own.stop();
    expect([await ask("mail"), await ask("dear"), await ask("mail")]).toEqual(["unlimited", 503, "unlimited"]);
    expect((await control.authenticate({ token: `${secret}x` })).refusal?.code).toBe("unavailable");
    expect(events).toEqual(["lost"]);
    await control.close();
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openCacheStore } from "./open-store.ts";
import { cacheStoreLaws } from "./store.laws.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-gateway-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const options = { state: "memory:", root: folder, timeoutMs: 60_000 };

describe("in memory", () => {
  cacheStoreLaws((_, bounds) => openCacheStore({ ...options, ...bounds, store: "memory" }));
});

describe("in a SQLite file", () => {
  cacheStoreLaws((name, bounds) => openCacheStore({ ...options, ...bounds, store: `sqlite:${name}.db` }));

  test("answers outlive a start", async () => {
    const given = { ...options, store: "state", state: "sqlite:state.db", entries: 10, bytes: 100_000 };
    const first = await openCacheStore(given);
    const usage = { inputTokens: 1, outputTokens: 2, cachedTokens: 0 };
    const answer = { tenant: "all", model: "m", target: "u/m", isStream: false, body: "{}", usage, atMs: 1, expiresMs: 10 };
    await first.put("k", answer, 1);
    await first.close();
    const second = await openCacheStore(given);
    expect(await second.get("k", 5)).toEqual(answer);
    await second.close();
    // a store that was closed is an error that the cache catches, not the end of the process
    await expect(second.get("k", 5)).rejects.toMatchObject({ code: "gateway/stateLost" });
  });
});

test("a schema that is no plain name is refused before a server is asked", async () => {
  const store = "postgres://127.0.0.1:1/d?schema=a;drop";
  await expect(openCacheStore({ ...options, store, entries: 1, bytes: 1024 })).rejects.toMatchObject({ code: "gateway/state" });
});

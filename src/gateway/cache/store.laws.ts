/** The laws of every store of answers: what was put is what is got, bounds hold after every step, nothing outlives its time, tenants part. */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { type CacheStore, type KeptAnswer, type StoreBounds, storedSize } from "./store.ts";

const answerOf = (more: Partial<KeptAnswer> = {}): KeptAnswer => ({
  tenant: "key:a",
  model: "chat",
  target: "local/inner",
  isStream: false,
  body: '{"é":"\\u00e9 \\"quoted\\""}',
  usage: { inputTokens: 7, outputTokens: 60, cachedTokens: 3 },
  atMs: 1_000,
  expiresMs: 2_000,
  ...more,
});

type Open = (name: string, bounds: StoreBounds) => Promise<CacheStore>;

export function cacheStoreLaws(open: Open): void {
  const opened: CacheStore[] = [];
  let n = 0;
  const start = async (bounds: StoreBounds = { entries: 100, bytes: 1_000_000 }) => {
    const store = await open(`cache${n++}`, bounds);
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  test("what was put is got again, to the letter, until its time is over", async () => {
    const store = await start();
    const streamed = answerOf({ isStream: true, body: 'data: {"a":1}\r\n\r\ndata: [DONE]\n\n' });
    await store.put("a", answerOf(), 1_000);
    await store.put("b", streamed, 1_000);
    expect(await store.get("a", 1_999)).toEqual(answerOf());
    expect(await store.get("b", 1_999)).toEqual(streamed);
    expect(await store.get("c", 1_999)).toBeUndefined();
    expect(await store.get("a", 2_000)).toBeUndefined();
  });

  test("a second answer takes the place of the first", async () => {
    const store = await start();
    await store.put("a", answerOf(), 1_000);
    await store.put("a", answerOf({ body: "other", atMs: 1_500, expiresMs: 9_000 }), 1_500);
    expect(await store.get("a", 3_000)).toMatchObject({ body: "other", atMs: 1_500 });
    expect(await store.size()).toEqual({ entries: 1, bytes: storedSize(answerOf({ body: "other" })) });
  });

  test("an answer larger than everything may be is not kept, and what had its key is gone", async () => {
    const store = await start({ entries: 10, bytes: 1_024 });
    await store.put("a", answerOf(), 1_000);
    await store.put("a", answerOf({ body: "x".repeat(2_000) }), 1_000);
    expect(await store.get("a", 1_000)).toBeUndefined();
    expect(await store.size()).toEqual({ entries: 0, bytes: 0 });
  });

  test("what was used longest ago goes first", async () => {
    const store = await start({ entries: 3, bytes: 1_000_000 });
    const hour = 3_600_000;
    for (const [i, key] of ["a", "b", "c"].entries()) await store.put(key, answerOf({ expiresMs: 100 * hour }), i * hour);
    expect(await store.get("a", 4 * hour)).toBeDefined();
    expect(await store.put("d", answerOf({ expiresMs: 100 * hour }), 5 * hour)).toMatchObject({ expired: 0 });
    expect(await store.get("b", 6 * hour)).toBeUndefined();
    expect(await store.get("d", 6 * hour)).toBeDefined();
    expect(await store.get("a", 6 * hour)).toBeDefined();
  });

  test("clearing takes what is meant and leaves the rest", async () => {
    const store = await start();
    const three: [string, string, string][] = [
      ["1", "key:a", "chat"],
      ["2", "key:a", "mail"],
      ["3", "key:b", "chat"],
    ];
    const fill = async () => {
      for (const [key, tenant, model] of three) await store.put(key, answerOf({ tenant, model }), 1_000);
    };
    const left = async () => {
      const found = await Promise.all(three.map(async ([key]) => ((await store.get(key, 1_000)) ? key : "")));
      return found.join("");
    };
    await fill();
    expect([await store.clear({ tenant: "key:a", model: "chat" }), await left()]).toEqual([1, "23"]);
    await fill();
    expect([await store.clear({ model: "chat" }), await left()]).toEqual([2, "2"]);
    await fill();
    expect([await store.clear({ tenant: "key:b" }), await left()]).toEqual([1, "12"]);
    expect([await store.clear({}), await left(), await store.size()]).toEqual([2, "", { entries: 0, bytes: 0 }]);
  });

  test("whatever is put, got and forgotten: the bounds hold after every step, and nothing is got that was not put", async () => {
    const step = fc.record({
      what: fc.constantFrom("put", "put", "get"),
      key: fc.integer({ min: 0, max: 12 }),
      size: fc.integer({ min: 0, max: 900 }),
      lifeMs: fc.integer({ min: 1, max: 200_000 }),
      passMs: fc.integer({ min: 0, max: 90_000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1_000, max: 5_000 }),
        async (steps, entries, bytes) => {
          const store = await open(`cache${n++}`, { entries, bytes });
          const put = new Map<string, KeptAnswer>();
          let nowMs = 0;
          for (const { what, key: number, size, lifeMs, passMs } of steps) {
            nowMs += passMs;
            const key = String(number);
            if (what === "put") {
              const answer = answerOf({ body: `${put.size}${"x".repeat(size)}`, atMs: nowMs, expiresMs: nowMs + lifeMs });
              await store.put(key, answer, nowMs);
              put.set(key, answer);
              // the newest is never what goes
              if (storedSize(answer) <= bytes) expect(await store.get(key, nowMs)).toEqual(answer);
            } else {
              const found = await store.get(key, nowMs);
              if (found) expect(found).toEqual(put.get(key));
              if (found) expect(found.expiresMs).toBeGreaterThan(nowMs);
            }
            const size_ = await store.size();
            expect(size_.entries).toBeLessThanOrEqual(entries);
            expect(size_.bytes).toBeLessThanOrEqual(bytes);
          }
          await store.clear({});
          await store.close();
        },
      ),
      { numRuns: 25 },
    );
  });
}

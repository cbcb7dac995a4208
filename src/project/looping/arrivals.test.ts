/** A comparison that several servers feed: the same as if one server had both arms, whoever writes first. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Clock, random, systemClock } from "../../base/index.ts";
import { loopPolicy } from "../../loop/index.ts";
import { openStore, statesOf } from "../../store/index.ts";
import type { ArmResponse } from "./arrivals.ts";
import { addToComparison, closeComparison, openRoundComparison, openTest } from "./comparison.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-arrivals-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const policy = loopPolicy.parse({
  data: { new: "new" },
  canary: { share: 50, errors: 0.0001, latency: "off", warmup: 0, requests: 100_000 },
});
const begin = 1_800_000_000_000;

/** Requests of ten seconds, an error in ten in both arms. */
function requests(): ArmResponse[] {
  const draw = random("arrivals");
  return Array.from({ length: 2000 }, (_, i) => ({
    id: `r${i}`,
    version: draw.uniform() < 0.5 ? 2 : 1,
    isShadow: false,
    user: null,
    atMs: begin + i * 5,
    isError: draw.uniform() < 0.1,
    totalMs: 5,
  }));
}

async function opened(name: string) {
  let nowMs = begin;
  const clock: Clock = { ...systemClock, now: () => nowMs };
  const store = await openStore({ root: join(folder, name), clock });
  await openRoundComparison(store, "mood", policy, { round: 1, phase: "canary", current: 1, candidate: 2 });
  return {
    store,
    at: (ms: number) => {
      nowMs = ms;
    },
  };
}

test("servers that hold one arm each come to the comparison of one server that holds both, whichever writes first and whenever somebody looks", async () => {
  const all = requests();
  const one = await opened("one");
  await addToComparison(one.store, "mood", all);
  one.at(begin + 20_000);
  const whole = await openTest(one.store, "mood");
  expect(whole!.requests.control + whole!.requests.treatment).toBe(2000);

  const two = await opened("two");
  for (let second = 0; second < 10; second++) {
    const own = all.filter(r => r.atMs >= begin + second * 1000 && r.atMs < begin + (second + 1) * 1000);
    // the server of the new version writes first, and somebody looks before the other one has written
    two.at(begin + (second + 1) * 1000);
    const arm = (version: number) => own.filter(r => r.version === version);
    await addToComparison(two.store, "mood", arm(2));
    await openTest(two.store, "mood");
    two.at(begin + (second + 1) * 1000 + 700);
    await addToComparison(two.store, "mood", arm(1));
    await openTest(two.store, "mood");
  }
  two.at(begin + 20_000);
  expect(await openTest(two.store, "mood")).toEqual(whole);
  await closeComparison(two.store, "mood");
  expect(await statesOf(two.store.records.read, "loop/mood/arrivals")).toEqual([]);
  for (const { store } of [one, two]) await store.close();
});

test("what is told of a comparison that nobody opened is not kept", async () => {
  const { store, at } = await opened("closed");
  await closeComparison(store, "mood");
  await addToComparison(store, "mood", requests().slice(0, 10));
  at(begin + 60_000);
  expect(await openTest(store, "mood")).toBeUndefined();
  expect(await statesOf(store.records.read, "loop/mood/arrivals")).toEqual([]);
  await store.close();
});

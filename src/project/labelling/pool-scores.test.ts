import { expect, onTestFinished, test, vi } from "vitest";
import { handClock } from "../../base/index.ts";
import type { AskedClassifier } from "../../serve/index.ts";
import { type AskedPool, PoolScores, type PoolScoresOptions } from "./pool-scores.ts";

/** Texts are numbers: the share of the first class in percent. A version answers from a base of its own. */
function opened(more: Partial<PoolScoresOptions> = {}) {
  const batches: (readonly string[])[] = [];
  const served = { version: "m@1", base: 0, fails: undefined as Error | undefined, gate: Promise.resolve() };
  const ask: PoolScoresOptions["ask"] = async (signal, use) => {
    if (served.fails) throw served.fails;
    const { version, base } = served;
    const classifier: AskedClassifier = {
      version,
      fingerprint: `fp of ${version}`,
      async classify(texts) {
        batches.push(texts);
        await served.gate;
        signal.throwIfAborted();
        return { labels: ["yes", "no"], scores: texts.map(t => [(Number(t) + base) / 100, 1 - (Number(t) + base) / 100]) };
      },
    };
    return use(classifier);
  };
  const scores = new PoolScores({ ask, now: () => 0, batchTexts: 4, ...more });
  onTestFinished(() => scores.close());
  const settled = () => vi.waitFor(() => expect(scores.isUnderWay).toBe(false));
  return { scores, batches, served, settled };
}
const poolOf = (id: string, count: number): AskedPool => ({
  id,
  texts: Array.from({ length: count }, (_, i) => ({ id: `t${i}`, text: `${i}` })),
});
const known = (scores: PoolScores, pool: AskedPool) => pool.texts.filter(t => scores.of(t.id)).length;

test("who looks waits for the first batch alone; the rest is asked about meanwhile, in order, once, no more texts at a time than may be", async () => {
  const { scores, batches, settled } = opened();
  const pool = poolOf("p", 10);
  expect(scores.version).toBeNull();
  await scores.look(pool);
  expect([known(scores, pool), scores.version]).toEqual([4, "m@1"]);
  await settled();
  expect(batches.map(b => b.length)).toEqual([4, 4, 2]);
  expect(batches.flat()).toEqual(pool.texts.map(t => t.text));
  expect(scores.of("t7")).toEqual({ yes: 0.07, no: 1 - 0.07 });
  await scores.look(pool);
  await settled();
  expect(batches).toHaveLength(3);
});

test("another version is asked about everything again, and nothing of the one before is left", async () => {
  const { scores, batches, served, settled } = opened();
  const pool = poolOf("p", 6);
  await scores.look(pool);
  await settled();
  Object.assign(served, { version: "m@2", base: 50 });
  await scores.look(pool);
  expect([scores.version, known(scores, pool)]).toEqual(["m@2", 4]);
  await settled();
  expect(batches.flat()).toHaveLength(12);
  for (const { id, text } of pool.texts) expect(scores.of(id)!.yes).toBeCloseTo((Number(text) + 50) / 100, 12);
});

test("of another pool nothing is known before it was asked about; labelled texts are asked about no more", async () => {
  const { scores, batches, served, settled } = opened();
  await scores.look(poolOf("p", 3));
  await settled();
  let open = () => {};
  served.gate = new Promise(resolve => {
    open = resolve;
  });
  const other = poolOf("q", 3);
  const look = scores.look(other);
  expect(known(scores, other)).toBe(0);
  open();
  await look;
  expect(known(scores, other)).toBe(3);
  await settled();
  // one more text, and the first ones are labelled meanwhile
  const { texts } = poolOf("q", 5);
  await scores.look({ id: "q", texts: texts.slice(2) });
  expect(batches.at(-1)).toEqual(["3", "4"]);
});

test("a model that cannot be asked is said, what is known stays, and the next look goes on", async () => {
  const { scores, served, settled } = opened();
  const pool = poolOf("p", 8);
  await scores.look(pool);
  served.fails = new Error("the model is asleep");
  await settled();
  expect([scores.failure, known(scores, pool)]).toEqual(["the model is asleep", 4]);
  served.fails = undefined;
  await scores.look(pool);
  await settled();
  expect([scores.failure, known(scores, pool)]).toEqual([null, 8]);
});

test("where nobody looks any more the rest is not asked about, until somebody does", async () => {
  const clock = handClock();
  const { scores, batches, served, settled } = opened({ now: () => clock.monotonic(), idleMs: 60_000 });
  const pool = poolOf("p", 12);
  let open = () => {};
  served.gate = new Promise(resolve => {
    open = resolve;
  });
  const look = scores.look(pool);
  await vi.waitFor(() => expect(batches).toHaveLength(1));
  clock.advance(60_001);
  open();
  await look;
  await settled();
  expect(batches).toHaveLength(1);
  await scores.look(pool);
  await settled();
  expect(known(scores, pool)).toBe(12);
});

test("closed, it asks nothing more, and nobody who looks waits for it", async () => {
  const { scores, batches, served } = opened();
  let open = () => {};
  served.gate = new Promise(resolve => {
    open = resolve;
  });
  const look = scores.look(poolOf("p", 12));
  await vi.waitFor(() => expect(batches).toHaveLength(1));
  const closed = scores.close();
  open();
  await Promise.all([look, closed]);
  await vi.waitFor(() => expect(scores.isUnderWay).toBe(false));
  expect([batches.length, scores.failure]).toEqual([1, null]);
});

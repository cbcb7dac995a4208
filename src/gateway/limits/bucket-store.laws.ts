/** What every store of buckets obeys; `bucket-store.test.ts` runs it in memory and on SQLite, `test/gateway-state.test.ts` on PostgreSQL, `test/gateway-redis.test.ts` on Redis. */
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { UsageRow } from "../contract.ts";
import type { State } from "../state/state.ts";
import { usageBetween } from "../usage/usage.ts";
import type { BucketLine } from "./bucket.ts";
import { type BucketPage, type BucketRow, type BucketStore, lateMs, type ReserveAsk } from "./bucket-store.ts";
import { memoryBuckets } from "./memory.ts";

const startMs = Date.UTC(2026, 0, 1);
const line = (bucket: string, more: Partial<BucketLine> = {}): BucketLine => ({
  bucket,
  capacity: 10,
  leakPerMs: 0,
  charge: 0,
  hold: 0,
  enforce: true,
  endsMs: null,
  ...more,
});
const usage = (more: Partial<UsageRow> = {}): UsageRow => ({
  day: "2026-01-01",
  keyId: "key_a",
  subject: "ann",
  team: "research",
  organisation: "acme",
  model: "mail",
  requests: 1,
  errors: 0,
  inputTokens: 10,
  cachedTokens: 4,
  outputTokens: 20,
  costNano: 123_456_789,
  ...more,
});

/** `open` gives a store of its own (or, given the same name, another process's view of it) whose clock is `now`. */
export function bucketStoreLaws(
  open: (name: string, options: { readonly now?: () => number; readonly leaseMs?: number }) => Promise<State>,
) {
  let n = 0;
  const opened: State[] = [];
  afterEach(async () => {
    for (const state of opened.splice(0)) await state.close();
  });
  const keep = (state: State): State => {
    opened.push(state);
    return state;
  };
  /** A store under a hand clock. */
  const under = async (leaseMs = 1e12) => {
    const clock = { ms: startMs };
    const name = `laws${n++}`;
    const state = keep(await open(name, { now: () => clock.ms, leaseMs }));
    await state.buckets.sweep();
    return { clock, name, state, buckets: state.buckets };
  };
  let ids = 0;
  const ask = (lines: readonly BucketLine[], id = `r${ids++}`, lifeMs = 1e9): ReserveAsk => ({ id, lifeMs, lines });
  const granted = async (b: BucketStore, ...lines: BucketLine[]) => (await b.reserve([ask(lines)]))[0]!.granted;
  /** Whether exactly `room` of the bucket is free: so much fits, and one more does not. */
  const free = async (b: BucketStore, bucket: string, room: number, more: Partial<BucketLine> = {}): Promise<void> => {
    const one = async (charge: number) =>
      (await b.reserve([ask([line(bucket, { ...more, charge }), line("never", { capacity: -1 })])]))[0]!;
    expect([(await one(room)).lines[0]!.fits, (await one(room + 1)).lines[0]!.fits], `room ${room} of ${bucket}`).toEqual([true, false]);
  };

  test("1,000 reservations at once against a limit of 137 let through 137", async () => {
    const { buckets } = await under();
    const asks = Array.from({ length: 1000 }, () => buckets.reserve([ask([line("b", { capacity: 137, charge: 1 })])]));
    expect((await Promise.all(asks)).filter(([o]) => o!.granted).length).toBe(137);
  });

  test("asks in one call are decided one after the other", async () => {
    const { buckets } = await under();
    const outcomes = await buckets.reserve([7, 4, 3, 1].map(charge => ask([line("b", { charge })])));
    expect(outcomes.map(o => o.granted)).toEqual([true, false, true, false]);
    expect(outcomes.map(o => o.lines[0]!.level)).toEqual([7, 7, 10, 10]);
  });

  test("all lines of a request are taken, or none", async () => {
    const { buckets } = await under();
    expect(await granted(buckets, line("a", { charge: 6 }), line("b", { hold: 6 }))).toBe(true);
    expect(await granted(buckets, line("c", { charge: 1 }), line("a", { charge: 1 }), line("b", { hold: 6 }))).toBe(false);
    await free(buckets, "a", 4);
    await free(buckets, "b", 4);
    await free(buckets, "c", 10);
  });

  test("a request larger than the limit leaves the bucket as it is", async () => {
    const { buckets } = await under();
    await granted(buckets, line("b", { charge: 3 }));
    expect(await granted(buckets, line("b", { charge: 1e6 }))).toBe(false);
    await free(buckets, "b", 7);
  });

  test("what is held does not leak, and settling charges what was used instead", async () => {
    const { buckets, clock } = await under();
    const leak = { leakPerMs: 1 / 1000 };
    const a = ask([line("b", { ...leak, hold: 8 })]);
    expect((await buckets.reserve([a]))[0]!.granted).toBe(true);
    clock.ms += 60_000;
    await free(buckets, "b", 2, leak);
    await buckets.settle([{ id: a.id, deltas: { b: 3 }, tookLines: true, usage: null }]);
    await free(buckets, "b", 7, leak);
    clock.ms += 2_000;
    await free(buckets, "b", 9, leak);
  });

  test("settling twice, or what was never reserved, changes nothing and counts nothing", async () => {
    const { buckets, state } = await under();
    const a = ask([line("b", { hold: 8 })]);
    await buckets.reserve([a]);
    for (let i = 0; i < 2; i++) await buckets.settle([{ id: a.id, deltas: { b: 3 }, tookLines: true, usage: usage() }]);
    await buckets.settle([{ id: "nobody", deltas: { b: 3 }, tookLines: true, usage: usage() }]);
    await free(buckets, "b", 7);
    expect(await usageBetween(state.database, "2026-01-01", "2026-01-01")).toEqual([usage()]);
  });

  test("a cancelled request gives back what it was charged and what it held", async () => {
    const { buckets } = await under();
    const a = ask([line("b", { charge: 2 }), line("c", { hold: 5 })]);
    await buckets.reserve([a]);
    await buckets.settle([{ id: a.id, deltas: "cancel", tookLines: true, usage: null }]);
    await free(buckets, "b", 10);
    await free(buckets, "c", 10);
  });

  test("a reservation past its life gives back what it holds, and is charged once if it is settled late", async () => {
    const { buckets, clock } = await under();
    const a = ask([line("b", { hold: 8 })], "late", 5_000);
    await buckets.reserve([a]);
    clock.ms += 4_999;
    await buckets.sweep();
    await free(buckets, "b", 2);
    clock.ms += 1;
    await buckets.sweep();
    await free(buckets, "b", 10);
    for (let i = 0; i < 2; i++) await buckets.settle([{ id: "late", deltas: { b: 6 }, tookLines: true, usage: null }]);
    await free(buckets, "b", 4);
  });

  test("a limit in shadow never stops a request, and takes nothing where it would have", async () => {
    const { buckets } = await under();
    const outcomes = await buckets.reserve([6, 6, 4].map(charge => ask([line("s", { charge, enforce: false }), line("e", { charge: 1 })])));
    expect(outcomes.map(o => o.granted)).toEqual([true, true, true]);
    expect(outcomes.map(o => o.lines[0]!.fits)).toEqual([true, false, true]);
    await free(buckets, "s", 0);
    await free(buckets, "e", 7);
  });

  test("a settled bucket that is empty again is forgotten, and one that holds is not", async () => {
    const { buckets, clock } = await under();
    await granted(buckets, line("leaks", { leakPerMs: 1, charge: 5 }));
    await granted(buckets, line("holds", { hold: 5 }));
    await granted(buckets, line("month", { charge: 5, endsMs: startMs + 100_000 }));
    clock.ms += 10_000;
    await buckets.sweep();
    await free(buckets, "leaks", 10, { leakPerMs: 1 });
    await free(buckets, "holds", 5);
    await free(buckets, "month", 5);
    clock.ms += 90_000;
    await buckets.sweep();
    await free(buckets, "month", 10);
  });

  test("usage of a day is summed by key, subject, team, organisation and model", async () => {
    const { buckets, state } = await under();
    const settle = (row: UsageRow) => ({ id: "none", deltas: {}, tookLines: false, usage: row });
    await buckets.settle([settle(usage()), settle(usage({ model: "other" })), settle(usage({ errors: 1 }))]);
    await buckets.settle([settle(usage({ day: "2026-01-02" })), settle(usage())]);
    const rows = await usageBetween(state.database, "2026-01-01", "2026-01-01");
    expect(rows).toEqual([
      usage({ requests: 3, errors: 1, inputTokens: 30, cachedTokens: 12, outputTokens: 60, costNano: 370_370_367 }),
      usage({ model: "other" }),
    ]);
  });

  test("in no stretch of time does more pass than the capacity and what leaked in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 4_000 }), charge: fc.integer({ min: 1, max: 5 }) }), { maxLength: 40 }),
        async steps => {
          const { buckets, clock } = await under();
          const passed: { atMs: number; charge: number }[] = [];
          for (const { waitMs, charge } of steps) {
            clock.ms += waitMs;
            if (await granted(buckets, line("b", { leakPerMs: 1 / 1000, charge }))) passed.push({ atMs: clock.ms, charge });
          }
          for (let from = 0; from < passed.length; from++) {
            let sum = 0;
            for (const p of passed.slice(from)) {
              sum += p.charge;
              expect(sum).toBeLessThanOrEqual(10 + (p.atMs - passed[from]!.atMs) / 1000 + 1e-5);
            }
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  test("the store decides as the rules over rows in memory do, whatever comes", async () => {
    const amount = fc.integer({ min: 0, max: 6 });
    const lines = fc.uniqueArray(
      fc.record({
        bucket: fc.constantFrom("a", "b", "c"),
        capacity: fc.integer({ min: 1, max: 12 }),
        leakPerMs: fc.constantFrom(0, 1 / 1000, 1 / 60_000),
        charge: amount,
        hold: amount,
        enforce: fc.boolean(),
        endsMs: fc.constantFrom(null, startMs + 20_000),
      }),
      { selector: l => l.bucket, minLength: 1 },
    );
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("reserve" as const),
        asks: fc.array(fc.tuple(lines, fc.integer({ min: 1, max: 9_000 })), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant("settle" as const),
        of: fc.nat(),
        deltas: fc.oneof(fc.constant("cancel" as const), fc.record({ a: fc.integer({ min: -3, max: 6 }), b: amount })),
      }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: -50, max: 5_000 }) }),
      fc.record({ kind: fc.constant("sweep" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async steps => {
        const { buckets, clock } = await under();
        const model = memoryBuckets({ owner: "model", leaseMs: 1e12, timeoutMs: 1, now: () => clock.ms }, () => {});
        const made: string[] = [];
        for (const s of steps) {
          if (s.kind === "wait") clock.ms += s.ms;
          else if (s.kind === "sweep") await Promise.all([buckets.sweep(), model.sweep()]);
          else if (s.kind === "reserve") {
            const asks = s.asks.map(([l, lifeMs]) => ask(l, undefined, lifeMs));
            made.push(...asks.map(a => a.id));
            expect(await buckets.reserve(asks)).toEqual(await model.reserve(asks));
          } else {
            const id = made[s.of % Math.max(1, made.length)] ?? "none";
            const given = [{ id, deltas: s.deltas, tookLines: true, usage: null }];
            await Promise.all([buckets.settle(given), model.settle(given)]);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test("every bucket is listed once, however small the pages, with its level at its own moment", async () => {
    const { clock, buckets } = await under();
    const names = Array.from({ length: 23 }, (_, i) => `b key="${i % 2 ? "A" : "a"}${i}"`);
    for (const [i, name] of names.entries()) await buckets.reserve([ask([line(name, { charge: i + 1, hold: 1, capacity: 100 })])]);
    const at = clock.ms;
    clock.ms += 1_000;
    const rows: BucketRow[] = [];
    for (let after: string | null = ""; after !== null; ) {
      const page: BucketPage = await buckets.list(after, 7);
      expect(page.nowMs).toBe(clock.ms);
      rows.push(...page.rows);
      after = page.next;
    }
    expect(rows).toHaveLength(names.length);
    for (const [i, name] of names.entries()) expect(rows.find(r => r.id === name)).toEqual({ id: name, level: i + 1, held: 1, atMs: at });
  });

  return { under, ask, free, line, keep };
}

/** For stores that processes share. `open` with the same name opens the same state again. */
export function sharedStoreLaws(
  open: (name: string, options: { readonly now?: () => number; readonly leaseMs?: number }) => Promise<State>,
) {
  const { under, ask, free, line, keep } = bucketStoreLaws(open);

  test("what a process held that died comes back when its lease is over, what others hold stays", async () => {
    const { name, clock, buckets } = await under(30_000);
    const other = keep(await open(name, { now: () => clock.ms, leaseMs: 30_000 })).buckets;
    await other.sweep();
    await other.reserve([ask([line("b", { hold: 6 })], "theirs")]);
    await buckets.reserve([ask([line("b", { hold: 1 })], "ours")]);
    clock.ms += 29_000;
    await buckets.sweep();
    await free(buckets, "b", 3);
    clock.ms += 2_000;
    await buckets.sweep();
    await free(buckets, "b", 9);
    // it was only paused: what it used is charged after all
    await other.settle([{ id: "theirs", deltas: { b: 4 }, tookLines: true, usage: null }]);
    await free(buckets, "b", 5);
    clock.ms += lateMs;
    await other.sweep();
    await free(other, "b", 6);
  });
}

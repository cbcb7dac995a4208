import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countValue, quantileOf } from "./figures.ts";
import {
  countResponse,
  emptyWindow,
  figureOf,
  judgeResponse,
  type LiveWindow,
  mergeWindows,
  type ResponseFacts,
  type SteadyTime,
  steadyTime,
  windowFigures,
} from "./index.ts";
import { slowestBackMs } from "./steady-clock.ts";

const facts: fc.Arbitrary<ResponseFacts> = fc.record({
  status: fc.constantFrom(200, 200, 200, 400, 404, 429, 499, 500, 503),
  outcome: fc.constantFrom("stop", "length", "cancelled", "error", "refused"),
  totalMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  firstTokenMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  queuedMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  promptTokens: fc.nat(1e6),
  answerTokens: fc.nat(1e6),
  features: fc.array(
    fc.record({
      numbers: fc.dictionary(fc.constantFrom("nll", "repetition", "confidence"), fc.double({ noDefaultInfinity: false })),
      flags: fc.dictionary(fc.constantFrom("refusal", "echoed"), fc.boolean()),
    }),
    { maxLength: 3 },
  ),
  labels: fc.array(fc.constantFrom("ham", "spam", "constructor", "other"), { maxLength: 2 }),
  objectives: fc.dictionary(fc.constantFrom("answers", "fast"), fc.boolean()),
});
const windowOf = (all: readonly ResponseFacts[]): LiveWindow => {
  const w = emptyWindow();
  for (const r of all) countResponse(w, r);
  return w;
};

describe("windows", () => {
  test("of several servers are one population: however events are dealt out and merged, the window is that of one server", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(facts, fc.nat(3)), { maxLength: 40 }), fc.boolean(), (events, turned) => {
        const whole = windowOf(events.map(([r]) => r));
        const servers = [0, 1, 2, 3].map(s => windowOf(events.filter(([, of]) => of === s).map(([r]) => r)));
        const order = turned ? servers.toReversed() : servers;
        expect(order.reduce(mergeWindows, emptyWindow())).toEqual(whole);
        expect(order.reduceRight((a, b) => mergeWindows(b, a))).toEqual(whole);
        // it is JSON, as the record keeps it
        expect(JSON.parse(JSON.stringify(whole))).toEqual(whole);
      }),
    );
  });

  test("keep a bounded number of labels", () => {
    const w = windowOf(
      Array.from({ length: 500 }, (_, i) => ({
        status: 200,
        outcome: "answered",
        totalMs: 1,
        firstTokenMs: null,
        queuedMs: null,
        promptTokens: 1,
        answerTokens: 0,
        features: [],
        labels: [`label ${i}`],
      })),
    );
    expect(Object.keys(w.classes).length).toBe(65);
    expect(w.classes.other).toBe(500 - 64);
  });

  test("a quantile is within 5 % of the value at its rank", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const counts = {};
          for (const v of values) countValue(counts, v);
          const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(share * values.length)) - 1]!;
          expect(Math.abs(quantileOf(counts, share) / exact - 1)).toBeLessThanOrEqual(0.05);
        },
      ),
    );
  });

  test("what a client did wrong is no failure of the server, and has no latency", () => {
    const base = {
      outcome: "stop",
      totalMs: 100,
      firstTokenMs: 10,
      queuedMs: 1,
      promptTokens: 4,
      answerTokens: 2,
      features: [],
      labels: [],
    };
    const w = windowOf([200, 400, 404, 499, 429, 500].map(status => ({ ...base, status })));
    expect([w.requests, w.errors, w.excluded]).toEqual([6, 2, 3]);
    const figures = windowFigures(w, 0, 60_000);
    expect(figures.shares.errors).toEqual({ count: 2, of: 3 });
    expect(figureOf(figures, "errors")).toEqual({ value: 2 / 3, count: 3 });
    expect(figures.numbers["latency-p50"]!.count).toBe(1);
    expect(figureOf(figures, "nll")).toBeUndefined();
  });
});

test("an objective counts its own model's responses: good where they did not fail and came in time", () => {
  const rules = [
    { name: "up", objective: 0.99 },
    { name: "fast", objective: 0.9, model: "mail", firstTokenMs: 200, latencyMs: 1000 },
  ];
  const judged = (status: number, firstTokenMs: number | null, totalMs: number, model = "mail") =>
    judgeResponse(rules, model, { status, firstTokenMs, totalMs });
  expect(judged(200, 200, 1000)).toEqual({ up: true, fast: true });
  expect(judged(200, 201, 300)).toEqual({ up: true, fast: false });
  expect(judged(200, 100, 1001)).toEqual({ up: true, fast: false });
  expect(judged(200, null, 5)).toEqual({ up: true, fast: true });
  expect(judged(500, 1, 2)).toEqual({ up: false, fast: false });
  expect(judged(200, 1, 2, "other")).toEqual({ up: true });
  for (const status of [400, 404, 499]) expect(judged(status, 1, 2)).toBeUndefined();
});

describe("the steady clock", () => {
  test("follows the wall clock, and never goes back but for a jump of more than ten minutes, which it says", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ elapsed: fc.nat(120_000), jump: fc.oneof(fc.constant(0), fc.integer({ min: -2_000_000, max: 2_000_000 })) }), {
          maxLength: 60,
        }),
        steps => {
          let [wall, monotonic] = [1e12, 5];
          let time: SteadyTime = steadyTime(undefined, wall, monotonic);
          for (const { elapsed, jump } of steps) {
            wall += elapsed + jump;
            monotonic += elapsed;
            const next = steadyTime(time, wall, monotonic);
            if (next.ms < time.ms) expect(next.jumpMs).toBeLessThan(-slowestBackMs + 120_000);
            // never far from the wall clock: at most ten minutes ahead, a second behind
            expect(next.ms - wall).toBeLessThanOrEqual(slowestBackMs);
            expect(next.ms - wall).toBeGreaterThanOrEqual(-1000);
            time = next;
          }
          // a jump back that was small is made good
          for (let i = 0; i < 40; i++) {
            wall += 60_000;
            monotonic += 60_000;
            time = steadyTime(time, wall, monotonic);
          }
          expect(time.ms).toBe(wall);
        },
      ),
    );
  });

  test("a jump forward is taken at once", () => {
    const start = steadyTime(undefined, 1_000_000, 0);
    expect(steadyTime(start, 1_000_000 + 3_600_000, 10)).toEqual({ ms: 4_600_000, monotonicMs: 10, jumpMs: 3_599_990 });
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { concurrencies, kneeOf, loadPoint, longestAnswerSeconds, requestsPerPodOf } from "./figures.ts";

const point = (concurrency: number, tokensPerSecond: number) => ({
  concurrency,
  requests: concurrency,
  tokensPerSecond,
  firstTokenMs: { p50: 1, p99: 1 },
  interTokenMs: { p50: 1, p99: 1 },
});

test("throughput is all tokens over the time from the first request to the last end", () => {
  const response = (sentMs: number, pieceMs: number[], endedMs: number) => ({
    sentMs,
    pieceMs,
    endedMs,
    promptTokens: 5,
    completionTokens: 10,
  });
  const p = loadPoint(2, [response(0, [100, 150, 250], 1000), response(500, [700], 2000)]);
  expect(p).toEqual({
    concurrency: 2,
    requests: 2,
    tokensPerSecond: 10,
    firstTokenMs: { p50: 100, p99: 200 },
    interTokenMs: { p50: 50, p99: 100 },
  });
});

test("the knee of a server that saturates at k requests is where nine tenths of its throughput are reached (law: min(c, k))", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 }), (k, slots) => {
      const steps = concurrencies(slots);
      const knee = kneeOf(steps.map(c => point(c, 100 * Math.min(c, k))));
      const most = Math.min(k, 2 * slots);
      expect(Math.min(knee.concurrency, k)).toBeGreaterThanOrEqual(0.9 * most);
      for (const c of steps.filter(c => c < knee.concurrency)) expect(Math.min(c, k)).toBeLessThan(0.9 * most);
      expect(requestsPerPodOf(knee)).toBeLessThanOrEqual(Math.max(1, knee.concurrency));
    }),
  );
});

test("concurrencies end at twice the slots, ascending and without repetition", () => {
  expect(concurrencies(1)).toEqual([1, 2]);
  expect(concurrencies(8)).toEqual([1, 2, 4, 8, 16]);
  expect(concurrencies(6)).toEqual([1, 2, 4, 6, 12]);
});

test("an answer of the whole context takes its first token and the steps of a server whose sequences are all busy", () => {
  const at = (concurrency: number, p50: number) => ({
    ...point(concurrency, 100),
    firstTokenMs: { p50: 10, p99: 500 },
    interTokenMs: { p50, p99: 9 },
  });
  const points = [at(16, 40), at(1, 5), at(8, 20)];
  expect(longestAnswerSeconds(points, 8, 101)).toBe(2.5);
  expect(longestAnswerSeconds(points, 9, 101)).toBe(4.5);
  expect(longestAnswerSeconds([at(8, 0)], 8, 101)).toBeUndefined();
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e5 }), context => {
      expect(longestAnswerSeconds(points, 8, context + 1)!).toBeGreaterThan(longestAnswerSeconds(points, 8, context)!);
    }),
  );
});

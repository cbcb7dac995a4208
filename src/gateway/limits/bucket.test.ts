import { expect, test } from "vitest";
import { type BucketLine, type BucketState, emptyBucket, emptyMs, fits, levelAt, neverMs, settled, taken } from "./bucket.ts";

const state = (more: Partial<BucketState> = {}): BucketState => ({ level: 10, held: 0, atMs: 1_000, ...more });
const line = (more: Partial<BucketLine> = {}): BucketLine => ({
  bucket: "b",
  capacity: 20,
  leakPerMs: 0.5,
  charge: 0,
  hold: 0,
  enforce: true,
  endsMs: null,
  ...more,
});

test("a level leaks at its rate, never below nothing, and not at all while the clock stands behind", () => {
  expect([1_000, 1_004, 1_020, 1_100, 900].map(now => levelAt(state(), 0.5, now))).toEqual([10, 8, 0, 0, 10]);
});

test("what fills the capacity fits, with what is held, and one more does not", () => {
  expect(fits(state({ held: 3 }), line({ charge: 4, hold: 3 }), 1_000)).toBe(true);
  expect(fits(state({ held: 3 }), line({ charge: 5, hold: 3 }), 1_000)).toBe(false);
  expect(fits(state({ held: 3 }), line({ charge: 4, hold: 4 }), 1_000)).toBe(false);
  expect(fits(state({ held: 4 }), line({ charge: 4, hold: 3 }), 1_000)).toBe(false);
  // two units have leaked since
  expect(fits(state({ held: 3 }), line({ charge: 6, hold: 3 }), 1_004)).toBe(true);
  // a leak's rounding does not stop a request
  expect(fits(state({ level: 10 + 1e-9 }), line({ charge: 10 }), 1_000)).toBe(true);
  expect(fits(emptyBucket, line({ charge: 20, leakPerMs: 0 }), 1_000)).toBe(true);
});

test("taking and settling add up, never go below nothing, and never set the bucket's clock back", () => {
  const after = taken(state({ held: 1 }), line({ charge: 4, hold: 3 }), 1_004);
  expect(after).toEqual({ level: 12, held: 4, atMs: 1_004 });
  expect(taken(state(), line({ charge: 4 }), 900)).toEqual({ level: 14, held: 0, atMs: 1_000 });
  expect(settled(after, 0.5, 3, 2, 1_006)).toEqual({ level: 13, held: 1, atMs: 1_006 });
  expect(settled(after, 0.5, 9, -50, 1_004)).toEqual({ level: 0, held: 0, atMs: 1_004 });
  expect(settled(after, 0.5, 0, 0, 900)).toEqual({ level: 12, held: 4, atMs: 1_004 });
});

test("a bucket is empty when its level has leaked away; one that does not leak at the end of its period, or never", () => {
  expect(emptyMs(10, 0.5, null, 1_000)).toBe(1_020);
  expect(emptyMs(0, 0.5, 7_000, 1_000)).toBe(1_000);
  expect(emptyMs(0, 0, 7_000, 1_000)).toBe(1_000);
  for (const level of [0.5, 10]) expect([emptyMs(level, 0, 7_000, 1_000), emptyMs(level, 0, null, 1_000)]).toEqual([7_000, neverMs]);
});

import { expect, test } from "vitest";
import { firstTokenMs, measureFrom, tokensPerSecond, withPiece, withUsage } from "./measure.ts";

const steady = (pieces: number, everyMs: number) => {
  let m = measureFrom(1000);
  for (let i = 0; i < pieces; i++) m = withPiece(m, 1250 + i * everyMs);
  return m;
};

test("a steady stream has its own rate, whatever the wait before it and its length", () => {
  for (const n of [2, 7, 100]) expect(tokensPerSecond(steady(n, 20))).toBeCloseTo(50, 9);
  expect(firstTokenMs(steady(3, 20))).toBe(250);
});

test("the server's count of tokens goes before the count of pieces", () => {
  expect(tokensPerSecond(withUsage(steady(11, 20), 21, 5))).toBeCloseTo(100, 9);
});

test("there is no rate before two tokens at two times", () => {
  expect(tokensPerSecond(measureFrom(0))).toBeNull();
  expect(tokensPerSecond(steady(1, 20))).toBeNull();
  expect(tokensPerSecond(steady(5, 0))).toBeNull();
  expect(firstTokenMs(measureFrom(0))).toBeNull();
});

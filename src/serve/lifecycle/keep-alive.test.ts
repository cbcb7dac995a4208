import { expect, test } from "vitest";
import { keepAliveMs } from "./keep-alive.ts";

test("times are read as Ollama's clients write them", () => {
  expect([0, 30, "30", "90s", "5m", "1h30m", "250ms", "1.5s"].map(v => keepAliveMs(v))).toEqual([
    0, 30_000, 30_000, 90_000, 300_000, 5_400_000, 250, 1500,
  ]);
  expect([-1, "-1", "-1m"].map(v => keepAliveMs(v))).toEqual(Array(3).fill(Number.POSITIVE_INFINITY));
});

test("what is no time is refused by the parameter's name", () => {
  for (const wrong of ["", "soon", "5 m", "m", Number.NaN, {}, true, "9".repeat(60)])
    expect(() => keepAliveMs(wrong)).toThrow(/keep_alive: expected seconds/);
});

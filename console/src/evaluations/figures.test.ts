import { expect, test } from "vitest";
import { lookOf } from "./figures.tsx";

test("better is said where interval and test both say so, as `loam eval` does; a lower cost is better", () => {
  const up = { better: "higher", low: 0.01, high: 0.13 } as const;
  expect([0.01, 0.049, 0.05, 0.25, null].map(p => lookOf({ ...up, p }))).toEqual(["better", "better", "open", "open", "open"]);
  expect(lookOf({ ...up, better: "lower", p: 0.01 })).toBe("worse");
  expect(lookOf({ ...up, low: -0.01, p: 0.01 })).toBe("open");
  // what has no test has its interval
  expect(lookOf(up)).toBe("better");
});

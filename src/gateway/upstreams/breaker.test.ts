import fc from "fast-check";
import { expect, test } from "vitest";
import { type Breaker, breakerState, closedBreaker, failed, forgotten, mayTry, succeeded, tried } from "./breaker.ts";

const options = { failures: 3, openMs: 1000 };
const failing = (times: number, at = 0): Breaker => {
  let b = closedBreaker;
  for (let i = 0; i < times; i++) b = failed(b, at, options);
  return b;
};

test("it opens at the third failure in a row, and a success in between starts the count again", () => {
  expect(breakerState(failing(2), 0)).toBe("closed");
  expect(breakerState(failing(3), 0)).toBe("open");
  expect(breakerState(failed(failed(succeeded(failing(2), 0), 0, options), 0, options), 0)).toBe("closed");
});

test("half-open lets one request through; its success closes, its failure opens for twice as long", () => {
  const open = failing(3);
  expect(mayTry(open, 999)).toBe(false);
  expect(mayTry(open, 1000)).toBe(true);
  const probing = tried(open, 1000);
  expect(mayTry(probing, 1001)).toBe(false);
  expect(succeeded(probing, 1002)).toEqual(closedBreaker);
  const again = failed(probing, 1002, options);
  expect(mayTry(again, 1002 + 1999)).toBe(false);
  expect(mayTry(again, 1002 + 2000)).toBe(true);
});

test("a probe whose client left makes room for the next", () => {
  expect(mayTry(forgotten(tried(failing(3), 1000)), 1001)).toBe(true);
});

test("answers to requests from before the opening neither close it nor prolong it", () => {
  const open = failing(3);
  expect(succeeded(open, 500)).toBe(open);
  expect(failed(open, 500, options)).toBe(open);
});

test("whatever happens, it can be tried again within five minutes", () => {
  const step = fc.record({ ms: fc.nat({ max: 400_000 }), event: fc.constantFrom("ok", "bad", "try", "left") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      let b = closedBreaker;
      let now = 0;
      for (const { ms, event } of steps) {
        now += ms;
        b =
          event === "ok"
            ? succeeded(b, now)
            : event === "bad"
              ? failed(b, now, options)
              : event === "try" && mayTry(b, now)
                ? tried(b, now)
                : forgotten(b);
      }
      expect(mayTry(b, now + 300_001)).toBe(true);
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Breaker, breakerState, closedBreaker, type FailedRequest, failed, forgotten, mayTry, succeeded, tried } from "./breaker.ts";

const options = { failures: 3, openMs: 1000 };
let count = 0;
/** A request like no other. */
const by = (caller: string | undefined, request = `r${count++}`): FailedRequest => ({ request, caller });
/** Failures of distinct requests of several callers. */
const failing = (times: number, at = 0): Breaker => {
  let b = closedBreaker;
  for (let i = 0; i < times; i++) b = failed(b, at, options, by(`k${i}`));
  return b;
};

test("it opens at the third distinct failure in a row, and a success in between starts the count again", () => {
  expect(breakerState(failing(2), 0)).toBe("closed");
  expect(breakerState(failing(3), 0)).toBe("open");
  const again = succeeded(failing(2), 0, "a");
  expect(breakerState(failed(failed(again, 0, options, by("a")), 0, options, by("b")), 0)).toBe("closed");
});

test("half-open lets one request through; its success closes, its failure opens for twice as long", () => {
  const open = failing(3);
  expect(mayTry(open, 999, "a")).toBe(false);
  expect(mayTry(open, 1000, "a")).toBe(true);
  const probing = tried(open, 1000, "a");
  expect(mayTry(probing, 1001, "b")).toBe(false);
  expect(succeeded(probing, 1002, "a")).toEqual(closedBreaker);
  const again = failed(probing, 1002, options, by("a"));
  expect(mayTry(again, 1002 + 1999, "a")).toBe(false);
  expect(mayTry(again, 1002 + 2000, "a")).toBe(true);
});

test("one request that fails again and again counts once, whoever sends it", () => {
  let b = closedBreaker;
  for (let i = 0; i < 20; i++) b = failed(b, i, options, by(`k${i % 3}`, "poison"));
  expect(b.failures.length).toBe(1);
  expect(mayTry(b, 20, "k0")).toBe(true);
});

test("distinct requests of one caller open it for that caller alone", () => {
  let b = closedBreaker;
  for (let i = 0; i < 3; i++) b = failed(b, 0, options, by("a"));
  expect([mayTry(b, 1, "a"), mayTry(b, 1, "b")]).toEqual([false, true]);
  // another caller's success leaves it so, and closes nothing for the first
  b = succeeded(b, 1, "b");
  expect([mayTry(b, 1, "a"), mayTry(b, 1, "b")]).toEqual([false, true]);
  // another caller's failure opens it for everybody
  const all = failed(b, 2, options, by("b"));
  expect(["a", "b", "c"].map(k => mayTry(all, 3, k))).toEqual([false, false, false]);
  // its own trial closes it
  expect(succeeded(tried(b, 1000, "a"), 1001, "a")).toEqual(closedBreaker);
});

test("failures that no request can be the cause of open it for everybody", () => {
  let b = closedBreaker;
  for (let i = 0; i < 3; i++) b = failed(b, 0, options, { request: undefined, caller: undefined });
  expect(mayTry(b, 1, "a")).toBe(false);
});

test("a probe whose client left makes room for the next", () => {
  expect(mayTry(forgotten(tried(failing(3), 1000, "a")), 1001, "a")).toBe(true);
});

test("answers to requests from before the opening neither close it nor prolong it", () => {
  const open = failing(3);
  expect(succeeded(open, 500, "a")).toBe(open);
  expect(failed(open, 500, options, by("a"))).toBe(open);
});

const step = fc.record({
  ms: fc.nat({ max: 400_000 }),
  event: fc.constantFrom("ok", "bad", "try", "left"),
  caller: fc.constantFrom("a", "b", "c"),
  request: fc.nat({ max: 8 }),
});

test("whatever happens, everybody can try again within five minutes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      let b = closedBreaker;
      let now = 0;
      for (const { ms, event, caller, request } of steps) {
        now += ms;
        if (event === "ok") b = succeeded(b, now, caller);
        else if (event === "bad") b = failed(b, now, options, by(caller, `${request}`));
        else if (event === "try" && mayTry(b, now, caller)) b = tried(b, now, caller);
        else b = forgotten(b);
      }
      for (const caller of ["a", "b", "c"]) expect(mayTry(b, now + 300_001, caller)).toBe(true);
    }),
  );
});

test("whatever one caller's requests do, nobody else is kept away", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      let b = closedBreaker;
      let now = 0;
      for (const { ms, event, request } of steps) {
        now += ms;
        if (event === "bad") b = failed(b, now, options, by("a", `${request}`));
        else if (event === "ok") b = succeeded(b, now, "a");
        else if (mayTry(b, now, "a")) b = tried(b, now, "a");
        expect(mayTry(b, now, "b")).toBe(true);
      }
    }),
  );
});

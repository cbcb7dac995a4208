import { expect, test } from "vitest";
import { scheduleKinds } from "./part.ts";
import { type Schedule, scheduleAt } from "./schedule.ts";

const base: Schedule = { kind: "cosine", warmup: 10, floor: 0.1, decayShare: 0.25 };

for (const kind of scheduleKinds)
  test(`${kind}: warms up linearly, never leaves [floor, 1], ends at its floor`, () => {
    const s = { ...base, kind };
    const at = (i: number) => scheduleAt(s, i, 110);
    for (let i = 0; i < 9; i++) expect(at(i + 1) - at(i)).toBeCloseTo(1 / 11, 12);
    for (let i = 10; i < 110; i++) {
      expect(at(i)).toBeLessThanOrEqual(1);
      expect(at(i)).toBeGreaterThanOrEqual(s.floor);
      expect(at(i + 1)).toBeLessThanOrEqual(at(i));
    }
    expect(scheduleAt(s, 110, 110)).toBeCloseTo(kind === "constant" ? 1 : 0.1, 12);
  });

test("cosine is half way at half time, wsd is flat until its decay", () => {
  expect(scheduleAt(base, 60, 110)).toBeCloseTo(0.55, 12);
  const wsd: Schedule = { ...base, kind: "wsd" };
  expect(scheduleAt(wsd, 10 + 74, 110)).toBe(1);
  expect(scheduleAt(wsd, 10 + 87.5, 110)).toBeCloseTo(0.55, 12);
});

test("the first step of the warm-up takes a share of the rate, not none of it", () => {
  expect([0, 9, 10].map(i => scheduleAt(base, i, 110))).toEqual([1 / 11, 10 / 11, 1]);
});

test("a schedule that makes no sense is refused, and one at the borders of sense is not", () => {
  expect(() => scheduleAt({ ...base, floor: 2 }, 0, 10)).toThrow(/floor in \[0, 1\]/);
  const wsd: Schedule = { ...base, kind: "wsd" };
  for (const [s, steps] of [
    [base, 0],
    [base, 0.5],
    [base, Number.NaN],
    [{ ...base, warmup: -1 }, 10],
    [{ ...base, floor: -0.1 }, 10],
    [{ ...wsd, decayShare: 0 }, 10],
    [{ ...wsd, decayShare: 1.1 }, 10],
  ] as const)
    expect(() => scheduleAt(s, 0, steps), JSON.stringify([s, steps])).toThrow(/steps >= 1/);
  // one step, no warm-up, either floor, a decay from the start, and a share of decay where nothing decays
  for (const floor of [0, 1]) expect(scheduleAt({ ...base, warmup: 0, floor }, 0, 1)).toBe(1);
  expect(scheduleAt({ ...wsd, warmup: 0, decayShare: 1 }, 5, 10)).toBeCloseTo(0.55, 12);
  expect(scheduleAt({ ...base, decayShare: 0 }, 0, 10)).toBe(1 / 11);
});

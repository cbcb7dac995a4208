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

test("a schedule that makes no sense is refused", () => {
  expect(() => scheduleAt({ ...base, floor: 2 }, 0, 10)).toThrow(/floor in \[0, 1\]/);
});

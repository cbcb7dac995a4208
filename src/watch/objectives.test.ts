/** Burn rates: an outage pages soon, a slow leak becomes a ticket, quiet traffic neither; late, merged and stored counts are the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addStates,
  burnAlerts,
  countEvents,
  type ObjectiveState,
  objectiveReport,
  type ServiceObjective,
  unusedObjective,
} from "./objectives.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const slo: ServiceObjective = { name: "answers", objective: 0.999 };
const began = Date.UTC(2026, 0, 1);

/** Traffic of 600 events a minute, of which a share is bad, from a time for some minutes. */
function traffic(state: ObjectiveState, fromMs: number, minutes: number, badShare: number): ObjectiveState {
  let now = state;
  for (let i = 0; i < minutes; i++) {
    const bad = Math.round(600 * badShare * (i + 1)) - Math.round(600 * badShare * i);
    now = countEvents(slo, now, fromMs + i * minuteMs, 600 - bad, bad);
  }
  return now;
}

test("limits are those of the workbook: 14.4, 6 and 1 times the budget's rate over 30 days", () => {
  const thirty = 30 * 24 * hourMs;
  expect(burnAlerts.map(a => (a.budgetShare * thirty) / a.longMs)).toEqual([
    expect.closeTo(14.4, 9),
    expect.closeTo(6, 9),
    expect.closeTo(1, 9),
  ]);
});

test("an outage of 2 % errors pages within minutes of the hour, and stops to when it is over", () => {
  const quiet = traffic(unusedObjective, began, 24 * 60, 0.0001);
  const from = began + 24 * hourMs;
  expect(objectiveReport(slo, quiet, from).alerts).toEqual([]);
  const outage = traffic(quiet, from, 50, 0.02);
  const during = objectiveReport(slo, outage, from + 50 * minuteMs);
  expect(during.alerts.map(a => a.severity)).toContain("page");
  expect(during.alerts[0]!.burn.long).toBeGreaterThan(14.4);
  // the short window is clean ten minutes later
  const after = traffic(outage, from + 50 * minuteMs, 10, 0);
  expect(objectiveReport(slo, after, from + 60 * minuteMs).alerts.filter(a => a.longMs === hourMs)).toEqual([]);
});

test("a leak that no hour shows is a ticket, and the budget left is what was used", () => {
  let state = unusedObjective;
  for (let day = 0; day < 4; day++) state = traffic(state, began + day * 24 * hourMs, 24 * 60, 0.0015);
  const report = objectiveReport(slo, state, began + 4 * 24 * hourMs);
  expect(report.alerts.map(a => a.severity)).toEqual(["ticket"]);
  expect(report.reached).toBeCloseTo(0.9985, 5);
  expect(report.budgetLeft).toBeCloseTo(-0.5, 2);
});

test("counts of several servers, late ones and what JSON keeps are the same state", () => {
  const event = fc.record({ at: fc.integer({ min: 0, max: 300 * 60 }), good: fc.nat(50), bad: fc.nat(5), server: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), events => {
      const add = (state: ObjectiveState, e: (typeof events)[number]) => countEvents(slo, state, began + e.at * 1000, e.good, e.bad);
      const whole = events.reduce(add, unusedObjective);
      const [a, b] = [true, false].map(server => events.filter(e => e.server === server).reduce(add, unusedObjective));
      expect(addStates(slo, a!, b!)).toEqual(whole);
      expect(addStates(slo, b!, a!)).toEqual(whole);
      expect(events.toReversed().reduce(add, unusedObjective)).toEqual(whole);
      expect(JSON.parse(JSON.stringify(whole))).toEqual(whole);
    }),
  );
});

test("a state stays small, and events of before its window change nothing", () => {
  let state = unusedObjective;
  for (let hour = 0; hour < 24 * 40; hour++) state = countEvents(slo, state, began + hour * hourMs, 10, 0);
  expect(state.hours.length).toBeLessThanOrEqual(30 * 24 + 1);
  expect(state.minutes.length).toBeLessThanOrEqual(7);
  expect(countEvents(slo, state, began, 0, 1000)).toEqual(state);
});

const dayMs = 24 * hourMs;
const withEvents = (good: number, bad: number, atMs = began, state = unusedObjective) => countEvents(slo, state, atMs, good, bad);

test("an event counts from its own millisecond on, and one bad event alone reaches nothing", () => {
  expect(objectiveReport(slo, withEvents(0, 1), began)).toMatchObject({ reached: 0, budgetLeft: expect.closeTo(-999, 6) });
  const late = objectiveReport(slo, withEvents(1, 1, began + 30_000), began + 45_000);
  expect(late.reached).toBe(0.5);
  expect(Object.keys(late.burn)).toEqual(["5m", "30m", "1h", "6h", "3d"]);
  for (const burn of Object.values(late.burn)) expect(burn).toBeCloseTo(500, 6);
});

test("the default window is 30 days, and an hour half outside of it counts half", () => {
  const state = withEvents(100, 0, began + dayMs, withEvents(0, 100));
  expect(objectiveReport(slo, state, began + 30 * dayMs).reached).toBe(0.5);
  expect(objectiveReport(slo, state, began + 30 * dayMs + hourMs / 2).reached).toBeCloseTo(2 / 3, 12);
  expect(objectiveReport(slo, state, began + 30 * dayMs + hourMs).reached).toBe(1);
});

test("six hours are counted by minutes: what lies before them has left the burn rate to the minute", () => {
  const state = withEvents(5, 0, began + 5 * hourMs, withEvents(0, 5));
  const burnAt = (ms: number) => objectiveReport(slo, state, began + ms).burn["6h"];
  expect(burnAt(6 * hourMs)).toBeCloseTo(500, 6);
  expect(burnAt(6 * hourMs + minuteMs)).toBe(0);
});

test("a window is 1 to 90 days, an objective more than nothing, and a name is there", () => {
  const set = (o: Partial<ServiceObjective>) => () => objectiveReport({ ...slo, ...o }, unusedObjective, began);
  for (const windowMs of [dayMs, 90 * dayMs]) expect(set({ windowMs })).not.toThrow();
  for (const windowMs of [dayMs - 1, 90 * dayMs + 1]) expect(set({ windowMs })).toThrow(/1 to 90 days/);
  expect(set({ objective: 0 })).toThrow(/between 0 and 1/);
  expect(set({ name: "" })).toThrow(/slo.name/);
});

test("settings and counts out of bounds are refused by name", () => {
  expect(() => objectiveReport({ name: "a", objective: 1 }, unusedObjective, 0)).toThrow(/slo.a.objective/);
  expect(() => countEvents({ ...slo, windowMs: 1000 }, unusedObjective, 0, 1, 0)).toThrow(/1 to 90 days/);
  expect(() => countEvents(slo, unusedObjective, 0, -1, 0)).toThrow(/good/);
  expect(() => countEvents(slo, unusedObjective, Number.NaN, 1, 0)).toThrow(/atMs/);
});

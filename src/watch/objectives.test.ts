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

test("settings and counts out of bounds are refused by name", () => {
  expect(() => objectiveReport({ name: "a", objective: 1 }, unusedObjective, 0)).toThrow(/slo.a.objective/);
  expect(() => countEvents({ ...slo, windowMs: 1000 }, unusedObjective, 0, 1, 0)).toThrow(/1 to 90 days/);
  expect(() => countEvents(slo, unusedObjective, 0, -1, 0)).toThrow(/good/);
  expect(() => countEvents(slo, unusedObjective, Number.NaN, 1, 0)).toThrow(/atMs/);
});

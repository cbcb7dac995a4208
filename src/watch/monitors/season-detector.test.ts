/** The monitors of hours among their season: as many false alarms as declared, and what others do not see. */
import { expect, test } from "vitest";
import { rounds } from "../../../test/support/deep.ts";
import { random } from "../../base/index.ts";
import { simulatedFactor } from "../anomaly/seasonal-outliers.ts";
import { openMonitors } from "./monitors.ts";
import { dayWindow, factorLevels, seasonLevel, seasonOutlier, weekWindow } from "./season-detector.ts";
import { standardMonitors } from "./table.ts";

const hourMs = 3_600_000;

test.each([
  ["day", dayWindow],
  ["week", weekWindow],
])("factors of the %s are those of simulated series", (name, { hours, period, factors }) => {
  const fresh = simulatedFactor(hours, period, [0.5, 0.2, 0.1, 0.05], 1500, `again ${name}`);
  // quantiles of 1,500 series vary by 1 % at a level of 0.05
  for (const [i, factor] of fresh.entries()) expect(Math.abs(factor / factors[i]! - 1), `at ${factorLevels[i]}`).toBeLessThan(0.03);
});

test.each(["both", "above"] as const)("quiet hours are outliers about as often as declared: %s", sides => {
  // the shortest run length whose level is not bounded: 0.69 outliers in two weeks
  const averageRunLength = (60 * dayWindow.hours * (sides === "both" ? 1 : 2)) / Math.LN2;
  const detector = seasonOutlier(dayWindow)(averageRunLength, sides);
  const draw = random(`quiet ${sides}`);
  let [state, signals] = [detector.start, 0];
  const judged = rounds(12_000, 6_000);
  for (let hour = 0; hour < dayWindow.hours + judged; hour++) {
    const level = 3 * Math.sin((2 * Math.PI * hour) / 24) + draw.normal();
    const result = detector.observe(state, { level, atMs: hour * hourMs }, true)!;
    state = result.state;
    if (result.ratio >= 1) signals++;
  }
  const expected = (60 * judged) / averageRunLength;
  expect(signals).toBeGreaterThan(Math.max(0, expected - 4 * Math.sqrt(expected)));
  expect(signals).toBeLessThan(expected + 4 * Math.sqrt(expected));
});

test("the level of a series follows the run length: of both sides each has half", () => {
  expect(seasonLevel(dayWindow, 60 * 336 * 10, "both")).toBeCloseTo(1 - Math.exp(-0.1));
  expect(seasonLevel(dayWindow, 60 * 336 * 10, "above")).toBeCloseTo(1 - Math.exp(-0.2));
  expect(seasonLevel(weekWindow, 60, "both")).toBe(0.5);
});

test("state is bounded; a gap is filled, a long one and a clock that was set back begin anew", () => {
  const detector = seasonOutlier(dayWindow)(100_000, "both");
  const draw = random("gaps");
  let state = detector.start;
  const see = (hour: number) => {
    state = detector.observe(state, { level: draw.normal(), atMs: hour * hourMs }, true)!.state;
    return state.length - 5;
  };
  for (let hour = 0; hour < 400; hour++) expect(see(hour)).toBe(Math.min(hour, 336));
  expect(see(410)).toBe(336);
  expect(state.every(Number.isFinite)).toBe(true);
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  expect(see(409)).toBe(0);
  expect(see(412)).toBe(3);
  expect(see(412 + 25)).toBe(0);
  expect(detector.observe(state, { level: Number.NaN, atMs: 0 }, true)).toBeUndefined();
});

test("an hour that is slow for its time of day is an alarm of its own with its run length in the budget; the usual peak is none", () => {
  const monitors = standardMonitors.filter(row => row.name === "latency-season");
  const set = openMonitors({ monitors, falseAlarmsPerDay: 0.1 });
  expect(set.runLengths["latency-season"]).toBeCloseTo(14_400);
  const budget = standardMonitors.reduce((sum, { weight = 1 }) => sum + weight, 0);
  expect(openMonitors({ falseAlarmsPerDay: 0.1 }).runLengths["latency-season"]).toBeCloseTo((14_400 * budget) / 0.1);
  const draw = random("slow hour");
  let state = set.start;
  const events: string[] = [];
  const startMs = Date.UTC(2026, 10, 1);
  for (let minute = 0; minute < 16 * 1440; minute++) {
    const hour = Math.floor(minute / 60);
    // slow at noon; at 3 h of the last day as slow as at noon
    const day = 1 + 0.5 * Math.max(0, Math.sin((2 * Math.PI * ((hour % 24) - 6)) / 24));
    const value = 100 * (hour === 15 * 24 + 3 ? 1.5 : day) * Math.exp(0.1 * draw.normal());
    const step = set.step(state, { startMs: startMs + minute * 60_000, numbers: { "latency-p50": { value, count: 20 } }, shares: {} });
    state = step.state;
    for (const e of step.events) events.push(`${e.event} ${e.monitor} ${e.kind} ${Math.floor((e.atMs - startMs) / hourMs)}`);
  }
  expect(events.filter(e => e.startsWith("raised"))).toEqual([`raised latency-season anomaly ${15 * 24 + 4}`]);
  expect(events.some(e => e.startsWith("cleared"))).toBe(true);
});

test("shares and labels have no season to be judged by", () => {
  const row = { ...standardMonitors.find(r => r.name === "latency-season")!, metric: "errors" as const };
  expect(() => openMonitors({ monitors: [row] })).toThrow("monitors.0.detector");
});

/** The season of traffic: the same hours of earlier weeks as a second reference, whatever is missing of them. */
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import {
  addToSketch,
  compareSeason,
  compareSketches,
  emptySketch,
  mergeSketches,
  type Sketch,
  type SketchSpec,
  seasonOf,
  type TimedSketch,
  weekMs,
} from "./index.ts";

const spec: SketchSpec = { tokenizer: null, features: { length: { type: "number" }, language: { type: "category" } } };
const hourMs = 3_600_000;
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2026, 10, 30);

/** Requests of an hour: on weekends longer ones, and in the evening more German. */
function hourSketch(atMs: number, { events = 20, more = 0 } = {}): Sketch {
  const sketch = emptySketch(spec);
  const draw = random(`${atMs} ${more}`);
  const date = new Date(atMs);
  const isWeekend = date.getUTCDay() % 6 === 0;
  const isEvening = date.getUTCHours() >= 18;
  for (let i = 0; i < events; i++)
    addToSketch(
      sketch,
      { length: draw.normal() + (isWeekend ? 2 : 0) + more, language: draw.uniform() < (isEvening ? 0.6 : 0.1) ? "de" : "en" },
      `${atMs} ${i}`,
    );
  return sketch;
}
const hours = (fromMs: number, count: number, options = {}): TimedSketch[] =>
  Array.from({ length: count }, (_, h) => ({ atMs: fromMs + h * hourMs, sketch: hourSketch(fromMs + h * hourMs, options) }));
const all = (windows: readonly TimedSketch[]): Sketch => windows.map(w => w.sketch).reduce(mergeSketches);

/** Trained on weekdays in the daytime. */
const training = all(hours(monday - 5 * weekMs + 8 * hourMs, 8, { events: 100 }));
const past = hours(monday - 4 * weekMs, 4 * 168);
const saturday = monday + 5 * 24 * hourMs;

test("a weekend differs from the training data and equals its season; what is new on it differs from both", () => {
  const weekend = hours(saturday, 48);
  const report = compareSketches(training, all(weekend));
  expect(report.verdict).toBe("drift");
  const usual = compareSeason(report, seasonOf(weekend, [...past, ...hours(monday, 5 * 24)])!);
  expect(usual).toMatchObject({ usual: expect.arrayContaining(["length"]), unusual: [], seasons: [1, 2, 3, 4], coverage: 1 });
  expect(usual.report.verdict).toBe("no drift");
  const longer = hours(saturday, 48, { more: 1 });
  const unusual = compareSeason(compareSketches(training, all(longer)), seasonOf(longer, past)!);
  expect(unusual.unusual).toEqual(["length"]);
  expect(unusual.usual).toContain("language");
});

test("with the same traffic each week a season differs in at most its level of weeks", () => {
  let alarms = 0;
  const weeks = 100;
  for (let w = 0; w < weeks; w++) {
    const from = monday + w * 6 * weekMs;
    const now = hours(from, 24, { events: 8 });
    const before = [1, 2, 3, 4].flatMap(k => hours(from - k * weekMs, 24, { events: 8 }));
    const season = seasonOf(now, before)!;
    if (compareSketches(season.reference, season.window, { leastChange: 0 }).p <= 0.05) alarms++;
  }
  // 5 expected, 12 is beyond three standard errors
  expect(alarms).toBeLessThanOrEqual(12);
});

test("hours that are missing in an earlier week are compared on neither side", () => {
  const now = hours(saturday, 24);
  // of three weeks, one has no evening, which is left out of all, and one hardly any hour, which is left out itself
  const before = [...hours(saturday - weekMs, 24), ...hours(saturday - 2 * weekMs, 20), ...hours(saturday - 3 * weekMs + 12 * hourMs, 3)];
  const season = seasonOf(now, before)!;
  expect(season).toMatchObject({ seasons: [1, 2], coverage: 20 / 24, fromMs: saturday - 2 * weekMs });
  expect(season.window.events).toBe(20 * 20);
  expect(season.reference.events).toBe(2 * 20 * 20);
  // the same in any order
  expect(seasonOf(now.toReversed(), before.toReversed())).toMatchObject({ seasons: [1, 2], coverage: 20 / 24 });
});

test("the compared windows are never their own season, and without earlier ones there is none", () => {
  const twoWeeks = hours(monday, 2 * 168, { events: 1 });
  expect(seasonOf(twoWeeks, twoWeeks)).toBeUndefined();
  expect(seasonOf(hours(saturday, 3), hours(saturday - weekMs + 3 * hourMs, 10))).toBeUndefined();
  expect(seasonOf(hours(saturday, 3), [{ atMs: saturday - weekMs, sketch: emptySketch(spec) }])).toBeUndefined();
  expect(seasonOf(hours(saturday, 3), hours(saturday - 24 * hourMs, 3), { everyMs: 24 * hourMs })).toMatchObject({ seasons: [1] });
});

test("a feature with too few values in its season is told so, and settings are refused by name", () => {
  const weekend = hours(saturday, 48);
  const few = hours(saturday - weekMs, 48, { events: 1 }).slice(0, 3);
  const season = compareSeason(compareSketches(training, all(weekend)), seasonOf(weekend, few)!);
  expect(season.unknown).toContain("length");
  expect(season.coverage).toBeCloseTo(3 / 48);
  expect(() => seasonOf(weekend, past, { most: 0 })).toThrow("most: expected a whole number from 1");
  expect(() => seasonOf(weekend, past, { everyMs: 0 })).toThrow("everyMs");
});

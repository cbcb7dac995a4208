/** One budget for all monitors, and one alarm for what belongs together. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type AlarmEvent, type AlarmState, budgetRunLengths, observeSignal, passTime, quietAlarm } from "./alarms.ts";

test("false alarms of all monitors add up to the budget, in parts by their weights", () => {
  const monitors = [
    { name: "latency", valuesPerDay: 8640 },
    { name: "errors", valuesPerDay: 1440, weight: 3 },
    { name: "drift", valuesPerDay: 24 },
  ];
  const lengths = budgetRunLengths(monitors, 0.1);
  const daily = monitors.map(({ name, valuesPerDay }) => valuesPerDay / lengths[name]!);
  expect(daily.reduce((a, b) => a + b, 0)).toBeCloseTo(0.1, 12);
  expect(daily[1]! / daily[0]!).toBeCloseTo(3, 12);
});

test("a budget that a monitor cannot keep to is refused with what it can", () => {
  expect(() => budgetRunLengths([{ name: "drift", valuesPerDay: 1 }], 5)).toThrow(/at most 0.5 false alarms a day/);
  expect(() => budgetRunLengths([], 1)).toThrow(/one monitor or more/);
});

const options = { clearMs: 100, coolDownMs: 300 };
/** Events of a group whose monitors signal at some times; time is looked at before each. */
function eventsOf(times: readonly number[]): { readonly events: readonly [AlarmEvent, number][]; readonly state: AlarmState } {
  let state = quietAlarm;
  const events: [AlarmEvent, number][] = [];
  for (const at of times) {
    const passed = passTime(state, at, options);
    if (passed.event) events.push([passed.event, at]);
    const signalled = observeSignal(passed.state, "latency", at, options);
    if (signalled.event) events.push([signalled.event, at]);
    state = signalled.state;
  }
  return { events, state };
}

test("signals that follow one another are one alarm, which ends after quiet and does not come back during the cool-down", () => {
  const { events, state } = eventsOf([0, 50, 120, 260, 400, 700]);
  expect(events).toEqual([
    ["raised", 0],
    ["cleared", 260],
    ["raised", 700],
  ]);
  expect(state.signals).toEqual({ latency: 1 });
});

test("whatever the clock does, alarms begin and end in turn, and the state survives JSON", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1000, max: 1000 }), { maxLength: 40 }), times => {
      const { events, state } = eventsOf(times);
      for (const [i, [event]] of events.entries()) expect(event).toBe(i % 2 === 0 ? "raised" : "cleared");
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      expect(state.status).toBe(events.length % 2 === 1 ? "active" : "quiet");
    }),
  );
});

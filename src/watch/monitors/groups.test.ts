/** Signals of monitors as alarms: one a group, once more where it becomes worse, none where another explains it. */
import { expect, test } from "vitest";
import { endGroup, type GroupStates, type MonitorSignal, stepGroups } from "./groups.ts";
import type { MonitorRow } from "./table.ts";

const row = (name: string, more: Partial<MonitorRow>): MonitorRow => ({
  name,
  metric: "latency-p50",
  detector: "ewma",
  direction: "above",
  severity: "ticket",
  group: "service",
  ...more,
});
const latency = row("latency", {});
const errors = row("errors", { severity: "page" });
const refusals = row("refusals", { group: "answers", inhibitedBy: ["attacks"], holdMinutes: 2 });
const attack = row("attack", { group: "attacks" });

const minute = 60_000;
const options = { clearMs: 10 * minute, coolDownMs: 30 * minute };

/** Events of a course of minutes, with the monitors that signal in each. */
function run(course: readonly (readonly MonitorRow[])[]) {
  let groups: GroupStates = {};
  const on = new Map<MonitorRow, number>();
  return course.flatMap((rows, at) => {
    for (const known of on.keys()) if (!rows.includes(known)) on.delete(known);
    for (const r of rows) if (!on.has(r)) on.set(r, at * minute);
    const signals: MonitorSignal[] = rows.map(r => ({ row: r, sinceMs: on.get(r)! }));
    const step = stepGroups(groups, signals, at * minute, options);
    groups = JSON.parse(JSON.stringify(step.groups));
    return step.events.map(e => `${at} ${e.event} ${e.group} ${e.severity} ${e.monitor}`);
  });
}
const times = (count: number, rows: readonly MonitorRow[] = []) => Array.from({ length: count }, () => rows);

test("monitors of a group are one alarm, by the worst of them, which is over ten minutes after the last signal", () => {
  expect(run([[latency, errors], [latency], ...times(15)])).toEqual(["0 raised service page errors", "11 cleared service page latency"]);
});

test("an alarm that becomes worse is told once more, and one that is as bad is not", () => {
  expect(run([[latency], [latency], [latency, errors], [latency, errors]])).toEqual([
    "0 raised service ticket latency",
    "2 escalated service page errors",
  ]);
  expect(run([[errors], [errors, latency]])).toEqual(["0 raised service page errors"]);
});

test("after an alarm half an hour passes without another, except a worse one", () => {
  const quiet = times(11);
  expect(run([[latency], ...quiet, [latency]])).toEqual(["0 raised service ticket latency", "10 cleared service ticket latency"]);
  expect(run([[latency], ...times(39), [latency]])).toEqual([
    "0 raised service ticket latency",
    "10 cleared service ticket latency",
    "40 raised service ticket latency",
  ]);
  expect(run([[latency], ...times(38), [latency]]).length).toBe(2);
  expect(run([[latency], ...quiet, [errors]]).at(-1)).toBe("12 raised service page errors");
  expect(run([[errors], ...quiet, [errors]]).length).toBe(2);
});

test("a signal is held as long as its row says, and is no alarm while another group's explains it or did within half an hour", () => {
  expect(run(times(4, [refusals]))).toEqual(["2 raised answers ticket refusals"]);
  expect(run(times(2, [refusals]))).toEqual([]);
  expect(run([[refusals], [refusals, attack], ...times(8, [refusals, attack])])).toEqual(["1 raised attacks ticket attack"]);
  // over at 10: explained until 40
  expect(run([[attack], ...times(28), ...times(10, [refusals])]).filter(e => e.includes("refusals"))).toEqual([]);
  expect(run([[attack], ...times(28), ...times(14, [refusals])]).at(-1)).toBe("40 raised answers ticket refusals");
});

test("an alarm that was ended begins its cool-down", () => {
  const active = stepGroups({}, [{ row: latency, sinceMs: 0 }], 0, options).groups;
  const ended = endGroup(active, "service", minute);
  expect(ended.service!.alarm).toMatchObject({ status: "quiet", endedMs: minute });
  expect(stepGroups(ended, [{ row: latency, sinceMs: 0 }], 2 * minute, options).events).toEqual([]);
  expect(endGroup({}, "service", 0)).toEqual({});
});

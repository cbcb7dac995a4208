/**
 * One step of evaluation, in one transaction: windows of minutes that are over are merged over servers, given to the monitors and objectives, added to the history and
 * removed; alarms are written. All of it is kept or nothing is, and how far it came is a part of it: so nothing counts twice, whoever evaluates, and whenever it dies.
 */
import type { Json } from "../../../base/index.ts";
import { changeStates, type LeaseState, type StatesChange, type Store } from "../../../store/index.ts";
import {
  emptyWindow,
  type MinuteOfMetrics,
  type MonitorSet,
  type MonitorsState,
  mergeWindows,
  type ObjectiveRule,
  windowFigures,
} from "../../../watch/index.ts";
import { type ActiveAlarms, type AlarmChange, changeAlarms } from "./alarms-kept.ts";
import { evaluateObjectives } from "./objectives-kept.ts";
import {
  type HistoryStep,
  historyScope,
  historySteps,
  leaseKey,
  minuteMs,
  startOf,
  timeKey,
  timeOfKey,
  type WindowsByModel,
  watchScopes,
  windowsJson,
  windowsOf,
} from "./scopes.ts";
import { mergeModels } from "./window-memory.ts";

export interface EvaluationOptions {
  readonly store: Store;
  /** Who evaluates: the holder of the lease. */
  readonly server: string;
  /** Of each version; none when absent. */
  readonly monitors: Pick<MonitorSet, "start" | "step"> | undefined;
  readonly objectives: readonly ObjectiveRule[];
  readonly nowMs: number;
  /** Told of what the windows are of, by all servers; perhaps more than once. */
  readonly seen?: (model: string) => void;
}

/** A minute is looked at when it has been over for so long: servers flush every few seconds. */
export const graceMs = 15_000;
/** Windows that come later than a minute's evaluation are still counted in the history and the objectives for so long. */
const lateMs = 10 * minuteMs;
/** Rows of one transaction. */
const mostRows = 1_000;

/** How far evaluation has come. */
export interface CursorState {
  /** Beginning of the last minute that was given to the monitors. */
  readonly minuteMs: number;
  /** Requests whose windows came too late for anything. */
  readonly late: number;
  readonly active: ActiveAlarms;
}
export const cursorKey = "cursor";
export const cursorOf = (value: Json | undefined): CursorState =>
  // written here alone
  (value as unknown as CursorState | undefined) ?? { minuteMs: 0, late: 0, active: {} };

const isOfMonitors = (model: string): boolean => !model.endsWith("#shadow");

async function stepMonitors(
  states: StatesChange,
  monitors: Pick<MonitorSet, "start" | "step">,
  model: string,
  minute: MinuteOfMetrics,
): Promise<AlarmChange[]> {
  const before = (await states.read(watchScopes.monitors, model)) as unknown as MonitorsState | undefined; // written here alone
  const { state, events } = monitors.step(before ?? monitors.start, minute);
  await states.put(watchScopes.monitors, model, state as unknown as Json); // plain data
  return events.flatMap((e): AlarmChange[] => {
    const group = `${model}/${e.group}`;
    // figures and names alone
    const evidence = JSON.parse(JSON.stringify(e.evidence ?? null)) as Json;
    if (e.event === "raised")
      return [
        {
          event: "raised",
          group,
          atMs: e.atMs,
          monitor: e.monitor,
          kind: e.kind,
          model,
          severity: e.severity,
          sinceMs: e.sinceMs,
          evidence,
        },
      ];
    if (e.event === "escalated") return [{ event: "escalated", group, severity: e.severity, evidence }];
    return [{ event: e.event === "no data" ? "noData" : e.event, group, atMs: e.atMs }];
  });
}

/** Adds a minute's windows to the rows of the history that hold it. */
async function keepHistory(states: StatesChange, minute: number, windows: WindowsByModel): Promise<void> {
  for (const [step, { stepMs }] of Object.entries(historySteps)) {
    const [scope, key] = [historyScope(step as HistoryStep), timeKey(startOf(minute, stepMs))];
    await states.put(scope, key, windowsJson(mergeModels(windowsOf(await states.read(scope, key)), windows)));
  }
}

/** All versions together, for objectives; shadows are nobody's responses. */
const together = (windows: WindowsByModel) =>
  Object.entries(windows).reduce((sum, [model, w]) => (isOfMonitors(model) ? mergeWindows(sum, w) : sum), emptyWindow());

async function evaluate(states: StatesChange, o: EvaluationOptions): Promise<{ readonly minutes: number; readonly isMore: boolean }> {
  const lease = (await states.read(watchScopes.state, leaseKey)) as unknown as LeaseState | undefined; // written by `Lease` alone
  if (lease?.server !== o.server) return { minutes: 0, isMore: false };
  const before = startOf(o.nowMs - graceMs, minuteMs);
  const rows = await states.range(watchScopes.windows, { before: timeKey(before), limit: mostRows });
  const cursor = cursorOf(await states.read(watchScopes.state, cursorKey));
  const active = { ...cursor.active };
  let { minuteMs: last, late } = cursor;
  // a clock that was ahead has been set back: minutes that come now are not late
  if (last > before + lateMs) last = before - lateMs;
  const minutes = new Map<number, WindowsByModel>();
  // a minute whose rows are not all here comes with the next ones
  const isMore = rows.length === mostRows;
  const cut = isMore ? timeOfKey(rows.at(-1)!.key) : Number.POSITIVE_INFINITY;
  const whole = rows.filter(r => timeOfKey(r.key) < cut);
  const taken = whole.length > 0 ? whole : rows;
  for (const { key, value } of taken) {
    const minute = timeOfKey(key);
    minutes.set(minute, mergeModels(minutes.get(minute) ?? {}, windowsOf(value)));
  }
  for (const [minute, windows] of minutes) {
    const isLate = minute <= last;
    const sum = together(windows);
    for (const model of Object.keys(windows)) o.seen?.(model);
    if (isLate && minute < last - lateMs) {
      late += sum.requests;
      continue;
    }
    await keepHistory(states, minute, windows);
    const changes = [...(await evaluateObjectives(states, o.objectives, minute, sum))];
    if (!isLate) {
      if (o.monitors)
        for (const [model, w] of Object.entries(windows))
          if (isOfMonitors(model)) changes.push(...(await stepMonitors(states, o.monitors, model, windowFigures(w, minute, minuteMs))));
      last = minute;
    }
    await changeAlarms(states, active, changes);
  }
  if (taken.length > 0) {
    for (const { key } of taken) await states.remove(watchScopes.windows, key);
    await states.put(watchScopes.state, cursorKey, { minuteMs: last, late, active });
  }
  return { minutes: minutes.size, isMore };
}

/** Evaluates all minutes that are over, where the lease is ours; how many. Errors: those of the record: then nothing was done, and it may be done again. */
export async function evaluateWindows(o: EvaluationOptions): Promise<number> {
  let minutes = 0;
  for (;;) {
    const step = await changeStates(o.store, states => evaluate(states, o));
    minutes += step.minutes;
    if (!step.isMore) return minutes;
  }
}

/** Alarms of something else than minutes, with what it remembers, where the lease is ours: all of it is kept or nothing is. Whether it was. */
export const keepAlarms = (
  store: Store,
  server: string,
  {
    scope,
    key,
    state,
    changes,
  }: { readonly scope: string; readonly key: string; readonly state: Json; readonly changes: readonly AlarmChange[] },
): Promise<boolean> =>
  changeStates(store, async states => {
    const lease = (await states.read(watchScopes.state, leaseKey)) as unknown as LeaseState | undefined; // written by `Lease` alone
    if (lease?.server !== server) return false;
    const cursor = cursorOf(await states.read(watchScopes.state, cursorKey));
    const active = { ...cursor.active };
    await changeAlarms(states, active, changes);
    await states.put(watchScopes.state, cursorKey, { ...cursor, active });
    await states.put(scope, key, state);
    return true;
  });

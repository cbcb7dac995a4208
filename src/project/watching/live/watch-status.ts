/** What monitors know, for people and programs: read from the record, whoever wrote it. */
import type { Json } from "../../../base/index.ts";
import { readState, type Store, statesOf } from "../../../store/index.ts";
import { figureOf, mergeWindows, type ObjectiveReport, type ObjectiveRule, windowFigures, windowMetrics } from "../../../watch/index.ts";
import { projectErrors } from "../../errors.ts";
import { type AlarmKind, type AlarmResolution, type AlarmSeverity, alarmOf } from "./alarms-kept.ts";
import { cursorKey, cursorOf } from "./evaluate-windows.ts";
import type { ServerState } from "./flush-windows.ts";
import { keptObjective, objectiveNow } from "./objectives-kept.ts";
import { type HistoryStep, historyScope, historySteps, minuteMs, timeKey, timeOfKey, watchScopes, windowsOf } from "./scopes.ts";
import { mergeModels } from "./window-memory.ts";

/** Figures of the status are of so long. */
const statusMs = 60 * minuteMs;
/** A server that has not written for so long is not listed. */
const seenMs = 10 * minuteMs;
const mostAlarms = 1_000;

export interface WatchedAlarm {
  readonly id: string;
  readonly monitor: string;
  readonly kind: AlarmKind;
  readonly model: string | null;
  readonly severity: AlarmSeverity;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Null while it is active. */
  readonly endedAt: number | null;
  /** How it ended; null while it is active, and of alarms of older versions. */
  readonly resolution: AlarmResolution | null;
  readonly evidence: Json;
}
export interface WatchedObjective extends Omit<ObjectiveReport, "alerts"> {
  readonly name: string;
  readonly model: string | null;
  readonly objective: number;
  readonly windowMs: number;
  readonly alerts: readonly {
    readonly severity: AlarmSeverity;
    readonly longMs: number;
    readonly shortMs: number;
    readonly long: number;
    readonly short: number;
    readonly limit: number;
  }[];
}
export interface WatchedModel {
  /** A version, `mail@3`; "" for responses without a model; `gateway:NAME`; with `#shadow`, what a shadow said. */
  readonly model: string;
  /** Of the last hour. */
  readonly requests: number;
  readonly errors: number;
  /** By name, of the last hour; null where nothing says it. */
  readonly figures: Readonly<Record<string, number | null>>;
}
export interface WatchStatus {
  /** Beginning of the last minute that was evaluated; null before the first. */
  readonly lookedAt: number | null;
  /** Requests whose counts came too late for the history. */
  readonly late: number;
  readonly servers: readonly { readonly id: string; readonly startedAt: number; readonly seenAt: number }[];
  readonly models: readonly WatchedModel[];
  /** Active ones, the newest first. */
  readonly alarms: readonly WatchedAlarm[];
  readonly objectives: readonly WatchedObjective[];
}
export interface WatchHistory {
  readonly metric: string;
  readonly model: string;
  readonly stepMs: number;
  /** Beginning (ms since 1970), value, responses that it is from. */
  readonly points: readonly (readonly [atMs: number, value: number | null, count: number])[];
}

/** The newest first. */
export async function watchedAlarms(store: Store): Promise<WatchedAlarm[]> {
  const rows = await statesOf(store.records.read, watchScopes.alarms, { limit: mostAlarms, isNewestFirst: true });
  return rows.map(r => {
    const { id, monitor, kind, model, severity, sinceMs, endedMs, resolution = null, evidence } = alarmOf(r.value);
    return { id, monitor, kind, model, severity, since: sinceMs, endedAt: endedMs, resolution, evidence };
  });
}

export async function watchedObjectives(store: Store, rules: readonly ObjectiveRule[], nowMs: number): Promise<WatchedObjective[]> {
  const rows = new Map((await statesOf(store.records.read, watchScopes.objectives)).map(r => [r.key, r.value]));
  return rules.map(rule => {
    const { reached, budgetLeft, burn, alerts } = objectiveNow(rule, keptObjective(rule, rows.get(rule.name)), nowMs);
    return {
      name: rule.name,
      model: rule.model ?? null,
      objective: rule.objective,
      windowMs: rule.windowMs ?? 30 * 86_400_000,
      reached,
      budgetLeft,
      burn,
      alerts: alerts.map(({ severity, longMs, shortMs, burn }) => ({ severity, longMs, shortMs, ...burn })),
    };
  });
}

/** `model`: a version or a name; default: all. */
export async function readWatchStatus(store: Store, rules: readonly ObjectiveRule[], model?: string): Promise<WatchStatus> {
  const nowMs = store.clock.now();
  const read = store.records.read;
  const isMeant = (id: string): boolean => model === undefined || id === model || id.split(/[@#]/)[0] === model;
  const rows = await statesOf(read, historyScope("1m"), { from: timeKey(nowMs - statusMs) });
  // what is not evaluated yet counts, too
  const open = await statesOf(read, watchScopes.windows, { from: timeKey(nowMs - statusMs) });
  const sum = [...rows, ...open].reduce((all, r) => mergeModels(all, windowsOf(r.value)), windowsOf(undefined));
  const cursor = cursorOf(await readState(read, watchScopes.state, cursorKey));
  const alarms = (await watchedAlarms(store)).filter(a => a.endedAt === null && (a.model === null || isMeant(a.model)));
  return {
    lookedAt: cursor.minuteMs > 0 ? cursor.minuteMs : null,
    late: cursor.late,
    servers: (await statesOf(read, watchScopes.servers))
      .map(r => ({ id: r.key, state: r.value as unknown as ServerState })) // written by `flushWindows` alone
      .filter(({ state }) => nowMs - state.seenMs < seenMs)
      .map(({ id, state }) => ({ id, startedAt: state.startedMs, seenAt: state.seenMs })),
    models: Object.entries(sum)
      .filter(([id]) => isMeant(id))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, w]) => {
        const figures = windowFigures(w, nowMs, statusMs);
        const shown = windowMetrics.map(name => [name, figureOf(figures, name)?.value ?? null] as const);
        return { model: id, requests: w.requests, errors: w.errors, figures: Object.fromEntries(shown) };
      }),
    alarms,
    objectives: (await watchedObjectives(store, rules, nowMs)).filter(o => model === undefined || o.model === null || isMeant(o.model)),
  };
}

export interface HistoryOptions {
  /** A version, `mail@3`, or a name (all its versions together); default: everything together, shadows left out. */
  readonly model?: string | undefined;
  /** Default: `1m`. */
  readonly step?: HistoryStep | undefined;
  /** Milliseconds since 1970; default: as far back as there is. */
  readonly sinceMs?: number | undefined;
}

/** A figure over time. Errors: project/argument for a metric or step that there is none of. */
export async function readWatchHistory(
  store: Store,
  metric: string,
  { model, step = "1m", sinceMs }: HistoryOptions = {},
): Promise<WatchHistory> {
  const refuse = (place: string, known: readonly string[], received: string) =>
    projectErrors.fail("argument", { place, expected: `one of ${known.join(", ")}`, received: JSON.stringify(received.slice(0, 100)) });
  if (!windowMetrics.includes(metric)) throw refuse("metric", windowMetrics, metric);
  if (!Object.hasOwn(historySteps, step)) throw refuse("step", Object.keys(historySteps), step);
  const { stepMs } = historySteps[step];
  const isMeant = (id: string): boolean =>
    model === undefined
      ? !id.endsWith("#shadow") && !id.startsWith("gateway:")
      : id === model || (!id.includes("#") && id.split("@")[0] === model);
  const rows = await statesOf(store.records.read, historyScope(step), sinceMs === undefined ? {} : { from: timeKey(sinceMs) });
  const points = rows.flatMap(({ key, value }): WatchHistory["points"] => {
    const windows = Object.entries(windowsOf(value)).flatMap(([id, w]) => (isMeant(id) ? [w] : []));
    if (windows.length === 0) return [];
    const found = figureOf(windowFigures(windows.reduce(mergeWindows), timeOfKey(key), stepMs), metric);
    return [[timeOfKey(key), found?.value ?? null, found?.count ?? 0]];
  });
  return { metric, model: model ?? "", stepMs, points };
}

/** Differs as soon as a minute was evaluated, or an alarm has begun or ended. */
export async function watchRevision(store: Store): Promise<string> {
  const read = store.records.read;
  const [alarm] = await statesOf(read, watchScopes.alarms, { limit: 1, isNewestFirst: true });
  return JSON.stringify([await readState(read, watchScopes.state, cursorKey), alarm?.key, alarm?.atMs]);
}

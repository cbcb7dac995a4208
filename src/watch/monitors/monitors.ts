/**
 * All monitors of one version of a model, a minute at a time: metrics by their models, detectors by their run lengths, signals as alarms. A pure function of
 * (state, minute); the state is plain data of a bounded size, and a minute takes the same time however long it has run. All detectors together raise
 * `falseAlarmsPerDay` on average at most; grouping makes them fewer.
 */
import { type AlarmOptions, budgetRunLengths, defaultClearMs } from "../alarms.ts";
import { checkSetting, checkValue } from "../errors.ts";
import type { MinuteOfMetrics } from "../minute.ts";
import { type Detector, type DetectorState, detectors, holdRatio } from "./detectors.ts";
import { endGroup, type GroupEvent, type GroupStates, type MonitorSignal, stepGroups } from "./groups.ts";
import { emptyBases, type MetricBases, type MetricReader, type MetricView, metricReader } from "./metrics.ts";
import { type AlarmGroup, type MetricName, type MonitorRow, metricModels, standardMonitors } from "./table.ts";

export interface MonitorOptions extends AlarmOptions {
  /** False alarms a day of all monitors of a version together, at most, where nothing is wrong (default 0.1). */
  readonly falseAlarmsPerDay?: number;
  /** Minutes with a metric before its first signal (default 120, from 30). Lasting shifts of a seasonal metric: a day. */
  readonly warmUpMinutes?: number;
  /** Whether metrics have a season of a day and a week (default true). Without one, lasting shifts are looked for after the warm-up. */
  readonly seasonal?: boolean;
  /** After so long a signal, what the metric is meanwhile is its new base (default 6 hours, from one; Infinity: never by itself). */
  readonly adaptAfterMs?: number;
  /** Default: all of `standardMonitors`. */
  readonly monitors?: readonly MonitorRow[];
}

/** A detector's numbers, and since when it signals. */
interface MonitorState {
  readonly numbers: DetectorState;
  readonly onMs?: number;
  /** When the shift began that it signals. */
  readonly sinceMs?: number;
  /** The last minute in which the metric of a signal had a value. */
  readonly seenMs?: number;
}

export interface MonitorsState {
  readonly lastMs?: number;
  readonly minutes: number;
  readonly bases: MetricBases;
  readonly monitors: Readonly<Record<string, MonitorState>>;
  readonly groups: GroupStates;
}

/** What one monitor saw. */
export interface MonitorEvidence {
  readonly monitor: string;
  readonly metric: MetricName;
  readonly detector: MonitorRow["detector"];
  readonly side: "above" | "below";
  /** Of the detector's limit. */
  readonly ratio: number;
  readonly value: number;
  readonly expected: number;
  readonly z: number;
  readonly sinceMs: number;
  /** Label or metric that is farthest off, where there are several. */
  readonly farthest?: string;
}

export interface MonitorEvent {
  /** `adapted`: the shift has lasted so long that it is the base from now on. `no data`: the alarm ends, since its metric has no values any more. */
  readonly event: GroupEvent["event"] | "adapted" | "no data";
  readonly group: AlarmGroup;
  readonly monitor: string;
  readonly kind: "chart" | "anomaly";
  readonly severity: MonitorRow["severity"];
  readonly atMs: number;
  /** When what it is about began, as far as the detectors say. */
  readonly sinceMs: number;
  readonly evidence: readonly MonitorEvidence[];
}

export interface MonitorsStep {
  readonly state: MonitorsState;
  readonly events: readonly MonitorEvent[];
  /** The greatest of all detectors' ratios to their limits in this minute; from 1 on there is a signal. */
  readonly greatest: number;
}

export interface MonitorSet {
  readonly start: MonitorsState;
  /** Values between false alarms that each monitor is declared by, by name. */
  readonly runLengths: Readonly<Record<string, number>>;
  /** The next minute, all servers' together; late and repeated ones change nothing. Errors: watch/value. */
  step(state: MonitorsState, minute: MinuteOfMetrics): MonitorsStep;
  /** A person says that what is signalled now is meant: it is the base from now on. */
  confirmChange(state: MonitorsState): { readonly state: MonitorsState; readonly events: readonly MonitorEvent[] };
}

const minuteMs = 60_000;
/** A minute that begins so much before the last one is of a clock that was set back; a less late one is late. */
const setBackMs = 10 * minuteMs;

/** Detectors that learn more than a mean and a deviation. */
const learned: ReadonlySet<MonitorRow["detector"]> = new Set(["jump", "change", "dayOutlier", "weekOutlier"]);
const kindOf = (metric: MetricName, detector: MonitorRow["detector"]): MonitorEvent["kind"] =>
  metricModels[metric].kind === "vector" || learned.has(detector) ? "anomaly" : "chart";

/** Errors: watch/setting. */
function checkRows(rows: readonly MonitorRow[]): void {
  for (const [i, { metric, detector }] of rows.entries()) {
    checkSetting(Object.hasOwn(metricModels, metric), `monitors.${i}.metric`, `one of ${Object.keys(metricModels).join(", ")}`, metric);
    const isShare = metricModels[metric].kind === "share";
    checkSetting(
      "least" in metricModels[metric] || (detector !== "dayOutlier" && detector !== "weekOutlier"),
      `monitors.${i}.detector`,
      `a detector of residuals for ${metric}, which has no values of its own`,
      detector,
    );
    checkSetting(
      isShare || (detector !== "tail" && detector !== "likelihood"),
      `monitors.${i}.detector`,
      `a detector of standardised values for ${metric}, which is no share`,
      detector,
    );
  }
}

interface Running {
  readonly row: MonitorRow;
  readonly detector: Detector;
}

/** One monitor after a minute: its state, and its evidence while it signals. */
function stepMonitor({ row, detector }: Running, before: MonitorState | undefined, view: MetricView, learn: boolean, nowMs: number) {
  const state = before ?? { numbers: detector.start };
  const { slow, unsure } = view.input;
  // a signal goes on or ends by what is seen: where the season is not known yet it would stay for hours, and what comes next would be its base
  const input = state.onMs !== undefined && slow === undefined && unsure !== undefined ? { ...view.input, slow: unsure } : view.input;
  const result = detector.observe(state.numbers, input, learn);
  if (!result) return { state, ratio: 0 };
  const isHeld = state.onMs !== undefined && (result.ratio >= holdRatio || nowMs - state.onMs < (row.holdMinutes ?? 0) * minuteMs);
  const { ratio } = result;
  if (ratio < 1 && !isHeld) return { state: { numbers: result.state }, ratio };
  const onMs = state.onMs ?? nowMs;
  const sinceMs = state.sinceMs ?? nowMs - (result.ago ?? 0) * minuteMs;
  const evidence: MonitorEvidence = {
    monitor: row.name,
    metric: row.metric,
    detector: row.detector,
    side: result.side,
    ratio,
    value: view.value,
    expected: view.expected,
    z: view.z,
    sinceMs,
    ...(view.farthest === undefined ? {} : { farthest: view.farthest }),
  };
  return { state: { numbers: result.state, onMs, sinceMs, seenMs: nowMs }, ratio, evidence };
}

/** A monitor after a minute without a value of its metric: a signal that nothing has confirmed for `clearMs` is over. */
function unseenMonitor(state: MonitorState | undefined, nowMs: number, clearMs: number): MonitorState | undefined {
  if (state?.onMs === undefined) return state;
  // a clock that was set back begins the wait again
  const seenMs = Math.min(state.seenMs ?? nowMs, nowMs);
  return nowMs - seenMs < clearMs ? { ...state, seenMs } : { numbers: state.numbers };
}

/** What ended for want of values is told as that, and has no cool-down: values that come back and still signal are a new alarm. */
function endUnseen(groups: GroupStates, events: readonly MonitorEvent[], isUnseen: (group: AlarmGroup) => boolean) {
  let next = groups;
  const told = events.map((e): MonitorEvent => {
    if (e.event !== "cleared" || !isUnseen(e.group)) return e;
    const known = next[e.group]!;
    if (known.alarm.status === "quiet") {
      const { endedMs: _, ...alarm } = known.alarm;
      next = { ...next, [e.group]: { ...known, alarm } };
    }
    return { ...e, event: "no data" };
  });
  return { groups: next, events: told };
}

const isOn = (state: MonitorsState, metric: MetricName, rows: readonly MonitorRow[]): boolean =>
  rows.some(row => row.metric === metric && state.monitors[row.name]?.onMs !== undefined);

type Rows = readonly MonitorRow[];

/** Bases of some metrics as they are now, and their monitors begun again. */
function adapted(rows: Rows, reader: MetricReader, state: MonitorsState, metrics: ReadonlySet<MetricName>, nowMs: number) {
  const own = rows.filter(row => metrics.has(row.metric));
  const monitors = Object.fromEntries(Object.entries(state.monitors).filter(([name]) => !own.some(row => row.name === name)));
  let next: MonitorsState = { ...state, monitors, bases: [...metrics].reduce(reader.adapt, state.bases) };
  const events: MonitorEvent[] = [];
  for (const group of new Set(own.map(row => row.group))) {
    const isLeft = rows.some(row => row.group === group && next.monitors[row.name]?.onMs !== undefined);
    const known = next.groups[group];
    if (isLeft || known?.alarm.status !== "active") continue;
    const row = own.find(r => r.group === group && state.monitors[r.name]?.onMs !== undefined) ?? own.find(r => r.group === group)!;
    next = { ...next, groups: endGroup(next.groups, group, nowMs) };
    const [kind, sinceMs] = [kindOf(row.metric, row.detector), known.alarm.sinceMs ?? nowMs];
    events.push({ event: "adapted", group, monitor: row.name, kind, severity: known.severity, atMs: nowMs, sinceMs, evidence: [] });
  }
  return { state: next, events };
}

/** A group's event as it is told, with what its monitors saw. */
function toldEvent(rows: Rows, event: GroupEvent, evidence: readonly MonitorEvidence[], atMs: number, groups: GroupStates): MonitorEvent {
  const own = evidence.filter(e => rows.some(row => row.name === e.monitor && row.group === event.group));
  const row = rows.find(r => r.name === event.monitor)!;
  const began = event.event === "raised" ? own.filter(e => e.monitor === event.monitor).map(e => e.sinceMs) : [];
  const sinceMs = Math.min(groups[event.group]?.alarm.sinceMs ?? atMs, ...began);
  return { ...event, kind: kindOf(row.metric, row.detector), atMs, sinceMs, evidence: own };
}

/** Errors: watch/setting. */
export function openMonitors({
  falseAlarmsPerDay = 0.1,
  warmUpMinutes = 120,
  seasonal = true,
  adaptAfterMs = 6 * 60 * minuteMs,
  monitors: rows = standardMonitors,
  ...alarmOptions
}: MonitorOptions = {}): MonitorSet {
  checkSetting(Number.isInteger(warmUpMinutes) && warmUpMinutes >= 30, "warmUpMinutes", "a whole number from 30", warmUpMinutes);
  checkSetting(adaptAfterMs >= 60 * minuteMs, "adaptAfterMs", "an hour or more: what is the base then needs as many values", adaptAfterMs);
  checkRows(rows);
  const runLengths = budgetRunLengths(
    rows.map(({ name, weight = 1 }) => ({ name, weight, valuesPerDay: 1440 })),
    falseAlarmsPerDay,
  );
  const running = rows.map((row): Running => ({ row, detector: detectors[row.detector](runLengths[row.name]!, row.direction) }));
  const reader = metricReader(new Set(rows.map(r => r.metric)), { warmUpMinutes, seasonal });

  return {
    start: { minutes: 0, bases: emptyBases, monitors: {}, groups: {} },
    runLengths,
    step(before, minute) {
      const nowMs = minute.startMs;
      checkValue(Number.isFinite(nowMs), "minute.startMs", "a time in milliseconds since 1970", nowMs);
      if (before.lastMs !== undefined && nowMs <= before.lastMs && nowMs > before.lastMs - setBackMs)
        return { state: before, events: [], greatest: 0 };
      const learns = new Map<MetricName, boolean>(rows.map(({ metric }) => [metric, !isOn(before, metric, rows)]));
      const { bases, views } = reader.read(before.bases, minute, metric => learns.get(metric) ?? true);
      const monitors: Record<string, MonitorState> = { ...before.monitors };
      const [signals, evidence]: [MonitorSignal[], MonitorEvidence[]] = [[], []];
      const unseen = new Set<AlarmGroup>();
      let greatest = 0;
      for (const each of running) {
        const { row } = each;
        const view = views.get(row.metric);
        if (!view) {
          const state = unseenMonitor(before.monitors[row.name], nowMs, alarmOptions.clearMs ?? defaultClearMs);
          if (state) monitors[row.name] = state;
          if (before.monitors[row.name]?.onMs !== undefined) unseen.add(row.group);
          continue;
        }
        const step = stepMonitor(each, before.monitors[row.name], view, learns.get(row.metric)!, nowMs);
        monitors[row.name] = step.state;
        greatest = Math.max(greatest, step.ratio);
        if (!("evidence" in step) || !step.evidence) continue;
        evidence.push(step.evidence);
        signals.push({ row, sinceMs: step.state.onMs! });
      }
      const grouped = stepGroups(before.groups, signals, nowMs, alarmOptions);
      const stepped = grouped.events.map(event => toldEvent(rows, event, evidence, nowMs, grouped.groups));
      const { groups, events } = endUnseen(grouped.groups, stepped, group => unseen.has(group));
      const state: MonitorsState = { lastMs: nowMs, minutes: before.minutes + 1, bases, monitors, groups };
      const lasting = new Set(signals.filter(s => nowMs - s.sinceMs >= adaptAfterMs).map(s => s.row.metric));
      if (lasting.size === 0) return { state, events, greatest };
      const after = adapted(rows, reader, state, lasting, nowMs);
      return { state: after.state, events: [...events, ...after.events], greatest };
    },
    confirmChange(state) {
      const metrics = new Set(rows.filter(row => state.monitors[row.name]?.onMs !== undefined).map(row => row.metric));
      return metrics.size === 0 ? { state, events: [] } : adapted(rows, reader, state, metrics, state.lastMs!);
    },
  };
}

/**
 * Signals of monitors as few alarms: one a group, told once, once more where it becomes worse, and when it is over. What another group's alarm explains raises
 * none. Pure functions of (state, event).
 */
import { type AlarmOptions, type AlarmState, observeSignal, passTime, quietAlarm } from "../alarms.ts";
import { type AlarmGroup, alarmGroups, type MonitorRow } from "./table.ts";

type Severity = MonitorRow["severity"];

interface GroupState {
  readonly alarm: AlarmState;
  /** Worst of the active alarm, or of the last one. */
  readonly severity: Severity;
}
export type GroupStates = Readonly<Partial<Record<AlarmGroup, GroupState>>>;

/** A monitor that signals now. */
export interface MonitorSignal {
  readonly row: MonitorRow;
  /** When it began to signal. */
  readonly sinceMs: number;
}

export interface GroupEvent {
  readonly event: "raised" | "escalated" | "cleared";
  readonly group: AlarmGroup;
  readonly severity: Severity;
  /** Monitor that raised it; of `cleared`: the one with the most signals. */
  readonly monitor: string;
}

/** After an alarm is over, it explains other groups' signals for so long. */
const explainsMs = 30 * 60_000;

function isInhibited({ row }: MonitorSignal, groups: GroupStates, nowMs: number): boolean {
  return (row.inhibitedBy ?? []).some(name => {
    const alarm = groups[name]?.alarm;
    return alarm?.status === "active" || (alarm?.endedMs !== undefined && nowMs - alarm.endedMs < explainsMs);
  });
}

function stepGroup(
  group: AlarmGroup,
  before: GroupState,
  signals: readonly MonitorSignal[],
  groups: GroupStates,
  nowMs: number,
  options: AlarmOptions,
): { readonly state: GroupState; readonly events: readonly GroupEvent[] } {
  const events: GroupEvent[] = [];
  const passed = passTime(before.alarm, nowMs, options);
  let state: GroupState = { ...before, alarm: passed.state };
  if (passed.event) {
    const [monitor] = Object.entries(before.alarm.signals).sort(([, a], [, b]) => b - a)[0]!;
    events.push({ event: "cleared", group, severity: before.severity, monitor });
  }
  const order = [...signals].sort((a, b) =>
    a.row.severity === b.row.severity ? a.sinceMs - b.sinceMs : a.row.severity === "page" ? -1 : 1,
  );
  for (const signal of order) {
    const { name, severity, holdMinutes = 0 } = signal.row;
    const isActive = state.alarm.status === "active";
    if (!isActive && (nowMs - signal.sinceMs < holdMinutes * 60_000 || isInhibited(signal, groups, nowMs))) continue;
    const isWorse = severity === "page" && state.severity === "ticket";
    // a cool-down of a ticket does not keep a page back
    const observed = observeSignal(state.alarm, name, nowMs, isWorse ? { ...options, coolDownMs: 0 } : options);
    if (observed.event === "raised") events.push({ event: "raised", group, severity, monitor: name });
    else if (isActive && isWorse) events.push({ event: "escalated", group, severity, monitor: name });
    state = { alarm: observed.state, severity: observed.event === "raised" || (isActive && isWorse) ? severity : state.severity };
  }
  return { state, events };
}

/** All groups after a moment with signals. Groups that explain others come first in `alarmGroups`. Errors: watch/value. */
export function stepGroups(
  before: GroupStates,
  signals: readonly MonitorSignal[],
  nowMs: number,
  options: AlarmOptions,
): { readonly groups: GroupStates; readonly events: readonly GroupEvent[] } {
  let groups = before;
  const events: GroupEvent[] = [];
  for (const group of alarmGroups) {
    const own = signals.filter(({ row }) => row.group === group);
    const known = groups[group];
    if (!known && own.length === 0) continue;
    const step = stepGroup(group, known ?? { alarm: quietAlarm, severity: "ticket" }, own, groups, nowMs, options);
    groups = { ...groups, [group]: step.state };
    events.push(...step.events);
  }
  return { groups, events };
}

/** The group's alarm is over: what it was about has become usual. */
export function endGroup(groups: GroupStates, group: AlarmGroup, nowMs: number): GroupStates {
  const state = groups[group];
  return state ? { ...groups, [group]: { ...state, alarm: { ...state.alarm, status: "quiet", endedMs: nowMs } } } : groups;
}

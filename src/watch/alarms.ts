/**
 * Alarms of all monitors together: how often each may be wrong so that all keep to one budget a day, and when a signal is a new alarm. Pure functions of
 * (state, event); times are milliseconds of the caller's clock.
 */
import { checkSetting, checkValue } from "./errors.ts";

export interface BudgetedMonitor {
  readonly name: string;
  /** Values (or windows) that it looks at a day. */
  readonly valuesPerDay: number;
  /** Its part of the budget beside the others' (default 1). */
  readonly weight?: number;
}

/**
 * Average run length of each monitor, by name, so that all of them together raise `falseAlarmsPerDay` on average where nothing is wrong: expected numbers add up
 * whatever depends on what. Errors: watch/setting.
 */
export function budgetRunLengths(monitors: readonly BudgetedMonitor[], falseAlarmsPerDay: number): Record<string, number> {
  checkSetting(falseAlarmsPerDay > 0 && Number.isFinite(falseAlarmsPerDay), "falseAlarmsPerDay", "a number above 0", falseAlarmsPerDay);
  checkSetting(monitors.length > 0, "monitors", "one monitor or more", "none");
  const weights = monitors.map(({ weight = 1 }) => weight);
  const all = weights.reduce((a, b) => a + b, 0);
  const lengths = new Map<string, number>();
  for (const [i, { name, valuesPerDay }] of monitors.entries()) {
    checkSetting(!lengths.has(name), `monitors.${i}.name`, "each name once", name);
    checkSetting(valuesPerDay > 0, `monitors.${i}.valuesPerDay`, "a number above 0", valuesPerDay);
    checkSetting(weights[i]! > 0, `monitors.${i}.weight`, "a number above 0", weights[i]);
    const share = (falseAlarmsPerDay * weights[i]!) / all;
    checkSetting(
      valuesPerDay / share >= 2,
      `monitors.${i}`,
      `at most ${valuesPerDay / 2} false alarms a day of ${valuesPerDay} values`,
      share,
      "Lower the budget, or let the monitor look at more values.",
    );
    lengths.set(name, valuesPerDay / share);
  }
  return Object.fromEntries(lengths);
}

/** Default of `clearMs`. */
export const defaultClearMs = 600_000;

export interface AlarmOptions {
  /** Without a signal for so long, an alarm is over (default 10 minutes). */
  readonly clearMs?: number;
  /** After an alarm is over, signals of its group are counted and raise none for so long (default 30 minutes). */
  readonly coolDownMs?: number;
}

/** One group's alarm: what belongs together (a model's version, a tenant) and is reported once. */
export interface AlarmState {
  readonly status: "quiet" | "active";
  /** Beginning of the active alarm, or of the last one; absent before the first. */
  readonly sinceMs?: number;
  readonly lastSignalMs?: number;
  readonly endedMs?: number;
  /** Signals of the active alarm by monitor, and of the cool-down after it. */
  readonly signals: Readonly<Record<string, number>>;
}
export const quietAlarm: AlarmState = { status: "quiet", signals: {} };

/** `raised` and `cleared` are told to people; nothing else is. */
export type AlarmEvent = "raised" | "cleared";

/** A clock that jumps back stands still: an alarm neither ends early nor twice. */
const later = (nowMs: number, { lastSignalMs = Number.NEGATIVE_INFINITY, endedMs = Number.NEGATIVE_INFINITY }: AlarmState): number =>
  Math.max(nowMs, lastSignalMs, endedMs);

/** The group's alarm after time has passed. */
export function passTime(
  state: AlarmState,
  nowMs: number,
  { clearMs = defaultClearMs }: AlarmOptions = {},
): { readonly state: AlarmState; readonly event?: AlarmEvent } {
  checkValue(Number.isFinite(nowMs), "nowMs", "a time in milliseconds", nowMs);
  const now = later(nowMs, state);
  if (state.status === "quiet" || now - state.lastSignalMs! < clearMs) return { state };
  return { state: { ...state, status: "quiet", endedMs: now }, event: "cleared" };
}

/** The group's alarm after a signal of a monitor. Time has passed until then: give `passTime` first what it says. */
export function observeSignal(
  state: AlarmState,
  monitor: string,
  nowMs: number,
  { coolDownMs = 1_800_000 }: AlarmOptions = {},
): { readonly state: AlarmState; readonly event?: AlarmEvent } {
  checkValue(Number.isFinite(nowMs), "nowMs", "a time in milliseconds", nowMs);
  const now = later(nowMs, state);
  const counted = { ...state.signals, [monitor]: (state.signals[monitor] ?? 0) + 1 };
  if (state.status === "active") return { state: { ...state, lastSignalMs: now, signals: counted } };
  if (state.endedMs !== undefined && now - state.endedMs < coolDownMs) return { state: { ...state, lastSignalMs: now, signals: counted } };
  return { state: { status: "active", sinceMs: now, lastSignalMs: now, signals: { [monitor]: 1 } }, event: "raised" };
}

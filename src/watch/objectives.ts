/**
 * Service level objectives as data, and how fast their error budget is used: burn rates over two windows at once (Site Reliability Workbook, chapter 5: the
 * long one shows that it matters, the short one that it goes on). Counts are kept by minute for the fast windows and by hour for the slow ones, so a state
 * has the same size however long it is used; states of several servers add up.
 */
import { checkSetting, checkValue } from "./errors.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export interface ServiceObjective {
  readonly name: string;
  /** Share of events that must be good, such as 0.999. */
  readonly objective: number;
  /** What the budget is for (default 30 days; 1 to 90). */
  readonly windowMs?: number;
}

/** Good and bad events of a stretch that begins at a multiple of its length. */
interface EventCounts {
  readonly startMs: number;
  readonly good: number;
  readonly bad: number;
}

/** Plain data. Oldest first. */
export interface ObjectiveState {
  readonly minutes: readonly EventCounts[];
  readonly hours: readonly EventCounts[];
}
export const unusedObjective: ObjectiveState = { minutes: [], hours: [] };

/** Minutes that are kept: the longest window that is looked at by minutes. */
const keptMinutesMs = 6 * hourMs;

/** Alerts of a budget of 30 days, by how much of it is gone when they fire: 2 %, 5 % and 10 %. */
export const burnAlerts = [
  { severity: "page", longMs: hourMs, shortMs: 5 * minuteMs, budgetShare: 0.02 },
  { severity: "page", longMs: 6 * hourMs, shortMs: 30 * minuteMs, budgetShare: 0.05 },
  { severity: "ticket", longMs: 3 * dayMs, shortMs: 6 * hourMs, budgetShare: 0.1 },
] as const;

const burnWindows = [...new Set(burnAlerts.flatMap(({ longMs, shortMs }) => [shortMs, longMs]))].sort((a, b) => a - b);
const windowName = (ms: number): string => (ms < hourMs ? `${ms / minuteMs}m` : ms < dayMs ? `${ms / hourMs}h` : `${ms / dayMs}d`);

export interface BurnAlert {
  readonly severity: "page" | "ticket";
  readonly longMs: number;
  readonly shortMs: number;
  /** Times as fast as the budget allows: over the long and the short window, and the limit of both. */
  readonly burn: { readonly long: number; readonly short: number; readonly limit: number };
}

export interface ObjectiveReport {
  /** Share of good events in the window; 1 without events. */
  readonly reached: number;
  /** Share of the error budget that is left, below 0 where it is overdrawn. */
  readonly budgetLeft: number;
  /** Times as fast as the budget allows, by window: `5m`, `30m`, `1h`, `6h`, `3d`. */
  readonly burn: Readonly<Record<string, number>>;
  readonly alerts: readonly BurnAlert[];
}

const checkObjective = ({ name, objective, windowMs = 30 * dayMs }: ServiceObjective): number => {
  checkSetting(name !== "", "slo.name", "a name", '""');
  checkSetting(objective > 0 && objective < 1, `slo.${name}.objective`, "a share between 0 and 1, such as 0.999", objective);
  checkSetting(windowMs >= dayMs && windowMs <= 90 * dayMs, `slo.${name}.windowMs`, "1 to 90 days", windowMs);
  return windowMs;
};

/** The counts with some more at a time, and without what is older than `keptMs` before the newest. Times before the oldest are dropped; others find their place. */
function counted(
  all: readonly EventCounts[],
  atMs: number,
  lengthMs: number,
  keptMs: number,
  good: number,
  bad: number,
): readonly EventCounts[] {
  const startMs = Math.floor(atMs / lengthMs) * lengthMs;
  const newest = Math.max(startMs, all.at(-1)?.startMs ?? startMs);
  if (startMs <= newest - keptMs - lengthMs) return all;
  const kept = all.filter(c => c.startMs > newest - keptMs - lengthMs);
  const place = kept.findIndex(c => c.startMs >= startMs);
  const at = place < 0 ? kept.length : place;
  if (kept[at]?.startMs === startMs) kept[at] = { startMs, good: kept[at].good + good, bad: kept[at].bad + bad };
  else kept.splice(at, 0, { startMs, good, bad });
  return kept;
}

/** The state after events at a time (ms since 1970). Late events are counted where they belong. Errors: watch/value, watch/setting. */
export function countEvents(slo: ServiceObjective, state: ObjectiveState, atMs: number, good: number, bad: number): ObjectiveState {
  const windowMs = checkObjective(slo);
  checkValue(Number.isFinite(atMs) && atMs >= 0, "atMs", "a time in milliseconds since 1970", atMs);
  for (const [name, n] of [
    ["good", good],
    ["bad", bad],
  ] as const)
    checkValue(Number.isInteger(n) && n >= 0, name, "a whole number from 0", n);
  return {
    minutes: counted(state.minutes, atMs, minuteMs, keptMinutesMs, good, bad),
    hours: counted(state.hours, atMs, hourMs, windowMs, good, bad),
  };
}

/** What several servers counted, together: the same in any order. Errors: watch/setting. */
export function addStates(slo: ServiceObjective, a: ObjectiveState, b: ObjectiveState): ObjectiveState {
  const windowMs = checkObjective(slo);
  const add = (x: readonly EventCounts[], y: readonly EventCounts[], lengthMs: number, keptMs: number) =>
    [...y].reduceRight<readonly EventCounts[]>((sum, c) => counted(sum, c.startMs, lengthMs, keptMs, c.good, c.bad), x);
  return { minutes: add(a.minutes, b.minutes, minuteMs, keptMinutesMs), hours: add(a.hours, b.hours, hourMs, windowMs) };
}

/** Good and bad events of the last `lengthMs` before a time. */
function within(
  all: readonly EventCounts[],
  nowMs: number,
  lengthMs: number,
  stretchMs: number,
): { readonly good: number; readonly bad: number } {
  let [good, bad] = [0, 0];
  // a stretch counts by the share of it that the window covers
  for (const c of all)
    if (c.startMs <= nowMs && c.startMs + stretchMs > nowMs - lengthMs) {
      const share = Math.min(1, (c.startMs + stretchMs - (nowMs - lengthMs)) / stretchMs);
      good += share * c.good;
      bad += share * c.bad;
    }
  return { good, bad };
}

/** How the objective stands at a time. Errors: watch/setting. */
export function objectiveReport(slo: ServiceObjective, { minutes, hours }: ObjectiveState, nowMs: number): ObjectiveReport {
  const windowMs = checkObjective(slo);
  const allowed = 1 - slo.objective;
  const badShare = (lengthMs: number): number => {
    const { good, bad } = lengthMs <= keptMinutesMs ? within(minutes, nowMs, lengthMs, minuteMs) : within(hours, nowMs, lengthMs, hourMs);
    return good + bad > 0 ? bad / (good + bad) : 0;
  };
  const burn = Object.fromEntries(burnWindows.map(ms => [windowName(ms), badShare(ms) / allowed]));
  const whole = within(hours, nowMs, windowMs, hourMs);
  const missed = whole.good + whole.bad > 0 ? whole.bad / (whole.good + whole.bad) : 0;
  const alerts = burnAlerts.flatMap(({ severity, longMs, shortMs, budgetShare }): BurnAlert[] => {
    const limit = (budgetShare * windowMs) / longMs;
    const [long, short] = [badShare(longMs) / allowed, badShare(shortMs) / allowed];
    return long > limit && short > limit ? [{ severity, longMs, shortMs, burn: { long, short, limit } }] : [];
  });
  return { reached: 1 - missed, budgetLeft: 1 - missed / allowed, burn, alerts };
}

/** Service level objectives as the record keeps them: what was counted, and whether their error budget burns too fast. */
import { hashOf, type Json } from "../../../base/index.ts";
import type { StatesChange } from "../../../store/index.ts";
import {
  type AlarmState,
  countEvents,
  type LiveWindow,
  type ObjectiveReport,
  type ObjectiveRule,
  type ObjectiveState,
  objectiveReport,
  observeSignal,
  passTime,
  quietAlarm,
  unusedObjective,
} from "../../../watch/index.ts";
import type { AlarmChange, AlarmSeverity } from "./alarms-kept.ts";
import { minuteMs, watchScopes } from "./scopes.ts";

interface KeptObjective {
  /** Of what counts: where that changes, counting begins anew. */
  readonly rule: string;
  readonly counts: ObjectiveState;
  readonly alarm: AlarmState;
  readonly severity: AlarmSeverity | null;
}

const ruleHash = ({ name: _, ...rule }: ObjectiveRule): string => hashOf(rule).slice(0, 16);

/** Undefined where nothing was counted of this rule. */
export function keptObjective(rule: ObjectiveRule, value: Json | undefined): KeptObjective | undefined {
  const kept = value as unknown as KeptObjective | undefined; // written by this file alone
  return kept?.rule === ruleHash(rule) ? kept : undefined;
}

export const objectiveNow = (rule: ObjectiveRule, kept: KeptObjective | undefined, nowMs: number): ObjectiveReport =>
  objectiveReport(rule, kept?.counts ?? unusedObjective, nowMs);

const evidenceOf = ({ objective, model }: ObjectiveRule, { reached, budgetLeft, alerts }: ObjectiveReport): Json => ({
  objective,
  reached,
  budgetLeft,
  ...(model === undefined ? {} : { model }),
  burn: alerts.map(({ severity, longMs, shortMs, burn }) => ({ severity, longMs, shortMs, ...burn })),
});

/** Counts a minute's events, and says what became of the objective's alarm. */
export async function evaluateObjectives(
  states: StatesChange,
  rules: readonly ObjectiveRule[],
  minute: number,
  window: LiveWindow,
): Promise<AlarmChange[]> {
  const changes: AlarmChange[] = [];
  for (const rule of rules) {
    const { name } = rule;
    const before = keptObjective(rule, await states.read(watchScopes.objectives, name));
    const { good, bad } = (Object.hasOwn(window.objectives, name) ? window.objectives[name] : undefined) ?? { good: 0, bad: 0 };
    const counts = countEvents(rule, before?.counts ?? unusedObjective, minute, good, bad);
    const nowMs = minute + minuteMs;
    const report = objectiveReport(rule, counts, nowMs);
    const [worst] = report.alerts;
    const severity = worst === undefined ? null : report.alerts.some(a => a.severity === "page") ? "page" : "ticket";
    const { state: alarm, event } =
      severity === null ? passTime(before?.alarm ?? quietAlarm, nowMs) : observeSignal(before?.alarm ?? quietAlarm, "burn", nowMs);
    const group = `slo/${name}`;
    const evidence = evidenceOf(rule, report);
    if (event === "raised" && severity !== null)
      changes.push({
        event,
        group,
        atMs: nowMs,
        monitor: name,
        kind: "slo",
        model: rule.model ?? null,
        severity,
        sinceMs: alarm.sinceMs ?? nowMs,
        evidence,
      });
    else if (event === "cleared") changes.push({ event, group, atMs: alarm.endedMs ?? nowMs });
    else if (alarm.status === "active" && severity === "page" && before?.severity === "ticket")
      changes.push({ event: "escalated", group, severity, evidence });
    const kept = {
      rule: ruleHash(rule),
      counts,
      alarm,
      severity: severity ?? (alarm.status === "active" ? (before?.severity ?? null) : null),
    };
    await states.put(watchScopes.objectives, name, kept as unknown as Json); // plain data
  }
  return changes;
}

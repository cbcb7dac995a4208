/** Alarms as the record keeps them: each written once, under an id of its own, and changed when it grows worse, ends, or has been told. */
import { type Json, sha256 } from "../../../base/index.ts";
import type { StatesChange } from "../../../store/index.ts";
import { timeKey, watchScopes } from "./scopes.ts";

export type AlarmKind = "slo" | "chart" | "anomaly" | "drift" | "quality";
export type AlarmSeverity = "page" | "ticket";

/**
 * How an alarm ended. `cleared`: its figures are in their usual range again; `adapted`: they are not, and what they are is the baseline from now on;
 * `noData`: nothing has said what they are.
 */
export const alarmResolutions = ["cleared", "adapted", "noData"] as const;
export type AlarmResolution = (typeof alarmResolutions)[number];

export interface KeptAlarm {
  readonly id: string;
  readonly monitor: string;
  readonly kind: AlarmKind;
  /** The version that it is of, `mail@3`; null of an objective over several. */
  readonly model: string | null;
  readonly severity: AlarmSeverity;
  readonly sinceMs: number;
  /** Null while it is active. */
  readonly endedMs: number | null;
  /** Absent while it is active, and of alarms that older versions of Loam kept. */
  readonly resolution?: AlarmResolution;
  /** Figures that show it. */
  readonly evidence: Json;
  /** What receivers have been told of it. */
  readonly told: { readonly raised: boolean; readonly resolved: boolean };
}

/** The same alarm has the same id in every process. */
const idOf = (group: string, atMs: number): string => `alarm_${sha256(JSON.stringify([group, atMs])).slice(0, 20)}`;
export const alarmKey = ({ sinceMs, id }: Pick<KeptAlarm, "sinceMs" | "id">): string => `${timeKey(sinceMs)}/${id}`;

/** States are written by this module alone: what is read is what was written. */
export const alarmOf = (value: Json): KeptAlarm => value as unknown as KeptAlarm;
const jsonOf = (alarm: KeptAlarm): Json => alarm as unknown as Json; // plain data

export const putAlarm = (states: Pick<StatesChange, "put">, alarm: KeptAlarm): Promise<void> =>
  states.put(watchScopes.alarms, alarmKey(alarm), jsonOf(alarm));

/** Keys of alarms that are active, by their group; a part of the state that evaluates. */
export type ActiveAlarms = Record<string, string>;

export type AlarmChange =
  | ({ readonly event: "raised"; readonly group: string; readonly atMs: number } & Pick<
      KeptAlarm,
      "monitor" | "kind" | "model" | "severity" | "sinceMs" | "evidence"
    >)
  | { readonly event: "escalated"; readonly group: string; readonly severity: AlarmSeverity; readonly evidence: Json }
  | { readonly event: AlarmResolution; readonly group: string; readonly atMs: number };

/** Writes what became of alarms, in the transaction that evaluated it; changes `active`. Raised again while it is active, or ended where none is: nothing. */
export async function changeAlarms(states: StatesChange, active: ActiveAlarms, changes: readonly AlarmChange[]): Promise<void> {
  for (const change of changes) {
    const { group } = change;
    const key = Object.hasOwn(active, group) ? active[group] : undefined;
    if (change.event === "raised") {
      if (key !== undefined) continue;
      const { monitor, kind, model, severity, sinceMs, evidence } = change;
      const alarm = { id: idOf(group, change.atMs), monitor, kind, model, severity, sinceMs, endedMs: null, evidence };
      active[group] = alarmKey(alarm);
      await putAlarm(states, { ...alarm, told: { raised: false, resolved: false } });
      continue;
    }
    const value = key === undefined ? undefined : await states.read(watchScopes.alarms, key);
    if (value === undefined) continue;
    const before = alarmOf(value);
    if (change.event === "escalated")
      await putAlarm(states, { ...before, severity: change.severity, evidence: change.evidence, told: { ...before.told, raised: false } });
    else {
      delete active[group];
      await putAlarm(states, { ...before, endedMs: change.atMs, resolution: change.event });
    }
  }
}

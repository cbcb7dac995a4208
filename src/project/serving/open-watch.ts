/** Monitoring of a project's server, where its file does not turn it off. */
import type { GatewayAlarm } from "../../gateway/index.ts";
import type { Store } from "../../store/index.ts";
import type { ProjectFile } from "../project-file.ts";
import { type AlarmNotice, objectiveRules, RunningWatch } from "../watching/live/index.ts";

interface WatchParts {
  readonly project: ProjectFile;
  readonly store: Store;
  readonly warn: (text: string) => void;
  /** Sends an alarm to the gateway's webhooks. */
  readonly alarm: (alarm: GatewayAlarm) => void;
}

/** As receivers of webhooks get it: names and numbers. */
const alarmEvent = ({ type, alarm }: AlarmNotice): GatewayAlarm => {
  const { id, monitor, kind, model, severity, sinceMs, endedMs, evidence } = alarm;
  const at = (ms: number) => new Date(ms).toISOString();
  return {
    type,
    id,
    data: { alarm: id, monitor, kind, model, severity, since: at(sinceMs), ended: endedMs === null ? null : at(endedMs), evidence },
  };
};

/** Undefined where nothing is monitored: `watch: false`, or a record that is only read. */
export function openWatch({ project: { config }, store, warn, alarm }: WatchParts): RunningWatch | undefined {
  if (config.watch === false || store.isReadOnly) return undefined;
  return new RunningWatch({
    store,
    settings: config.watch,
    objectives: objectiveRules(config.slo),
    project: config.name ?? null,
    warn: text => warn(`loam: ${text}`),
    notify: notice => alarm(alarmEvent(notice)),
  });
}

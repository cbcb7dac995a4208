/** Monitoring of running servers: windows, history, alarms and objectives in the record. */
export { alarmEvent } from "./alarm-event.ts";
export { objectiveRules } from "./objective-rules.ts";
export { featuresOfResponse } from "./response-facts.ts";
export { RunningWatch } from "./running-watch.ts";
export { type HistoryStep, timeKey, timeOfKey } from "./scopes.ts";
export type { AlarmNotice } from "./tell-alarms.ts";
export {
  type HistoryOptions,
  readWatchHistory,
  readWatchStatus,
  type WatchedAlarm,
  type WatchedModel,
  type WatchedObjective,
  type WatchHistory,
  type WatchStatus,
  watchedAlarms,
  watchRevision,
} from "./watch-status.ts";

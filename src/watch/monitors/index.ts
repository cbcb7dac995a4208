/** Monitors of a running model: one table, one alarm budget, one step a minute. */
export {
  type MonitorEvent,
  type MonitorEvidence,
  type MonitorOptions,
  type MonitorSet,
  type MonitorsState,
  type MonitorsStep,
  openMonitors,
} from "./monitors.ts";
export {
  type AlarmGroup,
  alarmGroups,
  type MetricModel,
  type MetricName,
  type MonitorRow,
  metricModels,
  standardMonitors,
} from "./table.ts";

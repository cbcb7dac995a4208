/** watch: when something is wrong with what runs, and how often that is said for nothing. Pure functions of (state, event). */
export {
  type AlarmEvent,
  type AlarmOptions,
  type AlarmState,
  type BudgetedMonitor,
  budgetRunLengths,
  observeSignal,
  passTime,
  quietAlarm,
} from "./alarms.ts";
export * from "./anomaly/index.ts";
export * from "./charts/index.ts";
export { type DashboardOptions, dashboardFiles, dashboardTables, inRule, type RuleOptions } from "./dashboards/index.ts";
export { watchErrors } from "./errors.ts";
export * from "./features/index.ts";
export * from "./live/index.ts";
export { type MinuteNumber, type MinuteOfMetrics, type MinuteShare, minuteNumbers, minuteShares } from "./minute.ts";
export * from "./monitors/index.ts";
export {
  addStates,
  type BurnAlert,
  burnAlerts,
  countEvents,
  type ObjectiveReport,
  type ObjectiveState,
  objectiveReport,
  type ServiceObjective,
  unusedObjective,
} from "./objectives.ts";
export * from "./quality/index.ts";
export * from "./sketch/index.ts";

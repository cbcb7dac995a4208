/** operator: LoamModel, a custom resource, and what brings a cluster to what it says. */
export { type ExternalMetricsServer, serveExternalMetrics } from "./external-metrics.ts";
export { type InstallFile, type OperatorWishes, planOperator } from "./install.ts";
export { type OperatorOptions, type RunningOperator, runOperator } from "./run-operator.ts";

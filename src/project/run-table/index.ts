/** Runs as a table: filtered, searched, grouped, annotated. The folder's public file. */

export { csvRows } from "./csv-rows.ts";
export { metricUnits } from "./metric-units.ts";
export { queryRuns, type RunGroup, type RunGroupMetric, type RunQuery, type RunTable } from "./query-runs.ts";
export { readRuns } from "./read-runs.ts";
export { columnNamed, runColumns } from "./run-columns.ts";
export { type AnnotateRun, annotateRun, annotationRevision } from "./run-notes.ts";
export {
  type RunAnnotation,
  type RunColumn,
  type RunColumnType,
  type RunKind,
  type RunNote,
  type RunRow,
  type RunTag,
  type RunValue,
  runKinds,
  trainingKinds,
} from "./run-row.ts";

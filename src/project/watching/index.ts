/** What monitors know of the project's models. */
export { type DriftQuestion, type SketchedSubject, type WatchedDrift, measureDrift } from "./drift/index.ts";
export { type EvaluatedQuality, type ModelQuality, modelQuality, removeOwner } from "./feedback/index.ts";
export {
  type HistoryStep,
  objectiveRules,
  type WatchedAlarm,
  type WatchedObjective,
  type WatchStatus,
  watchedAlarms,
  watchHistory,
  watchStatus,
} from "./live/index.ts";

/** What monitors know of the project's models. */
export { type DriftQuestion, measureDrift, type SketchedSubject, type TrafficSeason, type WatchedDrift } from "./drift/index.ts";
export { type EvaluatedQuality, feedbackOfOwner, type ModelQuality, modelQuality } from "./feedback/index.ts";
export { type ForgottenOwner, forgetOwner } from "./forget-owner.ts";
export {
  type HistoryStep,
  objectiveRules,
  readWatchHistory,
  readWatchStatus,
  type WatchedAlarm,
  type WatchedObjective,
  type WatchStatus,
  watchedAlarms,
} from "./live/index.ts";
export { type RequestSample, type SampledTexts, type SampleQuestion, samplesOfOwner, watchedSamples } from "./samples/index.ts";

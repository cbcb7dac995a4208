/** What `loam.yaml` may say of monitors: schemas alone. */
export {
  type SampleSettings,
  type SloConfig,
  sloPart,
  type WatchConfig,
  type WatchSettings,
  watchDefaults,
  watchPart,
} from "./live/part.ts";
export { type FeedbackConfig, feedbackDefaults, feedbackPart, isTrustedSource } from "./quality/part.ts";

/** What `loam.yaml` may say of monitors: schemas alone. */
export { type FeedbackConfig, feedbackDefaults, feedbackPart, isTrustedSource } from "./quality/part.ts";

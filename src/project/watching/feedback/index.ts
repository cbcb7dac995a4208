/** Labels of requests that come back: kept, joined, read for figures and for retraining. */

export { feedbackOfOwner, feedbackRevision, removeOwner } from "./feedback-record.ts";
export { gatewayFeedback } from "./gateway-feedback.ts";
export { type LabelledRequest, labelledSince } from "./labelled-since.ts";
export { type EvaluatedQuality, type ModelQuality, modelQuality, type QualityOptions } from "./model-quality.ts";
export type { Feedback } from "./open-feedback.ts";
export { qualityFigures } from "./quality-figures.ts";
export { type RunningFeedback, runFeedback } from "./running-feedback.ts";

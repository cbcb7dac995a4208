/** Labels of requests that come back: kept, joined, read for figures and for retraining. */
export { removeOwner } from "./feedback-record.ts";
export { type LabelledRequest, labelledSince } from "./labelled-since.ts";
export { type ModelQuality, modelQuality, type QualityOptions } from "./model-quality.ts";
export { type Feedback, type FeedbackOptions, openFeedback } from "./open-feedback.ts";

/** What `loam.yaml` may say of monitors: schemas alone. */
import { z } from "zod";
import { feedbackPart } from "./quality/part.ts";

export { type FeedbackConfig, feedbackDefaults, feedbackPart, isTrustedSource } from "./quality/part.ts";

/** `watch:` of `loam.yaml`. */
export const watchPart = z.strictObject({
  feedback: feedbackPart.prefault({}).describe("Labels of requests that clients send back (`POST /v1/feedback`)."),
});

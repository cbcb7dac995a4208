/** POST /v1/feedback: what is said of a response afterwards. Loam's own; the names are those of other APIs' feedback where they agree. */
import { done, harmless, type RequestFields } from "./field.ts";

export const feedbackFields: RequestFields = {
  request: "POST /v1/feedback",
  fields: {
    request_id: done("loam"),
    source: done("loam"),
    label: done("loam"),
    score: done("loam"),
    confidence: done("loam"),
    index: done("loam"),
    comment: harmless("loam", "No free text is kept."),
  },
};

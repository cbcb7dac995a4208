/** POST /v1/moderations. Read beside: OpenAI's SDK (`ModerationCreateParams`). */
import { done, harmless, type RequestFields } from "./field.ts";

export const moderationsFields: RequestFields = {
  request: "POST /v1/moderations",
  fields: {
    model: done("openai"),
    input: done("openai"),
    group: done("loam"),
    user: harmless("openai", "It labels the request for the provider's own reports."),
  },
};

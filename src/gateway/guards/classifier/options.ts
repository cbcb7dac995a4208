/** Options of a guard with a classifier. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";

const share = z.number().min(0).max(1);
const categoryAction = z.enum(["block", "flag", "pass"]);

export const classifierOptions = () => ({
  model: z
    .string()
    .min(1)
    .describe("Model of this gateway that answers `/v1/moderations`: a multi-label classifier, or a provider's moderation model."),
  threshold: share.optional().describe("Least score at which a category holds. Default: what the model itself says."),
  action: categoryAction.default("block").describe("`block` what a category holds of, `flag` it, or let it pass."),
  categories: z
    .record(
      z.string().min(1).max(200),
      z.strictObject({
        threshold: share.optional().describe("Least score at which the category holds."),
        action: categoryAction.optional().describe("Action of the category."),
      }),
    )
    .default({})
    .describe("Thresholds and actions of single categories."),
  timeout: duration.default(5_000).describe("Timeout."),
  window: z.int().min(50).max(100_000).default(1000).describe("Characters of a streamed response that are classified together."),
  maxBytes: z
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024)
    .describe("Maximum size of the texts; larger requests are refused."),
});

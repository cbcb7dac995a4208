/** What a guard is told that asks a person. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";
import { deadlineActs } from "../../review/review-case.ts";

export const personOptions = () => ({
  holds: z.enum(["flagged", "all"]).default("flagged").describe("Requests that need approval: `flagged` ones, or `all`."),
  timeout: duration.default(300_000).describe("How long a request waits for a decision."),
  onTimeout: z.enum(["refuse", "approve"]).default("refuse").describe("Decision after the timeout."),
  review: z
    .strictObject({
      reviewers: z
        .union([z.literal(1), z.literal(2)])
        .default(1)
        .describe("Different people who must agree; a third decides a disagreement."),
      priority: z.int().min(0).max(1000).default(0).describe("Cases of greater priority come first."),
      deadline: duration.default(86_400_000).describe("When a case that nobody decided is closed."),
      onDeadline: z.enum(deadlineActs).default("refuse").describe("What becomes of it then; `keep`: it goes on waiting."),
    })
    .prefault({})
    .describe("The case in the review queue, which outlives the request (docs/review.md)."),
  most: z.int().min(1).max(1000).default(100).describe("Maximum waiting requests; others are refused."),
});

/** What a guard is told that asks a person. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";

export const personOptions = () => ({
  holds: z.enum(["flagged", "all"]).default("flagged").describe("Requests that need approval: `flagged` ones, or `all`."),
  timeout: duration.default(300_000).describe("How long a request waits for a decision."),
  onTimeout: z.enum(["refuse", "approve"]).default("refuse").describe("Decision after the timeout."),
  most: z.int().min(1).max(1000).default(100).describe("Maximum waiting requests; others are refused."),
});

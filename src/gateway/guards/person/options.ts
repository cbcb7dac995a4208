/** What a guard is told that asks a person. */
import { z } from "zod";
import { duration } from "../../config/duration.ts";

export const personOptions = {
  /** `flagged`: requests that a guard before it flagged; `all`: every one. */
  holds: z.enum(["flagged", "all"]).default("flagged"),
  /** How long a request waits. */
  timeout: duration.default(300_000),
  /** What becomes of one that nobody decided. */
  onTimeout: z.enum(["refuse", "approve"]).default("refuse"),
  /** Requests that wait at once; more are refused. */
  most: z.int().min(1).max(1000).default(100),
};

/** What the gateway's file says about waiting: the line before an upstream, and who comes first in it. */
import { z } from "zod";
import { duration } from "../config/duration.ts";
import { conditions } from "../routing/conditions.ts";

/** Of an upstream: requests beyond its limits wait. */
export const queuePart = z.lazy(() =>
  z.strictObject({
    most: z.int().min(0).max(1_000).default(100).describe("Maximum queued requests. 0: no queue."),
    longest: duration.default(30_000).describe("Maximum time in the queue."),
    aging: duration.default(10_000).describe("Time after which a queued request gains one priority level."),
  }),
);

/** Priorities: 0 is everybody's, higher comes first. */
const priority = z.int().min(-100).max(100);

export const prioritiesPart = z.lazy(() =>
  z
    .array(
      z.strictObject({
        when: conditions.describe("Conditions on the request."),
        priority: priority.default(0).describe("Priority of these requests."),
        upTo: priority.optional().describe("Highest priority that `x-loam-priority` may request. Default: only lower ones."),
        queueTime: duration.optional().describe("Maximum time in the queue for these requests."),
      }),
    )
    .max(1_000),
);
export type PrioritiesPart = z.output<typeof prioritiesPart>;

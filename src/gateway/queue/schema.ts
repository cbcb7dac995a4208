/** What the gateway's file says about waiting: the line before an upstream, and who comes first in it. */
import { z } from "zod";
import { duration } from "../config/duration.ts";
import { conditions } from "../routing/conditions.ts";

/** Of an upstream: requests beyond its limits wait. */
export const queuePart = z.strictObject({
  /** Requests that wait; 0: none, another target is asked at once. */
  most: z.int().min(0).max(1_000).default(100),
  longest: duration.default(30_000),
  aging: duration.default(10_000),
});

/** Priorities: 0 is everybody's, higher comes first. */
const priority = z.int().min(-100).max(100);

export const prioritiesPart = z
  .array(
    z.strictObject({
      when: conditions,
      priority: priority.default(0),
      /** What the header `x-loam-priority` may ask for; without it, only less. */
      upTo: priority.optional(),
      /** Nobody of these waits longer. */
      queueTime: duration.optional(),
    }),
  )
  .max(1_000);
export type PrioritiesPart = z.output<typeof prioritiesPart>;

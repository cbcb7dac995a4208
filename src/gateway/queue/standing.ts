/** Where a request stands in a line: its priority by who asks, what it asks for itself within what it may, and how long it waits at most. */
import { duration } from "../config/duration.ts";
import { gatewayErrors } from "../errors.ts";
import { type Facts, holds } from "../routing/conditions.ts";
import type { PrioritiesPart } from "./schema.ts";

export interface Standing {
  readonly priority: number;
  /** Infinite where only the upstream bounds it. */
  readonly queueMs: number;
}

const leastPriority = -100;
export const everybody: Standing = { priority: 0, queueMs: Number.POSITIVE_INFINITY };

/** The first row that fits counts. Errors: gateway/parameter of the headers. */
export function standingOf(rows: PrioritiesPart | undefined, facts: Facts): Standing {
  const row = rows?.find(r => holds(r.when, facts));
  const wanted = facts.headers.get("x-loam-priority");
  const patience = facts.headers.get("x-loam-queue-time");
  if (row === undefined && wanted === null && patience === null) return everybody;
  const own = row?.priority ?? 0;
  let priority = own;
  if (wanted !== null) {
    if (!/^[+-]?\d{1,3}$/.test(wanted.trim()))
      throw gatewayErrors.fail("parameter", {
        place: "x-loam-priority",
        expected: "a whole number from -100 to 100",
        received: JSON.stringify(wanted.slice(0, 20)),
      });
    priority = Math.max(leastPriority, Math.min(Number(wanted), row?.upTo ?? own));
  }
  let queueMs = row?.queueTime ?? Number.POSITIVE_INFINITY;
  if (patience !== null) {
    const read = duration.safeParse(patience.trim());
    if (!read.success)
      throw gatewayErrors.fail("parameter", {
        place: "x-loam-queue-time",
        expected: "a time such as 500ms or 30s",
        received: JSON.stringify(patience.slice(0, 20)),
      });
    queueMs = Math.min(queueMs, read.data);
  }
  return { priority, queueMs };
}

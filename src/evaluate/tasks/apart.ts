/** Items that something is chosen on or learnt from stand beside those that it is told of, not among them. */
import { hashOf } from "../../base/index.ts";
import { evaluateErrors } from "../errors.ts";
import type { TaskItem } from "./read-task.ts";

/** Errors: evaluate/task where an item, by its fields, is of both. */
export function checkApart(place: string, used: readonly TaskItem[], told: readonly TaskItem[], hint: string): void {
  const seen = new Set(told.map(i => hashOf(i.fields)));
  const both = used.filter(i => seen.has(hashOf(i.fields)));
  if (both.length === 0) return;
  throw evaluateErrors.fail("task", {
    place,
    expected: "items that the split that is asked has not",
    received: `${both.length} of both, the first at ${both[0]!.place}`,
    hint,
  });
}

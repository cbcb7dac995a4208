/** The codes of this module. */
import { errorTable } from "../base/index.ts";

export const statisticsErrors = errorTable("statistics", {
  argument: { status: 400, exit: "usage", meaning: "A statistic was computed for something that it is not defined for." },
});

/** Errors: statistics/argument. */
export function checkArgument(holds: boolean, place: string, expected: string, received: unknown): asserts holds {
  if (!holds) throw statisticsErrors.fail("argument", { place, expected, received: String(received) });
}

/** A share strictly between 0 and 1. */
export const outOf = (share: number, place: string): void =>
  checkArgument(share > 0 && share < 1, place, "a number between 0 and 1", share);

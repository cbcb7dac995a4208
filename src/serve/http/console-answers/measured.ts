/** Numbers as JSON has them: a value that is not finite is null. */
import { z } from "zod";
import { measured } from "../../../base/openapi.ts";

export const interval = z
  .object({ value: measured, low: measured, high: measured })
  .meta({ id: "Interval", description: "A figure with its 95 % interval." });
/** A stage's own figures: their names are its. */
export const summary = z.record(z.string(), z.unknown()).meta({ id: "Summary" });
export const timeMs = z.number().describe("milliseconds since 1970");

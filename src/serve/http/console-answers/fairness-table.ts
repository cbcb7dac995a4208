/** A table of groups as reports hold it: rates of each group, and the gaps between groups. */
import { z } from "zod";

const groupRate = z.object({
  count: z.int(),
  of: z.int(),
  value: z.number().optional(),
  low: z.number().optional(),
  high: z.number().optional(),
});
const groupOutcome = z.object({
  outcome: z.string(),
  baseRate: groupRate,
  selectionRate: groupRate,
  truePositiveRate: groupRate,
  falsePositiveRate: groupRate,
  precision: groupRate,
  calibrationError: z.number().optional(),
});
export const fairnessTable = z
  .object({
    by: z.array(z.string()),
    name: z.string(),
    items: z.int(),
    least: z.int().describe("minimum items of a group"),
    small: z.enum(["undefined", "leave-out"]),
    groups: z.array(z.object({ group: z.string(), items: z.int(), isSmall: z.boolean(), outcomes: z.array(groupOutcome) })),
    figures: z.array(
      z.object({
        measure: z.string(),
        value: z.number().optional(),
        low: z.number().optional(),
        high: z.number().optional(),
        undefined: z.string().optional().describe("why there is no value"),
        groups: z.array(z.string()).optional(),
        outcome: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "FairnessTable" });

/** The schema of a search space: numbers in a range, and options. */

import * as z from "zod";
import type { Json } from "../../base/part.ts";

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;
const when = z.record(z.string(), z.array(json).min(1)).optional();
const range = z.strictObject({
  from: z.number().describe("Lower bound."),
  to: z.number().describe("Upper bound."),
  log: z.boolean().default(false).describe("Sample on a logarithmic scale."),
  integer: z.boolean().default(false).describe("Whole numbers only."),
  step: z.number().positive().optional().describe("Step between values."),
  when: when.describe("Only if another parameter has one of these values."),
});
const choice = z.strictObject({
  options: z.array(json).min(1).describe("Values to choose from."),
  when: when.describe("Only if another parameter has one of these values."),
});
const parameter = z.union([
  z
    .array(json)
    .min(1)
    .transform(options => ({ options })),
  choice,
  range,
]);
export const spaceSchema = z.record(z.string().min(1), parameter);

export type RangeParameter = z.output<typeof range>;
export type ChoiceParameter = z.output<typeof choice>;
export type Parameter = RangeParameter | ChoiceParameter;

/** How a split says what stays together and what is held out. */
import { z } from "zod";

export const timeOptions = z.strictObject({
  attribute: z.string().min(1).default("date").describe("Attribute with the date."),
  cut: z
    .string()
    .optional()
    .meta({ description: "First date that is held out. Default: the last fraction is held out.", examples: ["2024-01-01"] }),
  across: z.enum(["held-out", "train"]).default("held-out").describe("Side of groups that have documents before and after the cut."),
  earliest: z.string().optional().describe("Ignore earlier dates."),
  latest: z.string().optional().describe("Ignore later dates."),
  undated: z
    .enum(["train", "held-out", "share"])
    .default("train")
    .describe("Side of groups without a date. `share` draws the held-out fraction by hash."),
});
export type TimeOptions = z.output<typeof timeOptions>;

export const splitByOptions = z
  .strictObject({
    together: z.array(z.string().min(1)).max(8).default([]).describe("Attributes whose equal values stay on one side."),
    time: timeOptions.optional().describe("Split by date: the newest documents are held out."),
    stratify: z.string().min(1).optional().describe("Attribute whose class proportions are kept on both sides."),
    check: z.array(z.string().min(1)).max(8).default([]).describe("Attributes for which values on both sides are counted."),
  })
  .refine(o => !(o.time && o.stratify), { message: "either time or stratify", path: ["stratify"] });
export type SplitByOptions = z.output<typeof splitByOptions>;

const name = z.string().min(1).max(1000);
const value = z.union([name, z.number(), z.boolean()]).transform(String);

const partOf = (error: string) =>
  z
    .record(
      name,
      z.union([value, z.array(value).min(1)]).transform(v => [...new Set([v].flat())].sort()),
      { error },
    )
    .refine(part => Object.keys(part).length === 1, "one attribute with the values that mean the part: { split: test }");

/** One attribute with a value or a list of values, beside a share. The same values in another order are the same part. */
export const ownPartOptions = partOf("a share, or an attribute with the values that mean the part: { split: test }");
/** Where no share may stand. */
export const ownPartOnly = partOf("an attribute with the values that mean the part: { split: test }");
export type OwnPartOptions = z.output<typeof ownPartOptions>;

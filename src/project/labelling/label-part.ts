/** `labels:` of loam.yaml: which texts people put into which classes on the console's page Labels, and where their answers lie. */
import { z } from "zod";

const className = z.string().regex(/^[^\p{Cc}]{1,64}$/u, "1 to 64 characters without control characters");

export const labelPart = z.strictObject({
  on: z
    .string()
    .min(1)
    .meta({ description: "Data set whose train side is labelled. The held-out side stays unseen.", examples: ["mail"] }),
  classes: z
    .array(className)
    .min(2)
    .max(9)
    .refine(all => new Set(all).size === all.length, "each class once")
    .meta({ description: "Classes to choose from; each has a key on the console's page.", examples: [["spam", "ham"]] }),
  kind: z
    .enum(["one", "several", "spans"])
    .default("one")
    .describe("What a person gives a text: one class, any number of classes (also none), or ranges of characters with a class each."),
  adjudicators: z
    .array(z.string().regex(/^[^\p{Cc}]{1,64}$/u, "a name of 1 to 64 characters"))
    .min(1)
    .optional()
    .meta({ description: "People who may decide texts on which others differ (default: everybody who may label).", examples: [["ann"]] }),
  model: z.string().min(1).optional().describe("Served classifier with these classes: texts with the least certain prediction come first."),
});
export type LabelPart = z.output<typeof labelPart>;

/** `labels:` of loam.yaml: which texts people put into which classes on the console's page Labels, and where their answers lie. */
import { join } from "node:path";
import { z } from "zod";

const className = z.string().regex(/^[^\p{Cc}]{1,64}$/u, "1 to 64 characters without control characters");

export const labelPart = z.strictObject({
  /** The data set whose texts are labelled: its train side, so that what is held out stays unseen. */
  on: z.string().min(1),
  /** A key each on the page. */
  classes: z
    .array(className)
    .min(2)
    .max(9)
    .refine(all => new Set(all).size === all.length, "each class once"),
  /** A served classifier with these classes: what it is least sure of comes first. */
  model: z.string().min(1).optional(),
});
export type LabelPart = z.output<typeof labelPart>;

/** Every answer, a line each, in the order they came. */
export const votesFile = (folder: string, name: string): string => join(folder, "labels", `${name}.votes.jsonl`);
/** The texts with the class that most gave them: a folder of its own, so that a data set can name it. */
export const labelledFile = (folder: string, name: string): string => join(folder, "labels", name, "labelled.jsonl");

/** Options of the step `toxicity` in `loam.yaml`. */
import { z } from "zod";

const category = z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "small letters, digits and hyphens");
export const weight = z.number().gt(0).max(1);

export const toxicityOptions = z.lazy(() =>
  z.strictObject({
    defaults: z.boolean().default(true).describe("Use the built-in word list."),
    words: z
      .record(category, z.record(z.string().min(1), weight))
      .default({})
      .meta({ description: "Words with weights, by category. `*` matches any ending.", examples: [{ insult: { "idiot*": 0.5 } }] }),
    files: z
      .array(
        z.strictObject({
          file: z.string().min(1).describe("File, relative to the project."),
          category: category.describe("Category of its words."),
          weight: weight.default(1).describe("Weight of words without one."),
        }),
      )
      .default([])
      .describe("Word list files, one word per line and, after a tab, its weight."),
    except: z.array(z.string().min(1)).default([]).describe("Words to ignore."),
    maxToxicity: z.number().min(0).nullable().default(20).describe("Maximum sum of weights per 1,000 words. null: no limit."),
    maxByCategory: z.record(category, z.number().min(0).nullable()).default({}).describe("Maximum by category."),
  }),
);

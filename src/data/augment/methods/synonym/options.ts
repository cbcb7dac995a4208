/** What `loam.yaml` may say of the augmentation method `synonym`. */
import { z } from "zod";

export const synonymTable = z.record(z.string().min(1), z.array(z.string().min(1)).min(1));

export const synonymPart = {
  name: "synonym",
  version: 1,
  kind: "plain",
  options: z.lazy(() =>
    z
      .strictObject({
        table: synonymTable.optional().meta({ description: "Synonyms by word.", examples: [{ quick: ["fast", "rapid"] }] }),
        file: z.string().min(1).optional().describe("File with synonyms, relative to the project. Instead of `table`."),
        rate: z.number().gt(0).max(1).default(0.3).describe("Fraction of the words in the table that are replaced."),
      })
      .refine(o => (o.table === undefined) !== (o.file === undefined), { message: "either a table or a file" }),
  ),
} as const;

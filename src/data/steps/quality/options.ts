/** Options of the step `quality` in `loam.yaml`. */
import { z } from "zod";

export const qualityOptions = z.lazy(() =>
  z.strictObject({
    model: z.string().min(1).describe("File of the quality classifier, relative to the project."),
    minScore: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .default(0)
      .describe("Drop documents below. 0: keep all and store the scores; null: do not store."),
  }),
);

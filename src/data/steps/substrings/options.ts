/** Options of the step `substrings` in `loam.yaml`. */
import { z } from "zod";

export const substringsOptions = z.lazy(() =>
  z.strictObject({
    minBytes: z.number().int().min(16).max(65536).default(200).describe("Minimum length of a repeated passage, in bytes."),
    tableBytes: z
      .number()
      .int()
      .min(2 ** 20)
      .default(2 ** 30)
      .describe("Memory of the suffix table per pass, in bytes. Does not change the result."),
  }),
);

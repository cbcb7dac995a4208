/** Options of the step `length` in `loam.yaml`. */
import { z } from "zod";

export const lengthOptions = z.lazy(() =>
  z
    .strictObject({
      minWords: z.number().int().min(0).default(0).describe("Minimum words."),
      maxWords: z.number().int().positive().optional().describe("Maximum words."),
      minBytes: z.number().int().min(0).default(1).describe("Minimum bytes."),
      maxBytes: z.number().int().positive().optional().describe("Maximum bytes."),
    })
    .refine(o => o.maxWords === undefined || o.maxWords >= o.minWords, { path: ["maxWords"], message: "at least minWords" })
    .refine(o => o.maxBytes === undefined || o.maxBytes >= o.minBytes, { path: ["maxBytes"], message: "at least minBytes" }),
);

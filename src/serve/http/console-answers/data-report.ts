/** What curation did with a data set's documents; `src/data/report.ts` computes it. */
import { z } from "zod";

const distribution = z
  .object({
    count: z.int(),
    least: z.number(),
    most: z.number(),
    median: z.number(),
    scale: z.enum(["linear", "log"]),
    edges: z.array(z.number()).describe("one more than bins"),
    bins: z.array(z.int()),
  })
  .meta({ id: "Distribution" });
const value = z.union([z.number(), z.string(), z.boolean()]).nullable().describe("null where it is not finite");
const examples = z.array(z.object({ id: z.string(), value, text: z.string() }));
const counts = { step: z.string(), rule: z.string() };

export const consoleDataReport = z
  .object({
    artifact: z.string(),
    funnel: z.array(
      z.object({
        what: z.enum(["read", "set aside", "step", "kept", "train", "held-out"]),
        step: z.string().optional(),
        documents: z.int().describe("left after the step; of `set aside`, those that went"),
        dropped: z.int().optional(),
        edited: z.int().optional(),
        spared: z.int().optional(),
        bytes: z.int().optional(),
      }),
    ),
    reasons: z.array(z.object({ reason: z.string(), documents: z.int() })),
    rules: z.array(
      z.object({
        position: z.int(),
        ...counts,
        keep: z.enum(["atLeast", "atMost"]).optional(),
        threshold: value,
        measured: z.int().describe("documents with a value"),
        beyond: z.int().describe("those on the wrong side of the threshold"),
        dropped: z.int().describe("those that this rule is the first to refuse"),
        distribution: distribution.optional(),
        commonest: z.array(z.tuple([z.string(), z.int()])).optional(),
        examples,
      }),
    ),
    edits: z.array(z.object({ ...counts, documents: z.int(), times: z.int().nullable(), examples })),
    clusters: z.object({
      count: z.int(),
      stay: z.int(),
      copies: z.int(),
      largest: z.array(
        z.object({
          survivor: z.string(),
          stay: z.int(),
          size: z.int(),
          members: z.array(z.object({ id: z.string(), rule: z.string(), value })),
          diff: z
            .object({
              first: z.string(),
              second: z.string(),
              lines: z.array(z.object({ in: z.enum(["first", "second", "both", "left out"]), text: z.string() })),
            })
            .nullable(),
        }),
      ),
    }),
    facets: z.array(
      z.object({
        name: z.string(),
        values: z.array(z.object({ value: z.string(), train: z.int(), heldOut: z.int(), dropped: z.int(), bytes: z.int() })),
        others: z.int(),
      }),
    ),
    sizes: distribution.nullable().describe("UTF-8 bytes of the kept texts"),
    notes: z.array(z.string()),
  })
  .meta({ id: "DataReport" });

/**
 * How `loam.yaml` writes a mixture: what share of the training side each value of an attribute gets, how often a document may be repeated
 * for it, and bounds. A mixture decides how often documents are taken; it never changes one.
 */
import { z } from "zod";

/** Repeats are kept in a byte a document. */
const mostEpochs = 255;

/** The name under which documents without the attribute are weighted. */
export const noAttribute = "(none)";
/** In weights and epochs: every value that is not named. */
export const otherValues = "*";

const weights = z.lazy(() =>
  z.union([
    /** `natural`: as the documents are; `uniform`: every value the same. */
    z.enum(["natural", "uniform"]),
    /** Shares to the power 1/t (Raffel et al. 2020, 3.5.2): 1 is natural, larger ones come nearer to uniform. */
    z.strictObject({
      temperature: z.number().gt(0).max(1000).describe("Shares to the power 1/temperature: 1 is natural, larger values approach uniform."),
    }),
    /** By value; `*` for all others together, shared among them as they are. Only proportions count. */
    z.record(z.string().min(1), z.number().nonnegative()),
  ]),
);
export type MixtureWeights = z.output<typeof weights>;

const margin = z.lazy(() =>
  z.strictObject({
    by: z.string().min(1).describe("Attribute whose values are weighted."),
    weights: weights.default("natural").describe("Weights by value, `natural`, `uniform`, or a temperature."),
  }),
);
export type MarginOptions = z.output<typeof margin>;

const epochs = z.number().gt(0).max(mostEpochs);
/** Up to 1 a share of the total, above an amount in the unit. */
const bound = z.number().nonnegative();

export const mixtureOptions = z.lazy(() =>
  z
    .strictObject({
      by: z
        .string()
        .min(1)
        .optional()
        .meta({ description: "Attribute whose values are weighted. `origin`, `source` and `length` always exist.", examples: ["origin"] }),
      weights: weights.default("natural").meta({
        description: "Weights by value (`*`: all other values), `natural`, `uniform`, or a temperature.",
        examples: [{ wiki: 2, "*": 1 }],
      }),
      and: z.array(margin).max(3).default([]).describe("Further attributes with weights, met together by iterative proportional fitting."),
      unit: z.enum(["bytes", "tokens", "documents"]).default("bytes").describe("Unit of shares and totals."),
      total: z.number().positive().optional().describe("Amount to sample, in the unit. Default: everything that has a weight."),
      maxEpochs: z
        .union([epochs, z.record(z.string().min(1), epochs)])
        .default(4)
        .describe("Maximum repeats of a document, on average over the documents of a value."),
      quotas: z
        .array(
          z
            .strictObject({
              where: z
                .record(z.string().min(1), z.union([z.string(), z.array(z.string()).min(1)]))
                .refine(w => Object.keys(w).length > 0, { message: "an attribute and its value" })
                .meta({ description: "Attribute and value.", examples: [{ origin: "wiki" }] }),
              min: bound.optional().describe("Minimum: a share up to 1, else an amount in the unit."),
              max: bound.optional().describe("Maximum: a share up to 1, else an amount in the unit."),
            })
            .refine(q => q.min !== undefined || q.max !== undefined, { message: "a min or a max" }),
        )
        .max(100)
        .default([])
        .describe("Minimum and maximum amounts for documents with a given attribute."),
      balance: z
        .record(z.string().min(1), z.enum(["over", "under", "weights"]))
        .refine(b => Object.keys(b).length === 1, { message: "one attribute" })
        .optional()
        .meta({
          description: "Class balancing: oversample (`over`), undersample (`under`), or weights for the loss only (`weights`).",
          examples: [{ label: "over" }],
        }),
      lengthEdges: z
        .array(z.number().int().positive())
        .min(1)
        .max(64)
        .default([256, 1024, 4096, 16_384, 65_536])
        .describe("Upper edges of the length buckets, in bytes."),
      seed: z.union([z.number().int(), z.string()]).default(1).describe("Random seed."),
    })
    .refine(o => !(o.balance && (o.by || o.and.length > 0) && Object.values(o.balance)[0] !== "weights"), {
      message: "either by, or balance with over or under: both say how often documents are taken",
      path: ["balance"],
    }),
);
export type MixtureOptions = z.output<typeof mixtureOptions>;
export type Quota = MixtureOptions["quotas"][number];

/** Raise it when the same documents and options would be mixed otherwise. */
export const mixtureVersion = 1;

/**
 * How `loam.yaml` writes a mixture: what share of the training side each value of an attribute gets, how often a document may be repeated
 * for it, and bounds. A mixture decides how often documents are taken; it never changes one.
 */
import { z } from "zod";

/** Repeats are kept in a byte a document. */
const mostEpochs = 255;

/** The name under which documents without the attribute are weighted. */
export const noValue = "(none)";
/** In weights and epochs: every value that is not named. */
export const otherValues = "*";

const weights = z.union([
  /** `natural`: as the documents are; `uniform`: every value the same. */
  z.enum(["natural", "uniform"]),
  /** Shares to the power 1/t (Raffel et al. 2020, 3.5.2): 1 is natural, larger ones come nearer to uniform. */
  z.strictObject({ temperature: z.number().gt(0).max(1000) }),
  /** By value; `*` for all others together, shared among them as they are. Only proportions count. */
  z.record(z.string().min(1), z.number().nonnegative()),
]);
export type Weights = z.output<typeof weights>;

const margin = z.strictObject({ by: z.string().min(1), weights: weights.default("natural") });
export type Margin = z.output<typeof margin>;

const epochs = z.number().gt(0).max(mostEpochs);
/** Up to 1 a share of the total, above an amount in the unit. */
const bound = z.number().nonnegative();

export const mixtureOptions = z
  .strictObject({
    /** The attribute whose values are weighted; `origin`, `source` and `length` are known of every document. */
    by: z.string().min(1).optional(),
    weights: weights.default("natural"),
    /** Further attributes with their weights; all are met together as far as the documents allow (iterative proportional fitting). */
    and: z.array(margin).max(3).default([]),
    /** What shares and totals count. */
    unit: z.enum(["bytes", "tokens", "documents"]).default("bytes"),
    /** How much is taken, in the unit; without it, as much as there is of what has a weight. */
    total: z.number().positive().optional(),
    /** How often a document is taken at most, on average over those of a value; up to four epochs are nearly as good as new text (Muennighoff et al. 2023). */
    maxEpochs: z.union([epochs, z.record(z.string().min(1), epochs)]).default(4),
    quotas: z
      .array(
        z
          .strictObject({
            where: z
              .record(z.string().min(1), z.union([z.string(), z.array(z.string()).min(1)]))
              .refine(w => Object.keys(w).length > 0, { message: "an attribute and its value" }),
            min: bound.optional(),
            max: bound.optional(),
          })
          .refine(q => q.min !== undefined || q.max !== undefined, { message: "a min or a max" }),
      )
      .max(100)
      .default([]),
    /** Classes of a labelled set: repeat the small ones, leave out of the large ones, or only compute weights for the loss. */
    balance: z
      .record(z.string().min(1), z.enum(["over", "under", "weights"]))
      .refine(b => Object.keys(b).length === 1, { message: "one attribute" })
      .optional(),
    /** Upper edges of the length buckets, bytes. */
    lengthEdges: z.array(z.number().int().positive()).min(1).max(64).default([256, 1024, 4096, 16_384, 65_536]),
    seed: z.union([z.number().int(), z.string()]).default(1),
  })
  .refine(o => !(o.balance && (o.by || o.and.length > 0) && Object.values(o.balance)[0] !== "weights"), {
    message: "either by, or balance with over or under: both say how often documents are taken",
    path: ["balance"],
  });
export type MixtureOptions = z.output<typeof mixtureOptions>;
export type Quota = MixtureOptions["quotas"][number];

/** Raise it when the same documents and options would be mixed otherwise. */
export const mixtureVersion = 1;

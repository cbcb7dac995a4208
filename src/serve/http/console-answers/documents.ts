/** Documents of a data set: pages of a list, one document with its history, groups of like ones; `src/data/explore` computes them. */
import { z } from "zod";

const side = z.enum(["train", "validation", "held-out", "dropped"]);
const measure = z.union([z.number(), z.string(), z.boolean()]).nullable().describe("null where it is not finite");
const next = z.int().nullable().describe("`cursor` of the next page");

export const documentPage = z
  .strictObject({
    artifact: z.string(),
    count: z.int().describe("documents that the filter takes; of an unfinished search those found so far"),
    searched: z.int().describe("documents searched; less than `of` while a search is unfinished: ask again"),
    of: z.int(),
    cursor: z.int(),
    next,
    documents: z.array(
      z
        .strictObject({
          id: z.string(),
          side,
          reason: z.string().nullable().describe("step/rule that dropped it"),
          edited: z.boolean(),
          source: z.string(),
          label: z.array(z.string()),
          language: z.string().nullable(),
          length: z.int().describe("characters"),
          text: z.string().describe("one line"),
        })
        .meta({ id: "ListedDocument" }),
    ),
    facets: z
      .array(
        z
          .strictObject({
            name: z.enum(["side", "reason", "source", "label", "language"]),
            values: z.array(z.strictObject({ value: z.string(), documents: z.int() })),
            others: z.int(),
          })
          .meta({ id: "DocumentFacet" }),
      )
      .describe("values to filter by, of the whole data set"),
  })
  .meta({ id: "DocumentPage" });

const diffLines = z
  .array(z.strictObject({ in: z.enum(["first", "second", "both", "left out"]), text: z.string() }))
  .meta({ id: "DifferentLines" });
const models = z.array(z.object({ artifact: z.string(), versions: z.array(z.string()) }));

export const lookedAtDocument = z
  .object({
    artifact: z.string(),
    id: z.string(),
    source: z.string(),
    side: z.enum(["train", "held-out", "dropped"]),
    attributes: z.record(z.string(), z.unknown()),
    text: z.string(),
    entries: z.array(
      z.object({
        step: z.string(),
        action: z.enum(["edit", "drop", "keep"]),
        rule: z.string(),
        value: measure,
        threshold: measure.optional(),
        survivor: z.string().optional(),
      }),
    ),
    steps: z
      .array(
        z.object({
          step: z.string(),
          outcome: z.enum(["passed", "dropped", "overruled", "not reached"]),
          verdicts: z.array(z.object({ rule: z.string(), keep: z.boolean(), value: measure, threshold: measure })),
          edits: z.array(z.object({ rule: z.string(), value: measure })),
        }),
      )
      .optional(),
    cluster: z
      .object({
        survivors: z.array(z.string()),
        members: z.array(z.object({ id: z.string(), step: z.string(), rule: z.string(), value: measure, survivor: z.string() })),
      })
      .optional()
      .describe("like documents: those that stay, and those that were dropped for them"),
    group: z.array(z.string()).optional().describe("near-duplicates that the split kept on one side"),
    history: z.object({
      changes: z.array(z.object({ steps: z.array(z.string()), lines: diffLines, before: z.int(), after: z.int() })),
      missing: z.string().nullable().describe("why differences are missing"),
    }),
    where: z.object({
      tokens: z.array(z.object({ shards: z.string(), side: z.string(), document: z.int(), from: z.int(), to: z.int() })),
      trainedOnIt: models,
      heldOutFrom: models,
    }),
    difference: z.object({ id: z.string(), lines: diffLines }).nullable().describe("against the document named by `against`"),
  })
  .meta({ id: "LookedAtDocument" });

export const clusterPage = z
  .strictObject({
    artifact: z.string(),
    count: z.int(),
    cursor: z.int(),
    next,
    clusters: z.array(
      z
        .strictObject({
          survivors: z.array(z.string()),
          size: z.int(),
          steps: z.array(z.string()),
          members: z.array(z.strictObject({ id: z.string(), step: z.string(), rule: z.string(), value: measure, survivor: z.string() })),
        })
        .meta({ id: "DocumentCluster" }),
    ),
  })
  .meta({ id: "ClusterPage" });

/** A whole number of an address. */
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most).optional();
const text = z.string().min(1).max(1_000).optional();
const paging = { cursor: whole(0, 1e9), limit: whole(1, 500) };

export const documentsQuery = z.object({
  text: text.describe("words that all occur in the text or id; in double quotes a phrase"),
  side: z.enum(["kept", ...side.options]).optional(),
  edited: z.enum(["true", "false"]).optional(),
  reason: text.describe("step/rule, or the step alone"),
  source: text,
  label: text,
  language: text,
  minLength: whole(0, 1e9),
  maxLength: whole(0, 1e9),
  sort: z.enum(["id", "length", "source", "reason", "label", "language"]).optional(),
  descending: z.enum(["true", "false"]).optional(),
  ...paging,
});
export const documentQuery = z.object({ id: z.string().min(1).max(4_096), against: z.string().min(1).max(4_096).optional() });
export const clustersQuery = z.object(paging);

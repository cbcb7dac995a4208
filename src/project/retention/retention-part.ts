/** `retention:` of `loam.yaml`: how long documents of a data set, and objects that servers keep, are held. */
import { z } from "zod";

/** What servers of a project keep that has no age of its own: decided review cases, the gateway's journal and usage, files and batches of clients, label votes. */
const retainedStates = ["review", "journal", "usage", "files", "labels"] as const;
export type RetainedState = (typeof retainedStates)[number];

const value = z.union([z.string(), z.number(), z.boolean()]);

const retentionRule = z
  .strictObject({
    data: z
      .string()
      .optional()
      .meta({ description: "Data set whose documents the rule is about.", examples: ["tickets"] }),
    state: z
      .enum(retainedStates)
      .optional()
      .describe(
        "In place of `data`: `review` (decided review cases), `journal` (the gateway's requests), `usage` (whose the gateway's usage was), `files` (files, batches and fine-tuning jobs of clients), `labels` (who gave which label).",
      ),
    keep: z
      .string()
      .regex(/^[1-9]\d{0,4}d$/, 'a number of days such as "30d"')
      .meta({ description: "How long they are kept.", examples: ["30d"] }),
    from: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "Attribute of documents with the date that `keep` counts from. Default: arrival in the artifact store.",
        examples: ["closed_at"],
      }),
    where: z
      .record(z.string(), value)
      .default({})
      .meta({ description: "Only documents with these attributes.", examples: [{ purpose: "support" }] }),
    except: z
      .array(z.string().min(1))
      .default([])
      .meta({
        description: "Legal hold: ids of documents, or of people (attribute `subject`, owner, labeller), that stay.",
        examples: [["user:ann"]],
      }),
  })
  .superRefine(({ data, state, from, where }, context) => {
    if ((data === undefined) === (state === undefined)) context.addIssue({ code: "custom", message: "`data` or `state`, one of them" });
    if (state !== undefined && (from !== undefined || Object.keys(where).length > 0))
      context.addIssue({ code: "custom", message: "`from` and `where` go with `data`: what servers keep has its own time" });
  });
export type RetentionRule = z.output<typeof retentionRule>;

export const retentionPart = z.record(
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]*$/, "a short name of letters, digits and -"),
  retentionRule,
);

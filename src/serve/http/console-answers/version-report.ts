/** What was measured of a version, alone or beside another; `src/registry/versions/report.ts` computes it. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { picture } from "./evaluations.ts";
import { fairnessTable } from "./fairness-table.ts";
import { interval, timeMs } from "./measured.ts";

const better = z.enum(["higher", "lower"]);
const score = z.object({ metric: z.string(), better, value: measured, low: measured, high: measured }).meta({ id: "ReportScore" });
const shown = { id: z.string(), place: z.string(), prompt: z.string(), came: z.string().describe("the model's output") };
const right = z.string().describe("the expected output");
const item = z.object({ ...shown, right, ms: measured.optional() }).meta({ id: "ReportItem" });
const changed = z.object({ ...shown, right, before: z.string() }).meta({ id: "ChangedItem" });
const judged = z
  .object({ ...shown, before: z.string(), said: z.tuple([z.string(), z.string()]) })
  .meta({ id: "JudgedItem", description: "`said`: the judge's text with this version's output first, and second." });
export const difference = z
  .object({
    metric: z.string(),
    better,
    items: z.int(),
    first: measured,
    second: measured,
    value: measured.describe("first minus second"),
    low: measured,
    high: measured,
    p: measured,
    test: z.string(),
    wins: z.int(),
    losses: z.int(),
  })
  .meta({ id: "Difference" });
const differences = z.array(difference);

const comparison = z.object({
  differences,
  onlyThis: z.int(),
  onlyOther: z.int(),
  wins: z.array(changed),
  losses: z.array(changed),
});
const variant = z.object({
  variant: z.string(),
  alike: interval.optional().describe("share of items with the same output"),
  differences,
  turned: z.array(changed),
  numTurned: z.int(),
});
const judgement = z.object({
  artifact: z.string(),
  judge: z.string(),
  beside: z.string(),
  items: z.int(),
  unread: z.int().describe("judgements without a readable verdict"),
  wins: z.int(),
  losses: z.int(),
  ties: z.int(),
  contradictions: z.int().describe("ties whose two orders prefer different outputs"),
  p: measured,
  preferredFirst: interval,
  biasP: measured,
  agreement: measured,
  kappa: measured,
  winRate: interval,
  won: z.array(judged),
  lost: z.array(judged),
  contradicted: z.array(judged),
});
const contamination = z.object({
  clean: z.int(),
  contaminated: z.int(),
  unknown: z.int(),
  checks: z.array(
    z.object({
      data: z.string(),
      set: z.string(),
      file: z.string(),
      isSameFile: z.boolean(),
      action: z.string(),
      of: z.string().optional(),
    }),
  ),
  unchecked: z.array(z.string()),
  scores: z.array(
    z.object({ metric: z.string(), clean: score.optional(), contaminated: score.optional(), difference: interval.optional() }),
  ),
});

const taskReport = z
  .object({
    task: z.string(),
    output: z.string(),
    artifact: z.string(),
    at: timeMs,
    items: z.int(),
    looks: z.array(z.string()).optional().describe("how often these items were scored, in sentences"),
    scores: z.array(score),
    slices: z.array(z.object({ by: z.string(), group: z.string(), items: z.int(), scores: z.array(score) })),
    fairness: z.array(fairnessTable).optional().describe("a table of each grouping, where the task names groups"),
    commonThreshold: z
      .object({
        items: z.int().describe("items that the threshold of their group decided"),
        differ: z.int().describe("those of them that the common threshold decides otherwise"),
        scores: z.array(score),
        fairness: z.array(fairnessTable).optional(),
      })
      .optional()
      .describe("the same items by the common threshold of a classifier with thresholds by group"),
    picture: picture.optional(),
    comparison: comparison.optional(),
    variants: z.array(variant),
    judgements: z.array(judgement),
    contamination: contamination.optional(),
    worst: z.array(item).describe("the largest errors first"),
    slowest: z.array(item),
  })
  .meta({ id: "TaskReport" });

export const versionReport = z
  .strictObject({ id: z.string(), against: z.string().nullable(), tasks: z.array(taskReport) })
  .meta({ id: "VersionReport" });

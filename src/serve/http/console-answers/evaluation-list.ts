/** Every evaluation of a project, and two of one task compared item by item. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { timeMs } from "./measured.ts";
import { difference } from "./version-report.ts";

const better = z.enum(["higher", "lower"]);

export const listedEvaluation = z
  .strictObject({
    artifact: z.string(),
    kind: z.enum(["bits per byte", "test set", "cross-validation", "task", "variant", "group", "judgement"]),
    task: z.string(),
    model: z.string().describe("NAME@VERSION, else the name under which it was evaluated"),
    version: z.string().nullable(),
    modelArtifact: z.string().nullable(),
    at: timeMs,
    items: z.int().nullable(),
    variant: z.string().nullable(),
    scores: z.array(z.object({ metric: z.string(), better, value: measured })).describe("the main one first"),
    hasItems: z.boolean().describe("it keeps the output of each item: two of one task can be compared"),
  })
  .meta({ id: "ListedEvaluation" });

const diffChanges = ["fixed", "broken", "better", "worse", "same"] as const;
const count = z.int();

const diffItem = z
  .object({
    id: z.string(),
    place: z.string(),
    prompt: z.string(),
    right: z.string().describe("the expected output"),
    first: z.string(),
    second: z.string(),
    scores: z.tuple([measured, measured]),
    gain: measured.describe("positive where the first is better"),
    change: z.enum(diffChanges),
  })
  .meta({ id: "DiffItem" });

export const comparedEvaluations = z
  .strictObject({
    task: z.string(),
    output: z.string(),
    first: listedEvaluation,
    second: listedEvaluation,
    metric: z.string().describe("by which items are compared"),
    differences: z.array(difference),
    onlyFirst: z.int(),
    onlySecond: z.int(),
    counts: z.object({ fixed: count, broken: count, better: count, worse: count, same: count }),
    groups: z.array(z.object({ by: z.string(), groups: z.array(z.string()) })),
    total: z.int().describe("items that fit the query"),
    items: z.array(diffItem).describe("from `offset` on"),
  })
  .meta({ id: "EvaluationDiff", description: "First minus second, on the items that both were evaluated on." });

const whole = z.string().regex(/^\d{1,9}$/, "a whole number");

export const evaluationDiffQuery = z.object({
  first: z.string().describe("artifact of an evaluation"),
  second: z.string().describe("artifact of another one of the same task"),
  change: z.enum(["changed", ...diffChanges]).optional(),
  by: z.string().optional().describe("attribute of the items"),
  group: z.string().optional().describe("its value"),
  find: z.string().max(200).optional().describe("text that an item holds"),
  offset: whole.optional(),
  limit: whole.optional().describe("1 to 1000; default: 50"),
});

/**
 * Reports of evaluations as their artifacts hold them, by task. Stages write them, some years ago: `z.object` names what can be relied on, and
 * fields that older versions did not write are optional.
 */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { fairnessTable } from "./fairness-table.ts";
import { interval } from "./measured.ts";

const confusion = z.array(z.tuple([z.int(), z.int(), z.int()])).describe("true class, predicted class, items");
const bins = z.array(z.object({ items: z.int(), said: z.number(), seen: z.number() })).describe("of a reliability diagram");
const column = z.array(z.number());

export const picture = z
  .object({
    classes: z.array(z.string()),
    confusion,
    curves: z.array(
      z.object({
        positive: z.string(),
        positives: z.int(),
        negatives: z.int(),
        rocArea: measured,
        averagePrecision: measured,
        thresholds: column,
        recall: column,
        falsePositiveRate: column,
        precision: column,
      }),
    ),
    reliability: z.object({ error: measured.describe("expected calibration error"), bins }),
  })
  .meta({
    id: "ClassPicture",
    description: "What a table of scores leaves out: confusion, curves of a class against the rest, calibration.",
  });

const bitsScore = z
  .object({
    name: z.string(),
    kind: z.string(),
    bitsPerByte: measured,
    bits: measured.optional(),
    bytes: measured.optional(),
    ms: measured.optional(),
  })
  .meta({ id: "BitsScore" });
const bitsReport = z
  .object({
    task: z.literal("bits-per-byte"),
    heldOut: z.object({ documents: z.int(), bytes: z.int(), tokens: z.int() }),
    scores: z.array(bitsScore),
  })
  .meta({ id: "BitsReport", description: "Of a language model: bits per byte of held-out documents." });

const classesReport = z
  .object({
    task: z.literal("classification"),
    label: z.string(),
    classes: z.array(z.string()).optional(),
    test: z.object({ documents: z.int(), groups: z.int() }),
    confidence: z.number(),
    scores: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        accuracy: interval,
        balancedAccuracy: measured.optional(),
        mcc: measured.optional(),
        chance: z.object({ balancedAccuracy: interval, chance: measured, p: measured, verdict: z.string() }).optional(),
        macro: z.object({ precision: measured, recall: measured }),
        macroF1: interval,
        classes: z
          .array(z.object({ name: z.string(), precision: measured, recall: measured, f1Range: interval, support: z.int() }))
          .optional(),
      }),
    ),
    confusion: confusion.optional(),
    calibration: z
      .object({
        error: measured,
        logLoss: measured.optional(),
        bins: bins.optional(),
        temperature: z.object({ value: measured, error: measured, logLoss: measured.optional() }).optional(),
      })
      .optional(),
    threshold: z
      .object({
        positive: z.string(),
        falsePositive: z.number(),
        falseNegative: z.number(),
        chosenOn: z.int(),
        rows: z.array(
          z.object({ by: z.string(), threshold: measured, cost: z.number(), precision: z.number(), recall: z.number(), f1: z.number() }),
        ),
      })
      .optional(),
    groupThresholds: z
      .object({
        attribute: z.string(),
        label: z.string(),
        goal: z.string(),
        bound: z.number(),
        groups: z.array(z.object({ group: z.string(), at: z.number().nullable().describe("null: no text is taken for the label") })),
        without: z.int().describe("test texts without a group, decided by the common threshold"),
        rows: z.array(z.object({ by: z.enum(["group thresholds", "common threshold"]), accuracy: z.number(), fairness: fairnessTable })),
      })
      .optional()
      .describe("decisions on the test set with and without the thresholds of groups"),
    warnings: z.array(z.object({ kind: z.string(), message: z.string() })).optional(),
    similarity: z.array(z.object({ from: z.number(), to: z.number(), texts: z.int(), accuracy: measured })).optional(),
    wrongest: z
      .array(z.object({ id: z.string(), text: z.string().optional(), truth: z.string(), predicted: z.string(), probability: measured }))
      .optional(),
    comparisons: z.array(z.object({ against: z.string(), difference: interval, verdict: z.string() })),
  })
  .meta({ id: "ClassesReport", description: "Of a classifier: scores on the test set, with intervals." });

const numbersReport = z
  .object({
    task: z.literal("regression"),
    label: z.string(),
    test: z.object({ documents: z.int(), groups: z.int() }),
    confidence: z.number(),
    scores: z.object({ mae: interval, rmse: interval, r2: interval, pearson: interval, spearman: interval }),
    baseline: z.object({ mae: interval, verdict: z.string() }),
    frozen: z.object({ mae: interval, verdict: z.string() }).optional(),
  })
  .meta({ id: "NumbersReport", description: "Of a regression model: errors on the test set, with intervals." });

const labelsReport = z
  .object({
    task: z.literal("multi-label classification"),
    labels: z.array(z.string()),
    test: z.object({ documents: z.int(), groups: z.int() }),
    confidence: z.number(),
    scores: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        meanAveragePrecision: interval,
        macroF1: interval,
        microF1: interval,
        labels: z.array(
          z.object({
            label: z.string(),
            positives: z.int(),
            averagePrecision: interval,
            auc: interval,
            f1: interval,
            falseAlarms: interval,
          }),
        ),
      }),
    ),
    comparisons: z.array(z.object({ against: z.string(), difference: interval, verdict: z.string() })),
  })
  .meta({ id: "LabelsReport", description: "Of a multi-label classifier: scores of each label on the test set, with intervals." });

const ends = { low: measured, high: measured };
const foldsReport = z
  .object({
    task: z.literal("cross-validation"),
    of: z.enum(["classification", "regression"]),
    folds: z.int(),
    repeats: z.int(),
    seeds: z.array(z.union([z.number(), z.string()])),
    trainSize: z.number(),
    testSize: z.number(),
    confidence: z.number(),
    over: z.enum(["folds", "seeds"]),
    decidedBy: z.string(),
    systems: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        measures: z.record(
          z.string(),
          z.object({ mean: z.number(), deviation: z.object({ folds: measured, seeds: measured, total: measured }), ...ends }),
        ),
      }),
    ),
    comparisons: z.array(
      z.object({
        against: z.string(),
        measures: z.record(z.string(), z.object({ difference: z.number(), ...ends })),
        p: measured,
        verdict: z.string(),
      }),
    ),
  })
  .meta({ id: "FoldsReport", description: "Of a recipe scored over folds and seeds." });

export const consoleEvaluation = z
  .strictObject({
    artifact: z.string(),
    model: z.string().describe("the artifact that was evaluated"),
    report: z.union([foldsReport, classesReport, labelsReport, numbersReport, bitsReport]),
  })
  .meta({ id: "Evaluation" });

/** Answers of the console's page Watch: figures of served versions, objectives, alarms, drift, quality. */

import { z } from "zod";
import { measured } from "../../../base/openapi.ts";
import { interval, timeMs } from "./measured.ts";

const watchAlarm = z
  .object({
    id: z.string(),
    monitor: z.string(),
    kind: z.string().describe("`slo`, `chart`, `anomaly`, `drift`, `quality`"),
    model: z.string().nullable().describe("a version; null: the whole server"),
    severity: z.string().describe("`page` or `ticket`"),
    since: timeMs,
    endedAt: timeMs.nullable().describe("null while it is active"),
    resolution: z
      .enum(["cleared", "adapted", "noData"])
      .nullable()
      .describe("how it ended: in its usual range again, the new level is the baseline, or no values any more; null while it is active"),
    evidence: z.unknown(),
  })
  .meta({ id: "WatchAlarm" });
const watchObjective = z
  .object({
    name: z.string(),
    model: z.string().nullable(),
    objective: z.number(),
    windowMs: z.number(),
    reached: measured.describe("share of good events; null where there were none"),
    budgetLeft: measured.describe("share of the error budget that is left; below 0 it is overspent"),
    alerts: z.array(
      z.object({
        severity: z.string(),
        longMs: z.number(),
        shortMs: z.number(),
        long: measured.describe("burn rate over the long window"),
        short: measured,
        limit: z.number(),
      }),
    ),
  })
  .meta({ id: "WatchObjective" });
const watchModel = z
  .object({
    model: z.string().describe("a version; with `#shadow` its copied requests, with `gateway:` a model of the gateway"),
    requests: z.int().describe("of the last hour"),
    errors: z.int(),
    figures: z.record(z.string(), measured).describe("of the last hour, by name"),
  })
  .meta({ id: "WatchModel" });

export const watchedStatusAnswer = z
  .object({
    lookedAt: timeMs.nullable().describe("last minute that monitors evaluated; null before the first"),
    servers: z.array(z.object({ id: z.string(), seenAt: timeMs })),
    models: z.array(watchModel),
    alarms: z.array(watchAlarm).describe("active and past ones, the newest first"),
    objectives: z.array(watchObjective),
  })
  .meta({ id: "WatchStatus" });

export const watchSteps = ["1m", "15m", "6h"] as const;
export const watchedHistoryAnswer = z
  .object({
    metric: z.string(),
    model: z.string(),
    stepMs: z.number(),
    points: z.array(z.tuple([timeMs, measured, z.number()])).describe("beginning, value, and responses that it is from"),
  })
  .meta({ id: "WatchHistory" });

const watchSample = z
  .object({
    id: z.string(),
    model: z.string(),
    at: timeMs,
    expires: timeMs.describe("when it is deleted; milliseconds since 1970"),
    endpoint: z.string(),
    outcome: z.string(),
    prompt: z.string().describe("redacted"),
    answer: z.string().nullable().describe("redacted; null of a classifier"),
    label: z.string().nullable(),
    signs: z.array(z.string()).describe("what monitors saw in it: `refusal`, `injection`, ..."),
    redacted: z.int().describe("findings of private data that were replaced"),
  })
  .meta({ id: "WatchSample" });
export const watchedSamplesAnswer = z
  .object({
    isKept: z.boolean().describe("whether loam.yaml asks for examples"),
    samples: z.array(watchSample).describe("the newest first"),
  })
  .meta({ id: "WatchSamples" });

const side = z.object({ mean: measured, quantiles: z.array(measured).describe("10, 25, 50, 75 and 90 % of the values") });
const watchFeature = z
  .object({
    name: z.string(),
    type: z.string(),
    kind: z.string().describe("`covariate`, `label` or `prediction`"),
    verdict: z.string().describe("`drift`, `no drift` or `too few`"),
    reference: z.object({ values: z.int() }),
    window: z.object({ values: z.int() }),
    needed: z.number().nullable(),
    test: z.string(),
    p: measured,
    adjustedP: measured,
    effect: interval.nullable().describe("null where it has none"),
    measure: z.string(),
    numbers: z.object({ reference: side, window: side }).optional(),
    moved: z.array(z.object({ value: z.union([z.string(), z.number()]), reference: measured, window: measured, q: measured })).optional(),
    since: timeMs.nullable().optional().describe("since when it has drifted"),
  })
  .meta({ id: "WatchFeature" });
const watchSeason = z
  .object({
    version: z.string().describe("whose traffic it is"),
    seasons: z.array(z.int()).describe("weeks that are used: 1 is the last one"),
    fromMs: timeMs,
    coverage: measured.describe("share of the requests that came in hours with a counterpart"),
    verdict: z.string().describe("of the traffic against its season"),
    events: z.object({ reference: z.number(), window: z.number() }),
    usual: z.array(z.string()).describe("features that differ from the training data as they do in these hours"),
    unusual: z.array(z.string()).describe("features that differ from both"),
    unknown: z.array(z.string()).describe("features with too few values"),
  })
  .meta({ id: "WatchSeason" });
export const watchedDriftAnswer = z
  .object({
    model: z.string(),
    reference: z.string().nullable().describe("the sketch of what the version was trained on; null where it has none"),
    verdict: z.string().nullable(),
    alpha: measured.optional(),
    events: z.object({ reference: z.number(), window: z.number() }).optional(),
    features: z.array(watchFeature),
    season: watchSeason.nullable().optional().describe("the same hours of earlier weeks; null where no such traffic is kept"),
    why: z.string().nullable().describe("why nothing is compared"),
  })
  .meta({ id: "WatchDrift" });

const trueFigures = z.object({
  requests: z.int(),
  trusted: z.int(),
  classified: z.int(),
  accuracy: interval.nullable(),
  macroF1: interval.nullable(),
  logLoss: interval.nullable(),
  calibrationError: measured,
  score: interval.nullable(),
});
const estimatedFigures = z.object({
  texts: z.int(),
  accuracy: interval.nullable(),
  macroF1: measured,
  logLoss: interval.nullable(),
  nll: interval.nullable(),
});
const period = {
  responses: z.int(),
  true: trueFigures.describe("of labelled requests"),
  estimated: estimatedFigures.describe("of all, if the model's probabilities are calibrated"),
  selection: z.object({ share: measured, confidenceLabelled: measured, confidenceAll: measured, p: measured }),
};
const watchQualityVersion = z
  .object({
    version: z.int().nullable(),
    ...period,
    days: z.array(z.object({ day: z.string(), ...period })),
    evaluation: z.record(z.string(), z.unknown()).nullable().describe("figures on held-out data before it was served"),
  })
  .meta({ id: "WatchQualityVersion" });
export const watchedQualityAnswer = z
  .object({ model: z.string(), fromDay: z.string(), versions: z.array(watchQualityVersion).describe("the newest first") })
  .meta({ id: "WatchQuality" });

const watchRound = z
  .object({
    number: z.int(),
    trigger: z.string().describe("`quality`, `drift`, `schedule` or `person`"),
    startedAt: timeMs,
    endedAt: timeMs.nullable().describe("null while it is under way"),
    candidate: z.string().nullable().describe("the version that it made; null before"),
    outcome: z.string().nullable().describe("`promoted`, `rolled back`, `held`, `rejected` or `failed`"),
    why: z.string(),
    coreSeconds: measured,
    evidence: z.record(z.string(), z.unknown()).describe("what each step showed, by its phase"),
  })
  .meta({ id: "WatchRound" });
export const watchedLoopAnswer = z
  .object({
    model: z.string(),
    alias: z.string(),
    current: z.string().nullable().describe("the version that has the alias"),
    phase: z.string(),
    since: timeMs.nullable().describe("when the phase began; null before the first round"),
    paused: z.string().nullable().describe("by whom and why"),
    directedBy: z.string().nullable().describe("the process that directs it"),
    look: z.object({ at: timeMs, newDocuments: z.int(), why: z.string() }).nullable(),
    problem: z.string().nullable(),
    rounds: z.array(watchRound).describe("the one under way and past ones, the newest first"),
  })
  .meta({ id: "WatchLoop" });

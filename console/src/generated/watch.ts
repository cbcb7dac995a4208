/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

/** A measured number; null where it is not finite. */
export const measured = is.mapped(is.nullish(is.number), value => value ?? null);
export type Measured = is.Infer<typeof measured>;

/** A figure with its 95 % interval. */
export const interval = is.object({
  value: measured,
  low: measured,
  high: measured,
});
export type Interval = is.Infer<typeof interval>;

export const watchAlarm = is.object({
  id: is.string,
  monitor: is.string,
  /** `slo`, `chart`, `anomaly`, `drift`, `quality`. */
  kind: is.string,
  /** A version; null: the whole server. */
  model: is.nullable(is.string),
  /** `page` or `ticket`. */
  severity: is.string,
  /** Milliseconds since 1970. */
  since: is.number,
  /** Null while it is active. */
  endedAt: is.nullable(is.number),
  /** How it ended: in its usual range again, the new level is the baseline, or no values any more; null while it is active. */
  resolution: is.nullable(is.oneOf("cleared", "adapted", "noData")),
  evidence: is.unknown,
});
export type WatchAlarm = is.Infer<typeof watchAlarm>;

export const watchFeature = is.object({
  name: is.string,
  type: is.string,
  /** `covariate`, `label` or `prediction`. */
  kind: is.string,
  /** `drift`, `no drift` or `too few`. */
  verdict: is.string,
  reference: is.object({
    values: is.number,
  }),
  window: is.object({
    values: is.number,
  }),
  needed: is.nullable(is.number),
  test: is.string,
  p: measured,
  adjustedP: measured,
  /** Null where it has none. */
  effect: is.nullable(interval),
  measure: is.string,
  numbers: is.optional(
    is.object({
      reference: is.object({
        mean: measured,
        /** 10, 25, 50, 75 and 90 % of the values. */
        quantiles: is.array(measured),
      }),
      window: is.object({
        mean: measured,
        /** 10, 25, 50, 75 and 90 % of the values. */
        quantiles: is.array(measured),
      }),
    }),
  ),
  moved: is.optional(
    is.array(
      is.object({
        value: is.union(is.string, is.number),
        reference: measured,
        window: measured,
        q: measured,
      }),
    ),
  ),
  /** Since when it has drifted. */
  since: is.optional(is.nullable(is.number)),
});
export type WatchFeature = is.Infer<typeof watchFeature>;

export const watchSeason = is.object({
  /** Whose traffic it is. */
  version: is.string,
  /** Weeks that are used: 1 is the last one. */
  seasons: is.array(is.number),
  /** Milliseconds since 1970. */
  fromMs: is.number,
  /** Share of the requests that came in hours with a counterpart. */
  coverage: measured,
  /** Of the traffic against its season. */
  verdict: is.string,
  events: is.object({
    reference: is.number,
    window: is.number,
  }),
  /** Features that differ from the training data as they do in these hours. */
  usual: is.array(is.string),
  /** Features that differ from both. */
  unusual: is.array(is.string),
  /** Features with too few values. */
  unknown: is.array(is.string),
});
export type WatchSeason = is.Infer<typeof watchSeason>;

export const watchDrift = is.object({
  model: is.string,
  /** The sketch of what the version was trained on; null where it has none. */
  reference: is.nullable(is.string),
  verdict: is.nullable(is.string),
  alpha: measured,
  events: is.optional(
    is.object({
      reference: is.number,
      window: is.number,
    }),
  ),
  features: is.array(watchFeature),
  /** The same hours of earlier weeks; null where no such traffic is kept. */
  season: is.optional(is.nullable(watchSeason)),
  /** Why nothing is compared. */
  why: is.nullable(is.string),
});
export type WatchDrift = is.Infer<typeof watchDrift>;

export const watchHistory = is.object({
  metric: is.string,
  model: is.string,
  stepMs: is.number,
  /** Beginning, value, and responses that it is from. */
  points: is.array(is.tuple(is.number, measured, is.number)),
});
export type WatchHistory = is.Infer<typeof watchHistory>;

export const watchRound = is.object({
  number: is.number,
  /** `quality`, `drift`, `schedule` or `person`. */
  trigger: is.string,
  /** Milliseconds since 1970. */
  startedAt: is.number,
  /** Null while it is under way. */
  endedAt: is.nullable(is.number),
  /** The version that it made; null before. */
  candidate: is.nullable(is.string),
  /** `promoted`, `rolled back`, `held`, `rejected` or `failed`. */
  outcome: is.nullable(is.string),
  why: is.string,
  coreSeconds: measured,
  /** What each step showed, by its phase. */
  evidence: is.record(is.unknown),
});
export type WatchRound = is.Infer<typeof watchRound>;

export const watchLoop = is.object({
  model: is.string,
  alias: is.string,
  /** The version that has the alias. */
  current: is.nullable(is.string),
  phase: is.string,
  /** When the phase began; null before the first round. */
  since: is.nullable(is.number),
  /** By whom and why. */
  paused: is.nullable(is.string),
  /** The process that directs it. */
  directedBy: is.nullable(is.string),
  look: is.nullable(
    is.object({
      /** Milliseconds since 1970. */
      at: is.number,
      newDocuments: is.number,
      why: is.string,
    }),
  ),
  problem: is.nullable(is.string),
  /** The one under way and past ones, the newest first. */
  rounds: is.array(watchRound),
});
export type WatchLoop = is.Infer<typeof watchLoop>;

export const watchModel = is.object({
  /** A version; with `#shadow` its copied requests, with `gateway:` a model of the gateway. */
  model: is.string,
  /** Of the last hour. */
  requests: is.number,
  errors: is.number,
  /** Of the last hour, by name. */
  figures: is.record(measured),
});
export type WatchModel = is.Infer<typeof watchModel>;

export const watchObjective = is.object({
  name: is.string,
  model: is.nullable(is.string),
  objective: is.number,
  windowMs: is.number,
  /** Share of good events; null where there were none. */
  reached: measured,
  /** Share of the error budget that is left; below 0 it is overspent. */
  budgetLeft: measured,
  alerts: is.array(
    is.object({
      severity: is.string,
      longMs: is.number,
      shortMs: is.number,
      /** Burn rate over the long window. */
      long: measured,
      short: measured,
      limit: is.number,
    }),
  ),
});
export type WatchObjective = is.Infer<typeof watchObjective>;

export const watchQualityVersion = is.object({
  version: is.nullable(is.number),
  responses: is.number,
  /** Of labelled requests. */
  true: is.object({
    requests: is.number,
    trusted: is.number,
    classified: is.number,
    accuracy: is.nullable(interval),
    macroF1: is.nullable(interval),
    logLoss: is.nullable(interval),
    calibrationError: measured,
    score: is.nullable(interval),
  }),
  /** Of all, if the model's probabilities are calibrated. */
  estimated: is.object({
    texts: is.number,
    accuracy: is.nullable(interval),
    macroF1: measured,
    logLoss: is.nullable(interval),
    nll: is.nullable(interval),
  }),
  selection: is.object({
    share: measured,
    confidenceLabelled: measured,
    confidenceAll: measured,
    p: measured,
  }),
  days: is.array(
    is.object({
      day: is.string,
      responses: is.number,
      /** Of labelled requests. */
      true: is.object({
        requests: is.number,
        trusted: is.number,
        classified: is.number,
        accuracy: is.nullable(interval),
        macroF1: is.nullable(interval),
        logLoss: is.nullable(interval),
        calibrationError: measured,
        score: is.nullable(interval),
      }),
      /** Of all, if the model's probabilities are calibrated. */
      estimated: is.object({
        texts: is.number,
        accuracy: is.nullable(interval),
        macroF1: measured,
        logLoss: is.nullable(interval),
        nll: is.nullable(interval),
      }),
      selection: is.object({
        share: measured,
        confidenceLabelled: measured,
        confidenceAll: measured,
        p: measured,
      }),
    }),
  ),
  /** Figures on held-out data before it was served. */
  evaluation: is.nullable(is.record(is.unknown)),
});
export type WatchQualityVersion = is.Infer<typeof watchQualityVersion>;

export const watchQuality = is.object({
  model: is.string,
  fromDay: is.string,
  /** The newest first. */
  versions: is.array(watchQualityVersion),
});
export type WatchQuality = is.Infer<typeof watchQuality>;

export const watchSample = is.object({
  id: is.string,
  model: is.string,
  /** Milliseconds since 1970. */
  at: is.number,
  /** When it is deleted; milliseconds since 1970. */
  expires: is.number,
  endpoint: is.string,
  outcome: is.string,
  /** Redacted. */
  prompt: is.string,
  /** Redacted; null of a classifier. */
  answer: is.nullable(is.string),
  label: is.nullable(is.string),
  /** What monitors saw in it: `refusal`, `injection`, ... */
  signs: is.array(is.string),
  /** Findings of private data that were replaced. */
  redacted: is.number,
});
export type WatchSample = is.Infer<typeof watchSample>;

export const watchSamples = is.object({
  /** Whether loam.yaml asks for examples. */
  isKept: is.boolean,
  /** The newest first. */
  samples: is.array(watchSample),
});
export type WatchSamples = is.Infer<typeof watchSamples>;

export const watchStatus = is.object({
  /** Last minute that monitors evaluated; null before the first. */
  lookedAt: is.nullable(is.number),
  servers: is.array(
    is.object({
      id: is.string,
      /** Milliseconds since 1970. */
      seenAt: is.number,
    }),
  ),
  models: is.array(watchModel),
  /** Active and past ones, the newest first. */
  alarms: is.array(watchAlarm),
  objectives: is.array(watchObjective),
});
export type WatchStatus = is.Infer<typeof watchStatus>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/watch": watchStatus,
  "GET /api/watch/history": watchHistory,
  "GET /api/watch/drift": is.array(watchDrift),
  "GET /api/watch/quality": is.array(watchQuality),
  "GET /api/watch/samples": watchSamples,
  "GET /api/watch/loops": is.array(watchLoop),
};

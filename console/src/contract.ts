/**
 * What the server says under `/api`, as schemas: answers are checked where they come in, and every page trusts the types inferred here.
 * Fields that a server may leave out are optional; unknown ones are ignored, so that an older page stands beside a newer server.
 */
import * as z from "zod/mini";

/** ISO text or milliseconds since 1970; NaN where it is neither. */
const time = z.pipe(
  z.union([z.number(), z.string()]),
  z.transform(value => (typeof value === "number" ? value : Date.parse(value))),
);
/** A measured number; null where it was not finite (JSON has no NaN) or not measured. */
const measured = z.pipe(
  z.nullish(z.number()),
  z.transform(value => value ?? null),
);
const json = z.unknown();
const summary = z.record(z.string(), json);

export const overview = z.object({
  loam: z.string(),
  project: z.nullable(z.string()),
  model: z.nullable(
    z.object({
      id: z.string(),
      name: z.string(),
      /** Null where the model was loaded from a folder, not from the record. */
      version: z.nullable(z.union([z.number(), z.string()])),
      artifact: z.nullable(z.string()),
      family: z.string(),
      parameters: z.number(),
      context: z.number(),
      vocab: z.number(),
      layers: z.number(),
      width: z.number(),
    }),
  ),
  models: z.array(z.string()),
  startedAt: time,
  machine: z.object({ cores: z.number(), processor: z.string(), memoryBytes: z.number(), vector: z.array(z.string()) }),
});

export const models = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    version: z.union([z.number(), z.string()]),
    artifact: z.string(),
    createdAt: time,
    aliases: z.array(z.string()),
    scores: z.record(z.string(), measured),
  }),
);

export const runs = z.array(
  z.object({ artifact: z.string(), stage: z.string(), startedAt: z.nullable(time), endedAt: z.nullable(time), summary }),
);

/** Tokens of a tuned model's first examples: runs that are trained, and those that are only read. */
export const maskedExamples = z.object({
  /** Examples in all, and the first ones, which figures are of. */
  of: z.number(),
  looked: z.number(),
  tokens: z.number(),
  trainedTokens: z.number(),
  shown: z.array(
    z.object({
      place: z.string(),
      tokens: z.number(),
      trained: z.number(),
      cut: z.number(),
      runs: z.array(z.object({ trained: z.boolean(), tokens: z.number(), text: z.string() })),
    }),
  ),
});

export const metrics = z.object({
  points: z.array(
    z.object({
      step: z.number(),
      tokens: z.number(),
      /** Nats a token. */
      loss: measured,
      heldOut: measured,
      learningRate: measured,
      tokensPerSecond: measured,
      gradientNorm: measured,
    }),
  ),
});

/** Of a model that continues texts: bits of held-out documents. */
const bitsReport = z.object({
  task: z.string(),
  heldOut: z.object({ documents: z.number(), bytes: z.number(), tokens: z.number() }),
  scores: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      bitsPerByte: measured,
      bits: measured,
      bytes: measured,
      ms: measured,
    }),
  ),
});
const range = z.object({ value: measured, low: measured, high: measured });
const confusion = z.array(z.tuple([z.number(), z.number(), z.number()]));
const reliability = z.object({
  error: measured,
  bins: z.array(z.object({ items: z.number(), said: z.number(), seen: z.number() })),
});
const column = z.array(z.number());
/** What a table of scores leaves out: mistakes as [true class, class said, items], curves of a class against the rest, calibration. */
export const picture = z.object({
  classes: z.array(z.string()),
  confusion,
  curves: z.array(
    z.object({
      positive: z.string(),
      positives: z.number(),
      negatives: z.number(),
      rocArea: measured,
      averagePrecision: measured,
      thresholds: column,
      recall: column,
      falsePositiveRate: column,
      precision: column,
    }),
  ),
  reliability,
});
/** Of a model that tells classes: scores of held-out documents, with intervals. */
const classesReport = z.object({
  task: z.literal("classification"),
  label: z.string(),
  /** Absent in reports of older versions, as what else is optional. */
  classes: z.optional(z.array(z.string())),
  test: z.object({ documents: z.number(), groups: z.number() }),
  confidence: z.number(),
  scores: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      accuracy: range,
      balancedAccuracy: z.optional(measured),
      mcc: z.optional(measured),
      macro: z.object({ precision: measured, recall: measured }),
      macroF1: range,
      classes: z.optional(
        z.array(z.object({ name: z.string(), precision: measured, recall: measured, f1Range: range, support: z.number() })),
      ),
    }),
  ),
  confusion: z.optional(confusion),
  calibration: z.optional(
    z.object({
      error: measured,
      logLoss: measured,
      bins: z.optional(reliability.shape.bins),
      temperature: z.optional(z.object({ value: measured, error: measured })),
    }),
  ),
  threshold: z.optional(
    z.object({
      positive: z.string(),
      falsePositive: z.number(),
      falseNegative: z.number(),
      chosenOn: z.number(),
      rows: z.array(
        z.object({ by: z.string(), threshold: measured, cost: z.number(), precision: z.number(), recall: z.number(), f1: z.number() }),
      ),
    }),
  ),
  wrongest: z.optional(
    z.array(z.object({ id: z.string(), text: z.optional(z.string()), truth: z.string(), predicted: z.string(), probability: measured })),
  ),
  comparisons: z.array(z.object({ against: z.string(), difference: range, verdict: z.string() })),
});

/** Of a model that gives numbers: how far they are off. */
const numbersReport = z.object({
  task: z.literal("regression"),
  label: z.string(),
  test: z.object({ documents: z.number(), groups: z.number() }),
  confidence: z.number(),
  scores: z.object({ mae: range, rmse: range, r2: range, pearson: range, spearman: range }),
  baseline: z.object({ mae: range, verdict: z.string() }),
});

export const evaluations = z.array(
  z.object({ artifact: z.string(), model: z.string(), report: z.union([classesReport, numbersReport, bitsReport]) }),
);

export const graph = z.object({
  root: z.string(),
  nodes: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      stage: z.string(),
      summary,
      createdAt: time,
      relation: z.enum(["self", "ancestor", "descendant"]),
      stageVersion: z.optional(z.number()),
      digest: z.optional(z.string()),
      options: z.optional(json),
      files: z.optional(z.array(z.object({ name: z.string(), sizeBytes: z.number() }))),
    }),
  ),
  edges: z.array(z.object({ from: z.string(), to: z.string(), name: z.string() })),
});

export const engine = z.object({
  /** The version whose figures these are; absent where none runs. */
  model: z.optional(z.string()),
  slots: z.number(),
  running: z.number(),
  queued: z.number(),
  tokensPerSecond: z.number(),
  requests: z.number(),
  /** Share of the cache's positions that is in use; null where there is no cache. */
  cacheUse: z.optional(measured),
  cacheBytes: z.optional(z.number()),
  history: z.array(z.object({ t: time, running: z.number(), queued: z.number(), tokensPerSecond: z.number() })),
});

/** Every version that there is, with what it does now. */
export const serving = z.object({
  versions: z.array(
    z.object({
      name: z.string(),
      version: z.number(),
      id: z.string(),
      state: z.string(),
      labels: z.array(z.string()),
      /** Null where the model's requests are not split. */
      weight: z.nullable(z.number()),
      /** Percent of requests that are copied to it. */
      shadow: z.nullable(z.number()),
      slots: z.number(),
      running: z.number(),
      queued: z.number(),
      requests: z.number(),
      cacheUse: z.optional(measured),
      tokensPerSecond: z.number(),
      /** Adapters that are loaded for it: each answers as a model of its own name. */
      adapters: z.optional(z.array(z.object({ name: z.string(), rank: z.number() }))),
    }),
  ),
});

export const dataSets = z.array(z.object({ name: z.string(), artifact: z.string(), createdAt: time, summary }));

const distribution = z.object({
  count: z.number(),
  least: z.number(),
  most: z.number(),
  median: z.number(),
  scale: z.enum(["linear", "log"]),
  edges: z.array(z.number()),
  bins: z.array(z.number()),
});
/** Null where JSON has no word for it (NaN, infinite). */
const value = z.nullable(z.union([z.number(), z.string(), z.boolean()]));
const examples = z.array(z.object({ id: z.string(), value, text: z.string() }));

/** What curation did: src/data/report.ts says what each means. */
export const dataReport = z.object({
  artifact: z.string(),
  funnel: z.array(
    z.object({
      what: z.enum(["read", "set aside", "step", "kept", "train", "held-out"]),
      step: z.optional(z.string()),
      documents: z.number(),
      dropped: z.optional(z.number()),
      edited: z.optional(z.number()),
      spared: z.optional(z.number()),
      bytes: z.optional(z.number()),
    }),
  ),
  reasons: z.array(z.object({ reason: z.string(), documents: z.number() })),
  rules: z.array(
    z.object({
      position: z.number(),
      step: z.string(),
      rule: z.string(),
      keep: z.optional(z.enum(["atLeast", "atMost"])),
      threshold: value,
      measured: z.number(),
      beyond: z.number(),
      dropped: z.number(),
      distribution: z.optional(distribution),
      commonest: z.optional(z.array(z.tuple([z.string(), z.number()]))),
      examples,
    }),
  ),
  edits: z.array(z.object({ step: z.string(), rule: z.string(), documents: z.number(), times: z.nullable(z.number()), examples })),
  clusters: z.object({
    count: z.number(),
    stay: z.number(),
    copies: z.number(),
    largest: z.array(
      z.object({
        survivor: z.string(),
        stay: z.number(),
        size: z.number(),
        members: z.array(z.object({ id: z.string(), rule: z.string(), value })),
        diff: z.nullable(
          z.object({
            first: z.string(),
            second: z.string(),
            lines: z.array(z.object({ in: z.enum(["first", "second", "both", "left out"]), text: z.string() })),
          }),
        ),
      }),
    ),
  }),
  facets: z.array(
    z.object({
      name: z.string(),
      values: z.array(z.object({ value: z.string(), train: z.number(), heldOut: z.number(), dropped: z.number(), bytes: z.number() })),
      others: z.number(),
    }),
  ),
  sizes: z.nullable(distribution),
  notes: z.array(z.string()),
});

/** `/v1/models` as OpenAI's API has it. */
export const served = z.object({ data: z.array(z.object({ id: z.string() })) });

export type MaskedExamples = z.infer<typeof maskedExamples>;
export type Overview = z.infer<typeof overview>;
export type ServedModel = NonNullable<Overview["model"]>;
export type ModelVersion = z.infer<typeof models>[number];
export type Run = z.infer<typeof runs>[number];
export type Point = z.infer<typeof metrics>["points"][number];
export type Evaluation = z.infer<typeof evaluations>[number];
export type BitsReport = z.infer<typeof bitsReport>;
export type ClassesReport = z.infer<typeof classesReport>;
export type ClassPicture = z.infer<typeof picture>;
export type NumbersReport = z.infer<typeof numbersReport>;
export type Score = BitsReport["scores"][number];
export const isOfClasses = (report: Evaluation["report"]): report is ClassesReport => "comparisons" in report;
export const isOfNumbers = (report: Evaluation["report"]): report is NumbersReport => "baseline" in report;
export type Graph = z.infer<typeof graph>;
export type GraphNode = Graph["nodes"][number];
export type GraphEdge = Graph["edges"][number];
export type DataSet = z.infer<typeof dataSets>[number];
export type DataReport = z.infer<typeof dataReport>;
export type Distribution = z.infer<typeof distribution>;
export type ServedVersion = z.infer<typeof serving>["versions"][number];
export type Engine = z.infer<typeof engine>;
export type Summary = z.infer<typeof summary>;

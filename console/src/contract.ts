/**
 * What the server says under `/api`, as schemas: answers are checked where they come in, and every page trusts the types inferred here.
 * Fields that a server may leave out are optional; unknown ones are ignored, so that an older page stands beside a newer server.
 */
import * as is from "./shape.ts";

/** ISO text or milliseconds since 1970; NaN where it is neither. */
const time = is.mapped(is.union(is.number, is.string), value => (typeof value === "number" ? value : Date.parse(value)));
/** A measured number; null where it was not finite (JSON has no NaN) or not measured. */
export const measured = is.mapped(is.nullish(is.number), value => value ?? null);
const json = is.unknown;
const summary = is.record(json);

export const overview = is.object({
  loam: is.string,
  project: is.nullable(is.string),
  model: is.nullable(
    is.object({
      id: is.string,
      name: is.string,
      /** Null where the model was loaded from a folder, not from the record. */
      version: is.nullable(is.union(is.number, is.string)),
      artifact: is.nullable(is.string),
      family: is.string,
      parameters: is.number,
      context: is.number,
      vocab: is.number,
      layers: is.number,
      width: is.number,
    }),
  ),
  models: is.array(is.string),
  startedAt: time,
  machine: is.object({ cores: is.number, processor: is.string, memoryBytes: is.number, vector: is.array(is.string) }),
});

export const models = is.array(
  is.object({
    id: is.string,
    name: is.string,
    version: is.union(is.number, is.string),
    artifact: is.string,
    createdAt: time,
    aliases: is.array(is.string),
    scores: is.record(measured),
  }),
);

export const runs = is.array(
  is.object({ artifact: is.string, stage: is.string, startedAt: is.nullable(time), endedAt: is.nullable(time), summary }),
);

/** Tokens of a tuned model's first examples: runs that are trained, and those that are only read. */
export const maskedExamples = is.object({
  /** Examples in all, and the first ones, which figures are of. */
  of: is.number,
  looked: is.number,
  tokens: is.number,
  trainedTokens: is.number,
  shown: is.array(
    is.object({
      place: is.string,
      tokens: is.number,
      trained: is.number,
      cut: is.number,
      runs: is.array(is.object({ trained: is.boolean, tokens: is.number, text: is.string })),
    }),
  ),
});

export const metrics = is.object({
  points: is.array(
    is.object({
      step: is.number,
      tokens: is.number,
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
const bitsReport = is.object({
  task: is.string,
  heldOut: is.object({ documents: is.number, bytes: is.number, tokens: is.number }),
  scores: is.array(
    is.object({
      name: is.string,
      kind: is.string,
      bitsPerByte: measured,
      bits: measured,
      bytes: measured,
      ms: measured,
    }),
  ),
});
const range = is.object({ value: measured, low: measured, high: measured });
const confusion = is.array(is.tuple(is.number, is.number, is.number));
const bins = is.array(is.object({ items: is.number, said: is.number, seen: is.number }));
const column = is.array(is.number);
/** What a table of scores leaves out: mistakes as [true class, class said, items], curves of a class against the rest, calibration. */
export const picture = is.object({
  classes: is.array(is.string),
  confusion,
  curves: is.array(
    is.object({
      positive: is.string,
      positives: is.number,
      negatives: is.number,
      rocArea: measured,
      averagePrecision: measured,
      thresholds: column,
      recall: column,
      falsePositiveRate: column,
      precision: column,
    }),
  ),
  reliability: is.object({ error: measured, bins }),
});
/** Of a model that tells classes: scores of held-out documents, with intervals. */
const classesReport = is.object({
  task: is.oneOf("classification"),
  label: is.string,
  /** Absent in reports of older versions, as what else is optional. */
  classes: is.optional(is.array(is.string)),
  test: is.object({ documents: is.number, groups: is.number }),
  confidence: is.number,
  scores: is.array(
    is.object({
      name: is.string,
      kind: is.string,
      accuracy: range,
      balancedAccuracy: is.optional(measured),
      mcc: is.optional(measured),
      chance: is.optional(is.object({ balancedAccuracy: range, chance: measured, p: measured, verdict: is.string })),
      macro: is.object({ precision: measured, recall: measured }),
      macroF1: range,
      classes: is.optional(
        is.array(is.object({ name: is.string, precision: measured, recall: measured, f1Range: range, support: is.number })),
      ),
    }),
  ),
  confusion: is.optional(confusion),
  calibration: is.optional(
    is.object({
      error: measured,
      logLoss: measured,
      bins: is.optional(bins),
      temperature: is.optional(is.object({ value: measured, error: measured, logLoss: is.optional(measured) })),
    }),
  ),
  threshold: is.optional(
    is.object({
      positive: is.string,
      falsePositive: is.number,
      falseNegative: is.number,
      chosenOn: is.number,
      rows: is.array(
        is.object({ by: is.string, threshold: measured, cost: is.number, precision: is.number, recall: is.number, f1: is.number }),
      ),
    }),
  ),
  warnings: is.optional(is.array(is.object({ kind: is.string, message: is.string }))),
  similarity: is.optional(is.array(is.object({ from: is.number, to: is.number, texts: is.number, accuracy: measured }))),
  wrongest: is.optional(
    is.array(is.object({ id: is.string, text: is.optional(is.string), truth: is.string, predicted: is.string, probability: measured })),
  ),
  comparisons: is.array(is.object({ against: is.string, difference: range, verdict: is.string })),
});

/** Of a model that gives numbers: how far they are off. */
const numbersReport = is.object({
  task: is.oneOf("regression"),
  label: is.string,
  test: is.object({ documents: is.number, groups: is.number }),
  confidence: is.number,
  scores: is.object({ mae: range, rmse: range, r2: range, pearson: range, spearman: range }),
  baseline: is.object({ mae: range, verdict: is.string }),
  frozen: is.optional(is.object({ mae: range, verdict: is.string })),
});

const ends = { low: measured, high: measured };
/** Of a recipe scored over folds and seeds: means, deviations by source of variance, the model less each baseline. */
const foldsReport = is.object({
  task: is.oneOf("cross-validation"),
  of: is.oneOf("classification", "regression"),
  folds: is.number,
  repeats: is.number,
  seeds: is.array(is.union(is.number, is.string)),
  trainSize: is.number,
  testSize: is.number,
  confidence: is.number,
  over: is.oneOf("folds", "seeds"),
  decidedBy: is.string,
  systems: is.array(
    is.object({
      name: is.string,
      kind: is.string,
      measures: is.record(
        is.object({ mean: is.number, deviation: is.object({ folds: measured, seeds: measured, total: measured }), ...ends }),
      ),
    }),
  ),
  comparisons: is.array(
    is.object({ against: is.string, measures: is.record(is.object({ difference: is.number, ...ends })), p: measured, verdict: is.string }),
  ),
});

export const evaluations = is.array(
  is.object({ artifact: is.string, model: is.string, report: is.union(foldsReport, classesReport, numbersReport, bitsReport) }),
);

export const graph = is.object({
  root: is.string,
  nodes: is.array(
    is.object({
      id: is.string,
      kind: is.string,
      stage: is.string,
      summary,
      createdAt: time,
      relation: is.oneOf("self", "ancestor", "descendant"),
      stageVersion: is.optional(is.number),
      digest: is.optional(is.string),
      options: is.optional(json),
      files: is.optional(is.array(is.object({ name: is.string, sizeBytes: is.number }))),
    }),
  ),
  edges: is.array(is.object({ from: is.string, to: is.string, name: is.string })),
});

export const engine = is.object({
  /** The version whose figures these are; absent where none runs. */
  model: is.optional(is.string),
  slots: is.number,
  running: is.number,
  queued: is.number,
  tokensPerSecond: is.number,
  requests: is.number,
  /** Share of the cache's positions that is in use; null where there is no cache. */
  cacheUse: is.optional(measured),
  cacheBytes: is.optional(is.number),
  history: is.array(is.object({ t: time, running: is.number, queued: is.number, tokensPerSecond: is.number })),
});

/** Every version that there is, with what it does now. */
export const serving = is.object({
  versions: is.array(
    is.object({
      name: is.string,
      version: is.number,
      id: is.string,
      state: is.string,
      labels: is.array(is.string),
      /** Null where the model's requests are not split. */
      weight: is.nullable(is.number),
      /** Percent of requests that are copied to it. */
      shadow: is.nullable(is.number),
      slots: is.number,
      running: is.number,
      queued: is.number,
      requests: is.number,
      cacheUse: is.optional(measured),
      tokensPerSecond: is.number,
      /** Adapters that are loaded for it: each answers as a model of its own name. */
      adapters: is.optional(is.array(is.object({ name: is.string, rank: is.number }))),
    }),
  ),
});

export const dataSets = is.array(is.object({ name: is.string, artifact: is.string, createdAt: time, summary }));

const distribution = is.object({
  count: is.number,
  least: is.number,
  most: is.number,
  median: is.number,
  scale: is.oneOf("linear", "log"),
  edges: is.array(is.number),
  bins: is.array(is.number),
});
/** Null where JSON has no word for it (NaN, infinite). */
const value = is.nullable(is.union(is.number, is.string, is.boolean));
const examples = is.array(is.object({ id: is.string, value, text: is.string }));

/** What curation did: src/data/report.ts says what each means. */
export const dataReport = is.object({
  artifact: is.string,
  funnel: is.array(
    is.object({
      what: is.oneOf("read", "set aside", "step", "kept", "train", "held-out"),
      step: is.optional(is.string),
      documents: is.number,
      dropped: is.optional(is.number),
      edited: is.optional(is.number),
      spared: is.optional(is.number),
      bytes: is.optional(is.number),
    }),
  ),
  reasons: is.array(is.object({ reason: is.string, documents: is.number })),
  rules: is.array(
    is.object({
      position: is.number,
      step: is.string,
      rule: is.string,
      keep: is.optional(is.oneOf("atLeast", "atMost")),
      threshold: value,
      measured: is.number,
      beyond: is.number,
      dropped: is.number,
      distribution: is.optional(distribution),
      commonest: is.optional(is.array(is.tuple(is.string, is.number))),
      examples,
    }),
  ),
  edits: is.array(is.object({ step: is.string, rule: is.string, documents: is.number, times: is.nullable(is.number), examples })),
  clusters: is.object({
    count: is.number,
    stay: is.number,
    copies: is.number,
    largest: is.array(
      is.object({
        survivor: is.string,
        stay: is.number,
        size: is.number,
        members: is.array(is.object({ id: is.string, rule: is.string, value })),
        diff: is.nullable(
          is.object({
            first: is.string,
            second: is.string,
            lines: is.array(is.object({ in: is.oneOf("first", "second", "both", "left out"), text: is.string })),
          }),
        ),
      }),
    ),
  }),
  facets: is.array(
    is.object({
      name: is.string,
      values: is.array(is.object({ value: is.string, train: is.number, heldOut: is.number, dropped: is.number, bytes: is.number })),
      others: is.number,
    }),
  ),
  sizes: is.nullable(distribution),
  notes: is.array(is.string),
});

/** `/v1/models` as OpenAI's API has it, and what a model tells of a text; other servers do not say. */
export const served = is.object({
  data: is.array(is.object({ id: is.string, tells: is.optional(is.oneOf("text", "vectors", "classes", "numbers")) })),
});

/** Classes of one text with their scores, as told: the first is the one that counts; or its number. */
export const classified = is.mapped(is.object({ result: is.array(is.array(is.tuple(is.string, is.number))) }), a => a.result[0] ?? []);
export const measuredNumber = is.mapped(is.object({ result: is.array(is.number) }), a => a.result.map(n => ["", n] as [string, number]));

export type MaskedExamples = is.Infer<typeof maskedExamples>;
export type Overview = is.Infer<typeof overview>;
export type ServedModel = NonNullable<Overview["model"]>;
export type ModelVersion = is.Infer<typeof models>[number];
export type Run = is.Infer<typeof runs>[number];
export type Point = is.Infer<typeof metrics>["points"][number];
export type Evaluation = is.Infer<typeof evaluations>[number];
export type BitsReport = is.Infer<typeof bitsReport>;
export type ClassesReport = is.Infer<typeof classesReport>;
export type ClassPicture = is.Infer<typeof picture>;
export type NumbersReport = is.Infer<typeof numbersReport>;
export type FoldsReport = is.Infer<typeof foldsReport>;
export type Score = BitsReport["scores"][number];
export const isOfFolds = (report: Evaluation["report"]): report is FoldsReport => "systems" in report;
export const isOfClasses = (report: Evaluation["report"]): report is ClassesReport => "comparisons" in report && !isOfFolds(report);
export const isOfNumbers = (report: Evaluation["report"]): report is NumbersReport => "baseline" in report;
export type Graph = is.Infer<typeof graph>;
export type GraphNode = Graph["nodes"][number];
export type GraphEdge = Graph["edges"][number];
export type DataSet = is.Infer<typeof dataSets>[number];
export type DataReport = is.Infer<typeof dataReport>;
export type Distribution = is.Infer<typeof distribution>;
export type ServedVersion = is.Infer<typeof serving>["versions"][number];
export type Engine = is.Infer<typeof engine>;
export type Summary = is.Infer<typeof summary>;

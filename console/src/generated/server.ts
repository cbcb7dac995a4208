/** Written by `npm run docs` from /api/openapi.json: change the server's schemas instead. A test holds it against them. */
import * as is from "../shape.ts";

export const approvedVersion = is.object({
  model: is.string,
  version: is.number,
  alias: is.string,
  changed: is.boolean,
  approvals: is.array(
    is.object({
      role: is.string,
      by: is.string,
      isVerified: is.boolean,
      /** Milliseconds since 1970. */
      atMs: is.number,
    }),
  ),
});
export type ApprovedVersion = is.Infer<typeof approvedVersion>;

/** A measured number; null where it is not finite. */
export const measured = is.mapped(is.nullish(is.number), value => value ?? null);
export type Measured = is.Infer<typeof measured>;

export const bitsScore = is.object({
  name: is.string,
  kind: is.string,
  bitsPerByte: measured,
  bits: measured,
  bytes: measured,
  ms: measured,
});
export type BitsScore = is.Infer<typeof bitsScore>;

/** Of a language model: bits per byte of held-out documents. */
export const bitsReport = is.object({
  task: is.oneOf("bits-per-byte"),
  heldOut: is.object({
    documents: is.number,
    bytes: is.number,
    tokens: is.number,
  }),
  scores: is.array(bitsScore),
});
export type BitsReport = is.Infer<typeof bitsReport>;

export const changedItem = is.object({
  id: is.string,
  place: is.string,
  prompt: is.string,
  /** The model's output. */
  came: is.string,
  /** The expected output. */
  right: is.string,
  before: is.string,
});
export type ChangedItem = is.Infer<typeof changedItem>;

/** Data of an event: new revisions by topic. The first event names all topics, later ones those that changed. A revision only says that what the topic covers may have changed. */
export const changes = is.object({
  revisions: is.object({
    /** Artifacts, model versions, aliases, gates, approvals. */
    artifacts: is.optional(is.number),
    /** Runs under way and their logs. */
    runs: is.optional(is.number),
    /** Label sets. */
    labels: is.optional(is.number),
    /** Fine-tuning jobs. */
    jobs: is.optional(is.number),
    /** Loaded versions, their labels and weights, adapters. */
    serving: is.optional(is.number),
    /** Load of the engines. */
    engine: is.optional(is.number),
    /** Figures, objectives, alarms, drift and quality of served versions. */
    watch: is.optional(is.number),
  }),
});
export type Changes = is.Infer<typeof changes>;

export const checkpoint = is.object({
  id: is.string,
  object: is.oneOf("fine_tuning.job.checkpoint"),
  /** Seconds since 1970. */
  created_at: is.number,
  fine_tuned_model_checkpoint: is.string,
  fine_tuning_job_id: is.string,
  step_number: is.number,
  metrics: is.record(is.number),
});
export type Checkpoint = is.Infer<typeof checkpoint>;

export const checkpoints = is.object({
  object: is.oneOf("list"),
  first_id: is.nullable(is.string),
  last_id: is.nullable(is.string),
  has_more: is.boolean,
  data: is.array(checkpoint),
});
export type Checkpoints = is.Infer<typeof checkpoints>;

/** What a table of scores leaves out: confusion, curves of a class against the rest, calibration. */
export const classPicture = is.object({
  classes: is.array(is.string),
  /** True class, predicted class, items. */
  confusion: is.array(is.tuple(is.number, is.number, is.number)),
  curves: is.array(
    is.object({
      positive: is.string,
      positives: is.number,
      negatives: is.number,
      rocArea: measured,
      averagePrecision: measured,
      thresholds: is.array(is.number),
      recall: is.array(is.number),
      falsePositiveRate: is.array(is.number),
      precision: is.array(is.number),
    }),
  ),
  reliability: is.object({
    /** Expected calibration error. */
    error: measured,
    /** Of a reliability diagram. */
    bins: is.array(
      is.object({
        items: is.number,
        said: is.number,
        seen: is.number,
      }),
    ),
  }),
});
export type ClassPicture = is.Infer<typeof classPicture>;

/** A figure with its 95 % interval. */
export const interval = is.object({
  value: measured,
  low: measured,
  high: measured,
});
export type Interval = is.Infer<typeof interval>;

export const fairnessTable = is.object({
  by: is.array(is.string),
  name: is.string,
  items: is.number,
  /** Minimum items of a group. */
  least: is.number,
  small: is.oneOf("undefined", "leave-out"),
  groups: is.array(
    is.object({
      group: is.string,
      items: is.number,
      isSmall: is.boolean,
      outcomes: is.array(
        is.object({
          outcome: is.string,
          baseRate: is.object({
            count: is.number,
            of: is.number,
            value: is.optional(is.number),
            low: is.optional(is.number),
            high: is.optional(is.number),
          }),
          selectionRate: is.object({
            count: is.number,
            of: is.number,
            value: is.optional(is.number),
            low: is.optional(is.number),
            high: is.optional(is.number),
          }),
          truePositiveRate: is.object({
            count: is.number,
            of: is.number,
            value: is.optional(is.number),
            low: is.optional(is.number),
            high: is.optional(is.number),
          }),
          falsePositiveRate: is.object({
            count: is.number,
            of: is.number,
            value: is.optional(is.number),
            low: is.optional(is.number),
            high: is.optional(is.number),
          }),
          precision: is.object({
            count: is.number,
            of: is.number,
            value: is.optional(is.number),
            low: is.optional(is.number),
            high: is.optional(is.number),
          }),
          calibrationError: is.optional(is.number),
        }),
      ),
    }),
  ),
  figures: is.array(
    is.object({
      measure: is.string,
      value: is.optional(is.number),
      low: is.optional(is.number),
      high: is.optional(is.number),
      /** Why there is no value. */
      undefined: is.optional(is.string),
      groups: is.optional(is.array(is.string)),
      outcome: is.optional(is.string),
    }),
  ),
});
export type FairnessTable = is.Infer<typeof fairnessTable>;

/** Of a classifier: scores on the test set, with intervals. */
export const classesReport = is.object({
  task: is.oneOf("classification"),
  label: is.string,
  classes: is.optional(is.array(is.string)),
  test: is.object({
    documents: is.number,
    groups: is.number,
  }),
  confidence: is.number,
  scores: is.array(
    is.object({
      name: is.string,
      kind: is.string,
      accuracy: interval,
      balancedAccuracy: measured,
      mcc: measured,
      chance: is.optional(
        is.object({
          balancedAccuracy: interval,
          chance: measured,
          p: measured,
          verdict: is.string,
        }),
      ),
      macro: is.object({
        precision: measured,
        recall: measured,
      }),
      macroF1: interval,
      classes: is.optional(
        is.array(
          is.object({
            name: is.string,
            precision: measured,
            recall: measured,
            f1Range: interval,
            support: is.number,
          }),
        ),
      ),
    }),
  ),
  /** True class, predicted class, items. */
  confusion: is.optional(is.array(is.tuple(is.number, is.number, is.number))),
  calibration: is.optional(
    is.object({
      error: measured,
      logLoss: measured,
      /** Of a reliability diagram. */
      bins: is.optional(
        is.array(
          is.object({
            items: is.number,
            said: is.number,
            seen: is.number,
          }),
        ),
      ),
      temperature: is.optional(
        is.object({
          value: measured,
          error: measured,
          logLoss: measured,
        }),
      ),
    }),
  ),
  threshold: is.optional(
    is.object({
      positive: is.string,
      falsePositive: is.number,
      falseNegative: is.number,
      chosenOn: is.number,
      rows: is.array(
        is.object({
          by: is.string,
          threshold: measured,
          cost: is.number,
          precision: is.number,
          recall: is.number,
          f1: is.number,
        }),
      ),
    }),
  ),
  /** Decisions on the test set with and without the thresholds of groups. */
  groupThresholds: is.optional(
    is.object({
      attribute: is.string,
      label: is.string,
      goal: is.string,
      bound: is.number,
      groups: is.array(
        is.object({
          group: is.string,
          /** Null: no text is taken for the label. */
          at: is.nullable(is.number),
        }),
      ),
      /** Test texts without a group, decided by the common threshold. */
      without: is.number,
      rows: is.array(
        is.object({
          by: is.oneOf("group thresholds", "common threshold"),
          accuracy: is.number,
          fairness: fairnessTable,
        }),
      ),
    }),
  ),
  warnings: is.optional(
    is.array(
      is.object({
        kind: is.string,
        message: is.string,
      }),
    ),
  ),
  similarity: is.optional(
    is.array(
      is.object({
        from: is.number,
        to: is.number,
        texts: is.number,
        accuracy: measured,
      }),
    ),
  ),
  wrongest: is.optional(
    is.array(
      is.object({
        id: is.string,
        text: is.optional(is.string),
        truth: is.string,
        predicted: is.string,
        probability: measured,
      }),
    ),
  ),
  comparisons: is.array(
    is.object({
      against: is.string,
      difference: interval,
      verdict: is.string,
    }),
  ),
});
export type ClassesReport = is.Infer<typeof classesReport>;

/** Of each text its classes with scores; the first is the predicted one. */
export const classified = is.object({
  result: is.array(is.array(is.tuple(is.string, is.number))),
});
export type Classified = is.Infer<typeof classified>;

export const documentCluster = is.object({
  survivors: is.array(is.string),
  size: is.number,
  steps: is.array(is.string),
  members: is.array(
    is.object({
      id: is.string,
      step: is.string,
      rule: is.string,
      /** Null where it is not finite. */
      value: is.nullable(is.union(is.number, is.string, is.boolean)),
      survivor: is.string,
    }),
  ),
});
export type DocumentCluster = is.Infer<typeof documentCluster>;

export const clusterPage = is.object({
  artifact: is.string,
  count: is.number,
  cursor: is.number,
  /** `cursor` of the next page. */
  next: is.nullable(is.number),
  clusters: is.array(documentCluster),
});
export type ClusterPage = is.Infer<typeof clusterPage>;

export const distribution = is.object({
  count: is.number,
  least: is.number,
  most: is.number,
  median: is.number,
  scale: is.oneOf("linear", "log"),
  /** One more than bins. */
  edges: is.array(is.number),
  bins: is.array(is.number),
});
export type Distribution = is.Infer<typeof distribution>;

export const dataReport = is.object({
  artifact: is.string,
  funnel: is.array(
    is.object({
      what: is.oneOf("read", "set aside", "step", "kept", "train", "held-out"),
      step: is.optional(is.string),
      /** Left after the step; of `set aside`, those that went. */
      documents: is.number,
      dropped: is.optional(is.number),
      edited: is.optional(is.number),
      spared: is.optional(is.number),
      bytes: is.optional(is.number),
    }),
  ),
  reasons: is.array(
    is.object({
      reason: is.string,
      documents: is.number,
    }),
  ),
  rules: is.array(
    is.object({
      position: is.number,
      step: is.string,
      rule: is.string,
      keep: is.optional(is.oneOf("atLeast", "atMost")),
      /** Null where it is not finite. */
      threshold: is.nullable(is.union(is.number, is.string, is.boolean)),
      /** Documents with a value. */
      measured: is.number,
      /** Those on the wrong side of the threshold. */
      beyond: is.number,
      /** Those that this rule is the first to refuse. */
      dropped: is.number,
      distribution: is.optional(distribution),
      commonest: is.optional(is.array(is.tuple(is.string, is.number))),
      examples: is.array(
        is.object({
          id: is.string,
          /** Null where it is not finite. */
          value: is.nullable(is.union(is.number, is.string, is.boolean)),
          text: is.string,
        }),
      ),
    }),
  ),
  edits: is.array(
    is.object({
      step: is.string,
      rule: is.string,
      documents: is.number,
      times: is.nullable(is.number),
      examples: is.array(
        is.object({
          id: is.string,
          /** Null where it is not finite. */
          value: is.nullable(is.union(is.number, is.string, is.boolean)),
          text: is.string,
        }),
      ),
    }),
  ),
  clusters: is.object({
    count: is.number,
    stay: is.number,
    copies: is.number,
    largest: is.array(
      is.object({
        survivor: is.string,
        stay: is.number,
        size: is.number,
        members: is.array(
          is.object({
            id: is.string,
            rule: is.string,
            /** Null where it is not finite. */
            value: is.nullable(is.union(is.number, is.string, is.boolean)),
          }),
        ),
        diff: is.nullable(
          is.object({
            first: is.string,
            second: is.string,
            lines: is.array(
              is.object({
                in: is.oneOf("first", "second", "both", "left out"),
                text: is.string,
              }),
            ),
          }),
        ),
      }),
    ),
  }),
  facets: is.array(
    is.object({
      name: is.string,
      values: is.array(
        is.object({
          value: is.string,
          train: is.number,
          heldOut: is.number,
          dropped: is.number,
          bytes: is.number,
        }),
      ),
      others: is.number,
    }),
  ),
  /** UTF-8 bytes of the kept texts. */
  sizes: is.nullable(distribution),
  notes: is.array(is.string),
});
export type DataReport = is.Infer<typeof dataReport>;

export const summary = is.record(is.unknown);
export type Summary = is.Infer<typeof summary>;

export const dataSet = is.object({
  name: is.string,
  /** The documents of the newest run. */
  artifact: is.string,
  /** Milliseconds since 1970. */
  createdAt: is.number,
  summary: summary,
});
export type DataSet = is.Infer<typeof dataSet>;

export const difference = is.object({
  metric: is.string,
  better: is.oneOf("higher", "lower"),
  items: is.number,
  first: measured,
  second: measured,
  /** First minus second. */
  value: measured,
  low: measured,
  high: measured,
  p: measured,
  test: is.string,
  wins: is.number,
  losses: is.number,
});
export type Difference = is.Infer<typeof difference>;

export const differentLines = is.array(
  is.object({
    in: is.oneOf("first", "second", "both", "left out"),
    text: is.string,
  }),
);
export type DifferentLines = is.Infer<typeof differentLines>;

export const documentFacet = is.object({
  name: is.oneOf("side", "reason", "source", "label", "language"),
  values: is.array(
    is.object({
      value: is.string,
      documents: is.number,
    }),
  ),
  others: is.number,
});
export type DocumentFacet = is.Infer<typeof documentFacet>;

export const listedDocument = is.object({
  id: is.string,
  side: is.oneOf("train", "validation", "held-out", "dropped"),
  /** Step/rule that dropped it. */
  reason: is.nullable(is.string),
  edited: is.boolean,
  source: is.string,
  label: is.array(is.string),
  language: is.nullable(is.string),
  /** Characters. */
  length: is.number,
  /** One line. */
  text: is.string,
});
export type ListedDocument = is.Infer<typeof listedDocument>;

export const documentPage = is.object({
  artifact: is.string,
  /** Documents that the filter takes; of an unfinished search those found so far. */
  count: is.number,
  /** Documents searched; less than `of` while a search is unfinished: ask again. */
  searched: is.number,
  of: is.number,
  cursor: is.number,
  /** `cursor` of the next page. */
  next: is.nullable(is.number),
  documents: is.array(listedDocument),
  /** Values to filter by, of the whole data set. */
  facets: is.array(documentFacet),
});
export type DocumentPage = is.Infer<typeof documentPage>;

export const editedPart = is.object({
  /** Changed lines of loam.yaml with some around them; ` `, `-` or `+` before each. */
  diff: is.array(is.string),
  /** What is wrong with the changed file; null: nothing. */
  problem: is.nullable(
    is.object({
      code: is.string,
      message: is.string,
      place: is.optional(is.string),
      hint: is.optional(is.string),
    }),
  ),
  digest: is.string,
  isWritten: is.boolean,
});
export type EditedPart = is.Infer<typeof editedPart>;

export const engine = is.object({
  /** The version whose figures these are; absent where none is loaded. */
  model: is.optional(is.string),
  /** Maximum concurrent sequences. */
  slots: is.number,
  running: is.number,
  queued: is.number,
  tokensPerSecond: is.number,
  requests: is.number,
  /** Share of the KV cache in use; null where there is no cache. */
  cacheUse: measured,
  cacheBytes: is.optional(is.number),
  history: is.array(
    is.object({
      /** Milliseconds since 1970. */
      t: is.number,
      running: is.number,
      queued: is.number,
      tokensPerSecond: is.number,
    }),
  ),
});
export type Engine = is.Infer<typeof engine>;

/** Of a recipe scored over folds and seeds. */
export const foldsReport = is.object({
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
        is.object({
          mean: is.number,
          deviation: is.object({
            folds: measured,
            seeds: measured,
            total: measured,
          }),
          low: measured,
          high: measured,
        }),
      ),
    }),
  ),
  comparisons: is.array(
    is.object({
      against: is.string,
      measures: is.record(
        is.object({
          difference: is.number,
          low: measured,
          high: measured,
        }),
      ),
      p: measured,
      verdict: is.string,
    }),
  ),
});
export type FoldsReport = is.Infer<typeof foldsReport>;

/** Of a multi-label classifier: scores of each label on the test set, with intervals. */
export const labelsReport = is.object({
  task: is.oneOf("multi-label classification"),
  labels: is.array(is.string),
  test: is.object({
    documents: is.number,
    groups: is.number,
  }),
  confidence: is.number,
  scores: is.array(
    is.object({
      name: is.string,
      kind: is.string,
      meanAveragePrecision: interval,
      macroF1: interval,
      microF1: interval,
      labels: is.array(
        is.object({
          label: is.string,
          positives: is.number,
          averagePrecision: interval,
          auc: interval,
          f1: interval,
          falseAlarms: interval,
        }),
      ),
    }),
  ),
  comparisons: is.array(
    is.object({
      against: is.string,
      difference: interval,
      verdict: is.string,
    }),
  ),
});
export type LabelsReport = is.Infer<typeof labelsReport>;

/** Of a regression model: errors on the test set, with intervals. */
export const numbersReport = is.object({
  task: is.oneOf("regression"),
  label: is.string,
  test: is.object({
    documents: is.number,
    groups: is.number,
  }),
  confidence: is.number,
  scores: is.object({
    mae: interval,
    rmse: interval,
    r2: interval,
    pearson: interval,
    spearman: interval,
  }),
  baseline: is.object({
    mae: interval,
    verdict: is.string,
  }),
  frozen: is.optional(
    is.object({
      mae: interval,
      verdict: is.string,
    }),
  ),
});
export type NumbersReport = is.Infer<typeof numbersReport>;

export const evaluation = is.object({
  artifact: is.string,
  /** The artifact that was evaluated. */
  model: is.string,
  report: is.union(foldsReport, classesReport, labelsReport, numbersReport, bitsReport),
});
export type Evaluation = is.Infer<typeof evaluation>;

export const formField = is.object({
  /** Inside the part. */
  path: is.string,
  kind: is.oneOf("text", "number", "boolean", "choice", "yaml"),
  help: is.string,
  isRequired: is.boolean,
  choices: is.array(is.string),
  /** YAML. */
  usual: is.nullable(is.string),
  /** YAML. */
  example: is.nullable(is.string),
  /** YAML. */
  value: is.nullable(is.string),
});
export type FormField = is.Infer<typeof formField>;

export const gate = is.object({
  kind: is.string,
  /** As the release rules say it. */
  gate: is.string,
  passed: is.boolean,
  /** Figures, interval, approvals; for people. */
  told: is.string,
});
export type Gate = is.Infer<typeof gate>;

export const graphNode = is.object({
  id: is.string,
  kind: is.string,
  stage: is.string,
  stageVersion: is.optional(is.number),
  digest: is.optional(is.string),
  options: is.optional(is.unknown),
  summary: summary,
  /** Milliseconds since 1970. */
  createdAt: is.number,
  relation: is.oneOf("self", "ancestor", "descendant"),
  files: is.optional(
    is.array(
      is.object({
        name: is.string,
        sizeBytes: is.number,
      }),
    ),
  ),
});
export type GraphNode = is.Infer<typeof graphNode>;

/** `to` was made from `from`, its input `name`. */
export const graphEdge = is.object({
  from: is.string,
  to: is.string,
  name: is.string,
});
export type GraphEdge = is.Infer<typeof graphEdge>;

export const graph = is.object({
  root: is.string,
  nodes: is.array(graphNode),
  edges: is.array(graphEdge),
});
export type Graph = is.Infer<typeof graph>;

export const jobStatus = is.oneOf("validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled");
export type JobStatus = is.Infer<typeof jobStatus>;

export const job = is.object({
  id: is.string,
  object: is.oneOf("fine_tuning.job"),
  /** Seconds since 1970. */
  created_at: is.number,
  finished_at: is.nullable(is.number),
  estimated_finish: is.nullable(is.number),
  model: is.string,
  fine_tuned_model: is.nullable(is.string),
  organization_id: is.string,
  status: jobStatus,
  error: is.nullable(
    is.object({
      code: is.string,
      message: is.string,
      param: is.nullable(is.string),
    }),
  ),
  training_file: is.string,
  validation_file: is.nullable(is.string),
  result_files: is.array(is.string),
  trained_tokens: is.nullable(is.number),
  seed: is.number,
  method: is.object({
    type: is.string,
  }),
  hyperparameters: is.object({
    n_epochs: is.union(is.number, is.oneOf("auto")),
    batch_size: is.union(is.number, is.oneOf("auto")),
    learning_rate_multiplier: is.union(is.number, is.oneOf("auto")),
    beta: is.optional(is.union(is.number, is.oneOf("auto"))),
  }),
  integrations: is.array(is.unknown),
  metadata: is.nullable(is.record(is.string)),
});
export type Job = is.Infer<typeof job>;

export const jobEvent = is.object({
  id: is.string,
  object: is.oneOf("fine_tuning.job.event"),
  /** Seconds since 1970. */
  created_at: is.number,
  level: is.string,
  message: is.string,
  type: is.string,
  /** Of a step: its number and the metrics. */
  data: is.record(is.unknown),
});
export type JobEvent = is.Infer<typeof jobEvent>;

export const jobEvents = is.object({
  object: is.oneOf("list"),
  first_id: is.nullable(is.string),
  last_id: is.nullable(is.string),
  has_more: is.boolean,
  data: is.array(jobEvent),
});
export type JobEvents = is.Infer<typeof jobEvents>;

export const jobList = is.object({
  object: is.oneOf("list"),
  first_id: is.nullable(is.string),
  last_id: is.nullable(is.string),
  has_more: is.boolean,
  data: is.array(job),
});
export type JobList = is.Infer<typeof jobList>;

/** `said`: the judge's text with this version's output first, and second. */
export const judgedItem = is.object({
  id: is.string,
  place: is.string,
  prompt: is.string,
  /** The model's output. */
  came: is.string,
  before: is.string,
  said: is.tuple(is.string, is.string),
});
export type JudgedItem = is.Infer<typeof judgedItem>;

export const kernelKind = is.oneOf("product", "attention", "chain", "element-wise", "reduction", "layout", "other");
export type KernelKind = is.Infer<typeof kernelKind>;

export const labelItem = is.object({
  id: is.string,
  text: is.string,
  /** Probabilities by class. */
  guess: is.nullable(is.record(is.number)),
});
export type LabelItem = is.Infer<typeof labelItem>;

export const labelBatch = is.object({
  name: is.string,
  /** The data set. */
  on: is.string,
  classes: is.array(is.string),
  /** What a person gives a text. */
  kind: is.oneOf("one", "several", "spans"),
  /** Served classifier that orders texts by uncertainty. */
  model: is.nullable(is.string),
  texts: is.number,
  /** Texts with a majority label or a decision. */
  decided: is.number,
  /** Texts on which people differ, without a decision. */
  disagreements: is.number,
  file: is.string,
  agreement: is.object({
    kind: is.nullable(is.oneOf("Cohen", "Fleiss", "Krippendorff")),
    kappa: is.nullable(is.number),
    items: is.number,
    people: is.array(
      is.object({
        name: is.string,
        /** The name is an account that the server has checked; false: a name that somebody typed. */
        isVerified: is.boolean,
        labelled: is.number,
      }),
    ),
  }),
  /** Texts that this person has not labelled. */
  left: is.number,
  /** The most uncertain first. */
  items: is.array(labelItem),
  /** Progress of the model's predictions on unlabelled texts, or why there are none. */
  asked: is.nullable(
    is.object({
      version: is.nullable(is.string),
      failure: is.nullable(is.string),
      of: is.number,
      texts: is.number,
    }),
  ),
});
export type LabelBatch = is.Infer<typeof labelBatch>;

export const labelledRange = is.object({
  start: is.number,
  end: is.number,
  label: is.string,
});
export type LabelledRange = is.Infer<typeof labelledRange>;

export const labelDisagreements = is.object({
  name: is.string,
  /** The data set. */
  on: is.string,
  classes: is.array(is.string),
  /** What a person gives a text. */
  kind: is.oneOf("one", "several", "spans"),
  /** Served classifier that orders texts by uncertainty. */
  model: is.nullable(is.string),
  texts: is.number,
  /** Texts with a majority label or a decision. */
  decided: is.number,
  /** Texts on which people differ, without a decision. */
  disagreements: is.number,
  file: is.string,
  agreement: is.object({
    kind: is.nullable(is.oneOf("Cohen", "Fleiss", "Krippendorff")),
    kappa: is.nullable(is.number),
    items: is.number,
    people: is.array(
      is.object({
        name: is.string,
        /** The name is an account that the server has checked; false: a name that somebody typed. */
        isVerified: is.boolean,
        labelled: is.number,
      }),
    ),
  }),
  /** Who may decide; null: everybody who may label. */
  adjudicators: is.nullable(is.array(is.string)),
  /** Open ones first. */
  items: is.array(
    is.object({
      id: is.string,
      text: is.string,
      votes: is.array(
        is.object({
          by: is.string,
          /** The name is an account that the server has checked; false: a name that somebody typed. */
          isVerified: is.boolean,
          /** By the kind of the set; ranges in UTF-16 code units. */
          label: is.union(is.string, is.array(is.string), is.array(labelledRange)),
        }),
      ),
      decision: is.nullable(
        is.object({
          by: is.string,
          /** The name is an account that the server has checked; false: a name that somebody typed. */
          isVerified: is.boolean,
          /** By the kind of the set; ranges in UTF-16 code units. */
          label: is.union(is.string, is.array(is.string), is.array(labelledRange)),
        }),
      ),
    }),
  ),
});
export type LabelDisagreements = is.Infer<typeof labelDisagreements>;

export const labelState = is.object({
  name: is.string,
  /** The data set. */
  on: is.string,
  classes: is.array(is.string),
  /** What a person gives a text. */
  kind: is.oneOf("one", "several", "spans"),
  /** Served classifier that orders texts by uncertainty. */
  model: is.nullable(is.string),
  texts: is.number,
  /** Texts with a majority label or a decision. */
  decided: is.number,
  /** Texts on which people differ, without a decision. */
  disagreements: is.number,
  file: is.string,
  agreement: is.object({
    kind: is.nullable(is.oneOf("Cohen", "Fleiss", "Krippendorff")),
    kappa: is.nullable(is.number),
    items: is.number,
    people: is.array(
      is.object({
        name: is.string,
        /** The name is an account that the server has checked; false: a name that somebody typed. */
        isVerified: is.boolean,
        labelled: is.number,
      }),
    ),
  }),
});
export type LabelState = is.Infer<typeof labelState>;

export const logged = is.object({
  artifact: is.string,
  stage: is.string,
  options: is.unknown,
  summary: is.record(is.unknown),
  /** Artifacts by the names of inputs. */
  madeFrom: is.record(is.string),
  steps: is.array(is.number),
  /** Every number that was logged, by name, one a step. */
  columns: is.record(is.array(measured)),
  /** Of the columns that have one. */
  units: is.record(is.string),
});
export type Logged = is.Infer<typeof logged>;

export const lookedAtDocument = is.object({
  artifact: is.string,
  id: is.string,
  source: is.string,
  side: is.oneOf("train", "held-out", "dropped"),
  attributes: is.record(is.unknown),
  text: is.string,
  entries: is.array(
    is.object({
      step: is.string,
      action: is.oneOf("edit", "drop", "keep"),
      rule: is.string,
      /** Null where it is not finite. */
      value: is.nullable(is.union(is.number, is.string, is.boolean)),
      /** Null where it is not finite. */
      threshold: is.optional(is.nullable(is.union(is.number, is.string, is.boolean))),
      survivor: is.optional(is.string),
    }),
  ),
  steps: is.optional(
    is.array(
      is.object({
        step: is.string,
        outcome: is.oneOf("passed", "dropped", "overruled", "not reached"),
        verdicts: is.array(
          is.object({
            rule: is.string,
            keep: is.boolean,
            /** Null where it is not finite. */
            value: is.nullable(is.union(is.number, is.string, is.boolean)),
            /** Null where it is not finite. */
            threshold: is.nullable(is.union(is.number, is.string, is.boolean)),
          }),
        ),
        edits: is.array(
          is.object({
            rule: is.string,
            /** Null where it is not finite. */
            value: is.nullable(is.union(is.number, is.string, is.boolean)),
          }),
        ),
      }),
    ),
  ),
  /** Like documents: those that stay, and those that were dropped for them. */
  cluster: is.optional(
    is.object({
      survivors: is.array(is.string),
      members: is.array(
        is.object({
          id: is.string,
          step: is.string,
          rule: is.string,
          /** Null where it is not finite. */
          value: is.nullable(is.union(is.number, is.string, is.boolean)),
          survivor: is.string,
        }),
      ),
    }),
  ),
  /** Near-duplicates that the split kept on one side. */
  group: is.optional(is.array(is.string)),
  history: is.object({
    changes: is.array(
      is.object({
        steps: is.array(is.string),
        lines: differentLines,
        before: is.number,
        after: is.number,
      }),
    ),
    /** Why differences are missing. */
    missing: is.nullable(is.string),
  }),
  where: is.object({
    tokens: is.array(
      is.object({
        shards: is.string,
        side: is.string,
        document: is.number,
        from: is.number,
        to: is.number,
      }),
    ),
    trainedOnIt: is.array(
      is.object({
        artifact: is.string,
        versions: is.array(is.string),
      }),
    ),
    heldOutFrom: is.array(
      is.object({
        artifact: is.string,
        versions: is.array(is.string),
      }),
    ),
  }),
  /** Against the document named by `against`. */
  difference: is.nullable(
    is.object({
      id: is.string,
      lines: differentLines,
    }),
  ),
});
export type LookedAtDocument = is.Infer<typeof lookedAtDocument>;

/** Tokens of a tuned model's first examples, and which of them are trained. */
export const maskedExamples = is.object({
  /** Examples in all. */
  of: is.number,
  /** The first ones, which the figures are of. */
  looked: is.number,
  tokens: is.number,
  trainedTokens: is.number,
  shown: is.array(
    is.object({
      place: is.string,
      tokens: is.number,
      trained: is.number,
      /** Tokens cut off at the end. */
      cut: is.number,
      runs: is.array(
        is.object({
          trained: is.boolean,
          tokens: is.number,
          text: is.string,
        }),
      ),
    }),
  ),
});
export type MaskedExamples = is.Infer<typeof maskedExamples>;

/** A logged step; what a run did not measure is absent. */
export const point = is.object({
  step: is.number,
  tokens: is.number,
  /** Nats per token. */
  loss: measured,
  heldOut: measured,
  learningRate: measured,
  tokensPerSecond: measured,
  gradientNorm: measured,
});
export type Point = is.Infer<typeof point>;

export const metrics = is.object({
  points: is.array(point),
});
export type Metrics = is.Infer<typeof metrics>;

export const modelReleases = is.object({
  model: is.string,
  /** The newest first. */
  versions: is.array(
    is.object({
      id: is.string,
      version: is.number,
      artifact: is.string,
      /** Milliseconds since 1970. */
      createdAt: is.number,
      aliases: is.array(is.string),
      isArchived: is.boolean,
    }),
  ),
  aliases: is.array(
    is.object({
      alias: is.string,
      isGuarded: is.boolean,
      holder: is.nullable(is.number),
      /** The target of a rollback. */
      goesBackTo: is.nullable(is.number),
    }),
  ),
  /** The newest first. */
  history: is.array(
    is.object({
      /** Milliseconds since 1970. */
      at: is.number,
      alias: is.string,
      kind: is.string,
      number: is.nullable(is.number),
      previous: is.nullable(is.number),
      by: is.nullable(is.string),
      reason: is.nullable(is.string),
      verdict: is.nullable(
        is.object({
          passed: is.boolean,
          gates: is.optional(is.array(gate)),
        }),
      ),
    }),
  ),
});
export type ModelReleases = is.Infer<typeof modelReleases>;

export const modelVersion = is.object({
  id: is.string,
  name: is.string,
  version: is.union(is.number, is.string),
  artifact: is.string,
  /** Milliseconds since 1970. */
  createdAt: is.number,
  aliases: is.array(is.string),
  scores: is.record(measured),
});
export type ModelVersion = is.Infer<typeof modelVersion>;

export const movedAlias = is.object({
  model: is.string,
  alias: is.string,
  kind: is.string,
  number: is.nullable(is.number),
  previous: is.nullable(is.number),
});
export type MovedAlias = is.Infer<typeof movedAlias>;

export const servedModel = is.object({
  id: is.string,
  name: is.string,
  /** Null where the model was loaded from a folder. */
  version: is.nullable(is.union(is.number, is.string)),
  artifact: is.nullable(is.string),
  family: is.string,
  parameters: is.number,
  /** Tokens. */
  context: is.number,
  vocab: is.number,
  layers: is.number,
  width: is.number,
});
export type ServedModel = is.Infer<typeof servedModel>;

export const overview = is.object({
  /** Version of Loam. */
  loam: is.string,
  project: is.nullable(is.string),
  /** The first that is served. */
  model: is.nullable(servedModel),
  models: is.array(is.string),
  /** Why no model is served, and what to run; null where one is. */
  noModels: is.nullable(is.string),
  /** Milliseconds since 1970. */
  startedAt: is.number,
  machine: is.object({
    cores: is.number,
    processor: is.string,
    memoryBytes: is.number,
    /** Vector instructions of the processor. */
    vector: is.array(is.string),
  }),
});
export type Overview = is.Infer<typeof overview>;

export const partForm = is.object({
  /** Models.NAME or data.NAME. */
  path: is.string,
  kind: is.oneOf("model", "tuned", "data"),
  name: is.string,
  /** Words behind `loam` that run it. */
  command: is.array(is.string),
  /** False: the values are a proposal. */
  isThere: is.boolean,
  fields: is.array(formField),
  digest: is.string,
});
export type PartForm = is.Infer<typeof partForm>;

export const projectActions = is.object({
  /** Under whose name actions are recorded. */
  who: is.string,
  /** Whether that is an account that the server has checked, and not a name that anybody may type. */
  verified: is.boolean,
  /** Why the project cannot be changed; null: it can. */
  unavailable: is.nullable(is.string),
});
export type ProjectActions = is.Infer<typeof projectActions>;

export const projectPart = is.object({
  /** Models.NAME or data.NAME. */
  path: is.string,
  kind: is.oneOf("model", "tuned", "data"),
  name: is.string,
  /** Words behind `loam` that run it. */
  command: is.array(is.string),
});
export type ProjectPart = is.Infer<typeof projectPart>;

export const projectParts = is.object({
  parts: is.array(projectPart),
  /** Label sets that a classifier can be tuned from. */
  labels: is.array(is.string),
});
export type ProjectParts = is.Infer<typeof projectParts>;

export const promotedVersion = is.object({
  model: is.string,
  version: is.number,
  alias: is.string,
  dryRun: is.boolean,
  verdict: is.object({
    passed: is.boolean,
    gates: is.array(gate),
  }),
  /** Null where the version had the alias already, and after a dry run. */
  release: is.nullable(movedAlias),
});
export type PromotedVersion = is.Infer<typeof promotedVersion>;

export const regressed = is.object({
  result: is.array(is.number),
});
export type Regressed = is.Infer<typeof regressed>;

export const reportItem = is.object({
  id: is.string,
  place: is.string,
  prompt: is.string,
  /** The model's output. */
  came: is.string,
  /** The expected output. */
  right: is.string,
  ms: measured,
});
export type ReportItem = is.Infer<typeof reportItem>;

export const reportScore = is.object({
  metric: is.string,
  better: is.oneOf("higher", "lower"),
  value: measured,
  low: measured,
  high: measured,
});
export type ReportScore = is.Infer<typeof reportScore>;

export const run = is.object({
  /** What the run makes, or made. */
  artifact: is.string,
  stage: is.string,
  /** What its loss is counted in. */
  lossUnit: is.string,
  startedAt: is.nullable(is.number),
  /** Null while it is under way. */
  endedAt: is.nullable(is.number),
  /** Share that is done, of a run under way that knows it. */
  done: is.optional(is.number),
  /** When a run under way is expected to end. */
  finishesAt: is.optional(is.number),
  summary: summary,
});
export type Run = is.Infer<typeof run>;

/** What a run cost, with everything behind it. */
export const runCost = is.object({
  subject: is.string,
  /** What it was made from, then itself, then its evaluations. */
  lines: is.array(
    is.object({
      what: is.string,
      stage: is.string,
      category: is.string,
      /** Attempts. */
      runs: is.number,
      /** Attempts that failed, were interrupted or killed. */
      unfinished: is.number,
      withoutLedger: is.number,
      coreSeconds: is.number,
      /** Of products of matrices, attention included. */
      flops: is.number,
      kilowattHours: is.number,
      usd: is.number,
      mfu: is.nullable(measured),
      hfu: is.nullable(measured),
    }),
  ),
  categories: is.array(
    is.object({
      category: is.string,
      /** Of core-seconds. */
      share: is.number,
      coreSeconds: is.number,
      /** Of products of matrices, attention included. */
      flops: is.number,
      kilowattHours: is.number,
      usd: is.number,
    }),
  ),
  total: is.object({
    coreSeconds: is.number,
    /** Of products of matrices, attention included. */
    flops: is.number,
    kilowattHours: is.number,
    usd: is.number,
  }),
  totalWithoutSweeps: is.object({
    coreSeconds: is.number,
    /** Of products of matrices, attention included. */
    flops: is.number,
    kilowattHours: is.number,
    usd: is.number,
  }),
  /** Utilisation, machine, energy, price; for people. */
  notes: is.array(is.string),
});
export type RunCost = is.Infer<typeof runCost>;

/** What the kernels of a training step took. */
export const runProfile = is.object({
  /** Null where none was made: `loam train --profile` makes one. */
  profile: is.nullable(
    is.object({
      steps: is.number,
      threads: is.number,
      /** GFLOP/s of one core. */
      peak: is.nullable(
        is.object({
          f32: is.number,
          bf16: is.optional(is.number),
          method: is.string,
        }),
      ),
      stepMs: is.number,
      kernelMs: is.number,
      kernels: is.array(
        is.object({
          program: is.string,
          what: is.string,
          kind: kernelKind,
          /** Kernels a step. */
          count: is.number,
          /** Milliseconds per step, of all of them. */
          ms: is.number,
          share: is.number,
          gflops: is.nullable(measured),
          gigabytesPerSecond: measured,
          shareOfPeak: is.nullable(measured),
        }),
      ),
      /** The programs of one step, in order. */
      timeline: is.array(
        is.object({
          program: is.string,
          ms: is.number,
          spans: is.array(
            is.object({
              what: is.string,
              kind: kernelKind,
              startMs: is.number,
              ms: is.number,
            }),
          ),
        }),
      ),
    }),
  ),
});
export type RunProfile = is.Infer<typeof runProfile>;

export const startedRun = is.object({
  id: is.number,
  command: is.array(is.string),
  path: is.string,
  by: is.string,
  /** Milliseconds since 1970. */
  startedAt: is.number,
  endedAt: is.nullable(is.number),
  state: is.oneOf("running", "stopping", "done", "failed", "stopped"),
  code: is.nullable(is.number),
  /** The end of what it has printed. */
  output: is.string,
});
export type StartedRun = is.Infer<typeof startedRun>;

export const runState = is.object({
  run: is.nullable(startedRun),
});
export type RunState = is.Infer<typeof runState>;

/** GET /v1/models of OpenAI's API; Loam adds what a model computes from a text. */
export const servedModels = is.object({
  data: is.array(
    is.object({
      id: is.string,
      tells: is.optional(is.oneOf("text", "vectors", "classes", "numbers")),
      /** Further names that requests use: versions and aliases. */
      aliases: is.optional(is.array(is.string)),
    }),
  ),
});
export type ServedModels = is.Infer<typeof servedModels>;

export const servedVersion = is.object({
  name: is.string,
  version: is.union(is.number, is.string),
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
  cacheUse: measured,
  tokensPerSecond: is.number,
  /** Loaded adapters: each is served under its own name. */
  adapters: is.array(
    is.object({
      name: is.string,
      rank: is.number,
    }),
  ),
});
export type ServedVersion = is.Infer<typeof servedVersion>;

export const serving = is.object({
  versions: is.array(servedVersion),
});
export type Serving = is.Infer<typeof serving>;

export const session = is.object({
  /** Whether a gateway decides on requests for a model too. */
  gateway: is.boolean,
  /** Whether there is an artifact store: a gateway alone has none. */
  record: is.boolean,
  /** Open: the server asks nobody (--admin). */
  access: is.oneOf("none", "session", "open"),
  csrf: is.nullable(is.string),
  /** A key to try the gateway with, and a request. */
  demo: is.nullable(
    is.object({
      key: is.string,
      path: is.string,
      body: is.unknown,
    }),
  ),
});
export type Session = is.Infer<typeof session>;

export const taskReport = is.object({
  task: is.string,
  output: is.string,
  artifact: is.string,
  /** Milliseconds since 1970. */
  at: is.number,
  items: is.number,
  /** How often these items were scored, in sentences. */
  looks: is.optional(is.array(is.string)),
  scores: is.array(reportScore),
  slices: is.array(
    is.object({
      by: is.string,
      group: is.string,
      items: is.number,
      scores: is.array(reportScore),
    }),
  ),
  /** A table of each grouping, where the task names groups. */
  fairness: is.optional(is.array(fairnessTable)),
  /** The same items by the common threshold of a classifier with thresholds by group. */
  commonThreshold: is.optional(
    is.object({
      /** Items that the threshold of their group decided. */
      items: is.number,
      /** Those of them that the common threshold decides otherwise. */
      differ: is.number,
      scores: is.array(reportScore),
      fairness: is.optional(is.array(fairnessTable)),
    }),
  ),
  picture: is.optional(classPicture),
  comparison: is.optional(
    is.object({
      differences: is.array(difference),
      onlyThis: is.number,
      onlyOther: is.number,
      wins: is.array(changedItem),
      losses: is.array(changedItem),
    }),
  ),
  variants: is.array(
    is.object({
      variant: is.string,
      /** Share of items with the same output. */
      alike: is.optional(interval),
      differences: is.array(difference),
      turned: is.array(changedItem),
      numTurned: is.number,
    }),
  ),
  judgements: is.array(
    is.object({
      artifact: is.string,
      judge: is.string,
      beside: is.string,
      items: is.number,
      /** Judgements without a readable verdict. */
      unread: is.number,
      wins: is.number,
      losses: is.number,
      ties: is.number,
      /** Ties whose two orders prefer different outputs. */
      contradictions: is.number,
      p: measured,
      preferredFirst: interval,
      biasP: measured,
      agreement: measured,
      kappa: measured,
      winRate: interval,
      won: is.array(judgedItem),
      lost: is.array(judgedItem),
      contradicted: is.array(judgedItem),
    }),
  ),
  contamination: is.optional(
    is.object({
      clean: is.number,
      contaminated: is.number,
      unknown: is.number,
      checks: is.array(
        is.object({
          data: is.string,
          set: is.string,
          file: is.string,
          isSameFile: is.boolean,
          action: is.string,
          of: is.optional(is.string),
        }),
      ),
      unchecked: is.array(is.string),
      scores: is.array(
        is.object({
          metric: is.string,
          clean: is.optional(reportScore),
          contaminated: is.optional(reportScore),
          difference: is.optional(interval),
        }),
      ),
    }),
  ),
  /** The largest errors first. */
  worst: is.array(reportItem),
  slowest: is.array(reportItem),
});
export type TaskReport = is.Infer<typeof taskReport>;

export const verdicts = is.object({
  id: is.string,
  digest: is.string,
  /** How often the test sets were evaluated on, in sentences. */
  looks: is.optional(is.array(is.string)),
  gates: is.array(
    is.object({
      alias: is.string,
      holder: is.nullable(is.number),
      passed: is.boolean,
      gates: is.array(gate),
    }),
  ),
  approvals: is.array(
    is.object({
      alias: is.string,
      role: is.string,
      by: is.string,
      note: is.optional(is.nullable(is.string)),
      signedBy: is.nullable(is.string),
      /** Signed, or given by an account that the server has checked. */
      isVerified: is.boolean,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
  signatures: is.array(
    is.object({
      fingerprint: is.string,
      by: is.nullable(is.string),
      isValid: is.boolean,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
  tags: is.record(is.string),
  notes: is.array(
    is.object({
      by: is.string,
      text: is.string,
      /** Milliseconds since 1970. */
      at: is.number,
    }),
  ),
});
export type Verdicts = is.Infer<typeof verdicts>;

export const versionReport = is.object({
  id: is.string,
  against: is.nullable(is.string),
  tasks: is.array(taskReport),
});
export type VersionReport = is.Infer<typeof versionReport>;

/** What the addresses answer that the console calls. */
export const answers = {
  "GET /api/session": session,
  "GET /api/overview": overview,
  "GET /api/models": is.array(modelVersion),
  "GET /api/runs": is.array(run),
  "GET /api/runs/{artifact}/metrics": metrics,
  "GET /api/runs/{artifact}/examples": maskedExamples,
  "GET /api/runs/{artifact}/cost": runCost,
  "GET /api/runs/{artifact}/profile": runProfile,
  "GET /api/evaluations": is.array(evaluation),
  "GET /api/graph": graph,
  "GET /api/data": is.array(dataSet),
  "GET /api/data/{artifact}": dataReport,
  "GET /api/data/{artifact}/documents": documentPage,
  "GET /api/data/{artifact}/document": lookedAtDocument,
  "GET /api/data/{artifact}/clusters": clusterPage,
  "GET /api/labels": is.array(labelState),
  "GET /api/labels/{name}": labelBatch,
  "GET /api/labels/{name}/disagreements": labelDisagreements,
  "POST /api/labels/{name}": labelState,
  "GET /api/releases": is.array(modelReleases),
  "GET /api/releases/{version}": verdicts,
  "GET /api/actions": projectActions,
  "POST /api/releases/{version}/promote": promotedVersion,
  "POST /api/releases/{model}/rollback": movedAlias,
  "POST /api/releases/{version}/approve": approvedVersion,
  "GET /api/project/parts": projectParts,
  "GET /api/project/parts/{path}": partForm,
  "POST /api/project/parts/{path}": editedPart,
  "GET /api/project/run": runState,
  "POST /api/project/run": startedRun,
  "POST /api/project/run/stop": startedRun,
  "GET /api/reports/{version}": versionReport,
  "GET /api/logged/{artifact}": logged,
  "GET /api/engine": engine,
  "GET /api/serving": serving,
  "GET /api/events": changes,
  "GET /v1/models": servedModels,
  "POST /v1/models/{model}:classify": classified,
  "POST /v1/models/{model}:regress": regressed,
  "GET /v1/fine_tuning/jobs": jobList,
  "GET /v1/fine_tuning/jobs/{id}/events": jobEvents,
  "GET /v1/fine_tuning/jobs/{id}/checkpoints": checkpoints,
  "POST /v1/fine_tuning/jobs/{id}/cancel": job,
  "POST /v1/fine_tuning/jobs/{id}/pause": job,
  "POST /v1/fine_tuning/jobs/{id}/resume": job,
};

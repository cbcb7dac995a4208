/** What costs are summed by. */
export const costCategories = ["data", "tokenizer", "sweeps", "training", "checkpoints", "evaluation", "other"] as const;
export type CostCategory = (typeof costCategories)[number];

const kinds: Readonly<Record<string, CostCategory>> = {
  source: "data",
  documents: "data",
  shards: "data",
  examples: "data",
  pairs: "data",
  folds: "data",
  states: "data",
  "example-halves": "data",
  "pair-halves": "data",
  tokenizer: "tokenizer",
  model: "training",
  adapter: "training",
  baselines: "evaluation",
  evaluation: "evaluation",
  "fold-scores": "evaluation",
  "cross-validation": "evaluation",
  judgement: "evaluation",
  verdict: "evaluation",
  result: "evaluation",
  "group-result": "evaluation",
  "seen-items": "evaluation",
  // what later traffic is compared with
  sketch: "evaluation",
};

/** What making an artifact of a kind counts as; a kind of one's own is "other". */
export const categoryOfKind = (kind: string): CostCategory => kinds[kind] ?? "other";

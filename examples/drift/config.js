// What the example's loam.yaml says: a model of one transformer block, tuned to tell spam, and its loop.
export const policy = {
  data: { new: "arrivals", time: "date", least: 150, replay: 0.8, recent: 0.35 },
  signals: { quality: { metric: "logLoss", least: 100, worse: 0.01 } },
  every: "7d",
  cooldown: "3d",
  start: "base",
  gates: { metric: "logLoss", frozen: 0.04, recent: 0.01, alpha: 0.05 },
  canary: { share: 50, errors: 0.1, latency: "off", warmup: 5, requests: 1000, longest: "5d" },
  budget: { round: 600, month: 6000 },
};

const tune = {
  task: "classify",
  on: "july",
  label: "label",
  length: 200,
  epochs: 3,
  batch: 16,
  rate: 0.001,
  dropout: 0.1,
  pooling: "mean",
  select: "loss",
  baselines: [],
  allowNamed: true,
  allowCrossing: true,
};

const dataSet = (file, heldOut) => ({ source: { files: file, reader: "jsonl" }, split: { heldOut, by: "near-duplicate" } });

export const projectOf = () => ({
  name: "drift",
  data: { july: dataSet("july.jsonl", 0.2), arrivals: dataSet("arrivals.jsonl", 0.01) },
  tokenizer: { vocab: 4096, from: "july" },
  models: {
    "mail-small": {
      family: "llama",
      layers: 1,
      width: 64,
      heads: 1,
      hidden: 128,
      context: 256,
      train: { on: "july", tokens: 50_000, rows: 8, rate: 0.01 },
    },
    "mail-spam": { base: "mail-small", tune },
  },
  releases: { prod: {} },
  serve: { models: { "mail-spam": {} }, port: 0 },
  loop: { "mail-spam": policy },
});

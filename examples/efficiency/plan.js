// What is run, as data: sizes of a study, the levers, and the recipes that follow from them.

/** Trials of a sweep by optimiser: each rate with each number of rows. */
const grid = (rates, rows) =>
  Object.fromEntries(Object.entries(rates).map(([kind, list]) => [kind, list.flatMap(rate => rows.map(r => ({ rate, rows: r })))]));

/** Sizes by name. `tokens` is the plain recipe's budget; a sweep's runs have the shares of `rungs` of it. */
export const scales = {
  /** For tests: one folder of the mails, one seed; nearly all of its time is the start of processes. */
  tiny: {
    mailFolder: "hard-ham-1",
    architecture: { layers: 1, width: 32, heads: 2, hidden: 64, context: 64 },
    vocab: 512,
    tokens: 8_192,
    seeds: 1,
    extraSeeds: 0,
    heldOutBytes: 2_000,
    mailBytes: 500,
    evaluations: 3,
    trials: grid({ adamw: [0.004], muon: [0.02] }, [8]),
    torch: { iterations: 10, rates: [1e-3] },
    timedSteps: 5,
    timedRounds: 1,
    addOneIn: false,
    leastShare: 1 / 2,
    ladderFactor: 2,
    levers: ["optimizer"],
    candidates: ["weight averaging, LAWA"],
  },
  /** 15 minutes on two quiet cores. */
  quick: {
    architecture: { layers: 2, width: 128, heads: 2, hidden: 512, context: 256 },
    vocab: 2048,
    tokens: 600_000,
    seeds: 3,
    extraSeeds: 0,
    heldOutBytes: 100_000,
    mailBytes: 4_096,
    evaluations: 8,
    trials: grid({ adamw: [0.002, 0.004, 0.008], muon: [0.01, 0.02, 0.04] }, [4, 8]),
    torch: { iterations: 2000, rates: [5e-4, 1e-3, 2e-3] },
    timedSteps: 30,
    addOneIn: false,
    leastShare: 1 / 32,
    ladderFactor: 2,
  },
  /** Three hours on two cores. */
  default: {
    architecture: { layers: 4, width: 256, heads: 4, hidden: 1024, context: 256 },
    vocab: 4096,
    tokens: 1_500_000,
    seeds: 3,
    extraSeeds: 2,
    heldOutBytes: 250_000,
    mailBytes: 8_192,
    evaluations: 16,
    trials: grid({ adamw: [0.001, 0.002, 0.004, 0.008], muon: [0.005, 0.01, 0.02, 0.04] }, [4, 8]),
    torch: { iterations: 2000, rates: [5e-4, 1e-3, 2e-3, 4e-3] },
    timedSteps: 40,
    addOneIn: false,
    leastShare: 1 / 64,
    ladderFactor: Math.SQRT2,
  },
  /** Overnight: the same sizes, five seeds of everything, and each lever added to the plain recipe alone. */
  full: {
    architecture: { layers: 4, width: 256, heads: 4, hidden: 1024, context: 256 },
    vocab: 4096,
    tokens: 3_000_000,
    seeds: 5,
    extraSeeds: 0,
    heldOutBytes: 250_000,
    mailBytes: 8_192,
    evaluations: 24,
    trials: grid({ adamw: [0.001, 0.002, 0.004, 0.008], muon: [0.005, 0.01, 0.02, 0.04] }, [4, 8]),
    torch: { iterations: 2000, rates: [5e-4, 1e-3, 2e-3, 4e-3] },
    timedSteps: 40,
    addOneIn: true,
    leastShare: 1 / 64,
    ladderFactor: Math.SQRT2,
  },
};

/**
 * A sweep of Loam's recipes is successive halving (Jamieson and Talwalkar 2016), the same for both: whole runs of a share of the budget, of which the best go on to the next
 * rung; the best run of the last one names the rate and the rows.
 */
export const rungs = [
  { share: 1 / 16, kept: 1 / 3 },
  { share: 1 / 4, kept: 0 },
];
/** PyTorch's trials are all of half the budget: short ones choose a rate whose whole run ends 0.17 bits per byte worse. */
export const torchSweepShare = 1 / 2;

/**
 * The levers: what each one is, and the value of its setting in the plain and in the efficient recipe. A new one is a row, and a line where
 * `recipeOf`, `architectureOf` or `dataSetOf` reads its setting.
 */
export const levers = [
  { name: "deduplication", about: "near-duplicates removed", key: "deduplicate", plain: false, efficient: true },
  { name: "filters", about: "mails of fewer than 10 words or more than 20 KB dropped", key: "filter", plain: false, efficient: true },
  { name: "packing", about: "several short mails in a row, not one padded", key: "packing", plain: "none", efficient: "best-fit" },
  { name: "precision", about: "bf16 products, not float32", key: "precision", plain: "f32", efficient: "bf16" },
  { name: "optimizer", about: "Muon for matrices, not AdamW", key: "optimizer", plain: "adamw", efficient: "muon" },
  { name: "schedule", about: "warm-up, stable, decay; not constant", key: "schedule", plain: "constant", efficient: "wsd" },
  {
    name: "architecture",
    about: "rotary positions, RMS norm, relu2, normalised queries and keys; not GPT-2's",
    key: "family",
    plain: "gpt",
    efficient: "llama",
  },
];

/** Levers that change no loss: timed on the same run, with and without. `environment` is what switches it off. */
export const timedLevers = [
  { name: "kernels", about: "machine-code kernels, not ONNX Runtime's", environment: { LOAM_MACHINE_CODE: "off" } },
];

/**
 * Levers that neither recipe has: each is added to the efficient recipe alone. One that does not win by 2 % (`leastWin`) stays out of it. `value` is its setting.
 */
export const candidates = [
  { name: "mixture", about: "mails of each length sampled nearer to evenly, temperature 2", key: "mixture", value: true },
  { name: "accumulation", about: "the same batch in two micro-batches", key: "accumulate", value: 2 },
  {
    name: "weight averaging, LAWA",
    about: "mean of 5 copies of the weights of the last tenth of the steps",
    key: "average",
    value: "lawa",
  },
  { name: "weight averaging, EMA", about: "moving average over a fiftieth of the steps", key: "average", value: "ema" },
];
export const leastWin = 1.02;
/** The settings of both recipes where they have no candidate. */
const noCandidate = { mixture: false, accumulate: 1, average: "none" };

const settings = side => ({ ...noCandidate, ...Object.fromEntries(levers.map(l => [l.key, l[side]])) });
export const plain = settings("plain");
export const efficient = settings("efficient");

/** The efficient recipe with one lever as the plain recipe has it. */
export const without = lever => ({ ...efficient, [lever.key]: lever.plain });
/** The plain recipe with one lever as the efficient recipe has it. */
export const withOnly = lever => ({ ...plain, [lever.key]: lever.efficient });

/** The efficient recipe with a candidate. */
export const withCandidate = candidate => ({ ...efficient, [candidate.key]: candidate.value });

/** Data sets of the study by name: all made from the same train mails. */
export const dataSets = {
  raw: { deduplicate: false, filter: false },
  deduplicated: { deduplicate: true, filter: false },
  filtered: { deduplicate: false, filter: true },
  curated: { deduplicate: true, filter: true },
  mixed: { deduplicate: true, filter: true, mixture: true },
};
export const dataSetOf = s =>
  Object.keys(dataSets).find(name => {
    const { deduplicate, filter, mixture = false } = dataSets[name];
    return deduplicate === s.deduplicate && filter === s.filter && mixture === s.mixture;
  });

/** Steps of a data set, as `loam.yaml` has them. */
export const stepsOf = ({ deduplicate, filter }) => [
  ...(filter ? [{ length: { minWords: 10, maxBytes: 20_000 } }] : []),
  ...(deduplicate ? [{ deduplicate: { fuzzy: true } }] : []),
];

/** The mixture of a data set, as `loam.yaml` has it: nothing where documents are read as they are. */
export const mixtureOf = of => (of.mixture ? { mixture: { by: "length", weights: { temperature: 2 } } } : {});

/** A weight average over the end of a run of so many steps, as `loam.yaml` has it. */
function averageOf(kind, steps) {
  if (kind === "none") return {};
  if (kind === "ema") return { average: { kind, decay: 1 - 1 / Math.max(2, steps / 50), from: 0.5 } };
  return { average: { kind, keep: 5, every: Math.max(1, Math.round(steps / 50)), from: 0.5 } };
}

/** The architecture of a recipe; layers, width, heads and hidden size are the same in all. */
export const architectureOf = (s, scale) => ({
  family: s.family,
  ...scale.architecture,
  tied: true,
  ...(s.family === "llama" ? { activation: "relu2", qkNorm: true } : {}),
});

/** Is every evaluation of a run the end of a completed schedule? */
export const isSteady = s => s.schedule === "constant";

/** The recipe of a run, as `loam.yaml` has it. */
export function recipeOf(s, scale, { tokens, rate, rows, seed, isEvaluatedOnce = false }) {
  const perStep = rows * scale.architecture.context;
  const steps = Math.ceil(tokens / perStep);
  return {
    tokens: steps * perStep,
    rows: rows / s.accumulate,
    ...(s.accumulate === 1 ? {} : { accumulate: s.accumulate }),
    length: scale.architecture.context,
    ...(s.packing === "best-fit" ? {} : { packing: s.packing }),
    optimizer: s.optimizer === "muon" ? { kind: "muon", adamFactor: 0.6 } : { kind: "adamw" },
    rate,
    schedule: { kind: s.schedule, warmup: Math.min(20, Math.ceil(steps / 10)) },
    ...(s.precision === "f32" ? {} : { precision: s.precision }),
    ...averageOf(s.average, steps),
    seed,
    spike: 0,
    evaluateEvery: isSteady(s) && !isEvaluatedOnce ? Math.max(1, Math.ceil(steps / scale.evaluations)) : steps,
    evaluateBatches: 1,
    checkpointSeconds: 1e9,
  };
}

/** Lengths of runs are whole steps of the largest batch. */
export const longestStep = (s, scale) => Math.max(...scale.trials[s.optimizer].map(t => t.rows)) * scale.architecture.context;

/** nanoGPT's set-up for the CPU with its published hyper-parameters; the rate is the sweep's. */
export const nanoGpt = ({ iterations, rate, seed }) => ({
  layers: 4,
  heads: 4,
  width: 128,
  block: 64,
  batch: 12,
  iterations,
  rate,
  leastRate: rate / 10,
  warmup: Math.min(100, Math.ceil(iterations / 20)),
  beta1: 0.9,
  beta2: 0.99,
  weightDecay: 0.1,
  clip: 1,
  seed,
});

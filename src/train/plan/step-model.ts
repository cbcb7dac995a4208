/**
 * Seconds of a training step of a transformer decoder, from the shapes of its operations: each matrix product by tiles in waves or by its bytes, whichever
 * takes longer (roofline: Williams et al. 2009), other operations by the bytes that they pass over, collectives by a ring (Thakur et al. 2005),
 * the pipeline by its bubble (Narayanan et al. 2021, section 2.2).
 */
import type { Accelerator } from "./accelerators.ts";

/** What a plan needs of a model. */
export interface ModelShape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  /** Key-value heads; `heads` where absent. */
  readonly kvHeads?: number | undefined;
  /** Width of the feed-forward layers, and whether a gate multiplies them (a third matrix). */
  readonly hidden: number;
  readonly isGated: boolean;
  readonly vocab: number;
  /** Tokens of a row. */
  readonly length: number;
  /** One table for input and output. */
  readonly isTied: boolean;
}

/** What of a layer's activations is computed again in the backward pass. */
export type Recompute = "none" | "attention" | "all";

/** How the software of a run works, apart from its mesh. */
export interface StepMethod {
  readonly recompute: Recompute;
  /** Scores of attention never leave the chip (flash attention); causal halves are skipped. */
  readonly isFused: boolean;
  /** Activations between the blocks are split along the sequence over the tensor axis. */
  readonly isSequenceSplit: boolean;
  /** Collectives run beside computation, as far as there is some. */
  readonly overlaps: boolean;
  /** Optimiser state is split over the data axis. */
  readonly zero: 0 | 1 | 2 | 3;
}

interface PlannedMesh {
  readonly data: number;
  readonly tensor: number;
  readonly pipeline: number;
}

/** How a step's rows go through a mesh. */
export interface StepLayout extends PlannedMesh {
  /** Rows of a micro-batch, and of the whole step over all ranks. */
  readonly microRows: number;
  readonly rows: number;
  /** Parts of the model that a pipeline rank holds (interleaved schedule); 1 for 1F1B. */
  readonly chunks: number;
}

/** A matrix product [m, k] x [k, n], `count` of them side by side. */
interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly count: number;
}

const tiles = [
  [128, 256],
  [256, 128],
  [128, 128],
] as const;

/** Seconds of some equal products. */
function productSeconds(a: Accelerator, { m, n, k, count }: Product): number {
  const rate = a.peak * a.productShare;
  const flops = 2 * m * n * k * count;
  const bytes = a.bytesPerNumber * count * (m * k + k * n + m * n);
  const fromMemory = bytes / (a.memoryRate * a.memoryShare);
  if (a.units === 1) return Math.max(flops / rate, fromMemory) + a.kernelSeconds;
  const inWaves = tiles.map(([rows, columns]) => {
    const waves = Math.ceil((Math.ceil(m / rows) * Math.ceil(n / columns) * count) / a.units);
    // a wave computes its tiles, then writes them
    return (
      waves * ((2 * rows * columns * k) / (rate / a.units) + (a.bytesPerNumber * rows * columns * a.units) / (a.memoryRate * a.memoryShare))
    );
  });
  return Math.max(Math.min(...inWaves), fromMemory) + a.kernelSeconds;
}

const passSeconds = (a: Accelerator, bytes: number, kernels = 1): number =>
  bytes / (a.memoryRate * a.memoryShare) + kernels * a.kernelSeconds;

/** Share of the peak that fused attention reaches forward, and backward relative to it. */
const fusedShare = 0.5;

interface Pass {
  readonly forward: number;
  readonly backward: number;
}
const plus = (...passes: readonly Pass[]): Pass => ({
  forward: passes.reduce((s, p) => s + p.forward, 0),
  backward: passes.reduce((s, p) => s + p.backward, 0),
});

/** A linear layer: a product forward, two backward. */
const linearSeconds = (a: Accelerator, m: number, k: number, n: number): Pass => ({
  forward: productSeconds(a, { m, n, k, count: 1 }),
  backward: productSeconds(a, { m, n: k, k: n, count: 1 }) + productSeconds(a, { m: k, n, k: m, count: 1 }),
});

/** Passes over memory: backward reads the cotangent beside what forward read. */
const memoryPass = (a: Accelerator, bytes: number, kernels = 1): Pass => ({
  forward: passSeconds(a, bytes, kernels),
  backward: passSeconds(a, 1.5 * bytes, kernels),
});

function attentionSeconds(a: Accelerator, s: ModelShape, { tensor, microRows }: StepLayout, isFused: boolean): Pass {
  const { length, width, heads } = s;
  const size = width / heads;
  const count = (microRows * heads) / tensor;
  if (isFused) {
    const flops = (4 * count * length * length * size) / 2;
    const forward = flops / (a.peak * fusedShare) + a.kernelSeconds;
    // five products backward for two forward (Dao 2023)
    return { forward, backward: 2.5 * forward };
  }
  const scores = { m: length, n: length, k: size, count };
  const values = { m: length, n: size, k: length, count };
  const elements = count * length * length;
  // softmax with its mask reads and writes the scores; dropout does again, and writes a byte of mask
  const softmax = memoryPass(a, (4 * a.bytesPerNumber + 1) * elements, 2);
  const products = productSeconds(a, scores) + productSeconds(a, values);
  return plus(softmax, { forward: products, backward: 2 * products });
}

/** Computation of one layer on one rank. */
function layerSeconds(
  a: Accelerator,
  s: ModelShape,
  layout: StepLayout,
  method: StepMethod,
): { readonly all: Pass; readonly attention: Pass } {
  const { width, hidden, heads, kvHeads = heads } = s;
  const { tensor, microRows } = layout;
  const tokens = microRows * s.length;
  const kvWidth = (width / heads) * kvHeads;
  const b = a.bytesPerNumber;
  const between = method.isSequenceSplit ? tensor : 1;
  const attention = attentionSeconds(a, s, layout, method.isFused);
  const all = plus(
    linearSeconds(a, tokens, width, (width + 2 * kvWidth) / tensor),
    attention,
    linearSeconds(a, tokens, width / tensor, width),
    linearSeconds(a, tokens, width, ((s.isGated ? 2 : 1) * hidden) / tensor),
    linearSeconds(a, tokens, hidden / tensor, width),
    // two norms; two additions to the residual with dropout and its mask
    memoryPass(a, (2 * 2 * b * tokens * width) / between, 2),
    memoryPass(a, (2 * (3 * b + 1) * tokens * width) / between, 2),
    // the activation reads and writes; heads are laid out anew
    memoryPass(a, ((s.isGated ? 3 : 2) * b * tokens * hidden) / tensor),
    memoryPass(a, (2 * b * tokens * (width + 2 * kvWidth)) / tensor, 3),
  );
  return { all, attention };
}

/** Output layer and loss, split over the vocabulary. */
function outputSeconds(a: Accelerator, s: ModelShape, { tensor, microRows }: StepLayout): Pass {
  const tokens = microRows * s.length;
  return plus(linearSeconds(a, tokens, s.width, s.vocab / tensor), memoryPass(a, (2 * 4 * tokens * s.vocab) / tensor, 3));
}

/** Ranks of one axis: how many there are, and how many of them stand in one node. */
interface Ring {
  readonly ranks: number;
  readonly inNode: number;
}

/** Seconds of an all-reduce of some bytes; of all-gather and reduce-scatter half of it. Between nodes every member in a node brings its network card. */
function allReduceSeconds(a: Accelerator, bytes: number, { ranks, inNode }: Ring): number {
  if (ranks === 1) return 0;
  const rate = ranks <= inNode ? a.nodeRate : Math.min(a.nodeRate, a.networkRate * inNode);
  return (2 * (ranks - 1) * bytes) / ranks / rate + a.collectiveSeconds;
}

/** Weights of the model, and of one rank of a mesh. */
export function parameterCount({ layers, width, hidden, isGated, vocab, isTied, heads, kvHeads = heads }: ModelShape): number {
  const kvWidth = (width / heads) * kvHeads;
  return layers * (2 * width * width + 2 * width * kvWidth + (isGated ? 3 : 2) * width * hidden) + (isTied ? 1 : 2) * vocab * width;
}
/** The largest share of a rank: layers of a stage and a table, over the tensor axis. */
export function parametersPerRank(s: ModelShape, { tensor, pipeline }: PlannedMesh): number {
  const tables = (s.isTied ? 1 : pipeline === 1 ? 2 : 1) * s.vocab * s.width;
  return (parameterCount({ ...s, vocab: 0 }) / pipeline + tables) / tensor;
}

/** FLOPs of a step as the field counts them: three times the forward products, none of what is recomputed. */
export function stepFlops(s: ModelShape, rows: number): number {
  const products = parameterCount({ ...s, vocab: 0 }) + s.vocab * s.width;
  return 6 * rows * s.length * (products + 2 * s.layers * s.width * s.length);
}

/** Seconds of one step and what they go to. */
export interface StepSecondsByPart {
  readonly total: number;
  /** Forward and backward of one micro-batch on the slowest pipeline rank, its collectives included. */
  readonly forward: number;
  readonly backward: number;
  /** Of the total: computation, recomputation, collectives of the tensor axis, the pipeline's bubble and messages, the data axis, the optimiser. */
  readonly parts: Readonly<Record<"compute" | "recompute" | "tensor" | "bubble" | "pipeline" | "data" | "optimizer", number>>;
}

/** Errors: none; a layout that does not divide gives times of fractions, `layoutProblem` names them. */
export function stepSecondsOf(a: Accelerator, s: ModelShape, layout: StepLayout, method: StepMethod): StepSecondsByPart {
  const { data, tensor, pipeline, microRows, rows, chunks } = layout;
  const micros = rows / data / microRows;
  const tokens = microRows * s.length;
  const layersHere = s.layers / pipeline;
  const layer = layerSeconds(a, s, layout, method);
  const output = outputSeconds(a, s, layout);
  const again =
    method.recompute === "all" ? layer.all.forward : method.recompute === "attention" && !method.isFused ? layer.attention.forward : 0;
  const reduction = allReduceSeconds(a, a.bytesPerNumber * tokens * s.width, { ranks: tensor, inNode: Math.min(tensor, a.perNode) });
  // two a layer forward, two backward, and two more where forward is run again; a half block's product hides it
  const hidden = method.overlaps ? 0.5 : 1;
  const tensorSeconds = layersHere * hidden * reduction * (method.recompute === "all" ? 6 : 4);
  const own = parametersPerRank(s, layout);
  const compute = layersHere * (layer.all.forward + layer.all.backward) + output.forward + output.backward;
  const recompute = layersHere * again;
  // float32 sums of gradients are read and written once a micro-batch
  const accumulate = micros > 1 ? passSeconds(a, 8 * own) : 0;
  const message = pipeline === 1 ? 0 : (a.bytesPerNumber * tokens * s.width) / tensor / a.networkRate + a.collectiveSeconds;
  const messages = (method.overlaps ? 0 : 2) * chunks * message;
  const perMicro = compute + accumulate + recompute + tensorSeconds + messages;
  // the output layer is the last rank's: others wait for it, but not in the bubble
  const inBubble = perMicro - output.forward - output.backward;
  const bubble = ((pipeline - 1) / chunks) * inBubble;
  const dataRing = { ranks: data, inNode: Math.min(data, Math.max(1, Math.floor(a.perNode / tensor))) };
  // gradients are added up; with split optimiser state each rank gets the sums of its share and sends its new weights, half an all-reduce each
  const reduced =
    method.zero === 0
      ? allReduceSeconds(a, a.bytesPerNumber * own, dataRing)
      : (allReduceSeconds(a, 4 * own, dataRing) + allReduceSeconds(a, a.bytesPerNumber * own, dataRing)) / 2;
  // the last micro-batch's backward pass hides gradients, the first one's forward pass weights
  const behind = method.overlaps ? layersHere * (layer.all.backward + (method.zero > 0 ? layer.all.forward : 0)) : 0;
  const dataSeconds = Math.max(0, reduced - behind);
  // gradient, master weights, two moments: read; the last three and the weights written; a pass for the norm
  const optimizer = passSeconds(a, (own * 38) / (method.zero > 0 ? data : 1), 4);
  const [computeAll, recomputeAll, tensorAll, messagesAll] = [compute + accumulate, recompute, tensorSeconds, messages].map(
    x => x * micros,
  ) as [number, number, number, number];
  return {
    total: micros * perMicro + bubble + dataSeconds + optimizer,
    forward: layersHere * (layer.all.forward + 2 * hidden * reduction) + output.forward,
    backward:
      layersHere * (layer.all.backward + again + (tensorSeconds / layersHere - 2 * hidden * reduction)) + output.backward + accumulate,
    parts: { compute: computeAll, recompute: recomputeAll, tensor: tensorAll, bubble, pipeline: messagesAll, data: dataSeconds, optimizer },
  };
}

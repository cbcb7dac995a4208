/**
 * One training run of the benches' GPT as a process of its own: prints one JSON line with the times of its steps. Settings come as JSON in
 * the first argument, so that both sides of a comparison are whole processes.
 */
import { fileURLToPath } from "node:url";
import {
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  gpt2Config,
  type TensorsOf,
} from "../src/nn/index.ts";
import { type DeviceName, openDevice, type Tensor } from "../src/tensor/index.ts";
import { adamw, createTrainer, type Precision, single } from "../src/train/index.ts";
import { median } from "./harness.ts";

export interface GptStep {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly length: number;
  readonly rows: number;
  readonly vocab: number;
  readonly threads: number;
  /** Default: cpu. */
  readonly device?: DeviceName;
  readonly precision: Precision;
  /** Measured steps, after `warmUp` others. */
  readonly steps: number;
  readonly warmUp: number;
  readonly rematerialise: boolean;
  /** Counts memory in an arena of its own, which costs about 2 % of the time. */
  readonly measureMemory: boolean;
  readonly attentionBlock: number;
  /** Memory of a step; without it nothing is recomputed for want of room. */
  readonly memoryBytes?: number;
}
/** The step of the table: 6 layers, width 384, 6 heads, 4,096 tokens, AdamW. */
export const gptStep: GptStep = {
  layers: 6,
  width: 384,
  heads: 6,
  length: 256,
  rows: 16,
  vocab: 65,
  threads: 2,
  precision: "f32",
  steps: 5,
  warmUp: 2,
  rematerialise: false,
  measureMemory: false,
  attentionBlock: 256,
};

export interface GptStepTimes {
  /** A step's time by the clock, and what it took of all processors. */
  readonly medianMs: number;
  readonly minMs: number;
  readonly medianProcessorMs: number;
  readonly losses: readonly number[];
  readonly peakActivationBytes: number;
  readonly rssBytes: number;
  /** Most that the process took (VmHWM). */
  readonly peakRssBytes: number;
  /** Parameters, gradients, optimiser state and batches. */
  readonly heldBytes: number;
}

const config = (o: GptStep): DecoderConfig => ({
  ...gpt2Config({ vocab: o.vocab, width: o.width, layers: o.layers, heads: o.heads, context: o.length }),
  bias: false,
  activation: "gelu",
  tied: false,
});

async function measure(o: GptStep): Promise<GptStepTimes> {
  const c = config(o);
  const shape = [o.rows, o.length];
  const trainer = await createTrainer({
    device: openDevice(o.device ?? "cpu", { threads: o.threads }),
    specs: decoderSpec(c),
    loss: (p: TensorsOf<DecoderSpec>, b: { tokens: Tensor; targets: Tensor; weights: Tensor }, scale: Tensor) =>
      crossEntropy(
        decoderLogits(c, p, b.tokens, { rematerialise: o.rematerialise, attentionBlock: o.attentionBlock }),
        b.targets,
        b.weights,
        scale,
      ),
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ weightDecay: 0 })),
    precision: o.precision,
    memoryBytes: o.memoryBytes,
    rate: 1e-3,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    steps: o.warmUp + o.steps,
    clip: 0,
    measureMemory: o.measureMemory,
  });
  const n = o.rows * o.length;
  const tokens = Int32Array.from({ length: n }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) % o.vocab);
  const batch = { arrays: { tokens, targets: tokens, weights: new Float32Array(n).fill(1) }, weight: n };
  const times: number[] = [];
  const processor: number[] = [];
  const losses: number[] = [];
  for (let i = -o.warmUp; i < o.steps; i++) {
    const before = process.cpuUsage();
    const report = await trainer.step([batch]);
    const { user, system } = process.cpuUsage(before);
    losses.push(report.loss);
    if (i < 0) continue;
    times.push(report.totalMs);
    processor.push((user + system) / 1000);
  }
  return {
    medianMs: median(times),
    minMs: times.reduce((least, x) => Math.min(least, x)),
    medianProcessorMs: median(processor),
    losses,
    peakActivationBytes: trainer.peakBytes() ?? 0,
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: 1024 * process.resourceUsage().maxRSS,
    heldBytes: trainer.heldBytes,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);

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
import { openDevice, type Tensor } from "../src/tensor/index.ts";
import { adamw, createTrainer, single } from "../src/train/index.ts";

export interface GptStep {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly length: number;
  readonly rows: number;
  readonly vocab: number;
  readonly threads: number;
  readonly steps: number;
  readonly rematerialise: boolean;
  /** Counts memory in an arena of its own, which costs about 2 % of the time. */
  readonly measureMemory: boolean;
  readonly attentionBlock: number;
}
/** The step of the table: 6 layers, width 384, 6 heads, 4,096 tokens, AdamW, 2 threads. */
export const gptStep: GptStep = {
  layers: 6,
  width: 384,
  heads: 6,
  length: 256,
  rows: 16,
  vocab: 65,
  threads: 2,
  steps: 8,
  rematerialise: false,
  measureMemory: false,
  attentionBlock: 256,
};

export interface GptStepTimes {
  readonly medianMs: number;
  readonly minMs: number;
  readonly losses: readonly number[];
  readonly peakActivationBytes: number;
  readonly rssBytes: number;
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
    device: openDevice("cpu", { threads: o.threads }),
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
    rate: 1e-3,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    steps: o.steps,
    clip: 0,
    measureMemory: o.measureMemory,
  });
  const n = o.rows * o.length;
  const tokens = Int32Array.from({ length: n }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) % o.vocab);
  const batch = { arrays: { tokens, targets: tokens, weights: new Float32Array(n).fill(1) }, weight: n };
  const times: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < o.steps; i++) {
    const report = await trainer.step([batch]);
    times.push(report.totalMs);
    losses.push(report.loss);
  }
  times.sort((a, b) => a - b);
  return {
    medianMs: times[times.length >> 1]!,
    minMs: times[0]!,
    losses,
    peakActivationBytes: trainer.peakBytes() ?? 0,
    rssBytes: process.memoryUsage.rss(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);

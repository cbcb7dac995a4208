/**
 * Some steps of training GPT-2 124M as a process of its own: prints one JSON line with times, losses and the process's peak memory. Micro-batches are
 * accumulated; each block is computed again in the backward pass.
 */
import { fileURLToPath } from "node:url";
import {
  countParameters,
  crossEntropy,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  gpt2Config,
  type TensorsOf,
} from "../src/nn/index.ts";
import { openDevice, type Tensor } from "../src/tensor/index.ts";
import { adamw, createTrainer, type Precision, single } from "../src/train/index.ts";

export interface Gpt2Step {
  readonly vocab: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly length: number;
  readonly rows: number;
  readonly accumulate: number;
  readonly steps: number;
  readonly threads: number;
  readonly precision: Precision;
}
export interface Gpt2StepTimes {
  readonly medianMs: number;
  /** Processor milliseconds a step, all threads. */
  readonly coreMs: number;
  readonly losses: readonly number[];
  readonly peakBytes: number;
  readonly parameters: number;
  readonly torch?: string;
}

const coreMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
};
const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Tokens that both sides draw from the same formula. */
const tokensOf = (n: number, from: number, vocab: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (Math.imul(from + i + 1, 2654435761) >>> 8) % vocab);

async function measure(o: Gpt2Step): Promise<Gpt2StepTimes> {
  const c = gpt2Config({ vocab: o.vocab, width: o.width, layers: o.layers, heads: o.heads, context: o.length });
  const shape = [o.rows, o.length];
  const specs = decoderSpec(c);
  const trainer = await createTrainer({
    device: openDevice("cpu", { threads: o.threads }),
    specs,
    loss: (p: TensorsOf<DecoderSpec>, b: { tokens: Tensor; targets: Tensor; weights: Tensor }, scale: Tensor) =>
      crossEntropy(decoderLogits(c, p, b.tokens, { rematerialise: true, attentionBlock: 128 }), b.targets, b.weights, scale),
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ weightDecay: 0.1 })),
    rate: 6e-4,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    steps: o.steps,
    accumulate: o.accumulate,
    clip: 1,
    precision: o.precision,
  });
  const n = o.rows * o.length;
  const weights = new Float32Array(n).fill(1);
  const [times, cores, losses]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < o.steps; i++) {
    const before = coreMs();
    const batches = Array.from({ length: o.accumulate }, (_, k) => {
      const tokens = tokensOf(n + 1, k * n, o.vocab);
      return { arrays: { tokens: tokens.subarray(0, n), targets: tokens.subarray(1), weights }, weight: n };
    });
    const report = await trainer.step(batches);
    times.push(report.totalMs);
    cores.push(coreMs() - before);
    losses.push(report.loss);
  }
  return {
    // the first step makes the programs
    medianMs: middle(times.slice(1)),
    coreMs: middle(cores.slice(1)),
    losses,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    parameters: countParameters(specs),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);

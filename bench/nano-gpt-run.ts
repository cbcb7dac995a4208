/**
 * One training of nanoGPT's set-up for the processor as a process of its own, ours: prints one JSON line like `bench/peers/nano_gpt.py`, which gets the same
 * argument. Batches are random places of one stream of tokens; the held-out loss is over all whole blocks of another.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { random } from "../src/base/index.ts";
import {
  type ArraysOf,
  countParameters,
  crossEntropy,
  type DecoderConfig,
  type DecoderSpec,
  decoderLogits,
  decoderSpec,
  gpt2Config,
  type TensorsOf,
} from "../src/nn/index.ts";
import { compile, constant, openDevice, type Tensor } from "../src/tensor/index.ts";
import { adamw, createTrainer, single } from "../src/train/index.ts";

export interface NanoGpt {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly block: number;
  readonly batch: number;
  readonly iterations: number;
  readonly rate: number;
  readonly leastRate: number;
  readonly warmup: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly seed: number;
  readonly vocab: number;
  readonly threads: number;
  /** Files of 16-bit tokens. */
  readonly train: string;
  readonly heldOut: string;
}
export interface NanoGptResult {
  readonly coreSeconds: number;
  readonly wallSeconds: number;
  readonly parameters: number;
  readonly lastLoss: number;
  /** Nats a token. */
  readonly heldOutLoss: number;
  readonly torch?: string;
}

const stream = (path: string): Uint16Array => new Uint16Array(Uint8Array.from(readFileSync(path)).buffer);
const coreSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Rows of inputs and of what follows each, from places of the stream. */
function rowsAt(
  tokens: Uint16Array,
  places: readonly number[],
  block: number,
): { readonly tokens: Int32Array; readonly targets: Int32Array } {
  const [inputs, targets] = [new Int32Array(places.length * block), new Int32Array(places.length * block)];
  for (const [row, at] of places.entries()) {
    inputs.set(tokens.subarray(at, at + block), row * block);
    targets.set(tokens.subarray(at + 1, at + 1 + block), row * block);
  }
  return { tokens: inputs, targets };
}

type Batch = { tokens: Tensor; targets: Tensor; weights: Tensor };
const lossOf =
  (c: DecoderConfig) =>
  (p: TensorsOf<DecoderSpec>, b: Batch, scale: Tensor): Tensor =>
    crossEntropy(decoderLogits(c, p, b.tokens, { attentionBlock: c.context }), b.targets, b.weights, scale);

async function blockLoss(o: NanoGpt, c: DecoderConfig, parameters: ArraysOf<DecoderSpec>): Promise<number> {
  const tokens = stream(o.heldOut);
  const device = openDevice("cpu", { threads: o.threads });
  const rows = 64;
  const count = Math.floor((tokens.length - 1) / o.block);
  const program = compile((p: TensorsOf<DecoderSpec>, b: Batch) => lossOf(c)(p, b, constant(1)), { device, name: "held-out" });
  let total = 0;
  for (let first = 0; first < count; first += rows) {
    const places = Array.from({ length: rows }, (_, r) => Math.min(count - 1, first + r) * o.block);
    const host = rowsAt(tokens, places, o.block);
    const weights = Float32Array.from({ length: rows * o.block }, (_, i) => (first + Math.floor(i / o.block) < count ? 1 : 0));
    const shape = [rows, o.block];
    const given = {
      tokens: await device.array(host.tokens, "i32", shape),
      targets: await device.array(host.targets, "i32", shape),
      weights: await device.array(weights, "f32", shape),
    };
    const loss = await program(parameters, given);
    total += await loss.item();
    for (const a of [loss, ...Object.values(given)]) a.dispose();
  }
  program.dispose();
  return total / (count * o.block);
}

async function measure(o: NanoGpt): Promise<NanoGptResult> {
  const c: DecoderConfig = {
    ...gpt2Config({ vocab: o.vocab, width: o.width, layers: o.layers, heads: o.heads, context: o.block }),
    bias: false,
    activation: "gelu",
  };
  const tokens = stream(o.train);
  const [began, wall] = [coreSeconds(), performance.now()];
  const shape = [o.batch, o.block];
  const trainer = await createTrainer({
    device: openDevice("cpu", { threads: o.threads }),
    specs: decoderSpec(c),
    loss: lossOf(c),
    batch: { tokens: { shape, dtype: "i32" }, targets: { shape, dtype: "i32" }, weights: { shape, dtype: "f32" } },
    optimizer: single(adamw({ beta1: o.beta1, beta2: o.beta2, weightDecay: o.weightDecay })),
    rate: o.rate,
    schedule: { kind: "cosine", warmup: o.warmup, floor: o.leastRate / o.rate, decayShare: 1 },
    steps: o.iterations,
    clip: o.clip,
    seed: o.seed,
  });
  const draw = random(`places ${o.seed}`);
  const weights = new Float32Array(o.batch * o.block).fill(1);
  const losses: number[] = [];
  for (let i = 0; i < o.iterations; i++) {
    const places = Array.from({ length: o.batch }, () => draw.below(tokens.length - o.block));
    const { loss } = await trainer.step([{ arrays: { ...rowsAt(tokens, places, o.block), weights }, weight: weights.length }]);
    losses.push(loss);
  }
  const spent = { coreSeconds: coreSeconds() - began, wallSeconds: (performance.now() - wall) / 1000 };
  const last = losses.slice(-50);
  return {
    ...spent,
    parameters: countParameters(decoderSpec(c)),
    lastLoss: last.reduce((a, b) => a + b, 0) / last.length,
    heldOutLoss: await blockLoss(o, c, trainer.state.parameters),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);

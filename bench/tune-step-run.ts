/**
 * Steps of tuning SmolLM2-135M as a process of its own: prints one JSON line with times, losses and peak memory. `prepare` writes the model and
 * the first adapter as folders that the peer reads, so that both sides take the same steps from the same numbers.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type DecoderConfig,
  decoderSpec,
  exportHuggingFace,
  folderFiles,
  importHuggingFace,
  initialise,
  llamaConfig,
  readAdapter,
  writeAdapter,
} from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { adamw, createTrainer, type Precision, single } from "../src/train/index.ts";
import { adapterOfTuning, type MethodInput, methodOptions, tuneLoss, tuningOf } from "../src/tune/index.ts";

export interface TuneStep {
  readonly method: "lora" | "full";
  /** Holds the model and the adapter. */
  readonly folder: string;
  readonly prepare?: boolean;
  readonly rank: number;
  readonly rows: number;
  readonly length: number;
  readonly steps: number;
  readonly threads: number;
  readonly rate: number;
  readonly precision?: Precision;
  /** Prefix of files with times by operator. */
  readonly profile?: string;
}
export interface TuneStepTimes {
  readonly medianMs: number;
  readonly losses: readonly number[];
  readonly peakBytes: number;
}

/** SmolLM2-135M's sizes, with tables of positions for the rows of the bench. */
const config = (length: number): DecoderConfig => ({
  ...llamaConfig({ vocab: 49_152, width: 576, layers: 30, heads: 9, kvHeads: 3, hidden: 1536, context: length }),
  tied: true,
  rotaryBase: 100_000,
  epsilon: 1e-5,
  deviation: 0.02,
});

/** Tokens that both sides draw from the same formula. */
export const benchTokens = (n: number): Int32Array =>
  Int32Array.from({ length: n }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) % 49_152);

async function measure(o: TuneStep): Promise<TuneStepTimes> {
  const c = config(o.length);
  const device = openDevice("cpu", { threads: o.threads });
  const specs = decoderSpec(c);
  const method = methodOptions.parse((o.method === "full" ? "full" : { lora: { rank: o.rank, alpha: o.rank } }) satisfies MethodInput);
  const tuning = tuningOf(method, specs);
  const [model, adapter] = [join(o.folder, "model"), join(o.folder, "adapter")];
  if (o.prepare) {
    const parameters = await initialise(specs, device, 1);
    await exportHuggingFace(folderFiles(model), { family: "decoder", config: c, parameters });
    const { trainable } = await tuning.start(parameters, device, 1);
    await writeAdapter(folderFiles(adapter), c, await adapterOfTuning(c, tuning, trainable));
    return { medianMs: 0, losses: [], peakBytes: 0 };
  }
  const { parameters } = await importHuggingFace(folderFiles(model), device);
  const { trainable, frozen } = await tuning.start(parameters, device, 1);
  if (o.method === "lora") await readAdapter(folderFiles(adapter), c);
  const shape = [o.rows, o.length];
  const ints = { shape, dtype: "i32" } as const;
  const trainer = await createTrainer({
    device,
    specs: tuning.specs,
    loss: tuneLoss(c, tuning, { dropout: 0 }) as never,
    batch: {
      tokens: ints,
      targets: ints,
      segments: ints,
      positions: ints,
      weights: { shape, dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: single(adamw({ beta2: 0.999, weightDecay: 0 })),
    rate: o.rate,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    steps: o.steps,
    clip: 1,
    start: trainable,
    frozen,
    ...(o.precision === undefined ? {} : { precision: o.precision }),
    ...(o.profile === undefined ? {} : { profile: o.profile }),
  });
  const n = o.rows * o.length;
  const times: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < o.steps; i++) {
    const tokens = benchTokens(n);
    const isLast = (k: number) => (k + 1) % o.length === 0;
    const weights = Float32Array.from({ length: n }, (_, k) => (isLast(k) ? 0 : 1));
    const report = await trainer.step([
      {
        arrays: {
          tokens,
          targets: Int32Array.from({ length: n }, (_, k) => (isLast(k) ? 0 : tokens[k + 1]!)),
          segments: Int32Array.from({ length: n }, (_, k) => Math.floor(k / o.length)),
          positions: Int32Array.from({ length: n }, (_, k) => k % o.length),
          weights,
          seed: Int32Array.of(0),
        },
        weight: weights.reduce((s, w) => s + w, 0),
      },
    ]);
    times.push(report.totalMs);
    losses.push(report.loss);
    if (process.env.LOAM_BENCH_SAY)
      process.stderr.write(`${report.totalMs.toFixed(0)} ms, native ${report.nativeMs.toFixed(0)}, loss ${report.loss}\n`);
  }
  for (const f of trainer.endProfiles()) process.stderr.write(`${f}\n`);
  // the first step builds programs
  const steady = times.slice(1).sort((a, b) => a - b);
  return { medianMs: steady[steady.length >> 1] ?? Number.NaN, losses, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await measure(JSON.parse(process.argv[2]!)))}\n`);

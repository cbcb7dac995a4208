/**
 * One base, measured on the user's own texts: how large it is, how fast it writes and reads here, how well it foresees the texts as it is, and how
 * well after a few steps of training on them.
 */
import { type Progress, type Tree, treePaths } from "../../base/index.ts";
import type { Document } from "../../data/index.ts";
import { decoderLikelihood } from "../../evaluate/index.ts";
import { countParameters, decoderSpec, disposeTree } from "../../nn/index.ts";
import type { ServedModel } from "../../serve/index.ts";
import { bytesOf, type Device, type DeviceArray } from "../../tensor/index.ts";
import { adamw, createTrainer, decoderLoss, packer, packingStart, single } from "../../train/index.ts";
import { groupOf, type Half, type Judgement } from "../../tune/index.ts";
import { type FormSpeed, formSpeed } from "../models/quantised.ts";

interface CandidateGiven {
  readonly device: Device;
  readonly model: ServedModel;
  /** Stands before a text. */
  readonly prefix: number;
  readonly judgedOn: readonly Document[];
  readonly half: Half;
  /** Texts to train on for the few steps; none for no steps. */
  readonly train: readonly string[];
  readonly steps: number;
  readonly rate: number;
  readonly seed: number;
  readonly slots: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Candidate extends FormSpeed {
  readonly parameters: number;
  /** Weights as they lie in memory, and keys and values of a full context (at most `mostJudgedContext` tokens) in 32 bits. */
  readonly memoryBytes: number;
  /** Bits a byte as it is, and after the few steps where it was trained. */
  readonly zeroStep: Judgement;
  readonly fewStep?: Judgement;
  /** Why there is no few-step quality. */
  readonly untrained?: string;
}

/** Tokens of context that memory is told for, and with which texts are read. */
export const mostJudgedContext = 2048;
/** Rows a step, and tokens of a row where the context has room for them. */
const fewStep = { rows: 2, length: 128 } as const;

async function judged(o: CandidateGiven, parameters: ServedModel["parameters"], at: string): Promise<Judgement> {
  const { device, model, judgedOn } = o;
  using scorer = decoderLikelihood({
    device,
    config: model.config,
    parameters,
    tokenizer: model.tokenizer,
    startToken: model.startToken,
    prefixToken: o.prefix,
  });
  const bits = new Array<number>(judgedOn.length).fill(0);
  let done = 0;
  await scorer.rolling(
    judgedOn.map(d => ({ text: d.text })),
    (i, answer) => {
      bits[i] = -answer.logLikelihood / Math.LN2;
      o.progress({ stage: "select", done: ++done / judgedOn.length, message: at });
    },
    o.signal,
  );
  return {
    half: o.half,
    model: model.id,
    ids: judgedOn.map(d => d.id),
    groups: judgedOn.map(groupOf),
    bytes: judgedOn.map(d => Buffer.byteLength(d.text)),
    bits,
  };
}

/** Trains all parameters for a few steps; they are taken over. */
async function trained(o: CandidateGiven) {
  const { device, model, steps, rate, seed } = o;
  const cut = o.train.map(text => Array.from(model.tokenizer.encode(text)));
  const offsets = new Float64Array(cut.length + 1);
  for (const [i, c] of cut.entries()) offsets[i + 1] = offsets[i]! + c.length;
  const length = Math.min(fewStep.length, model.config.context);
  const shape = [fewStep.rows, length];
  const trainer = await createTrainer({
    device,
    specs: decoderSpec(model.config),
    loss: decoderLoss(model.config, { dropout: 0, rematerialise: true, attentionBlock: length }),
    batch: {
      tokens: { shape, dtype: "i32", below: model.config.vocab },
      targets: { shape, dtype: "i32", below: model.config.vocab },
      segments: { shape, dtype: "i32" },
      positions: { shape, dtype: "i32" },
      weights: { shape, dtype: "f32" },
      seed: { shape: [], dtype: "i32" },
    },
    optimizer: single(adamw({ weightDecay: 0 })),
    rate,
    steps,
    schedule: { kind: "wsd", warmup: Math.min(3, steps - 1), floor: 0.1, decayShare: 0.5 },
    seed,
    start: model.parameters,
  });
  const shards = { tokens: Uint32Array.from(cut.flat()), offsets };
  const source = packer(shards, { rows: fewStep.rows, length, end: o.prefix, seed }, packingStart);
  try {
    for (let step = 0; step < steps; step++) {
      const { tokens, targets, segments, positions, weights } = source.next();
      const batch = {
        arrays: { tokens, targets, segments, positions, weights, seed: Int32Array.of(step) },
        weight: weights.reduce((a, b) => a + b, 0),
      };
      const { loss } = await trainer.step([batch], o.signal);
      o.progress({ stage: "select", done: (step + 1) / steps, message: `a few steps: loss ${loss.toFixed(3)}` });
    }
  } catch (error) {
    trainer.dispose();
    throw error;
  }
  return trainer;
}

/** Measures it. Its parameters are disposed. Errors: abort. */
export async function measureCandidate(o: CandidateGiven): Promise<Candidate> {
  const { model, device } = o;
  const { config } = model;
  const parameters = model.parameters;
  // parameters are a tree of arrays, whatever the family
  const weights = treePaths<DeviceArray>(parameters as unknown as Tree<DeviceArray>).reduce((n, [, a]) => n + bytesOf(a.shape, a.dtype), 0);
  const context = Math.min(config.context, mostJudgedContext);
  const told = {
    parameters: countParameters(decoderSpec(config)),
    memoryBytes: weights + 4 * 2 * config.layers * config.kvHeads * config.headSize * context,
  };
  let owned = true;
  try {
    const speed = await formSpeed(config, parameters, device, o.slots);
    const zeroStep = await judged(o, parameters, "as it is");
    if (o.steps === 0) return { ...told, ...speed, zeroStep };
    try {
      // the trainer takes the parameters over
      owned = false;
      const trainer = await trained(o);
      try {
        return { ...told, ...speed, zeroStep, fewStep: await judged(o, trainer.state.parameters, `after ${o.steps} steps`) };
      } finally {
        trainer.dispose();
      }
    } catch (error) {
      o.signal.throwIfAborted();
      return { ...told, ...speed, zeroStep, untrained: (error as Error).message };
    }
  } finally {
    if (owned) disposeTree(parameters);
  }
}

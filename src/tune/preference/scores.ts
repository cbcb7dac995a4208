/** Log-probabilities of answers: of the tuned model inside a loss, and of the one that it started from, once before the first step. */
import { type DecoderConfig, type DecoderSpec, decoderLogits, negativeLogLikelihood } from "../../nn/index.ts";
import { type Device, type DeviceArray, div, maximum, mul, neg, sum, type Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import type { Masked } from "../instruct/encode.ts";
import type { TaskRun } from "../instruct/task.ts";
import { attentionBlock } from "../instruct/tune.ts";
import type { FrozenArrays, FrozenTensors, TrainableArrays, TrainableTensors, Tuning } from "../methods/index.ts";
import { takenInTurns } from "../ranks/in-turns.ts";
import { type AnswerRows, layAnswers, membersOnce } from "./rows.ts";

export type RowTensors = { tokens: Tensor; targets: Tensor; weights: Tensor };

/** Log-probabilities of the answers of rows [R], as sums or as means over their tokens. */
export function answerScores(config: DecoderConfig, p: unknown, b: RowTensors, o: { readonly isMean: boolean }): Tensor {
  // parameters that a method made inside the loss, of any tree
  const logits = decoderLogits(config, p as never, b.tokens, { attentionBlock });
  const total = neg(sum(mul(negativeLogLikelihood(logits, b.targets), b.weights), 1));
  return o.isMean ? div(total, maximum(sum(b.weights, 1), 1)) : total;
}

/** Rows of a batch on the device, by the names of `RowTensors`. */
export async function rowArrays(device: Device, batch: AnswerRows, length: number): Promise<Record<keyof RowTensors, DeviceArray>> {
  const shape = [batch.tokens.length / length, length];
  return {
    tokens: await device.array(batch.tokens, "i32", shape),
    targets: await device.array(batch.targets, "i32", shape),
    weights: await device.array(batch.weights, "f32", shape),
  };
}

/** What a tuning starts with: the base, in the form in which it is tuned. */
interface TuningStart {
  readonly tuning: Tuning<DecoderSpec>;
  readonly trainable: TrainableArrays;
  readonly frozen: FrozenArrays;
}

/** The base's log-probabilities, one a sequence; nothing is learnt yet, so there is no adapter to switch off. Zeros where other processes train. */
export async function baseScores(
  o: Pick<TaskRun<unknown, object>, "device" | "config" | "progress" | "signal" | "ranks" | "elsewhere">,
  { tuning, trainable, frozen }: TuningStart,
  sequences: readonly Masked[],
  layout: { readonly rows: number; readonly length: number },
  kind: { readonly isMean: boolean },
): Promise<Float32Array> {
  if (o.elsewhere) return new Float32Array(sequences.length);
  const program = treeProgram<DeviceArray>(
    (t: TrainableTensors, f: FrozenTensors, b: RowTensors) => answerScores(o.config, tuning.parameters(f, t), b, kind),
    { device: o.device, name: "reference" },
  );
  const batches = [...membersOnce(sequences.length, layout.rows)];
  const scoresOf = async (members: readonly number[]): Promise<Float32Array> => {
    const laid = Array.from({ length: layout.rows }, (_, i) => sequences[members[i]!]);
    const arrays = await rowArrays(o.device, layAnswers(laid, layout.length), layout.length);
    const out = await program.with(o.signal ? { signal: o.signal } : {}, trainable, frozen, arrays);
    const scores = Float32Array.from((await out.numbers()).subarray(0, members.length));
    for (const a of [out, ...Object.values(arrays)]) a.dispose();
    o.progress({ stage: "tune", done: (members.at(-1)! + 1) / sequences.length, message: "log-probabilities of the base" });
    return scores;
  };
  try {
    const counts = batches.map(members => members.length);
    const scores = await takenInTurns(o.ranks, counts, i => scoresOf(batches[i]!));
    return Float32Array.from(scores.flatMap(each => Array.from(each)));
  } finally {
    program.dispose();
  }
}

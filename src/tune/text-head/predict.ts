/** Rows of numbers of texts, such as a classifier's logits, in batches of equal width; used for selection and for the report alike. */
import { defined } from "../../base/index.ts";
import { type ModelConfig, textLogits } from "../../nn/index.ts";
import type { Device, DeviceArray, Tensor } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import type { ReadTexts } from "../methods/index.ts";
import { layTexts, type TextBatch, textBatches, widthsOf } from "./batches.ts";

interface PredictorOptions {
  readonly device: Device;
  readonly model: ModelConfig;
  /** Longest text, tokens. */
  readonly longest: number;
  /** The model's parameters of the trees that `predict` is given. */
  readonly parameters: (...trees: never[]) => unknown;
  readonly rows?: number;
}

export interface Predictor {
  /** A row of numbers for each text, in their order. */
  predict(
    trees: readonly unknown[],
    tokens: readonly ArrayLike<number>[],
    given?: { readonly signal?: AbortSignal; readonly onNative?: (ms: number) => void; readonly onProgress?: (done: number) => void },
  ): Promise<Float64Array[]>;
  dispose(): void;
}

/** Logits of a classifier. */
export const predictorOf = ({ model, ...o }: PredictorOptions): Predictor =>
  textReader({ ...o, read: (parameters, tokens, present) => textLogits(model, parameters, tokens, present) });

interface ReaderOptions extends Omit<PredictorOptions, "model"> {
  /** A row of numbers for each text: tokens and present [B, T] -> [B, K]. */
  readonly read: (parameters: unknown, tokens: Tensor, present: Tensor) => Tensor;
}
export function textReader({ device, read, longest, parameters, rows = 32 }: ReaderOptions): Predictor {
  const widths = widthsOf(longest);
  const program = treeProgram<DeviceArray>(
    (tokens: Tensor, present: Tensor, ...trees: never[]) => read(parameters(...trees), tokens, present),
    { device, fuse: true, attention: true, name: "texts" },
  );
  return {
    async predict(trees, tokens, { signal, onNative, onProgress } = {}) {
      const lengths = tokens.map(t => t.length);
      // from short to long, so that what pads is little
      const order = Array.from(lengths.keys()).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
      const found: Float64Array[] = new Array(tokens.length);
      let done = 0;
      const one = async (batch: TextBatch) => {
        const laid = layTexts(tokens, batch, rows);
        const shape = [rows, batch.width];
        const given = [await device.array(laid.tokens, "i32", shape), await device.array(laid.present, "i32", shape)];
        const numbers = await program
          .with(defined({ signal, onNative }), ...given, ...trees)
          .then(async out => {
            const read = await out.numbers();
            out.dispose();
            return read;
          })
          .finally(() => {
            for (const a of given) a.dispose();
          });
        const k = numbers.length / rows;
        for (const [row, text] of batch.texts.entries()) found[text] = Float64Array.from(numbers.subarray(row * k, (row + 1) * k));
      };
      for (const batch of textBatches(lengths, order, widths, rows)) {
        signal?.throwIfAborted();
        await one(batch);
        done += batch.texts.length;
        onProgress?.(done / tokens.length);
      }
      return found;
    },
    dispose: () => program.dispose(),
  };
}

/** Reads the same texts by any parameters, for the proof of a merge: a program each, which is gone when they are read. */
export const proofReading =
  (open: (parameters: (...trees: never[]) => unknown) => Predictor, texts: readonly ArrayLike<number>[], signal?: AbortSignal): ReadTexts =>
  async (parameters, trees) => {
    const predictor = open(parameters);
    try {
      return await predictor.predict(trees, texts, signal ? { signal } : {});
    } finally {
      predictor.dispose();
    }
  };

/** Probabilities of logits. */
export function probabilitiesOf(logits: ArrayLike<number>): number[] {
  const list = Array.from(logits);
  const most = Math.max(...list);
  const powers = list.map(x => Math.exp(x - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map(x => x / total);
}

/** The first of the greatestIndex. */
export const greatestIndex = (scores: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
};

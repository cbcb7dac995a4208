/**
 * How a head's training reads texts: by their tokens through the whole model, or, where the head alone is trained, by the states that the frozen base gives
 * of them, which are computed once.
 */
import { defined } from "../../base/index.ts";
import { type Dropout, headLogits, type ModelConfig, textLogits, textStates } from "../../nn/index.ts";
import type { Device, DeviceArray, Tensor } from "../../tensor/index.ts";
import { type BatchArraySpec, type HostBatch, treeProgram } from "../../train/index.ts";
import { type FrozenTensors, type Method, type TrainableTensors, type Tuning, tuningOf } from "../methods/index.ts";
import { trainedOfModel } from "./adversary.ts";
import { layTexts, type TextBatch } from "./batches.ts";
import type { HeadTexts } from "./fit.ts";
import { predictorOf, textReader } from "./predict.ts";

/** A method for a model with a head: a new head is trained whole; of a frozen model its last linear layer. */
export function headTuning<S>(method: Method, specs: S): Tuning<S> {
  const isLastAlone = "frozen" in method && method.frozen.layers === "all";
  return tuningOf(method, specs, { whole: [isLastAlone ? "classifier.output" : "classifier"] });
}

/** Is nothing of what gives a text's state trained, or drawn anew in each step? */
export const isHeadAlone = ({ specs, method }: Pick<Tuning<unknown>, "specs" | "method">, dropout: number): boolean =>
  method === "frozen" && dropout === 0 && Object.keys(specs).every(path => path.startsWith("classifier."));

interface States {
  readonly device: Device;
  /** With a classifier, whose pooling says what a text's state is. */
  readonly model: ModelConfig;
  /** Longest text, tokens. */
  readonly longest: number;
  readonly signal?: AbortSignal | undefined;
}
/** The state of each text, by parameters that are made of trees of arrays. */
export async function pooledStates(
  { device, model, longest, signal, parameters }: States & { readonly parameters: (...trees: never[]) => unknown },
  trees: readonly unknown[],
  tokens: readonly ArrayLike<number>[],
): Promise<Float32Array[]> {
  const reader = textReader({ device, longest, parameters, read: (p, ids, present) => textStates(model, p, ids, present) });
  try {
    return (await reader.predict(trees, tokens, defined({ signal }))).map(row => Float32Array.from(row));
  } finally {
    reader.dispose();
  }
}

interface HeadReading {
  readonly batch: Readonly<Record<string, BatchArraySpec>>;
  lay(batch: TextBatch): Required<Pick<HostBatch, "arrays" | "shapes">>;
  /** Outputs [B, K] of a batch, traced. */
  logits(parameters: unknown, arrays: Readonly<Record<string, Tensor>>, o: { readonly dropout?: Dropout }): Tensor;
  /** Outputs for the texts of the validation part, by trained and frozen arrays. */
  predict(trees: readonly unknown[]): Promise<Float64Array[]>;
  /** Tokens of a batch, for speed. */
  tokensOf(batch: HostBatch): number;
  dispose(): void;
}

interface ReadingOptions extends States {
  readonly tuning: Tuning<unknown>;
  readonly train: HeadTexts;
  readonly validation: HeadTexts;
  /** Texts of a batch. */
  readonly rows: number;
  readonly reads: "tokens" | "states";
}
type Parameters = (trained: TrainableTensors, still: FrozenTensors) => unknown;

function tokenReading({ train, validation, rows, longest, model, signal, ...o }: ReadingOptions, parameters: Parameters): HeadReading {
  const predictor = predictorOf({ device: o.device, model, longest, parameters });
  return {
    batch: {
      tokens: { shape: [rows, longest], dtype: "i32", below: model.config.vocab },
      present: { shape: [rows, longest], dtype: "i32" },
    },
    lay: batch => ({
      arrays: { ...layTexts(train.tokens, batch, rows) },
      shapes: { tokens: [rows, batch.width], present: [rows, batch.width] },
    }),
    logits: (p, { tokens, present }, { dropout }) => textLogits(model, p, tokens!, present!, defined({ dropout })),
    predict: trees => predictor.predict(trees, validation.tokens, defined({ signal })),
    tokensOf: ({ arrays }) => (arrays.present as Int32Array).reduce((n, x) => n + x, 0),
    dispose: () => predictor.dispose(),
  };
}

/** Of states side by side: [rows, width], 0 beyond the texts. */
function laidStates(states: readonly ArrayLike<number>[], texts: readonly number[], rows: number, width: number): Float32Array {
  const laid = new Float32Array(rows * width);
  for (const [row, text] of texts.entries()) laid.set(states[text]!, row * width);
  return laid;
}

interface StateReader {
  /** Outputs of a row for each state, by trees that `parameters` takes. */
  predict(trees: readonly unknown[], states: readonly ArrayLike<number>[], signal?: AbortSignal): Promise<Float64Array[]>;
  dispose(): void;
}
/** A head's outputs of states that are known (`pooledStates`). */
export function stateReader(
  { device, model, rows }: Pick<ReadingOptions, "device" | "model" | "rows">,
  parameters: (...trees: never[]) => unknown,
): StateReader {
  const { width } = model.config;
  const program = treeProgram<DeviceArray>((states: Tensor, ...trees: never[]) => headLogits(model, parameters(...trees), states), {
    device,
    fuse: true,
    name: "head",
  });
  return {
    async predict(trees, states, signal) {
      const found: Float64Array[] = [];
      for (let from = 0; from < states.length; from += rows) {
        signal?.throwIfAborted();
        const texts = Array.from({ length: Math.min(rows, states.length - from) }, (_, i) => from + i);
        const array = await device.array(laidStates(states, texts, rows, width), "f32", [rows, width]);
        const out = await program.with(defined({ signal }), array, ...trees).finally(() => array.dispose());
        const numbers = await out.numbers();
        out.dispose();
        const k = numbers.length / rows;
        found.push(...texts.map((_, row) => Float64Array.from(numbers.subarray(row * k, (row + 1) * k))));
      }
      return found;
    },
    dispose: () => program.dispose(),
  };
}

async function stateReading(o: ReadingOptions, parameters: Parameters, trees: readonly unknown[]): Promise<HeadReading> {
  const { model, train, validation, rows, signal } = o;
  const { width } = model.config;
  const given = async (texts: HeadTexts) => texts.states ?? pooledStates({ ...o, parameters }, trees, texts.tokens);
  const known = { train: await given(train), validation: await given(validation) };
  const lengthOf = new Map(train.ids.map((id, i) => [id, train.tokens[i]!.length]));
  const reader = stateReader(o, parameters);
  return {
    batch: { states: { shape: [rows, width], dtype: "f32" } },
    lay: ({ texts }) => ({ arrays: { states: laidStates(known.train, texts, rows, width) }, shapes: {} }),
    logits: (p, { states }) => headLogits(model, p, states!),
    predict: trained => reader.predict(trained, known.validation, signal),
    tokensOf: ({ documents = [] }) => documents.reduce((n: number, id) => n + (lengthOf.get(String(id)) ?? 0), 0),
    dispose: () => reader.dispose(),
  };
}

/** `trees`: trained and frozen arrays as they are at the start. */
export async function openReading(o: ReadingOptions, trees: readonly unknown[]): Promise<HeadReading> {
  const parameters: Parameters = (trained, still) => o.tuning.parameters(still, trainedOfModel(trained));
  return o.reads === "states" ? stateReading(o, parameters, trees) : tokenReading(o, parameters);
}

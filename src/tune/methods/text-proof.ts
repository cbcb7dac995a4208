/**
 * What merging and quantising change in a model that reads whole texts, measured on texts: the classes that it tells, the number that it gives, or the
 * vector by which texts are compared. Of models that continue texts: `proof.ts`.
 */
import { defined } from "../../base/index.ts";
import type { Model } from "../../nn/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import type { FrozenArrays, FrozenTensors, TrainableArrays, TrainableTensors, Tuning } from "./tuning.ts";

/** What a model gives of a text: a logit a class, a number, or a vector. */
export type ProvenOutput = "classes" | "number" | "vector";

/** What one form of a model gives beside another. */
export interface TextChange {
  /** Greatest difference of a logit, or of the number in its own unit; of vectors the greatest 1 - cosine. */
  readonly greatest: number;
  /** Texts of another likeliest class, or with another nearest neighbour among the texts; absent of numbers. */
  readonly others?: number;
}
export interface TextProof {
  readonly output: ProvenOutput;
  /** Texts that were compared. */
  readonly texts: number;
  /** Greatest magnitude of a logit or of the number; absent of vectors. */
  readonly greatest?: number;
  /** Merged beside tuned; absent where the method tunes weights themselves, so that there is nothing to merge. */
  readonly merged?: TextChange;
  /** In the form that is served beside float32, beside merged; absent where there is none. */
  readonly quantised?: TextChange & { readonly form: string };
}

/** A form that models are served in beside float32. */
export interface ServedForm {
  readonly form: string;
  /** The parameters in it, which the caller disposes; undefined for a model that is served in float32 alone. The given ones stay. */
  of(model: Model, text: { readonly tokenizer: Tokenizer; readonly longest: number }, device: Device): Promise<unknown | undefined>;
}

/** A row of numbers for each text, in their order, by parameters that are made of trees of arrays. */
export type ReadTexts = (parameters: (...trees: never[]) => unknown, trees: readonly unknown[]) => Promise<readonly ArrayLike<number>[]>;

/** A tuning and what it has come to. */
export interface TunedArrays<S = unknown> {
  readonly tuning: Tuning<S>;
  readonly trainable: TrainableArrays;
  readonly frozen: FrozenArrays;
}
export interface TextProofOptions extends TunedArrays {
  readonly output: ProvenOutput;
  readonly merged: unknown;
  readonly quantised?: { readonly form: string; readonly parameters: unknown } | undefined;
  readonly read: ReadTexts;
}

/** What a proof reads at most: with 22 M parameters a few seconds on one core, with 135 M half a minute. */
const most = { texts: 256, tokens: 16_384 } as const;

/** The first texts (tokens) that a proof is made on. */
export function probeOf<T extends ArrayLike<number>>(texts: readonly T[]): readonly T[] {
  let tokens = 0;
  const end = texts.findIndex((t, i) => {
    tokens += t.length;
    return i >= most.texts || (i > 0 && tokens > most.tokens);
  });
  return end < 0 ? texts : texts.slice(0, end);
}

const greatestAt = (row: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
};
const greatestIn = (rows: readonly ArrayLike<number>[]): number => rows.reduce((m, row) => Math.max(m, ...Array.from(row, Math.abs)), 0);
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((m, x, i) => Math.max(m, Math.abs(x - b[i]!)), 0);

/** Vectors of length 1. */
const unit = (rows: readonly ArrayLike<number>[]): Float64Array[] =>
  rows.map(row => {
    const length = Math.hypot(...Array.from(row));
    return Float64Array.from(row, x => x / length);
  });
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((s, x, i) => s + x * b[i]!, 0);

/** Similarities that differ by less are those of float32 vectors that are as near. */
const alike = 1e-6;

/** The index of the text most like each; -1 where there is no other. */
function neighbours(rows: readonly Float64Array[]): number[] {
  return rows.map((row, i) => {
    let [best, most] = [-1, Number.NEGATIVE_INFINITY];
    for (const [j, other] of rows.entries()) {
      const near = j === i ? Number.NEGATIVE_INFINITY : dot(row, other);
      if (near > most) [best, most] = [j, near];
    }
    return best;
  });
}

function vectorChange(before: readonly ArrayLike<number>[], after: readonly ArrayLike<number>[]): TextChange {
  const [a, b] = [unit(before), unit(after)];
  // 1 - cosine of vectors of length 1 is half their squared distance, which loses no digits where they are near
  const greatest = a.reduce((m, row, i) => Math.max(m, row.reduce((s, x, k) => s + (x - b[i]![k]!) ** 2, 0) / 2), 0);
  const now = neighbours(b);
  const others = neighbours(a).filter((j, i) => j >= 0 && dot(a[i]!, a[now[i]!]!) < dot(a[i]!, a[j]!) - alike).length;
  return { greatest, others };
}

/** What the rows of one form are beside another's. */
export function textChange(output: ProvenOutput, before: readonly ArrayLike<number>[], after: readonly ArrayLike<number>[]): TextChange {
  if (output === "vector") return vectorChange(before, after);
  const greatest = before.reduce((m, row, i) => Math.max(m, apart(row, after[i]!)), 0);
  if (output === "number") return { greatest };
  return { greatest, others: before.filter((row, i) => greatestAt(row) !== greatestAt(after[i]!)).length };
}

/** Measures it: the model with its factors beside its weights, merged, and quantised. */
export async function textProof({ output, tuning, trainable, frozen, merged, quantised, read }: TextProofOptions): Promise<TextProof> {
  const plain = await read((p: never) => p, [merged]);
  const tuned =
    tuning.changes.size === 0
      ? undefined
      : await read((t: TrainableTensors, f: FrozenTensors) => tuning.parameters(f, t), [trainable, frozen]);
  const rounded = quantised && (await read((p: never) => p, [quantised.parameters]));
  return {
    output,
    texts: plain.length,
    ...(output === "vector" ? {} : { greatest: greatestIn(plain) }),
    ...(tuned ? { merged: textChange(output, tuned, plain) } : {}),
    ...(rounded ? { quantised: { form: quantised.form, ...textChange(output, plain, rounded) } } : {}),
  };
}

const round = (x: number): number => Number(x.toPrecision(6));

/** A proof as what an artifact's summary tells of it. */
export const textProofSummary = ({ texts, merged, quantised }: TextProof): Record<string, string | number> => ({
  proofTexts: texts,
  ...(merged ? { mergedDelta: round(merged.greatest) } : {}),
  ...defined({ mergedOthers: merged?.others }),
  ...(quantised ? { quantisedForm: quantised.form, quantisedDelta: round(quantised.greatest) } : {}),
  ...defined({ quantisedOthers: quantised?.others }),
});

/** What can be learnt from examples, as a row: how they become tokens, and the loop. */
import type { z } from "zod";
import type { LoamError } from "../../base/index.ts";
import type { DecoderConfig, DecoderSpec } from "../../nn/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import type { FitRun, Fitted } from "../fit.ts";
import type { FrozenArrays, Tuning } from "../methods/index.ts";
import type { EncodeExampleOptions, TuneText } from "./encode.ts";
import type { PlacedExample } from "./read.ts";

/** What the stage hands to a task's loop. */
export interface TaskRun<T, R> extends FitRun {
  readonly config: DecoderConfig;
  /** Of the base; its arrays are taken over. */
  readonly parameters: unknown;
  readonly recipe: R & { readonly length: number };
  readonly train: readonly T[];
  /** Nothing is selected where it is empty. */
  readonly validation: readonly T[];
  /** The base's text. */
  readonly text: TuneText;
  /** What the task asked for beside base and examples, by name. */
  readonly inputs: Readonly<Record<string, ArtifactReader>>;
}
/** What a loop gives back. */
export interface FittedDecoder extends Fitted {
  readonly tuning: Tuning<DecoderSpec>;
  readonly frozen: FrozenArrays;
}

/** Something that can be learnt from examples. */
export interface ExampleTask<T, S extends z.ZodType> {
  readonly name: string;
  readonly recipe: S;
  /** Artifacts that it takes beside base and examples: their kinds by name. */
  readonly inputs?: Readonly<Record<string, string>>;
  encode(text: TuneText, examples: readonly PlacedExample[], o: EncodeExampleOptions): Encodings<T>;
  tune(run: TaskRun<T, z.output<S>>): Promise<FittedDecoder>;
  /** Tokens of an example, to prove the merge on. */
  idsOf(example: T): Uint32Array;
  /** Tokens of it that are learnt. */
  trainedOf(example: T): number;
}
export interface Encodings<T> {
  readonly encoded: readonly T[];
  readonly problems: readonly LoamError[];
  readonly tooLong: number;
  readonly cut: number;
}

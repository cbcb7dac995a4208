/** What of a kind's row is known without its engine: the schema of its `tune:` part, and what the schema cannot say. Reaches schemas alone. */
import type { z } from "zod";
import type { OwnPartOptions } from "../../data/index.ts";
import type { CrossValidationOptions } from "../cross-validation/options.ts";
import type { FitRecipe } from "../fit.ts";

/** What every `tune:` part says. */
export interface TunePart extends FitRecipe {
  readonly task: string;
  /** A data set of the file, or a path to a file. */
  readonly on: string;
  /** Tokens of a text or of a row. */
  readonly length: number;
  /** The part that selects: a share, or records of the user's own. */
  readonly validation: number | OwnPartOptions;
  readonly sample?: number | undefined;
  /** What the result is, where there is a choice: a model, or an adapter beside its base. */
  readonly result?: "adapter" | "merged" | undefined;
  readonly crossValidation?: CrossValidationOptions | undefined;
}

/** Says what of a part is wrong: the path of a key, what was expected, what was given. */
export type RefusePart = (path: readonly string[], expected: string, input: unknown) => void;

/** What says of a document what is right: a class, a number in an attribute, or its own text. */
export type LoopReading = { readonly says: "class" } | { readonly says: "number"; readonly label: string } | { readonly says: "text" };

export interface KindPart<P extends TunePart = TunePart> {
  /** The `tune:` part: a strict object with a literal `task`. */
  readonly part: z.ZodObject<{ readonly task: z.ZodLiteral<string> }> & z.ZodType<P>;
  readonly reads: "data set" | "file" | "either";
  /** Whether its recipes are scored by cross-validation. */
  readonly hasFolds?: boolean;
  /** Whether its answers are right or wrong, so that errors can be counted. */
  readonly tellsWrong?: boolean;
  /** Stage -> what its loss is counted in, where that is not nats per token; a suffix of the stage (`-adapter`, `-merged`) changes no unit. */
  readonly losses?: Readonly<Record<string, string>>;
  /** Whether its loss is counted in tokens; they are the same ones in every trial then. */
  readonly inTokens?: boolean;
  /** What of a document a retraining loop learns from; absent where its judge gives no loss document by document, so that no loop retrains it. */
  loopReads?(part: P): LoopReading;
  /** What the schema cannot say. */
  check?(part: P, refuse: RefusePart): void;
  /** Models that it is made of beside its base. */
  modelsOf?(part: P): readonly string[];
  /** The part of a trial: without what its judgement does not need. */
  trialPart?(part: P): P;
}
/** A row checked against its schema's types. */
export const kindPart = <P extends TunePart, S extends KindPart<P>["part"]>(row: KindPart<P> & { readonly part: S }) => row;

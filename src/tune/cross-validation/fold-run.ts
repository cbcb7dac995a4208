/** One training of a cross-validation: by the recipe without a fold, with a seed of its own; the fold is scored and the model is not kept. */
import { join } from "node:path";
import { z } from "zod";
import { defined, hashOf, type Json } from "../../base/index.ts";
import { disposeTree, type Model } from "../../nn/index.ts";
import type { StageContext } from "../../store/index.ts";
import { type MetricPoint, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { disposeTuned, givenBackOnFailure, type TunedArrays } from "../methods/index.ts";
import type { HeadRecipe, HeadRun, HeadTexts } from "../text-head/fit.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { openBase } from "../text-head/open-base.ts";
import { predictorOf } from "../text-head/predict.ts";
import type { FoldPlace } from "./options.ts";
import { type FoldParts, type Scores, writeScores } from "./parts.ts";

const whole = z.number().int().min(1);
/** Which training of a cross-validation. */
export const placeOptions = { repeat: whole, fold: whole };
/** Which folds: 1 is the validation part alone. */
export const foldsOptions = { folds: whole, repeat: whole };
export const seedOption = z.union([z.number().int(), z.string()]);

const fileOfPredictions = "predictions.jsonl";

/** What every kind's fit is given beside its recipe and texts. */
type FoldFit = Omit<HeadRun<HeadTexts, HeadRecipe>, "recipe" | "train" | "validation">;

interface FoldFitted extends Omit<TunedArrays, "tuning"> {
  readonly model: Model;
  readonly points: readonly MetricPoint[];
}

/** What a kind of tuning adds: its texts as tokens, its fit, and its scores of the fold. */
interface FoldKind<T, Texts extends { readonly tokens: readonly ArrayLike<number>[] }, R extends FoldFitted> {
  tokens(
    tokenizer: Awaited<ReturnType<TuneSurroundings["tokenizerOf"]>>,
    texts: readonly T[],
    longest: number,
    signal: AbortSignal,
  ): Promise<Texts>;
  fit(given: FoldFit, train: Texts, validation: Texts): Promise<R>;
  /** From the model's numbers for each text: scores, the mean loss that a search compares, and a line a text. */
  judge(
    test: readonly T[],
    numbers: readonly Float64Array[],
    result: R,
  ): { readonly scores: Scores; readonly loss: number; readonly lines: readonly object[] };
}

interface FoldRunOptions extends FoldPlace {
  readonly name: string;
  readonly recipe: { readonly length: number };
  readonly seed: number | string;
}

/** Trains on the parts, scores the fold and writes what it came to; gives the scores. Errors: those of the kind's own stage. */
export async function runFold<T, Texts extends { readonly tokens: readonly ArrayLike<number>[] }, R extends FoldFitted>(
  around: TuneSurroundings,
  { inputs, options, output, runData, progress, signal, scratch }: StageContext<"base" | "documents" | "folds", FoldRunOptions>,
  { train, validation, test }: FoldParts<T>,
  kind: FoldKind<T, Texts, R>,
): Promise<Scores> {
  const { name, recipe, repeat, fold, seed } = options;
  const { device, tokenizer, base, longest } = await openBase(around, inputs.base, recipe.length);
  const identity = hashOf({
    base: inputs.base.digest,
    documents: inputs.documents.digest,
    folds: inputs.folds.digest,
    repeat,
    fold,
    recipe: { ...withoutHabits(recipe), seed },
  } as Json);
  const eventsFolder = around.eventsFolder && join(around.eventsFolder, `${name}-fold-${identity.slice(0, 8)}`);
  const given: FoldFit = {
    device,
    base,
    longest,
    identity,
    folder: scratch,
    ...(eventsFolder ? { eventsFolder } : {}),
    progress,
    signal,
    ...defined({ onProblem: around.onProblem }),
  };
  const tokensOf = (texts: readonly T[]) => kind.tokens(tokenizer, texts, longest, signal);
  const result = await givenBackOnFailure([base.parameters], async () =>
    kind.fit(given, await tokensOf(train), await tokensOf(validation)),
  );
  const predictor = predictorOf({ device, model: result.model, longest, parameters: (p: unknown) => p });
  try {
    const numbers = await predictor.predict([result.model.parameters], (await tokensOf(test)).tokens, {
      signal,
      onProgress: done => progress({ stage: "cross-validate", done, message: "texts of the fold" }),
    });
    const { scores, loss, lines } = kind.judge(test, numbers, result);
    const trainSize = train.length + validation.length;
    await writeScores(output, { repeat, fold, seed, trainSize, testSize: test.length, scores: { [name]: scores }, loss });
    await output.write(fileOfPredictions, lines.map(l => `${JSON.stringify(l)}\n`).join(""));
    runData.write(metricsFile, result.points.map(metricLine).join(""));
    return scores;
  } finally {
    predictor.dispose();
    disposeTuned(result);
    disposeTree(result.model.parameters);
  }
}

/** Tuning of a model that gives numbers as a stage: a model and documents with numbers in, a model artifact out. */
import type { Tokenizer } from "../../text/index.ts";
import type { HeadTexts } from "../text-head/fit.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { headStage } from "../text-head/stage.ts";
import { headTexts } from "../text-head/tokens.ts";
import { type MeasuredText, readMeasured } from "./examples.ts";
import { fitRegression, type MeasuredTexts } from "./fit.ts";
import { regressOptions, targetsOf } from "./options.ts";

const measured = (texts: HeadTexts, examples: readonly MeasuredText[]): MeasuredTexts => ({ ...texts, values: examples.map(t => t.value) });

/** Texts as the model reads them. */
export const numberTexts = async (
  tokenizer: Pick<Tokenizer, "encode">,
  texts: readonly MeasuredText[],
  longest: number,
  signal: AbortSignal,
): Promise<MeasuredTexts> => measured(await headTexts(tokenizer, texts, longest, signal), texts);

const round = (x: number): number => Number(x.toPrecision(6));

export const regressStage = (around: TuneSurroundings) =>
  headStage(
    {
      name: "regress",
      version: 4,
      recipe: regressOptions,
      output: "number",
      read: (documents, recipe) => readMeasured(documents, targetsOf(recipe)),
      texts: measured,
      fit: fitRegression,
      tell({ mean, deviation, history, best }, { train, validation, leftOut }) {
        const chosen = history[best]!;
        return {
          tuning: { train: train.length, validation: validation.length, leftOut, mean, deviation },
          scores: { validationRmse: round(chosen.rmse!), deviation: round(deviation), bestStep: chosen.step },
        };
      },
    },
    around,
  );

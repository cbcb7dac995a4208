/** The links of a model that reads a number off a text: tuning, and the report on the held-out side. */
import { join } from "node:path";
import { formatCount } from "../../base/index.ts";
import { evaluateRegressionStage, frozenRegression, regressStage, targetsOf } from "../../tune/index.ts";
import type { TunedModel } from "../../tune/part.ts";
import { n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { modelText } from "../models/model-text.ts";
import { eightBits } from "../models/quantised-encoder.ts";
import type { ProjectFile } from "../project-file.ts";
import { numberCrossValidation } from "./cross-validation-links.ts";
import { frozenRegressionLinks } from "./frozen-links.ts";
import type { Around } from "./instruct-links.ts";
import { textProofText } from "./proof-text.ts";

const few = (x: number): string => String(Number(x.toPrecision(4)));

export function regressLinks(
  p: ProjectFile,
  name: string,
  base: string,
  { task: _, on, baselines, crossValidation, ...recipe }: Extract<TunedModel["tune"], { task: "regress" }>,
  { device, onProblem }: Around,
): Link[] {
  const tokenizerOf = async (model: Parameters<typeof modelText>[0]) => (await modelText(model)).tokenizer;
  const documents = `data/${on}`;
  const besideFrozen = baselines.includes(frozenRegression);
  return [
    link({
      stage: "tune",
      label: name,
      inputs: { base, documents },
      definition: regressStage({ device, tokenizerOf, served: eightBits, onProblem, eventsFolder: join(p.folder, ".loam", "tensorboard") }),
      options: () => ({ name, recipe }),
      describe: s =>
        `${formatCount(n(s, "texts"))} texts, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation RMSE ${few(n(s, "validationRmse"))} where numbers deviate by ${few(n(s, "deviation"))}${textProofText(s, "number")}`,
    }),
    ...(besideFrozen ? frozenRegressionLinks({ name, base, on, recipe, device, tokenizerOf }) : []),
    link({
      stage: "evaluate",
      label: `evaluate/${name}`,
      // without the frozen base the stage has no such input
      inputs: { model: name, documents, ...(besideFrozen ? { baselines: `frozen/${name}` } : {}) } as Record<
        "model" | "documents" | "baselines",
        string
      >,
      definition: evaluateRegressionStage({ device, tokenizerOf, besideFrozen }),
      options: () => ({ name, targets: targetsOf(recipe) }),
      describe: s =>
        `MAE ${few(n(s, "mae"))}, RMSE ${few(n(s, "rmse"))}, R² ${few(n(s, "r2"))}, Spearman ${few(n(s, "spearman"))} on ${formatCount(n(s, "documents"))} held-out documents`,
    }),
    ...(crossValidation ? numberCrossValidation({ p, name, base, documents, crossValidation, device, onProblem }, recipe) : []),
  ];
}

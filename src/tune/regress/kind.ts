/** Regression as a kind of tuning: `task: regress`. */
import { formatCount } from "../../base/index.ts";
import { foldLinks } from "../cross-validation/links.ts";
import { frozenLabel, statesLabel, statesLink } from "../frozen/links.ts";
import { judgedLabel, kindLink, type TuningGiven, type TuningKind } from "../kind/kind.ts";
import { textProofText } from "../kind/proof-text.ts";
import { fourDigits, summaryNumber as n } from "../kind/summary-text.ts";
import { evaluateRegressionStage } from "./evaluate-stage.ts";
import { readMeasured } from "./examples.ts";
import { numberFoldBaselineStage, numberFoldStage, numberFoldsStage } from "./folds.ts";
import { frozenRegressionStage } from "./frozen-stage.ts";
import { judgeRegressionStage } from "./judge-stage.ts";
import { frozenRegression, targetsOf } from "./options.ts";
import { type RegressPart, regressRow } from "./part.ts";
import type { RegressionReport } from "./report.ts";
import { regressionTable } from "./report-table.ts";
import { regressStage } from "./stage.ts";

/** What is said of the tuning itself. */
function recipeOf({ task: _, on: __, baselines: ___, crossValidation: ____, ...recipe }: RegressPart) {
  return recipe;
}

/** Ridge regression on the frozen base as a baseline. */
const frozenLinks = (given: TuningGiven<RegressPart>) => {
  const { name, part: own } = given;
  return [
    statesLink(given, { label: own.label, kind: "numbers" }),
    kindLink({
      stage: "baselines",
      label: frozenLabel(name),
      inputs: { documents: `data/${own.on}`, states: statesLabel(name) },
      definition: frozenRegressionStage,
      options: () => ({ targets: targetsOf(recipeOf(own)) }),
      describe: s => `${frozenRegression}: MAE ${fourDigits(n(s, "mae"))}`,
    }),
  ];
};

export const regressKind: TuningKind<RegressPart> = {
  ...regressRow,
  links(given) {
    const { name, base, part: own, around } = given;
    const { on, crossValidation } = own;
    const documents = `data/${on}`;
    const besideFrozen = own.baselines.includes(frozenRegression);
    const recipe = recipeOf(own);
    return [
      kindLink({
        stage: "tune",
        label: name,
        inputs: { base, documents },
        definition: regressStage(around),
        options: () => ({ name, recipe }),
        describe: s =>
          `${formatCount(n(s, "texts"))} texts, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation RMSE ${fourDigits(n(s, "validationRmse"))} where numbers deviate by ${fourDigits(n(s, "deviation"))}${textProofText(s, "number")}`,
      }),
      ...(besideFrozen ? frozenLinks(given) : []),
      kindLink<string, ReturnType<typeof evaluateRegressionStage>["options"]>({
        stage: "evaluate",
        label: `evaluate/${name}`,
        // without the frozen base the stage has no such input
        inputs: { model: name, documents, ...(besideFrozen ? { baselines: frozenLabel(name) } : {}) },
        definition: evaluateRegressionStage({ ...around, besideFrozen }),
        options: () => ({ name, targets: targetsOf(recipe) }),
        describe: s =>
          `MAE ${fourDigits(n(s, "mae"))}, RMSE ${fourDigits(n(s, "rmse"))}, R² ${fourDigits(n(s, "r2"))}, Spearman ${fourDigits(n(s, "spearman"))} on ${formatCount(n(s, "documents"))} held-out documents`,
      }),
      ...(crossValidation ? this.folds!({ ...given, documents, crossValidation, hasBaselines: true }) : []),
    ];
  },
  stages: around => [regressStage(around)],
  folds(given) {
    const recipe = recipeOf(given.part);
    return foldLinks(given, {
      of: "regression",
      label: recipe.label,
      shown: ["mae", "MAE"],
      read: { targets: targetsOf(recipe) },
      recipe,
      folds: numberFoldsStage,
      run: numberFoldStage(given.around),
      describeRun: s => `MAE ${fourDigits(n(s, "mae"))}, RMSE ${fourDigits(n(s, "rmse"))} on ${formatCount(n(s, "documents"))} documents`,
      baselines: given.hasBaselines
        ? { definition: numberFoldBaselineStage, options: {}, describe: s => `MAE ${fourDigits(n(s, "mae"))} of the training mean` }
        : undefined,
    });
  },
  judge: {
    input: "documents",
    beside: [],
    unit: () => "squared error in variances",
    link: ({ part: own, around }, asked) =>
      kindLink({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, documents: judgedLabel },
        definition: judgeRegressionStage(around),
        options: () => ({ half: asked.half, targets: targetsOf(recipeOf(own)) }),
        describe: s => `loss ${fourDigits(n(s, "loss"))} on ${formatCount(n(s, "documents"))} documents`,
      }),
    // standardised by the trial's own texts: another yardstick where those vary
    told: (_, __, { movesParts }) => (movesParts ? undefined : 1),
    texts: async (documents, own) => (await readMeasured(documents, targetsOf(recipeOf(own)))).validation.map(m => m.text),
  },
  report: {
    task: "regression",
    mainScore: (report: RegressionReport) => ({ metric: "mean absolute error", better: "lower", ...report.scores.mae }),
    table: (report: RegressionReport) => regressionTable(report),
  },
};

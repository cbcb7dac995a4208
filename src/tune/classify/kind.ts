/** Classification as a kind of tuning: `task: classify`. */
import { defined, formatCount } from "../../base/index.ts";
import { fairnessGroupsOf } from "../../evaluate/index.ts";
import type { Summary } from "../../store/index.ts";
import { foldLinks } from "../cross-validation/links.ts";
import { accuracyText, frozenLabel, statesLink } from "../frozen/links.ts";
import { judgedLabel, kindLink, type TuningGiven, type TuningKind } from "../kind/kind.ts";
import { textProofText } from "../kind/proof-text.ts";
import { fourDigits, summaryNumber as n, smallNumber } from "../kind/summary-text.ts";
import { textBaselinesStage } from "./baselines-stage.ts";
import { evaluateClassifierStage } from "./evaluate-stage.ts";
import { readExamples } from "./examples.ts";
import { classFoldBaselinesStage, classFoldStage, classFoldsStage } from "./folds.ts";
import { frozenBaselineStage } from "./frozen-stage.ts";
import { groupThresholdStage } from "./group-threshold-stage.ts";
import { judgeClassifierStage } from "./judge-stage.ts";
import { membershipStage } from "./membership-stage.ts";
import { frozenBaseline, labelsOf } from "./options.ts";
import { type ClassifyPart, classifyRow, thresholdRuleOf } from "./part.ts";
import type { ClassificationReport } from "./report.ts";
import { classificationTable } from "./report-table.ts";
import { classifyStage } from "./stage.ts";
import { thresholdStage } from "./threshold-stage.ts";

/** What is said of the tuning itself. */
function recipeOf(part: ClassifyPart) {
  const { task: _, on: __, baselines: ___, costs: ____, crossValidation: _____, groups: ______, ...more } = part;
  const { thresholds: _______, membership: ________, ...recipe } = more;
  return recipe;
}
const textBaselines = ({ baselines }: ClassifyPart) => baselines.filter(b => b !== frozenBaseline);

/** What thresholds of groups came to, for people. */
const groupThresholdText = (s: Summary): string =>
  `${s.positive} by ${s.decidesBy}: ${s.groupThresholds}; gap of ${s.goal} on the validation part ${n(s, "validationGap").toFixed(3)}${s.isWithinBound ? "" : ", the least there is and above the bound"}`;

/** The tuning; with costs or thresholds of groups the model is the tuned one with them, so that others train nothing again. */
function modelLinks({ name, base, part, around }: TuningGiven<ClassifyPart>) {
  const { on, costs, groups } = part;
  const thresholds = thresholdRuleOf(part);
  const fitted = costs || thresholds ? `fit/${name}` : name;
  const tuning = kindLink({
    stage: "tune",
    label: fitted,
    inputs: { base, documents: `data/${on}` },
    definition: classifyStage({ ...around, costs, thresholds, groups: groups && fairnessGroupsOf(groups) }),
    options: () => ({ name, recipe: recipeOf(part) }),
    describe: s =>
      `${formatCount(n(s, "texts"))} texts, ${n(s, "classes")} classes, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained, validation F1 ${n(s, "validationF1").toFixed(3)}${textProofText(s, "classes")}`,
  });
  if (thresholds)
    return [
      tuning,
      kindLink({
        stage: "tune",
        label: name,
        inputs: { tuned: fitted, documents: `data/${on}` },
        definition: groupThresholdStage,
        options: () => ({ name, labels: labelsOf(recipeOf(part)), thresholds, ...defined({ costs }) }),
        describe: groupThresholdText,
      }),
    ];
  if (!costs) return [tuning];
  const threshold = kindLink({
    stage: "tune",
    label: name,
    inputs: { tuned: fitted },
    definition: thresholdStage,
    options: () => ({ name, costs }),
    describe: s =>
      `${s.positive} ${s.threshold === null ? "is never told" : `from a probability of ${n(s, "threshold").toFixed(4)} on`}, mean cost of a validation text ${smallNumber(n(s, "validationCost"))}`,
  });
  return [tuning, threshold];
}

/** The frozen base as a baseline, beside those of texts. */
const frozenLinks = (given: TuningGiven<ClassifyPart>) => {
  const { name, part: own } = given;
  return [
    statesLink(given, { label: own.label, ...defined({ classes: own.classes }), kind: "classes" }),
    kindLink({
      stage: "baselines",
      label: frozenLabel(name),
      inputs: { documents: `data/${own.on}`, states: `states/${name}`, baselines: `baselines/${name}` },
      definition: frozenBaselineStage,
      options: () => ({ labels: labelsOf(recipeOf(own)) }),
      describe: accuracyText,
    }),
  ];
};

/** What a membership attack finds of the training texts, where the part asks for it. */
const membershipLinks = ({ name, part, around }: TuningGiven<ClassifyPart>) =>
  part.membership
    ? [
        kindLink({
          stage: "evaluate",
          label: `membership/${name}`,
          inputs: { model: name, documents: `data/${part.on}` },
          definition: membershipStage(around),
          options: () => ({ name, labels: labelsOf(recipeOf(part)), texts: part.membership!.texts }),
          describe: s =>
            `membership AUC ${n(s, "membershipAuc").toFixed(3)} [${n(s, "membershipAucLow").toFixed(3)}, ${n(s, "membershipAucHigh").toFixed(3)}] of ${formatCount(n(s, "trained"))} training texts beside ${formatCount(n(s, "neverSeen"))} held-out ones`,
        }),
      ]
    : [];

export const classifyKind: TuningKind<ClassifyPart> = {
  ...classifyRow,
  links(given) {
    const { name, part: own, around } = given;
    const { on, costs, crossValidation, groups, thresholds } = own;
    const documents = `data/${on}`;
    const isFrozenAsked = own.baselines.includes(frozenBaseline);
    const labels = labelsOf(recipeOf(own));
    return [
      ...modelLinks(given),
      kindLink({
        stage: "baselines",
        label: `baselines/${name}`,
        inputs: { documents },
        definition: textBaselinesStage,
        options: () => ({ labels, baselines: textBaselines(own) }),
        describe: accuracyText,
      }),
      ...(isFrozenAsked ? frozenLinks(given) : []),
      kindLink({
        stage: "evaluate",
        label: `evaluate/${name}`,
        inputs: { model: name, documents, baselines: isFrozenAsked ? frozenLabel(name) : `baselines/${name}` },
        definition: evaluateClassifierStage(around),
        options: () => ({ name, labels, ...defined({ costs, groups, leastOfGroup: thresholds?.least }) }),
        describe: s =>
          `F1 ${n(s, "macroF1").toFixed(3)} (macro), accuracy ${n(s, "accuracy").toFixed(3)} on ${formatCount(n(s, "documents"))} held-out documents`,
      }),
      ...membershipLinks(given),
      ...(crossValidation ? this.folds!({ ...given, documents, crossValidation, hasBaselines: true }) : []),
    ];
  },
  stages: around => [classifyStage(around), thresholdStage, groupThresholdStage],
  folds(given) {
    const recipe = recipeOf(given.part);
    // those of texts: a frozen base would be embedded anew for each fold
    const baselines = textBaselines(given.part);
    return foldLinks(given, {
      of: "classification",
      label: recipe.label,
      shown: ["macroF1", "F1 (macro)"],
      read: { labels: labelsOf(recipe) },
      recipe,
      folds: classFoldsStage,
      run: classFoldStage(given.around),
      describeRun: s =>
        `F1 ${n(s, "macroF1").toFixed(3)} (macro), accuracy ${n(s, "accuracy").toFixed(3)} on ${formatCount(n(s, "documents"))} documents`,
      baselines:
        given.hasBaselines && baselines.length > 0
          ? {
              definition: classFoldBaselinesStage,
              options: { baselines },
              describe: s =>
                `F1 of ${Object.entries(s)
                  .map(([baseline, f1]) => `${baseline} ${Number(f1).toFixed(3)}`)
                  .join(", ")}`,
            }
          : undefined,
    });
  },
  // judged by probabilities alone, where no costs choose a threshold
  judge: {
    input: "documents",
    beside: [],
    unit: () => "bits per text",
    selectedBy: ({ label, classes }) => ({ classes: { label, ...defined({ classes }) } }),
    link: ({ part: own, around }, asked) =>
      kindLink({
        stage: "evaluate",
        label: asked.label,
        inputs: { model: asked.model, documents: judgedLabel },
        definition: judgeClassifierStage(around),
        options: () => ({ half: asked.half, labels: labelsOf(recipeOf(own)) }),
        describe: s => `${fourDigits(n(s, "bitsPerText"))} bits per text on ${formatCount(n(s, "documents"))} documents`,
      }),
    told: () => 1 / Math.LN2,
    texts: async (documents, own) => (await readExamples(documents, labelsOf(recipeOf(own)))).validation.map(e => e.text),
  },
  report: {
    task: "classification",
    mainScore(report: ClassificationReport) {
      const own = report.scores.find(s => s.kind === "model");
      return own && { metric: "macro F1", better: "higher", ...own.macroF1 };
    },
    table: (report: ClassificationReport) => classificationTable(report),
  },
};

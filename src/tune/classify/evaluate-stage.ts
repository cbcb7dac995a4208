/** A tuned classifier's report on the test part, beside the baselines' answers on the same texts. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { heldOutSet } from "../../data/index.ts";
import { fairnessGroupsOf, groupRule } from "../../evaluate/index.ts";
import { disposeTree, loadModel, toldLabel } from "../../nn/index.ts";
import { leastGroupSize } from "../../statistics/index.ts";
import { type Stage, stage, writeLook } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { predictorOf, probabilitiesOf } from "../text-head/predict.ts";
import { answersFile, type BaselineAnswers, checksFile, type DataChecks } from "./baselines-stage.ts";
import { readTest } from "./examples.ts";
import { groupsOfExamples, groupThresholdReport } from "./group-thresholds.ts";
import { checkGroups, classifierFairness } from "./groups.ts";
import { bandsOf } from "./nearest-train.ts";
import { costOptions, labelOptions } from "./options.ts";
import { predictionLines, predictionsFile } from "./predictions.ts";
import {
  type ClassificationReport,
  calibrationOf,
  compareSystems,
  confusedOf,
  type ReportMaterial,
  temperatureOfKept,
  tempered,
} from "./report.ts";
import { classTexts } from "./stage.ts";
import { thresholdBy, validationOf } from "./threshold.ts";

const stageOptions = z.strictObject({
  name: z.string(),
  labels: labelOptions,
  costs: costOptions.optional(),
  groups: groupRule.optional(),
  /** Of a classifier with thresholds of groups. */
  leastOfGroup: z.number().optional(),
});
const wrongestShown = 10;
/** Characters of a text that are told of it. */
const toldOfText = 300;

export const evaluateClassifierStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf">,
): Stage<"model" | "documents" | "baselines", typeof stageOptions> =>
  stage({
    name: "evaluate-classifier",
    version: 7,
    inputs: { model: "model", documents: "documents", baselines: "baselines" },
    options: stageOptions,
    output: "evaluation",
    async run({
      inputs,
      options: { name, labels, costs, groups: rule, leastOfGroup = leastGroupSize },
      output,
      runData,
      progress,
      signal,
    }) {
      const device = around.device();
      const tokenizer = await around.tokenizerOf(inputs.model);
      const model = await loadModel(inputs.model, device);
      const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
      if (!classifier) {
        disposeTree(model.parameters);
        throw tuneErrors.fail("base", {
          place: inputs.model.id,
          expected: "a classifier",
          received: `a model of family "${model.family}"`,
        });
      }
      const classes = classifier.labels;
      const test = await readTest(inputs.documents, labels, classes);
      const fairness = rule && fairnessGroupsOf(rule);
      if (fairness) checkGroups(fairness, test, classes, `${inputs.documents.id}: groups`);
      const longest = classifier.longest ?? model.config.context;
      const texts = await classTexts(tokenizer, test, longest, signal);
      const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
      const logits = await predictor.predict([model.parameters], texts.tokens, {
        signal,
        onProgress: done => progress({ stage: "evaluate", done, message: "test texts" }),
      });
      predictor.dispose();
      disposeTree(model.parameters);
      const answers = JSON.parse((await inputs.baselines.read(answersFile)).toString("utf8")) as BaselineAnswers;
      const probabilities = logits.map(probabilitiesOf);
      const { groupThresholds } = classifier;
      const own = groupThresholds && groupsOfExamples({ group: groupThresholds.attribute }, test);
      // as it is served: the likeliest class, or what its threshold or that of the text's group decides
      const predicted = Int32Array.from(probabilities, (p, i) => toldLabel(classifier, p, own?.[i]));
      const validation = await validationOf(inputs.model, classes);
      const material: ReportMaterial = {
        classes,
        truth: texts.labels,
        groups: test.map(e => e.group),
        model: { name, kind: "model", predicted },
        baselines: answers.baselines.map(b => ({ name: b.name, kind: "baseline", predicted: Int32Array.from(b.predicted) })),
      };
      const { groups, ...compared } = compareSystems(material);
      const checks = inputs.baselines.files.some(f => f.name === checksFile)
        ? (JSON.parse((await inputs.baselines.read(checksFile)).toString("utf8")) as DataChecks)
        : undefined;
      const wrong = test.flatMap((e, i) =>
        predicted[i] === e.label
          ? []
          : [
              {
                id: e.id,
                text: e.text.slice(0, toldOfText),
                truth: classes[e.label]!,
                predicted: classes[predicted[i]!]!,
                probability: probabilities[i]![predicted[i]!]!,
              },
            ],
      );
      const report: ClassificationReport = {
        task: "classification",
        model: { artifact: inputs.model.id, name },
        label: labels.label,
        classes,
        test: {
          documents: test.length,
          groups,
          counts: Object.fromEntries(classes.map((c, i) => [c, texts.labels.reduce((n, l) => n + (l === i ? 1 : 0), 0)])),
        },
        ...compared,
        confusion: confusedOf(material),
        calibration: {
          ...calibrationOf(probabilities, texts.labels),
          temperature: tempered(
            classifier.temperature ?? temperatureOfKept(validation.probabilities, validation.labels),
            logits,
            texts.labels,
          ),
        },
        ...defined({ frozen: answers.frozen }),
        ...(fairness ? { groups: fairness, fairness: classifierFairness(fairness, test, { classes, predicted, probabilities }) } : {}),
        ...(costs ? { threshold: thresholdBy(costs, classes, validation, { labels: texts.labels, probabilities }) } : {}),
        ...(groupThresholds
          ? { groupThresholds: groupThresholdReport({ ...classifier, groupThresholds }, leastOfGroup, test, probabilities) }
          : {}),
        ...(checks ? { warnings: checks.warnings, similarity: bandsOf(checks.nearest, i => predicted[i] === texts.labels[i]) } : {}),
        wrongest: wrong.sort((a, b) => b.probability - a.probability).slice(0, wrongestShown),
      };
      const keptAttributes = [...new Set([...(fairness?.by.flat() ?? []), ...(groupThresholds ? [groupThresholds.attribute] : [])])];
      writeLook(runData, { kind: "tuning", test: await heldOutSet(inputs.documents), candidate: inputs.model.digest });
      await output.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
      await output.write(
        predictionsFile,
        predictionLines({ test, label: labels.label, classes, predicted, probabilities, kept: keptAttributes }),
      );
      const scores = compared.scores.find(s => s.kind === "model")!;
      const cheapest = report.threshold?.rows.find(r => r.by === "cheapest");
      return {
        name,
        documents: test.length,
        macroF1: Math.round(scores.macroF1.value * 1e4) / 1e4,
        accuracy: Math.round(scores.accuracy.value * 1e4) / 1e4,
        ...(cheapest ? { threshold: cheapest.threshold, cost: Math.round(cheapest.cost * 1e4) / 1e4 } : {}),
      };
    },
  });

/** The report of a multi-label classifier on the test set, beside TF-IDF and logistic regression. */
import { z } from "zod";
import { heldOutSet } from "../../data/index.ts";
import { keptBeginning } from "../../evaluate/index.ts";
import { type ClassifierConfig, heldLabels, labelProbabilities, readModelConfig } from "../../nn/index.ts";
import { type Stage, stage, writeLook } from "../../store/index.ts";
import { headOutputs } from "../text-head/judge-stage.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { multiLabelBaseline } from "./baseline.ts";
import { readMultiLabel, readMultiLabelTest } from "./examples.ts";
import { multiLabelTargets } from "./options.ts";
import { compareMultiLabel, type MultiLabelReport } from "./report.ts";

const round = (x: number): number => Math.round(x * 1e4) / 1e4;
const evaluateOptions = z.strictObject({ name: z.string(), targets: multiLabelTargets });

export const evaluateMultiLabelStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf">,
): Stage<"model" | "documents", typeof evaluateOptions> =>
  stage({
    name: "evaluate-multilabel",
    version: 2,
    inputs: { model: "model", documents: "documents" },
    options: evaluateOptions,
    output: "evaluation",
    async run({ inputs, options: { name, targets }, output, runData, progress, signal }) {
      const { train, validation } = await readMultiLabel(inputs.documents, targets);
      const test = await readMultiLabelTest(inputs.documents, targets);
      const outputs = await headOutputs(around, inputs.model, "several", test, {
        signal,
        onProgress: done => progress({ stage: "evaluate", done, message: "test texts" }),
      });
      // `headOutputs` has refused a model without such a head
      const { classifier } = (await readModelConfig(inputs.model)).config as { readonly classifier: ClassifierConfig };
      const scores = outputs.map(row => labelProbabilities(classifier, row));
      const held = scores.map(row => heldLabels(classifier, row));
      const { groups, ...compared } = compareMultiLabel({
        labels: targets.labels,
        truths: test.map(t => t.truth),
        groups: test.map(t => t.group),
        model: {
          name,
          kind: "model",
          scores,
          held,
          thresholds: classifier.thresholds ?? targets.labels.map(() => 0.5),
        },
        baselines: [await multiLabelBaseline(targets.labels, [...train, ...validation], test, signal)],
      });
      const report: MultiLabelReport = {
        task: "multi-label classification",
        model: { artifact: inputs.model.id, name },
        labels: targets.labels,
        test: { documents: test.length, groups },
        ...compared,
      };
      writeLook(runData, { kind: "tuning", test: await heldOutSet(inputs.documents), candidate: inputs.model.digest });
      await output.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
      const lines = test.map((t, i) => ({
        id: t.id,
        labels: targets.labels.filter((_, k) => t.truth[k] === 1),
        scores: scores[i]!.map(round),
        // of a label that nobody says, neither side says anything
        told: targets.labels.filter((_, k) => held[i]![k] && t.truth[k] !== undefined),
        group: t.group,
        text: keptBeginning(t.text),
      }));
      await output.write("predictions.jsonl", lines.map(line => `${JSON.stringify(line)}\n`).join(""));
      const own = compared.scores[0]!;
      return {
        name,
        documents: test.length,
        meanAveragePrecision: round(own.meanAveragePrecision.value),
        macroF1: round(own.macroF1.value),
        microF1: round(own.microF1.value),
      };
    },
  });

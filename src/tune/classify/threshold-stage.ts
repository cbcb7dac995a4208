/**
 * A tuned classifier that tells its classes by the threshold that mistakes' costs choose (Elkan 2001): the files of the tuned one as they are, and the threshold in
 * its configuration. So other costs train nothing again, and a version never tells another class than it did when it was judged.
 */
import { z } from "zod";
import { configFile, readModelConfig, withClassifier, writeModelConfig } from "../../nn/index.ts";
import { stage } from "../../store/index.ts";
import { metricsFile } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { costOptions } from "./options.ts";
import { thresholdBy, validationOf } from "./threshold.ts";

const round = (x: number): number => Number(x.toPrecision(6));

export const thresholdStage = stage({
  name: "tune-threshold",
  version: 1,
  inputs: { tuned: "model" },
  options: z.strictObject({ name: z.string(), costs: costOptions }),
  output: "model",
  async run({ inputs: { tuned }, options: { costs }, output, runData }) {
    const model = await readModelConfig(tuned);
    const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
    if (classifier?.kind !== "one")
      throw tuneErrors.fail("base", { place: tuned.id, expected: "a classifier", received: `a model of family "${model.family}"` });
    const validation = await validationOf(tuned, classifier.labels);
    const cheapest = thresholdBy(costs, classifier.labels, validation, validation).rows.find(r => r.by === "cheapest")!;
    await writeModelConfig(output, withClassifier(model, { ...classifier, threshold: { label: costs.positive, at: cheapest.threshold } }));
    for (const { name } of tuned.files) if (name !== configFile) await output.writeStream(name, tuned.stream(name));
    const metrics = await tuned.runData?.(metricsFile);
    if (metrics !== undefined) runData.write(metricsFile, metrics);
    return { ...tuned.summary, positive: costs.positive, threshold: cheapest.threshold, validationCost: round(cheapest.cost) };
  },
});

/**
 * A tuned classifier that tells its classes by the threshold that mistakes' costs choose (Elkan 2001): the files of the tuned one as they are, and the threshold in
 * its configuration. So other costs train nothing again, and a version never tells another class than it did when it was judged.
 */
import { z } from "zod";
import { stage } from "../../store/index.ts";
import { costOptions } from "./options.ts";
import { thresholdBy, tunedClassifier, validationOf, writeClassifier } from "./threshold.ts";

const round = (x: number): number => Number(x.toPrecision(6));

export const thresholdStage = stage({
  name: "tune-threshold",
  version: 1,
  inputs: { tuned: "model" },
  options: z.strictObject({ name: z.string(), costs: costOptions }),
  output: "model",
  async run({ inputs: { tuned }, options: { costs }, output, runData }) {
    const { model, classifier } = await tunedClassifier(tuned);
    const validation = await validationOf(tuned, classifier.labels);
    const cheapest = thresholdBy(costs, classifier.labels, validation, validation).rows.find(r => r.by === "cheapest")!;
    const threshold = { label: costs.positive, at: cheapest.threshold };
    await writeClassifier({ tuned, model, output, runData }, { ...classifier, threshold });
    return { ...tuned.summary, positive: costs.positive, threshold: cheapest.threshold, validationCost: round(cheapest.cost) };
  },
});

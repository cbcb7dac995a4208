/**
 * Fine-tuning of a model that reads a number off a text: a head of one output, squared errors of standardised numbers; the head of what comes out gives the
 * numbers themselves.
 */
import type { Model } from "../../nn/index.ts";
import { type DeviceArray, reshape, square, sub } from "../../tensor/index.ts";
import { givenBackOnFailure } from "../methods/index.ts";
import { type FittedHead, fitHead, type HeadRun, type HeadTexts } from "../text-head/fit.ts";
import type { RegressOptions } from "./options.ts";
import { regressionOf } from "./report.ts";

/** Texts as tokens, with their numbers. */
export interface MeasuredTexts extends HeadTexts {
  readonly values: readonly number[];
}
export type RegressRun = HeadRun<MeasuredTexts, RegressOptions>;
interface RegressResult extends Omit<FittedHead, "outputs"> {
  /** Of the numbers that were trained on. */
  readonly mean: number;
  readonly deviation: number;
}

/** The head's output is stretched from standardised numbers to the numbers themselves. */
async function unstandardised(model: Model, mean: number, deviation: number): Promise<void> {
  if (model.family === "encoder-decoder") return;
  const { weight, bias } = (model.parameters as { classifier: { output: { weight: DeviceArray; bias: DeviceArray } } }).classifier.output;
  await weight.write(((await weight.read()) as Float32Array).map(x => x * deviation));
  await bias.write(((await bias.read()) as Float32Array).map(x => x * deviation + mean));
}

/** Trains from the start, or from the newest whole checkpoint in the folder. Errors: tune/*, train/*, nn/*; on abort the state is saved first. */
export async function fitRegression(o: RegressRun): Promise<RegressResult> {
  const { values } = o.train;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((s, y) => s + (y - mean) ** 2, 0) / values.length);
  const truth = o.validation.values;
  const { outputs: _, ...fitted } = await fitHead(o, {
    config: { labels: [o.recipe.label], kind: "value" },
    targets: { dtype: "f32" },
    targetOf: text => (values[text]! - mean) / deviation,
    weightOf: () => 1,
    losses: (outputs, targets) => square(sub(reshape(outputs, targets.shape), targets)),
    judge(outputs) {
      const predicted = outputs.map(row => row[0]! * deviation + mean);
      const rmse = regressionOf.rmse({ truth, predicted });
      return {
        loss: (rmse / deviation) ** 2,
        rmse,
        mae: regressionOf.mae({ truth, predicted }),
        spearman: regressionOf.spearman({ truth, predicted }),
      };
    },
    shown: s => `validation RMSE ${s.rmse!.toPrecision(4)}`,
  });
  return givenBackOnFailure([fitted.trainable, fitted.frozen], async () => {
    await unstandardised(fitted.model, mean, deviation);
    return { ...fitted, mean, deviation };
  });
}

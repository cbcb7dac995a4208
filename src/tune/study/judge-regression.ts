/**
 * A model that gives numbers, judged text by text: on the part of the train side that selects, or on the held-out side, which chooses nothing. What is
 * counted is the squared error, in variances of the numbers that were trained on.
 */
import { z } from "zod";
import { heldOutSet } from "../../data/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type Stage, stage } from "../../store/index.ts";
import { predictorOf } from "../text-head/predict.ts";
import type { TuneSurroundings } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { readMeasured, readMeasuredTest } from "../regress/examples.ts";
import { targetOptions } from "../regress/options.ts";
import { asTokens } from "../regress/stage.ts";
import { halves } from "./halves.ts";
import { type Judgement, judgementFile, meanLoss } from "./judge.ts";
import { lookOfHalf } from "./look.ts";

const stageOptions = z.strictObject({ half: z.enum(halves), targets: targetOptions });

/** Errors: tune/base (it gives no number), tune/labels. */
export const judgeRegressionStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf">,
): Stage<"model" | "documents", typeof stageOptions> =>
  stage({
    name: "judge-regression",
    version: 1,
    inputs: { model: "model", documents: "documents" },
    options: stageOptions,
    output: "judgement",
    async run({ inputs, options: { half, targets }, output, runData, progress, signal }) {
      const { train, validation } = await readMeasured(inputs.documents, targets);
      const texts = half === "validation" ? validation : await readMeasuredTest(inputs.documents, targets);
      const mean = train.reduce((s, t) => s + t.value, 0) / train.length;
      const variance = train.reduce((s, t) => s + (t.value - mean) ** 2, 0) / train.length;
      const tokenizer = await around.tokenizerOf(inputs.model);
      const device = around.device();
      const model = await loadModel(inputs.model, device);
      try {
        if (model.family === "encoder-decoder" || model.config.classifier?.kind !== "value")
          throw tuneErrors.fail("base", { place: inputs.model.id, expected: "a model that gives a number", received: "another" });
        const longest = model.config.classifier.longest ?? model.config.context;
        const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
        const found = await predictor
          .predict([model.parameters], (await asTokens(tokenizer, texts, longest, signal)).tokens, {
            signal,
            onProgress: done => progress({ stage: "evaluate", done, message: `${half} texts` }),
          })
          .finally(() => predictor.dispose());
        const errors = texts.map((t, i) => t.value - found[i]![0]!);
        const judgement: Judgement = {
          half,
          model: inputs.model.id,
          ids: texts.map(t => t.id),
          groups: texts.map(t => t.group),
          bytes: texts.map(() => 1),
          bits: errors.map(e => e ** 2 / variance),
        };
        await lookOfHalf(runData, half, inputs.model, () => heldOutSet(inputs.documents));
        await output.write(judgementFile, `${JSON.stringify(judgement)}\n`);
        const loss = meanLoss(judgement);
        return {
          half,
          loss: Number.isFinite(loss) ? loss : null,
          rmse: Number.isFinite(loss) ? Math.sqrt(loss * variance) : null,
          documents: texts.length,
        };
      } finally {
        disposeTree(model.parameters);
      }
    },
  });

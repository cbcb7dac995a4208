/** A model that gives numbers, judged by the squared error of each text, in variances of the numbers that were trained on. */
import { z } from "zod";
import { halves } from "../study/halves.ts";
import { finiteOrNull } from "../study/judge.ts";
import { numberJudgeStage } from "../text-head/judge-stage.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { type MeasuredText, readMeasured, readMeasuredTest } from "./examples.ts";
import { targetOptions } from "./options.ts";

/** Errors: tune/base (it gives no number), tune/labels. */
export const judgeRegressionStage = (around: Pick<TuneSurroundings, "device" | "tokenizerOf">) =>
  numberJudgeStage(around, {
    name: "judge-regression",
    options: z.strictObject({ half: z.enum(halves), targets: targetOptions }),
    async read(documents, { half, targets }) {
      const { train, validation } = await readMeasured(documents, targets);
      const texts = half === "validation" ? validation : await readMeasuredTest(documents, targets);
      const mean = train.reduce((s, t) => s + t.value, 0) / train.length;
      const variance = train.reduce((s, t) => s + (t.value - mean) ** 2, 0) / train.length;
      return {
        texts,
        lossOf: (t: MeasuredText, [found]) => (t.value - found!) ** 2 / variance,
        summary: loss => ({ rmse: finiteOrNull(Math.sqrt(loss * variance)) }),
      };
    },
  });

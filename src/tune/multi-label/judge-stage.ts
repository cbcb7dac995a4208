/** A multi-label classifier judged text by text: bits that the truth about its labels costs, the mean over the labels that are known. */
import { z } from "zod";
import { halves } from "../study/halves.ts";
import { numberJudgeStage } from "../text-head/judge-stage.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { type MultiLabelText, readMultiLabelHalf } from "./examples.ts";
import { labelLoss } from "./fit.ts";
import { multiLabelTargets } from "./options.ts";

export const judgeMultiLabelStage = (around: Pick<TuneSurroundings, "device" | "tokenizerOf">) =>
  numberJudgeStage(around, {
    name: "judge-multilabel",
    kind: "several",
    options: z.strictObject({ half: z.enum(halves), targets: multiLabelTargets }),
    read: async (documents, { half, targets }) => ({
      texts: await readMultiLabelHalf(documents, targets, half),
      // by logits as they are: calibration is fitted on the validation set
      lossOf: (text: MultiLabelText, outputs) => labelLoss(outputs, text.truth) / Math.LN2,
    }),
  });

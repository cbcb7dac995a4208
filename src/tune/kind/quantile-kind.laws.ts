/** Quantile regression: a number that so large a share of the numbers of such texts do not exceed (Koenker and Bassett 1978). */
import { z } from "zod";
import { maximum, mul, reshape, sub } from "../../tensor/index.ts";
import { kindPart } from "../kind/kind-part.ts";
import { dataSetName } from "../names.ts";
import { type MeasuredText, readMeasured, readMeasuredHalf } from "../regress/examples.ts";
import { regressOptions, targetOptions, targetsOf } from "../regress/options.ts";
import { halves } from "../study/halves.ts";
import { fitHead } from "../text-head/fit.ts";
import { numberJudgeStage } from "../text-head/judge-stage.ts";
import { headKind } from "../text-head/kind.ts";
import { headStage } from "../text-head/stage.ts";

const recipe = regressOptions.extend({ quantile: z.number().gt(0).lt(1).default(0.5) });
export const quantileRow = kindPart({ part: recipe.extend({ task: z.literal("quantile"), on: dataSetName }), reads: "data set" });
const pinball = (error: number, q: number): number => Math.max(q * error, (q - 1) * error);
export const quantileKind = headKind({
  part: quantileRow.part,
  tuning: around =>
    headStage(
      {
        name: "quantile",
        version: 1,
        recipe,
        output: "number",
        read: (documents, r) => readMeasured(documents, targetsOf(r)),
        texts: (tokens, examples) => ({ ...tokens, values: examples.map(e => e.value) }),
        fit(run) {
          const { quantile: q, label } = run.recipe;
          return fitHead(run, {
            config: { labels: [label], kind: "value" },
            targets: { dtype: "f32" },
            targetOf: text => run.train.values[text]!,
            weightOf: () => 1,
            losses(outputs, targets) {
              const error = sub(targets, reshape(outputs, targets.shape));
              return maximum(mul(error, q), mul(error, q - 1));
            },
            judge: rows => ({ loss: rows.reduce((sum, [y], i) => sum + pinball(run.validation.values[i]! - y!, q), 0) / rows.length }),
          });
        },
        tell: ({ history, best }, { train }) => ({ tuning: { train: train.length }, scores: { validationLoss: history[best]!.loss } }),
      },
      around,
    ),
  describe: s => `validation pinball loss ${s.validationLoss}`,
  judge: around =>
    numberJudgeStage(around, {
      name: "judge-quantile",
      options: z.strictObject({ half: z.enum(halves), quantile: recipe.shape.quantile, targets: targetOptions }),
      read: async (documents, { half, quantile, targets }) => ({
        texts: await readMeasuredHalf(documents, targets, half),
        lossOf: (text: MeasuredText, [y]) => pinball(text.value - y!, quantile),
      }),
    }),
  judgeOptions: p => ({ quantile: p.quantile, targets: targetsOf(p) }),
  unit: "pinball loss",
  texts: async (documents, p) => (await readMeasuredHalf(documents, targetsOf(p), "validation")).map(t => t.text),
});

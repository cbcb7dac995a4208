/** The report of a model that gives numbers, on the test part. */
import { z } from "zod";
import { defined } from "../../base/index.ts";
import { heldOutSet } from "../../data/index.ts";
import { keptBeginning } from "../../evaluate/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type Stage, stage, writeLook } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { predictorOf } from "../text-head/predict.ts";
import { readMeasured, readMeasuredTest } from "./examples.ts";
import { targetOptions } from "./options.ts";
import { compareRegression, type FrozenNumbers, type FrozenNumbersNote, frozenNumbersFile, type RegressionReport } from "./report.ts";
import { numberTexts } from "./stage.ts";

const round = (x: number): number => Number(x.toPrecision(6));
const worstShown = 10;
const evaluateOptions = z.strictObject({ name: z.string(), targets: targetOptions });

type EvaluatedInputs = "model" | "documents" | "baselines";

/** The report on the held-out side; beside the frozen base where that is asked for. */
export const evaluateRegressionStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf"> & { readonly besideFrozen?: boolean },
): Stage<EvaluatedInputs, typeof evaluateOptions> =>
  stage({
    name: "evaluate-regression",
    version: 3,
    // without the frozen base there is no such input, and recipes and records are those of before
    inputs: { model: "model", documents: "documents", ...(around.besideFrozen ? { baselines: "baselines" } : {}) } as Readonly<
      Record<EvaluatedInputs, string>
    >,
    options: evaluateOptions,
    output: "evaluation",
    async run({ inputs, options: { name, targets }, output, runData, progress, signal }) {
      const device = around.device();
      const tokenizer = await around.tokenizerOf(inputs.model);
      const { train, validation } = await readMeasured(inputs.documents, targets);
      const test = await readMeasuredTest(inputs.documents, targets);
      const model = await loadModel(inputs.model, device);
      if (model.family === "encoder-decoder" || model.config.classifier?.kind !== "value") {
        disposeTree(model.parameters);
        throw tuneErrors.fail("base", { place: inputs.model.id, expected: "a model that gives a number", received: "another" });
      }
      const longest = model.config.classifier.longest ?? model.config.context;
      const texts = await numberTexts(tokenizer, test, longest, signal);
      const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
      const found = await predictor.predict([model.parameters], texts.tokens, {
        signal,
        onProgress: done => progress({ stage: "evaluate", done, message: "test texts" }),
      });
      predictor.dispose();
      disposeTree(model.parameters);
      const predicted = found.map(row => row[0]!);
      const truth = test.map(t => t.value);
      const known = [...train, ...validation].map(t => t.value);
      const baseline = known.reduce((a, b) => a + b, 0) / known.length;
      const { predicted: ofFrozen, ...note } = around.besideFrozen
        ? (JSON.parse((await inputs.baselines.read(frozenNumbersFile)).toString("utf8")) as FrozenNumbers)
        : { predicted: undefined };
      const { groups, frozen, ...compared } = compareRegression({
        truth,
        predicted,
        groups: test.map(t => t.group),
        baseline,
        ...defined({ frozen: ofFrozen }),
      });
      const mean = truth.reduce((a, b) => a + b, 0) / truth.length;
      const answers = test.map((t, i) => ({ id: t.id, truth: t.value, predicted: predicted[i]! }));
      const report: RegressionReport = {
        task: "regression",
        model: { artifact: inputs.model.id, name },
        label: targets.label,
        test: {
          documents: test.length,
          groups,
          mean,
          deviation: Math.sqrt(truth.reduce((s, y) => s + (y - mean) ** 2, 0) / truth.length),
        },
        ...compared,
        ...(frozen ? { frozen: { ...frozen, ...(note as FrozenNumbersNote) } } : {}),
        worst: answers.toSorted((a, b) => Math.abs(b.truth - b.predicted) - Math.abs(a.truth - a.predicted)).slice(0, worstShown),
      };
      writeLook(runData, { kind: "tuning", test: await heldOutSet(inputs.documents), candidate: inputs.model.digest });
      await output.write("report.json", `${JSON.stringify(report, null, 2)}\n`);
      const lines = answers.map((a, i) => ({ ...a, group: test[i]!.group, text: keptBeginning(test[i]!.text) }));
      await output.write("predictions.jsonl", lines.map(line => `${JSON.stringify(line)}\n`).join(""));
      const { mae, rmse, r2, spearman } = report.scores;
      return {
        name,
        documents: test.length,
        mae: round(mae.value),
        rmse: round(rmse.value),
        r2: round(r2.value),
        spearman: round(spearman.value),
      };
    },
  });

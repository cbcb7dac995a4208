/** Tuning of a model that gives numbers as a stage: a model and documents with numbers in, a model artifact out; and its report on the test part. */
import { join } from "node:path";
import { z } from "zod";
import { hashOf } from "../../base/index.ts";
import { heldOutSet } from "../../data/index.ts";
import { countParameters, disposeTree, loadModel, specOfModel, writeModelFiles } from "../../nn/index.ts";
import { type Stage, stage, writeLook } from "../../store/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { tokensOf } from "../text-head/batches.ts";
import { headProof } from "../text-head/head-proof.ts";
import { openBase } from "../text-head/open-base.ts";
import { predictorOf } from "../text-head/predict.ts";
import type { TuneSurroundings } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { disposeTuned, givenBackOnFailure, nameOfMethod, textProofSummary } from "../methods/index.ts";
import { type Measured, readMeasured, readMeasuredTest } from "./examples.ts";
import { fitRegression, type MeasuredTexts } from "./fit.ts";
import { regressOptions, targetOptions, targetsOf } from "./options.ts";
import { compareRegression, type FrozenNumbers, type FrozenNumbersNote, frozenNumbersFile, type RegressionReport } from "./report.ts";

/** Texts as the model reads them. The event loop has its turn between them. */
export async function asTokens(
  tokenizer: Pick<Tokenizer, "encode">,
  texts: readonly Measured[],
  longest: number,
  signal: AbortSignal,
): Promise<MeasuredTexts> {
  const tokens: Uint32Array[] = [];
  for (const [i, { text }] of texts.entries()) {
    if (i % 500 === 0) {
      signal.throwIfAborted();
      await new Promise(resolve => setImmediate(resolve));
    }
    tokens.push(Uint32Array.from(tokensOf(tokenizer, text, longest)));
  }
  return { ids: texts.map(t => t.id), tokens, values: texts.map(t => t.value) };
}

const round = (x: number): number => Number(x.toPrecision(6));
const stageOptions = z.strictObject({ name: z.string(), recipe: regressOptions });

export const regressStage = (around: TuneSurroundings): Stage<"base" | "documents", typeof stageOptions> =>
  stage({
    name: "tune-regress",
    version: 3,
    inputs: { base: "model", documents: "documents" },
    options: stageOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "model",
    async run({ inputs, options: { name, recipe }, output, runData, progress, signal, scratch }) {
      progress({ stage: "tune", message: "reading texts" });
      const { train, validation, leftOut } = await readMeasured(inputs.documents, targetsOf(recipe));
      const { device, tokenizer, base, longest } = await openBase(around, inputs.base, recipe.length);
      const lasting = withoutHabits(recipe);
      const identity = hashOf({ base: inputs.base.digest, documents: inputs.documents.digest, recipe: lasting } as never);
      const held = await asTokens(tokenizer, validation, longest, signal);
      const result = await givenBackOnFailure([base.parameters], async () =>
        fitRegression({
          device,
          base,
          recipe,
          train: await asTokens(tokenizer, train, longest, signal),
          validation: held,
          longest,
          identity,
          folder: scratch,
          ...(around.eventsFolder === undefined ? {} : { eventsFolder: join(around.eventsFolder, `${name}-${identity.slice(0, 8)}`) }),
          progress,
          signal,
          ...(around.onProblem ? { onProblem: around.onProblem } : {}),
        }),
      );
      const { model, tuned } = result;
      try {
        progress({ stage: "tune", message: "measuring what the merge changes" });
        const proof = await headProof(around.served, device, {
          output: "number",
          model,
          tuned,
          tokenizer,
          longest,
          tokens: held.tokens,
          signal,
        });
        await writeModelFiles(output, model);
        await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
        runData.write(metricsFile, result.points.map(metricLine).join(""));
        const { steps, stoppedEarly, best, history, trained, mean, deviation } = result;
        const told = {
          base: inputs.base.id,
          recipe: lasting,
          train: train.length,
          validation: validation.length,
          leftOut,
          mean,
          deviation,
        };
        await output.write("tuning.json", `${JSON.stringify({ ...told, steps, stoppedEarly, trained, best, history, proof }, null, 2)}\n`);
        const parameters = countParameters(specOfModel(model));
        const chosen = history[best]!;
        return {
          name,
          family: model.family,
          method: nameOfMethod(recipe.method),
          parameters,
          trained,
          texts: train.length,
          ...(leftOut > 0 ? { leftOut } : {}),
          steps,
          stoppedEarly,
          validationRmse: round(chosen.rmse!),
          deviation: round(deviation),
          bestStep: chosen.step,
          ...textProofSummary(proof),
          seconds: Math.round(result.totalMs / 1000),
        };
      } finally {
        disposeTuned(tuned);
        disposeTree(model.parameters);
      }
    },
  });

const worstShown = 10;
const evaluateOptions = z.strictObject({ name: z.string(), targets: targetOptions });

type EvaluatedInputs = "model" | "documents" | "baselines";

/** The report on the held-out side; beside the frozen base where that is asked for. */
export const evaluateRegressionStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf"> & { readonly besideFrozen?: boolean },
): Stage<EvaluatedInputs, typeof evaluateOptions> =>
  stage({
    name: "evaluate-regression",
    version: 2,
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
      const texts = await asTokens(tokenizer, test, longest, signal);
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
        ...(ofFrozen ? { frozen: ofFrozen } : {}),
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
      await output.write("predictions.jsonl", answers.map(a => `${JSON.stringify(a)}\n`).join(""));
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

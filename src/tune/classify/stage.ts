/** Tuning of a classifier as a stage: a model and labelled documents in, a model artifact out (weights, tokenizer, recipe, validation). */
import { join } from "node:path";
import { z } from "zod";
import { hashOf, type LoamError } from "../../base/index.ts";
import type { CostRule } from "../../evaluate/index.ts";
import {
  type ClassifierConfig,
  countParameters,
  disposeTree,
  type Model,
  specOfModel,
  withClassifier,
  writeModelFiles,
} from "../../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { Tokenizer } from "../../text/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { disposeTuned, givenBackOnFailure, nameOfMethod, type ServedForm, textProofSummary } from "../methods/index.ts";
import { tokensOf } from "../text-head/batches.ts";
import { type Example, readExamples, readTest } from "./examples.ts";
import { fitClassifier, type TokenTexts } from "./fit.ts";
import { headProof } from "../text-head/head-proof.ts";
import { openBase } from "../text-head/open-base.ts";
import { classifyOptions } from "./options.ts";
import { softmax } from "../text-head/predict.ts";
import { calibrating } from "./temperature.ts";
import { positiveIn, validationFile } from "./threshold.ts";

/** What tuning needs that is not part of the result. */
export interface TuneSurroundings {
  readonly device: () => Device;
  /** The tokenizer of a model's files, whatever their format. */
  readonly tokenizerOf: (model: ArtifactReader) => Promise<Tokenizer>;
  /** The form beside float32 that the result can be served in, for the proof of the merge. */
  readonly served?: ServedForm;
  /** What mistakes will cost: a class that the texts do not have is refused before anything is trained. */
  readonly costs?: Pick<CostRule, "positive"> | undefined;
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string;
  readonly onProblem?: (problem: LoamError) => void;
}

/** Texts as the model reads them. The event loop has its turn between them. */
export async function asTokens(
  tokenizer: Pick<Tokenizer, "encode">,
  examples: readonly Example[],
  longest: number,
  signal?: AbortSignal,
): Promise<TokenTexts> {
  const tokens: Uint32Array[] = [];
  for (const [i, e] of examples.entries()) {
    if (i % 500 === 0) {
      signal?.throwIfAborted();
      await new Promise(resolve => setImmediate(resolve));
    }
    tokens.push(Uint32Array.from(tokensOf(tokenizer, e.text, longest)));
  }
  return { ids: examples.map(e => e.id), tokens, labels: Int32Array.from(examples, e => e.label) };
}

const round = (x: number): number => Math.round(x * 1e4) / 1e4;
const stageOptions = z.strictObject({ name: z.string(), recipe: classifyOptions });

export const classifyStage = (around: TuneSurroundings): Stage<"base" | "documents", typeof stageOptions> =>
  stage({
    name: "tune-classify",
    version: 4,
    inputs: { base: "model", documents: "documents" },
    options: stageOptions,
    keyOptions: keyOptionsOfRecipe,
    output: "model",
    async run({ inputs, options: { name, recipe }, output, runData, progress, signal, scratch }) {
      progress({ stage: "tune", message: "reading texts" });
      const { classes, train, validation, leftOut } = await readExamples(inputs.documents, recipe);
      if (around.costs) positiveIn(around.costs, classes);
      // only looked at: a held-out side that cannot be reported on is refused before anything is trained
      await readTest(inputs.documents, recipe, classes);
      const { device, tokenizer, base, longest } = await openBase(around, inputs.base, recipe.length);
      const lasting = withoutHabits(recipe);
      const identity = hashOf({ base: inputs.base.digest, documents: inputs.documents.digest, recipe: lasting } as never);
      const held = await asTokens(tokenizer, validation, longest, signal);
      const result = await givenBackOnFailure([base.parameters], async () =>
        fitClassifier({
          device,
          base,
          recipe,
          classes,
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
          output: "classes",
          model,
          tuned,
          tokenizer,
          longest,
          tokens: held.tokens,
          signal,
        });
        const temperature = calibrating(result.validationLogits, held.labels, classes.length);
        const { classifier } = model.config as { readonly classifier?: ClassifierConfig };
        await writeModelFiles(output, { ...model, ...withClassifier(model, { ...classifier!, temperature }) } as Model);
        await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
        runData.write(metricsFile, result.points.map(metricLine).join(""));
        const counts = (part: readonly Example[]) =>
          Object.fromEntries(classes.map((c, i) => [c, part.reduce((n, e) => n + (e.label === i ? 1 : 0), 0)]));
        const { steps, stoppedEarly, best, history, trained } = result;
        const told = { base: inputs.base.id, recipe: lasting, classes, train: counts(train), validation: counts(validation), leftOut };
        await output.write("tuning.json", `${JSON.stringify({ ...told, steps, stoppedEarly, trained, best, history, proof }, null, 2)}\n`);
        await output.write(
          validationFile,
          validation
            .map(
              (e, i) =>
                `${JSON.stringify({ id: e.id, label: classes[e.label], scores: softmax(result.validationLogits[i]!).map(round) })}\n`,
            )
            .join(""),
        );
        const parameters = countParameters(specOfModel(model));
        return {
          name,
          family: model.family,
          method: nameOfMethod(recipe.method),
          parameters,
          trained,
          texts: train.length,
          classes: classes.length,
          ...(leftOut > 0 ? { leftOut } : {}),
          steps,
          stoppedEarly,
          validationF1: round(best.macroF1),
          bestStep: best.step,
          temperature: round(temperature),
          ...textProofSummary(proof),
          seconds: Math.round(result.totalMs / 1000),
        };
      } finally {
        disposeTuned(tuned);
        disposeTree(model.parameters);
      }
    },
  });

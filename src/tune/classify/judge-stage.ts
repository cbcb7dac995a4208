/**
 * A classifier judged text by text: on the part of the training side that selects (as its tuning recorded it), or on the held-out side, which
 * chooses nothing. What is counted is the bits that the true class costs, and whether another one was told.
 */
import { z } from "zod";
import { heldOutSet } from "../../data/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import type { ArtifactReader } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import { halves } from "../study/halves.ts";
import { finiteOrNull, judgementStage, meanLoss } from "../study/judge.ts";
import type { TuneSurroundings } from "../text-head/open-base.ts";
import { greatestIndex, predictorOf, probabilitiesOf } from "../text-head/predict.ts";
import { readTest } from "./examples.ts";
import { labelOptions } from "./options.ts";
import { classTexts } from "./stage.ts";

/** The least probability that counts: recorded ones are rounded to four places. */
const least = 5e-5;

interface Answer {
  readonly id: string;
  readonly group: string;
  /** Of the true class. */
  readonly probability: number;
  readonly isWrong: boolean;
}

/** What the tuning recorded of its validation part. */
async function recorded(model: ArtifactReader): Promise<Answer[]> {
  const classes = (JSON.parse((await model.read("tuning.json")).toString("utf8")) as { readonly classes: readonly string[] }).classes;
  const lines = (await model.read("validation.jsonl")).toString("utf8").split("\n").filter(Boolean);
  return lines.map(line => {
    const { id, label, scores } = JSON.parse(line) as { readonly id: string; readonly label: string; readonly scores: readonly number[] };
    const truth = classes.indexOf(label);
    return { id, group: id, probability: scores[truth]!, isWrong: greatestIndex(Float64Array.from(scores)) !== truth };
  });
}

const stageOptions = z.strictObject({ half: z.enum(halves), labels: labelOptions });

/** Errors: tune/base (no classifier), tune/labels. */
export const judgeClassifierStage = (around: Pick<TuneSurroundings, "device" | "tokenizerOf">) =>
  judgementStage({
    name: "judge-classifier",
    inputs: { model: "model", documents: "documents" },
    options: stageOptions,
    async judge({ inputs, options: { half, labels }, progress, signal }) {
      const onProgress = (done: number) => progress({ stage: "evaluate", done, message: "test texts" });
      const answers = half === "validation" ? await recorded(inputs.model) : await onTest(inputs, labels, around, { signal, onProgress });
      return {
        ids: answers.map(a => a.id),
        groups: answers.map(a => a.group),
        bytes: answers.map(() => 1),
        bits: answers.map(a => -Math.log2(Math.max(least, a.probability))),
        wrong: answers.map(a => Number(a.isWrong)),
        testSet: () => heldOutSet(inputs.documents),
        summary: judgement => ({
          bitsPerText: finiteOrNull(meanLoss(judgement)),
          errors: answers.reduce((n, a) => n + Number(a.isWrong), 0) / answers.length,
          documents: answers.length,
        }),
      };
    },
  });

async function onTest(
  { model: artifact, documents }: Readonly<Record<"model" | "documents", ArtifactReader>>,
  labels: z.output<typeof labelOptions>,
  { device: deviceOf, tokenizerOf }: Pick<TuneSurroundings, "device" | "tokenizerOf">,
  given: { readonly signal: AbortSignal; readonly onProgress: (done: number) => void },
): Promise<Answer[]> {
  const device = deviceOf();
  const tokenizer = await tokenizerOf(artifact);
  const model = await loadModel(artifact, device);
  try {
    const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
    if (!classifier || model.family === "encoder-decoder")
      throw tuneErrors.fail("base", { place: artifact.id, expected: "a classifier", received: `a model of family "${model.family}"` });
    const test = await readTest(documents, labels, classifier.labels);
    const longest = classifier.longest ?? model.config.context;
    const texts = await classTexts(tokenizer, test, longest, given.signal);
    const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
    try {
      const logits = await predictor.predict([model.parameters], texts.tokens, given);
      return test.map((e, i) => ({
        id: e.id,
        group: e.group,
        probability: probabilitiesOf(logits[i]!)[e.label]!,
        isWrong: greatestIndex(logits[i]!) !== e.label,
      }));
    } finally {
      predictor.dispose();
    }
  } finally {
    disposeTree(model.parameters);
  }
}

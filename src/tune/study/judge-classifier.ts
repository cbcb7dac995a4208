/**
 * A classifier judged text by text: on the part of the training side that selects (as its tuning recorded it), or on the held-out side, which
 * chooses nothing. What is counted is the bits that the true class costs, and whether another one was told.
 */
import { z } from "zod";
import { heldOutSet } from "../../data/index.ts";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type ArtifactReader, type Stage, stage } from "../../store/index.ts";
import { readTest } from "../classify/examples.ts";
import { labelOptions } from "../classify/options.ts";
import { greatest, predictorOf, softmax } from "../text-head/predict.ts";
import { asTokens, type TuneSurroundings } from "../classify/stage.ts";
import { tuneErrors } from "../errors.ts";
import { halves } from "./halves.ts";
import { bitsPerByteOf, type Judgement, judgementFile } from "./judge.ts";
import { lookOfHalf } from "./look.ts";

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
    return { id, group: id, probability: scores[truth]!, isWrong: greatest(Float64Array.from(scores)) !== truth };
  });
}

const stageOptions = z.strictObject({ half: z.enum(halves), labels: labelOptions });

/** Errors: tune/base (no classifier), tune/labels. */
export const judgeClassifierStage = (
  around: Pick<TuneSurroundings, "device" | "tokenizerOf">,
): Stage<"model" | "documents", typeof stageOptions> =>
  stage({
    name: "judge-classifier",
    version: 1,
    inputs: { model: "model", documents: "documents" },
    options: stageOptions,
    output: "judgement",
    async run({ inputs, options: { half, labels }, output, runData, progress, signal }) {
      const answers =
        half === "validation"
          ? await recorded(inputs.model)
          : await onTest(inputs, labels, around, {
              signal,
              onProgress: done => progress({ stage: "evaluate", done, message: "test texts" }),
            });
      const judgement: Judgement = {
        half,
        model: inputs.model.id,
        ids: answers.map(a => a.id),
        groups: answers.map(a => a.group),
        bytes: answers.map(() => 1),
        bits: answers.map(a => -Math.log2(Math.max(least, a.probability))),
        wrong: answers.map(a => Number(a.isWrong)),
      };
      await lookOfHalf(runData, half, inputs.model, () => heldOutSet(inputs.documents));
      await output.write(judgementFile, `${JSON.stringify(judgement)}\n`);
      const bits = bitsPerByteOf(judgement);
      const wrong = judgement.wrong!.reduce((a, b) => a + b, 0) / answers.length;
      return { half, bitsPerText: Number.isFinite(bits) ? bits : null, errors: wrong, documents: answers.length };
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
    const texts = await asTokens(tokenizer, test, longest, given.signal);
    const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
    try {
      const logits = await predictor.predict([model.parameters], texts.tokens, given);
      return test.map((e, i) => ({
        id: e.id,
        group: e.group,
        probability: softmax(logits[i]!)[e.label]!,
        isWrong: greatest(logits[i]!) !== e.label,
      }));
    } finally {
      predictor.dispose();
    }
  } finally {
    disposeTree(model.parameters);
  }
}

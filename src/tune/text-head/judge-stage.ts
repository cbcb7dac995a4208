/** A model with a head over texts' states, judged text by text: on the part of the train side that selects, or on the held-out side, which chooses nothing. */
import type { z } from "zod";
import { heldOutSet } from "../../data/index.ts";
import { type ClassifierConfig, disposeTree, loadModel } from "../../nn/index.ts";
import type { ArtifactReader, Summary } from "../../store/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Half } from "../study/halves.ts";
import { finiteOrNull, judgementStage, meanLoss } from "../study/judge.ts";
import type { TuneSurroundings } from "./open-base.ts";
import { predictorOf } from "./predict.ts";
import { headTexts } from "./tokens.ts";

type Asking = Pick<TuneSurroundings, "device" | "tokenizerOf">;
type Text = { readonly id: string; readonly text: string; readonly group: string };

/** What is read of documents for a half. */
interface JudgedTexts<T extends Text> {
  readonly texts: readonly T[];
  /** What a text costs, from the model's outputs for it. */
  lossOf(text: T, outputs: Float64Array): number;
  /** Beside the mean loss. */
  summary?(loss: number): Summary;
}

/** Outputs of a model for texts. Errors: tune/base for one without such a head. */
export async function headOutputs(
  around: Asking,
  artifact: ArtifactReader,
  kind: ClassifierConfig["kind"],
  texts: readonly Text[],
  run: { readonly signal: AbortSignal; readonly onProgress: (done: number) => void },
): Promise<Float64Array[]> {
  const tokenizer = await around.tokenizerOf(artifact);
  const device = around.device();
  const model = await loadModel(artifact, device);
  try {
    if (model.family === "encoder-decoder" || model.config.classifier?.kind !== kind)
      throw tuneErrors.fail("base", { place: artifact.id, expected: `a model whose head is of kind ${kind}`, received: "another" });
    const longest = model.config.classifier.longest ?? model.config.context;
    const predictor = predictorOf({ device, model, longest, parameters: (p: unknown) => p });
    const { tokens } = await headTexts(tokenizer, texts, longest, run.signal);
    return await predictor.predict([model.parameters], tokens, run).finally(() => predictor.dispose());
  } finally {
    disposeTree(model.parameters);
  }
}

/** A judge of models that give a number. Errors: tune/base, and those of reading. */
export const numberJudgeStage = <S extends z.ZodType<{ half: Half }>, T extends Text>(
  around: Asking,
  o: {
    readonly name: string;
    readonly options: S;
    /** `value` where absent. */
    readonly kind?: ClassifierConfig["kind"];
    read(documents: ArtifactReader, options: z.output<S>): Promise<JudgedTexts<T>>;
  },
) =>
  judgementStage({
    name: o.name,
    inputs: { model: "model", documents: "documents" },
    options: o.options,
    async judge({ inputs: { model, documents }, options, progress, signal }) {
      const { texts, lossOf, summary } = await o.read(documents, options);
      const onProgress = (done: number) => progress({ stage: "evaluate", done, message: `${options.half} texts` });
      const outputs = await headOutputs(around, model, o.kind ?? "value", texts, { signal, onProgress });
      return {
        ids: texts.map(t => t.id),
        groups: texts.map(t => t.group),
        bytes: texts.map(() => 1),
        bits: texts.map((t, i) => lossOf(t, outputs[i]!)),
        testSet: () => heldOutSet(documents),
        summary(judgement) {
          const loss = meanLoss(judgement);
          return { loss: finiteOrNull(loss), ...summary?.(loss), documents: texts.length };
        },
      };
    },
  });

/** An encoder's vectors judged anchor by anchor: nats of its positive among all texts of the half, and whether another text is nearer. */
import { z } from "zod";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type ArtifactReader, testSetOf } from "../../store/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import { recordsIn } from "../study/example-halves.ts";
import { halves } from "../study/halves.ts";
import { finiteOrNull, judgementStage, meanLoss } from "../study/judge.ts";
import type { JudgedPair } from "../study/pair-halves.ts";
import { headTokens } from "../text-head/batches.ts";
import { textReader } from "../text-head/predict.ts";
import { textVectors } from "./fit.ts";
import { type AnchorScores, anchorScores } from "./measure.ts";
import { embedOptions } from "./options.ts";
import type { EmbedSurroundings } from "./stage.ts";

const stageOptions = embedOptions.pick({ length: true, temperature: true }).extend({ half: z.enum(halves) });

/** Errors: tune/base (no encoder of vectors), tune/halves. */
export const judgeVectorsStage = (around: Pick<EmbedSurroundings, "device" | "encoderOf">) =>
  judgementStage({
    name: "judge-vectors",
    inputs: { model: "model", judged: "pair-halves" },
    options: stageOptions,
    async judge({ inputs, options: { half, length, temperature }, progress, signal }) {
      const pairs = await recordsIn<JudgedPair>(inputs.judged, `${half}.jsonl`);
      if (pairs.length === 0)
        throw tuneErrors.fail("halves", {
          place: `${inputs.judged.id}/${half}`,
          expected: "pairs to judge by",
          received: "none",
          hint: "Give more pairs, or raise validation.",
        });
      const texts = [...new Set(pairs.flatMap(r => [r.anchor, r.positive, ...(r.negative === undefined ? [] : [r.negative])]))];
      const onProgress = (done: number) => progress({ stage: "evaluate", done, message: `anchors of the ${half} half` });
      const vectors = await vectorsOf(around, inputs.model, texts, length, { signal, onProgress });
      const of = new Map(texts.map((t, i) => [t, vectors[i]!]));
      const found = anchorScores(pairs, t => of.get(t)!, temperature);
      // in the order in which they are found
      const groups = new Map(pairs.map(r => [r.anchor, r.group]));
      const anchors = [...groups.keys()];
      const mean = (value: (f: AnchorScores) => number) => found.reduce((s, f) => s + value(f), 0) / found.length;
      return {
        ids: anchors,
        groups: anchors.map(a => groups.get(a)!),
        bytes: anchors.map(() => 1),
        bits: found.map(f => f.loss),
        wrong: found.map(f => 1 - f.recall1),
        testSet: () => testSetOf(anchors),
        summary: judgement => ({
          loss: finiteOrNull(meanLoss(judgement)),
          errors: mean(f => 1 - f.recall1),
          ndcg10: mean(f => f.ndcg10),
          mrr: mean(f => f.mrr),
          documents: anchors.length,
        }),
      };
    },
  });

/** Vectors of texts by an encoder, of so many tokens of each at most. Errors: tune/base. */
async function vectorsOf(
  around: Pick<EmbedSurroundings, "device" | "encoderOf">,
  artifact: ArtifactReader,
  texts: readonly string[],
  length: number,
  run: { readonly signal: AbortSignal; readonly onProgress: (done: number) => void },
): Promise<Float64Array[]> {
  const text = await around.encoderOf(artifact);
  const device = around.device();
  const model = await loadModel(artifact, device);
  try {
    if (model.family !== "encoder" || model.config.classifier)
      throw tuneErrors.fail("base", { place: artifact.id, expected: "an encoder, which makes vectors of texts", received: "another" });
    const { config } = model;
    const longest = Math.min(length, text.longest, config.context);
    const read = (p: unknown, tokens: Tensor, present: Tensor) => textVectors(config, p, text.pooling, { tokens, present });
    const reader = textReader({ device, longest, parameters: (p: unknown) => p, read });
    const tokens = texts.map(t => Uint32Array.from(headTokens(text.tokenizer, t, longest)));
    return await reader.predict([model.parameters], tokens, run).finally(() => reader.dispose());
  } finally {
    disposeTree(model.parameters);
  }
}

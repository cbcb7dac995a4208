/** An encoder's vectors judged anchor by anchor: nats of its positive among all texts of the half, and whether another text is nearer. */
import { z } from "zod";
import { disposeTree, loadModel } from "../../nn/index.ts";
import { type Stage, stage, testSetOf } from "../../store/index.ts";
import { tokensOf } from "../text-head/batches.ts";
import { textReader } from "../text-head/predict.ts";
import { textVectors } from "../contrast/fit.ts";
import { type Found, foundIn } from "../contrast/measure.ts";
import { embedOptions } from "../contrast/options.ts";
import type { EmbedSurroundings } from "../contrast/stage.ts";
import { tuneErrors } from "../errors.ts";
import { recordsIn } from "./example-halves.ts";
import { halves } from "./halves.ts";
import { type Judgement, judgementFile, meanLoss } from "./judge.ts";
import { lookOfHalf } from "./look.ts";
import type { JudgedPair } from "./pair-halves.ts";

const stageOptions = embedOptions.pick({ length: true, temperature: true }).extend({ half: z.enum(halves) });

/** Errors: tune/base (no encoder of vectors), tune/halves. */
export const judgeVectorsStage = (
  around: Pick<EmbedSurroundings, "device" | "encoderOf">,
): Stage<"model" | "judged", typeof stageOptions> =>
  stage({
    name: "judge-vectors",
    version: 1,
    inputs: { model: "model", judged: "pair-halves" },
    options: stageOptions,
    output: "judgement",
    async run({ inputs, options: { half, length, temperature }, output, runData, progress, signal }) {
      const pairs = await recordsIn<JudgedPair>(inputs.judged, `${half}.jsonl`);
      if (pairs.length === 0)
        throw tuneErrors.fail("halves", {
          place: `${inputs.judged.id}/${half}`,
          expected: "pairs to judge by",
          received: "none",
          hint: "Give more pairs, or raise validation.",
        });
      const text = await around.encoderOf(inputs.model);
      const device = around.device();
      const model = await loadModel(inputs.model, device);
      try {
        if (model.family !== "encoder" || model.config.classifier)
          throw tuneErrors.fail("base", {
            place: inputs.model.id,
            expected: "an encoder, which makes vectors of texts",
            received: "another",
          });
        const { config } = model;
        const longest = Math.min(length, text.longest, config.context);
        const reader = textReader({
          device,
          longest,
          parameters: (p: unknown) => p,
          read: (p, tokens, present) => textVectors(config, p, text.pooling, { tokens, present }),
        });
        const texts = [...new Set(pairs.flatMap(r => [r.anchor, r.positive, ...(r.negative === undefined ? [] : [r.negative])]))];
        const vectors = await reader
          .predict(
            [model.parameters],
            texts.map(t => Uint32Array.from(tokensOf(text.tokenizer, t, longest))),
            { signal, onProgress: done => progress({ stage: "evaluate", done, message: `anchors of the ${half} half` }) },
          )
          .finally(() => reader.dispose());
        const of = new Map(texts.map((t, i) => [t, vectors[i]!]));
        const found = foundIn(pairs, t => of.get(t)!, temperature);
        // in the order in which they are found
        const groups = new Map(pairs.map(r => [r.anchor, r.group]));
        const anchors = [...groups.keys()];
        const judgement: Judgement = {
          half,
          model: inputs.model.id,
          ids: anchors,
          groups: anchors.map(a => groups.get(a)!),
          bytes: anchors.map(() => 1),
          bits: found.map(f => f.loss),
          wrong: found.map(f => 1 - f.recall1),
        };
        await lookOfHalf(runData, half, inputs.model, () => testSetOf(anchors));
        await output.write(judgementFile, `${JSON.stringify(judgement)}\n`);
        const mean = (of: (f: Found) => number) => found.reduce((s, f) => s + of(f), 0) / found.length;
        const loss = meanLoss(judgement);
        return {
          half,
          loss: Number.isFinite(loss) ? loss : null,
          errors: mean(f => 1 - f.recall1),
          ndcg10: mean(f => f.ndcg10),
          mrr: mean(f => f.mrr),
          documents: anchors.length,
        };
      } finally {
        disposeTree(model.parameters);
      }
    },
  });

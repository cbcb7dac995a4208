/**
 * A model judged on one half of what a study holds out, item by item, so that two models can be compared pair by pair; whatever kind it is of. At the end:
 * one that continues documents, judged by the bits of each.
 */
import { z } from "zod";
import { documentsOf } from "../../data/index.ts";
import { modelBits } from "../../evaluate/index.ts";
import { countParameters, decoderSpec, disposeTree, loadModel } from "../../nn/index.ts";
import { type ArtifactReader, type Stage, type StageContext, type Summary, stage, type TestSet, testSetOf } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { endOf, readTokenizer } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { groupOf, type Half, halfOf, halves } from "./halves.ts";
import { lookOfHalf } from "./look.ts";

/** One model on one half, document by document. */
export interface Judgement {
  readonly half: (typeof halves)[number];
  readonly model: string;
  readonly ids: readonly string[];
  /** Names of the documents' groups. */
  readonly groups: readonly string[];
  /** What bits are counted by: UTF-8 bytes of each text, tokens of its answer, or 1 where it is a class, a number, a pair or an anchor's text. */
  readonly bytes: readonly number[];
  /** What the model loses on each text: the bits of it and its end, or of its class; the nats of its answer; the squared error of its number; its loss. */
  readonly bits: readonly number[];
  /** 1 where it is wrong: another class was told, a pair is the wrong way round, another text is nearer; a half where the model cannot tell. */
  readonly wrong?: readonly number[];
}

const judgementFile = "judgement.json";

export const readJudgement = async (artifact: ArtifactReader): Promise<Judgement> =>
  JSON.parse((await artifact.read(judgementFile)).toString("utf8")) as Judgement;

/** What is lost a byte, a token or a text, whatever it is counted in. */
export const meanLoss = ({ bits, bytes }: Pick<Judgement, "bits" | "bytes">): number =>
  bits.reduce((a, b) => a + b, 0) / bytes.reduce((a, b) => a + b, 0);

export const bitsPerByteOf = meanLoss;
/** A number that is none cannot be kept in a summary. */
export const finiteOrNull = (x: number): number | null => (Number.isFinite(x) ? x : null);

/** What a judge finds: an item a place of the lists. */
export interface JudgedItems extends Omit<Judgement, "half" | "model"> {
  /** What the judgement is a look at, where the half chooses nothing. */
  readonly testSet: () => TestSet | Promise<TestSet>;
  /** Of the summary, behind the half. */
  summary(judgement: Judgement): Summary;
}
interface JudgementStage<I extends string, S extends z.ZodType<{ half: Half }>>
  extends Pick<Stage<"model" | I, S>, "name" | "inputs" | "options"> {
  judge(context: StageContext<"model" | I, z.output<S>>): Promise<JudgedItems>;
}
/** A stage that judges the artifact `model`. Errors: those of the judge. */
export const judgementStage = <const I extends string, S extends z.ZodType<{ half: Half }>>({
  judge,
  ...definition
}: JudgementStage<I, S>): Stage<"model" | I, S> =>
  stage({
    ...definition,
    version: 1,
    output: "judgement",
    async run(context) {
      const { inputs, options, output, runData } = context;
      const { testSet, summary, ...found } = await judge(context);
      const { half } = options;
      const judgement: Judgement = { half, model: inputs.model.id, ...found };
      await lookOfHalf(runData, half, inputs.model, testSet);
      await output.write(judgementFile, `${JSON.stringify(judgement)}\n`);
      return { half, ...summary(judgement) };
    },
  });

const judgeOptions = z.strictObject({ half: z.enum(halves) });

/** Errors: tune/family (no decoder), tune/halves. */
export const judgeStage = (around: { readonly device: () => Device }) =>
  judgementStage({
    name: "judge",
    inputs: { model: "model", documents: "documents" },
    options: judgeOptions,
    async judge({ inputs, options, progress, signal }) {
      const tokenizer = await readTokenizer(inputs.model);
      const all = [];
      for await (const d of documentsOf(inputs.documents, "held-out")) all.push(d);
      const documents = halfOf(all, options.half, `${inputs.documents.id}/held-out`);
      const model = await loadModel(inputs.model, around.device());
      if (model.family !== "decoder")
        throw tuneErrors.fail("family", { place: inputs.model.id, expected: "a decoder", received: model.family });
      const { layers, kvHeads, headSize, context } = model.config;
      const parameters = countParameters(decoderSpec(model.config));
      try {
        const { perDocument } = await modelBits({
          device: around.device(),
          config: model.config,
          parameters: model.parameters,
          documents: documents.map(d => tokenizer.encode(d.text, { addSpecialTokens: false, readSpecialTokens: false })),
          end: endOf(tokenizer, inputs.model.id),
          signal,
          progress,
        });
        return {
          ids: documents.map(d => d.id),
          groups: documents.map(groupOf),
          bytes: documents.map(d => Buffer.byteLength(d.text)),
          bits: [...perDocument],
          testSet: () => testSetOf(documents.map(d => d.text)),
          summary: judgement => ({
            bitsPerByte: finiteOrNull(bitsPerByteOf(judgement)),
            documents: documents.length,
            groups: new Set(judgement.groups).size,
            bytes: judgement.bytes.reduce((a, b) => a + b, 0),
            parameters,
            memoryBytes: 4 * (parameters + 2 * layers * kvHeads * headSize * context),
          }),
        };
      } finally {
        disposeTree(model.parameters);
      }
    },
  });

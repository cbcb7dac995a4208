/**
 * Models that learn from examples, judged on those that the study holds out: halves of a file's, or the parts of a data set. All models of a study are judged
 * by one yardstick, the loss that the configuration as it is has, whatever loss they learnt by; one kind of loss a row.
 */
import { z } from "zod";
import { type Document, documentsOf, drawnRecord, heldOutSet } from "../../data/index.ts";
import { type DecoderConfig, type DecoderParameters, disposeTree, mergeAdapter, readAdapter } from "../../nn/index.ts";
import { type ArtifactReader, testSetOf } from "../../store/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import { columnOptions, formatNames } from "../instruct/format-options.ts";
import { type JudgedExample, judgedExamples } from "../study/example-halves.ts";
import { groupOf, type Half, halves } from "../study/halves.ts";
import { finiteOrNull, type JudgedItems, judgementStage, meanLoss } from "../study/judge.ts";
import { partedDocuments } from "./document-parts.ts";
import type { TuneText } from "./encode.ts";
import { exampleText } from "./example.ts";
import { exampleOptions, splitPartOptions } from "./options.ts";
import { readRecord, throwProblems } from "./read.ts";
import { decoderOf, type InstructSurroundings } from "./stage.ts";
import type { Encodings } from "./task.ts";

/** Which documents of a data set are examples, as the configuration says. */
const documentSource = z.strictObject({
  /** What the data set is called in complaints. */
  name: z.string(),
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  ...splitPartOptions.omit({ allowCrossing: true }).shape,
});

const commonOptions = z.strictObject({
  half: z.enum(halves),
  /** Of a data set; absent of halves. */
  source: documentSource.optional(),
  bad: exampleOptions.shape.bad,
  long: exampleOptions.shape.long,
  /** Tokens that are read of an example; what is beyond is not judged. */
  length: exampleOptions.shape.length,
});
type CommonOptions = z.output<typeof commonOptions>;

/** A model that writes, with the text that its files say. */
export interface OpenedModel {
  readonly config: DecoderConfig;
  readonly parameters: DecoderParameters;
  readonly text: TuneText;
}

export interface JudgeRun<O> {
  readonly device: Device;
  readonly model: OpenedModel;
  readonly examples: readonly JudgedExample[];
  readonly options: O & CommonOptions;
  /** What the loss asks for beside model and examples, by name. */
  readonly beside: Readonly<Record<string, ArtifactReader>>;
  open(model: ArtifactReader): Promise<OpenedModel>;
  /** What is encoded, problems thrown where the configuration refuses them. Errors: tune/example; tune/halves where nothing is left. */
  checked<T>(found: Encodings<T>): readonly T[];
  progress(done: number): void;
  readonly signal: AbortSignal;
}

/** One example's part of a judgement. */
export interface ExampleScore {
  /** Of the example; a rated answer of a pair adds its side. */
  readonly place: string;
  readonly loss: number;
  /** What its loss is counted by. */
  readonly weight: number;
  /** 1 where the model has it wrong, a half where it cannot tell. */
  readonly wrong?: number;
}

export interface ExampleJudge<S extends z.ZodObject> {
  readonly name: string;
  readonly options: S;
  /** Artifacts beside model and examples: their kinds by name. */
  readonly beside?: Readonly<Record<string, string>>;
  score(run: JudgeRun<z.output<S>>): Promise<ExampleScore[]>;
}

export type JudgeSurroundings = Pick<InstructSurroundings, "device" | "textOf">;

/** What is judged, and where its examples are. */
interface JudgeForm {
  /** An adapter is judged merged into its base, the input `base`. */
  readonly of: "model" | "adapter";
  readonly judged: "documents" | "example-halves";
}

/** Examples of a data set: its held-out side, or those of its train side that select. Errors: tune/example with the document's id. */
async function documentExamples(documents: ArtifactReader, half: Half, o: NonNullable<CommonOptions["source"]>): Promise<JudgedExample[]> {
  const side = half === "test" ? "held-out" : "train";
  const chosen: Document[] = [];
  if (half === "test") for await (const d of documentsOf(documents, side)) chosen.push(d);
  else for (const { document, selects } of await partedDocuments(documents, o)) if (selects) chosen.push(document);
  return chosen.map(d => {
    const place = `${o.name}/${side}: ${d.id}`;
    return { ...readRecord({ fields: drawnRecord(d), place }, o.format, o.columns ?? {}).placed, group: groupOf(d) };
  });
}

/** A base as it is, or with an adapter merged into it. */
async function openedModel(base: ArtifactReader, adapter: ArtifactReader | undefined, around: JudgeSurroundings): Promise<OpenedModel> {
  const device = around.device();
  const text = await around.textOf(base);
  const { config, parameters } = await decoderOf(base, device);
  if (!adapter) return { config, parameters, text };
  try {
    return { config, parameters: await mergeAdapter(parameters, await readAdapter(adapter, config), device), text };
  } finally {
    disposeTree(parameters);
  }
}

const baseOf = ({ of }: JudgeForm): Readonly<Record<string, string>> => (of === "adapter" ? { base: "model" } : {});

/** A stage that judges examples by a loss. Errors: tune/example, tune/halves, tune/base (no decoder). */
export const judgeExamplesStage = <S extends z.ZodObject>(judge: ExampleJudge<S>, around: JudgeSurroundings, form: JudgeForm) =>
  judgementStage({
    name: judge.name,
    inputs: { model: form.of as string, judged: form.judged as string, ...baseOf(form), ...judge.beside },
    // a schema that is put together of any S has no type of its own
    options: commonOptions.extend(judge.options.shape) as unknown as z.ZodType<z.output<S> & CommonOptions>,
    async judge({ inputs: { model: from, judged, ...more }, options: o, progress, signal }) {
      const { base, ...beside } = more as Record<string, ArtifactReader>;
      const examples =
        form.judged === "documents" ? await documentExamples(judged, o.half, o.source!) : await judgedExamples(judged, o.half);
      const place = `${judged.id}/${o.half}`;
      const opened: OpenedModel[] = [];
      const keep = async (model: Promise<OpenedModel>) => {
        opened.push(await model);
        return opened.at(-1)!;
      };
      try {
        const scores = await judge.score({
          device: around.device(),
          model: await keep(form.of === "adapter" ? openedModel(base!, from, around) : openedModel(from, undefined, around)),
          examples,
          options: o,
          beside,
          open: model => keep(openedModel(model, undefined, around)),
          checked({ encoded, problems }) {
            if (o.bad === "refuse") throwProblems(problems, place);
            if (encoded.length > 0) return encoded;
            const hint = "Give more examples, or raise validation; a data set needs a split with heldOut.";
            throw tuneErrors.fail("halves", { place, expected: "examples to judge by", received: "none", hint });
          },
          progress: done => progress({ stage: "evaluate", done, message: `examples of the ${o.half} half` }),
          signal,
        });
        const testSet = () => (form.judged === "documents" ? heldOutSet(judged) : testSetOf(examples.map(e => exampleText(e.example))));
        return judgedBy(scores, examples, testSet);
      } finally {
        for (const { parameters } of opened) disposeTree(parameters);
      }
    },
  });

function judgedBy(scores: readonly ExampleScore[], examples: readonly JudgedExample[], testSet: JudgedItems["testSet"]): JudgedItems {
  const groups = new Map(examples.map(e => [e.place, e.group]));
  return {
    ids: scores.map(s => s.place),
    // a rated answer's place is its example's and a side
    groups: scores.map(s => groups.get(s.place) ?? groups.get(s.place.slice(0, s.place.lastIndexOf(":"))) ?? s.place),
    bytes: scores.map(s => s.weight),
    bits: scores.map(s => s.loss),
    ...(scores.every(s => s.wrong !== undefined) ? { wrong: scores.map(s => s.wrong!) } : {}),
    testSet,
    summary(judgement) {
      const wrong = judgement.wrong?.reduce((a, b) => a + b, 0);
      return {
        loss: finiteOrNull(meanLoss(judgement)),
        ...(wrong === undefined ? {} : { errors: wrong / scores.length }),
        documents: scores.length,
      };
    },
  };
}

/** Rows a batch. */
export const judgedRows = 4;

/** Numbers of batches in order, one a row; arrays given to `of` and what it gives are disposed. */
export async function batchNumbers(
  count: number,
  { signal, progress }: Pick<JudgeRun<unknown>, "signal" | "progress">,
  of: (members: readonly number[]) => Promise<{ readonly out: DeviceArray; readonly given: readonly DeviceArray[] }>,
): Promise<number[]> {
  const found: number[] = [];
  for (let from = 0; from < count; from += judgedRows) {
    signal.throwIfAborted();
    const members = Array.from({ length: Math.min(judgedRows, count - from) }, (_, i) => from + i);
    const { out, given } = await of(members);
    found.push(...(await out.numbers()).subarray(0, members.length));
    for (const a of [out, ...given]) a.dispose();
    progress(found.length / count);
  }
  return found;
}

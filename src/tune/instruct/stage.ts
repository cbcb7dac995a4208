/**
 * Instruction tuning as two stages: a file of examples, checked and divided, is an artifact; base and examples make a model, or an adapter beside
 * the base. What is written holds the recipe, the history and the proof of the merge.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { fileError, hashOf, type LoamError } from "../../base/index.ts";
import {
  countParameters,
  type DecoderConfig,
  type DecoderParameters,
  decoderSpec,
  disposeTree,
  loadModel,
  type Model,
  writeAdapter,
} from "../../nn/index.ts";
import { type ArtifactReader, type ArtifactWriter, type Stage, stage } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { metricLine } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { adapterOfTuning, type MergeProof, mergedModel, mergeProof, nameOfMethod } from "../methods/index.ts";
import { type Encoded, encodeExamples, type TuneText } from "./encode.ts";
import { columnOptions, formatNames } from "./formats.ts";
import { type ExampleOptions, exampleOptions, instructFitOptions, type resultKinds, splitPartOptions } from "./options.ts";
import { type PlacedExample, readExampleFile, throwProblems } from "./read.ts";
import { checkCrossing, splitExamples } from "./split.ts";
import { type Tuned, tuneInstruct } from "./tune.ts";

const file = z.strictObject({ name: z.string(), digest: z.string() });
const examplesStageOptions = z.strictObject({
  file,
  validationFile: file.optional(),
  format: z.enum(formatNames).optional(),
  columns: columnOptions.optional(),
  bad: exampleOptions.shape.bad,
  ...splitPartOptions.shape,
});
export type ExamplesStageInput = z.input<typeof examplesStageOptions>;

async function digestOfFile(path: string, shown: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  } catch (error) {
    throw fileError(error, shown);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** A file as options name it. Errors: base/missingFile and the like. */
export const examplesFile = async (folder: string, path: string): Promise<z.output<typeof file>> => ({
  name: path,
  digest: await digestOfFile(resolve(folder, path), path),
});

/** Examples of a file, read, checked and divided. `folder` is what paths begin at. */
export const examplesStage = ({ folder }: { readonly folder: string }): Stage<never, typeof examplesStageOptions> =>
  stage({
    name: "examples",
    version: 1,
    inputs: {},
    options: examplesStageOptions,
    output: "examples",
    async run({ options: o, output, progress }) {
      let skipped = 0;
      const read = async ({ name, digest }: z.output<typeof file>) => {
        progress({ stage: "examples", message: name });
        const found = await readExampleFile(resolve(folder, name), { format: o.format, columns: o.columns, shown: name });
        const now = await digestOfFile(resolve(folder, name), name);
        if (now !== digest)
          throw tuneErrors.fail("example", { place: name, expected: digest, received: now, hint: "The file changed while it was read." });
        if (o.bad === "refuse") throwProblems(found.problems, name);
        skipped += found.problems.length;
        if (found.examples.length === 0) throwProblems(found.problems, name);
        return found;
      };
      const main = await read(o.file);
      const own = o.validationFile && (await read(o.validationFile));
      if (own && !o.allowCrossing) checkCrossing(main.examples, own.examples);
      const { train, validation } = own ? { train: main.examples, validation: own.examples } : await splitExamples(main.examples, o);
      const lines = (examples: readonly PlacedExample[]) => examples.map(e => `${JSON.stringify(e)}\n`);
      await output.writeStream("train.jsonl", lines(train));
      await output.writeStream("validation.jsonl", lines(validation));
      return {
        file: basename(o.file.name),
        format: main.format,
        train: train.length,
        validation: validation.length,
        ...(skipped > 0 ? { skipped } : {}),
      };
    },
  });

async function placedExamples(artifact: ArtifactReader, side: "train" | "validation"): Promise<PlacedExample[]> {
  const text = (await artifact.read(`${side}.jsonl`)).toString("utf8");
  return text
    .split("\n")
    .filter(line => line !== "")
    .map(line => JSON.parse(line) as PlacedExample);
}

const stageOptions = z.strictObject({
  name: z.string(),
  answers: exampleOptions.shape.answers,
  long: exampleOptions.shape.long,
  bad: exampleOptions.shape.bad,
  length: exampleOptions.shape.length,
  recipe: instructFitOptions,
});
export type InstructStageInput = z.input<typeof stageOptions>;

/** A model's text as tuning needs it, and as a model's files carry it on. */
export interface BaseText extends TuneText {
  /** Source of the template, which the result is told too. */
  readonly template?: string | undefined;
}

/** What tuning needs that is not part of the result. */
export interface InstructSurroundings {
  readonly device: () => Device;
  /** What a model's files say of its text, whatever their format. A model that has no template may be given one here. */
  readonly textOf: (base: ArtifactReader) => Promise<BaseText>;
  /** Writes a model with its text, in the format that its base's text can be carried on in. */
  readonly writeModel: (output: ArtifactWriter, model: Model, base: ArtifactReader, text: BaseText) => Promise<void>;
  /** The merged model in the form that is usually served; for the proof. */
  readonly quantised?: {
    readonly form: string;
    of(config: DecoderConfig, parameters: DecoderParameters, text: TuneText, device: Device): Promise<DecoderParameters>;
  };
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
}

/** Sequences and tokens of each that the proof is made on. */
const proofTexts = 4;
const proofTokens = 256;

const round = (x: number): number => Number(x.toPrecision(6));
const countTrained = (examples: readonly Encoded[]): number => examples.reduce((n, e) => n + e.trained.reduce((s, t) => s + t, 0), 0);

/** Base and examples to a model (`merged`) or to an adapter beside the base (`adapter`). */
export const instructStage = (
  around: InstructSurroundings,
  result: (typeof resultKinds)[number],
): Stage<"base" | "examples", typeof stageOptions> =>
  stage({
    name: `tune-instruct-${result}`,
    version: 1,
    inputs: { base: "model", examples: "examples" },
    options: stageOptions,
    output: result === "adapter" ? "adapter" : "model",
    async run({ inputs, options: { name, recipe, ...o }, output, progress, signal, scratch }) {
      const text = await around.textOf(inputs.base);
      const encode = async (side: "train" | "validation") => {
        progress({ stage: "tune", message: `reading ${side} examples` });
        const found = encodeExamples(text, await placedExamples(inputs.examples, side), o);
        if (o.bad === "refuse") throwProblems(found.problems, `${inputs.examples.id}/${side}`);
        return found;
      };
      const [train, validation] = [await encode("train"), await encode("validation")];
      const device = around.device();
      const base = await loadModel(inputs.base, device);
      if (base.family !== "decoder") {
        disposeTree(base.parameters);
        throw tuneErrors.fail("base", {
          place: inputs.base.id,
          expected: "a decoder, which continues texts",
          received: `a model of family "${base.family}"`,
        });
      }
      checkLength(o, base.config, inputs.base.id);
      const { checkpointSeconds: _, logEvery: __, ...lasting } = recipe;
      const identity = hashOf({ base: inputs.base.digest, examples: inputs.examples.digest, ...o, recipe: lasting } as never);
      const tuned = await tuneInstruct({
        device,
        // tables of positions for the tokens that are trained on, and no more
        config: base.config.positions === "rotary" ? { ...base.config, context: Math.min(base.config.context, o.length) } : base.config,
        parameters: base.parameters,
        recipe: { ...recipe, length: o.length },
        train: train.encoded,
        validation: validation.encoded,
        identity,
        folder: scratch,
        eventsFolder: around.eventsFolder === undefined ? undefined : join(around.eventsFolder, `${name}-${identity.slice(0, 8)}`),
        progress,
        signal,
        onProblem: around.onProblem,
      });
      progress({ stage: "tune", message: "measuring what the merge changes" });
      const probe = (validation.encoded.length > 0 ? validation : train).encoded.slice(0, proofTexts).map(e => e.ids.slice(0, proofTokens));
      const merged = (await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device)) as DecoderParameters;
      const isAdapter = recipe.method && ["lora", "rslora"].includes(nameOfMethod(recipe.method)) && isAdaptable(tuned);
      const adapter = isAdapter ? await adapterOfTuning(base.config, tuned.tuning, tuned.trainable) : undefined;
      if (result === "adapter" && !adapter)
        throw tuneErrors.fail("method", {
          place: "result",
          expected: "lora or rslora on projections of blocks for an adapter",
          received: nameOfMethod(recipe.method),
          hint: "Use `result: merged`.",
        });
      const quantised = around.quantised && (await around.quantised.of(base.config, merged, text, device));
      const small = base.config.positions === "rotary" ? { ...base.config, context: proofTokens } : base.config;
      const proof = await mergeProof({ device, config: small, ...tuned, merged, adapter, quantised, texts: probe, signal });
      if (quantised) disposeTree(quantised);

      if (adapter) await writeAdapter(output, base.config, adapter, inputs.base.id);
      if (result === "merged") await around.writeModel(output, { ...base, parameters: merged }, inputs.base, text);
      await output.write("metrics.jsonl", tuned.points.map(metricLine).join(""));
      const { steps, stoppedEarly, history, best } = tuned;
      const told = { base: inputs.base.id, examples: inputs.examples.id, recipe, ...o, steps, stoppedEarly, history, best };
      await output.write(
        "tuning.json",
        `${JSON.stringify({ ...told, proof: { ...proof, ...(around.quantised ? { form: around.quantised.form } : {}) } }, null, 2)}\n`,
      );
      const chosen = history[best];
      return {
        name,
        base: inputs.base.id,
        method: nameOfMethod(recipe.method),
        parameters: countParameters(decoderSpec(base.config)),
        trained: countParameters(tuned.tuning.specs),
        examples: train.encoded.length,
        trainedTokens: countTrained(train.encoded),
        validation: validation.encoded.length,
        ...leftOut(train, validation),
        steps,
        stoppedEarly,
        ...(chosen ? { baseLoss: round(history[0]!.loss), validationLoss: round(chosen.loss), bestStep: chosen.step } : {}),
        ...proofSummary(proof, around.quantised?.form),
        seconds: Math.round(tuned.totalMs / 1000),
      };
    },
  });

const isAdaptable = ({ tuning }: Tuned): boolean =>
  Object.keys(tuning.specs).every(path => tuning.changes.get(path)?.kind === "linear" && path.startsWith("blocks."));

function checkLength(o: Pick<ExampleOptions, "length">, config: DecoderConfig, place: string): void {
  if (o.length > config.context)
    throw tuneErrors.fail("example", {
      place: "length",
      expected: `at most ${config.context} tokens, the context of ${place}`,
      received: String(o.length),
    });
}

interface Counted {
  readonly problems: readonly unknown[];
  readonly tooLong: number;
  readonly cut: number;
}
/** What was left out or cut, told where there is any. */
function leftOut(...parts: readonly Counted[]): Record<string, number> {
  const count = (of: (p: Counted) => number) => parts.reduce((n, p) => n + of(p), 0);
  const all = { skipped: count(p => p.problems.length), tooLong: count(p => p.tooLong), cut: count(p => p.cut) };
  return Object.fromEntries(Object.entries(all).filter(([, n]) => n > 0));
}

const proofSummary = (p: MergeProof, form: string | undefined): Record<string, string | number> => ({
  mergedDelta: round(p.merged),
  ...(p.quantised === undefined ? {} : { quantisedDelta: round(p.quantised), quantisedForm: form ?? "" }),
});

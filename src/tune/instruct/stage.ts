/**
 * Tuning on examples as a stage, whatever is learnt from them: base and examples make a model (`merged`), or an adapter beside the base. What is
 * written holds the recipe, the history and the proof of the merge. What is learnt is a row: instructions here, preferences in their folder.
 */
import { join } from "node:path";
import { z } from "zod";
import { hashOf, type LoamError, type Tree, treeLeaves } from "../../base/index.ts";
import {
  countParameters,
  type DecoderConfig,
  type DecoderParameters,
  type DecoderSpec,
  decoderSpec,
  disposeTree,
  loadModel,
  type Model,
  weightsDigest,
  writeAdapter,
} from "../../nn/index.ts";
import { type ArtifactReader, type ArtifactWriter, type Stage, stage } from "../../store/index.ts";
import { bytesOf, type Device, type DeviceArray } from "../../tensor/index.ts";
import { keyOptionsOfRecipe, metricLine, metricsFile, withoutHabits } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import type { Fitted } from "../fit.ts";
import {
  adapterOfTuning,
  disposeTuned,
  givenBackOnFailure,
  type MergeProof,
  type Method,
  mergedModel,
  mergeProof,
  nameOfMethod,
  type Tuning,
  tuningOf,
} from "../methods/index.ts";
import { checkpointWriter } from "./checkpoint-files.ts";
import { type EncodeExampleOptions, encodeExamples, type TuneText } from "./encode.ts";
import { placedExamples } from "./examples-stage.ts";
import { exampleOptions, instructFitOptions, type resultKinds } from "./options.ts";
import { throwProblems } from "./read.ts";
import type { Encodings, ExampleTask } from "./task.ts";
import { tuneInstruct } from "./tune.ts";

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
  /** The merged model in the form that is usually served, for the proof; none of a model that cannot have it. */
  readonly quantised?: {
    readonly form: string;
    of(config: DecoderConfig, parameters: DecoderParameters, text: TuneText, device: Device): Promise<DecoderParameters | undefined>;
  };
  /** A folder for TensorBoard's event files, one folder a run in it. */
  readonly eventsFolder?: string | undefined;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
}

/** The part of every recipe that the stage itself reads. */
interface CommonRecipe {
  readonly method: Method;
  readonly checkpointSeconds: number;
  readonly logEvery: number;
  readonly checkpoints?: number | undefined;
}

/** Sequences and tokens of each that the proof is made on. */
const proofTexts = 4;
const proofTokens = 256;

/** What arrays of a tree take in memory. */
const bytesIn = (tree: unknown): number =>
  treeLeaves<DeviceArray>(tree as Tree<DeviceArray>).reduce((n, a) => n + bytesOf(a.shape, a.dtype), 0);
const round = (x: number): number => Number(x.toPrecision(6));

const optionsOf = <S extends z.ZodType>(recipe: S) =>
  z.strictObject({
    name: z.string(),
    answers: exampleOptions.shape.answers,
    long: exampleOptions.shape.long,
    bad: exampleOptions.shape.bad,
    length: exampleOptions.shape.length,
    recipe,
  });

/** Base and examples to a model (`merged`) or to an adapter beside the base (`adapter`). */
export const exampleStage = <T, S extends z.ZodType>(
  task: ExampleTask<T, S>,
  around: InstructSurroundings,
  result: (typeof resultKinds)[number],
): Stage<"base" | "examples", ReturnType<typeof optionsOf<S>>> =>
  stage({
    name: `tune-${task.name}-${result}`,
    version: 2,
    inputs: { base: "model", examples: "examples", ...task.inputs },
    options: optionsOf(task.recipe),
    keyOptions: options => keyOptionsOfRecipe(options as { recipe: object }),
    output: result === "adapter" ? "adapter" : "model",
    async run({ inputs: { base: from, examples, ...more }, options, output, runData, progress, signal, scratch }) {
      const {
        name,
        recipe: given,
        ...o
      } = options as { name: string; recipe: unknown } & Required<EncodeExampleOptions> & { bad: "refuse" | "skip" };
      const recipe = given as z.output<S> & CommonRecipe;
      const text = await around.textOf(from);
      const encode = async (side: "train" | "validation") => {
        progress({ stage: "tune", message: `reading ${side} examples` });
        const found = task.encode(text, await placedExamples(examples, side), o);
        if (o.bad === "refuse") throwProblems(found.problems, `${examples.id}/${side}`);
        return found;
      };
      const [train, validation] = [await encode("train"), await encode("validation")];
      const device = around.device();
      const base = await decoderOf(from, device);
      const lasting = withoutHabits(recipe);
      const others = Object.fromEntries(Object.entries<ArtifactReader>(more).map(([key, a]) => [key, a.digest]));
      const identity = hashOf({ base: from.digest, examples: examples.digest, ...others, ...o, recipe: lasting } as never);
      const isRotary = base.config.positions === "rotary";
      const fullBytes = bytesIn(base.parameters);
      const tuned = await givenBackOnFailure([base.parameters], async () => {
        checkFits(o.length, base.config, from.id);
        const isAdapter = givesAdapter(tuningOf(recipe.method, decoderSpec(base.config)));
        if (result === "adapter" && !isAdapter)
          throw tuneErrors.fail("method", {
            place: "result",
            expected: "lora, rslora or qlora on projections of blocks for an adapter",
            received: nameOfMethod(recipe.method),
            hint: "Use `result: merged`.",
          });
        if (recipe.checkpoints !== undefined && !isAdapter)
          throw tuneErrors.fail("method", {
            place: "checkpoints",
            expected: "lora, rslora or qlora on projections of blocks, whose checkpoints are small",
            received: nameOfMethod(recipe.method),
          });
        return task.tune({
          device,
          // tables of positions for the tokens that are trained on, and no more
          config: isRotary ? { ...base.config, context: Math.min(base.config.context, o.length) } : base.config,
          parameters: base.parameters,
          recipe: { ...recipe, length: o.length },
          train: train.encoded,
          validation: validation.encoded,
          text,
          inputs: more,
          identity,
          folder: scratch,
          eventsFolder: around.eventsFolder === undefined ? undefined : join(around.eventsFolder, `${name}-${identity.slice(0, 8)}`),
          progress,
          signal,
          onProblem: around.onProblem,
        });
      });
      /** What is on the device beside what was tuned. */
      const held: unknown[] = [];
      try {
        const heldBytes = bytesIn(tuned.frozen);
        progress({ stage: "tune", message: "measuring what the merge changes" });
        const merged = (await mergedModel(tuned.tuning, tuned.frozen, tuned.trainable, device)) as DecoderParameters;
        held.push(merged);
        const adapter = givesAdapter(tuned.tuning) ? await adapterOfTuning(base.config, tuned.tuning, tuned.trainable) : undefined;
        // an adapter of a base in 4 bits is served beside the full one: what that changes is measured too
        const whole = adapter && tuned.tuning.method === "qlora" ? (await decoderOf(from, device)).parameters : undefined;
        if (whole) held.push(whole);
        const quantised = around.quantised && (await around.quantised.of(base.config, merged, text, device));
        if (quantised) held.push(quantised);
        const proof = await mergeProof({
          device,
          config: isRotary ? { ...base.config, context: Math.min(base.config.context, proofTokens) } : base.config,
          ...tuned,
          merged,
          adapter,
          quantised,
          base: whole,
          texts: (validation.encoded.length > 0 ? validation : train).encoded
            .slice(0, proofTexts)
            .map(e => task.idsOf(e).slice(0, proofTokens)),
          signal,
        });
        for (const tree of [quantised, whole]) if (tree) disposeTree(tree);

        if (adapter) await writeAdapter(output, base.config, adapter, from.id, weightsDigest(from.files));
        for (const { step, parameters } of tuned.kept) {
          const kept = await adapterOfTuning(base.config, tuned.tuning, parameters);
          await writeAdapter(checkpointWriter(output, step), base.config, kept, from.id, weightsDigest(from.files));
        }
        if (result === "merged") await around.writeModel(output, { ...base, parameters: merged }, from, text);
        runData.write(metricsFile, tuned.points.map(metricLine).join(""));
        const { steps, stoppedEarly, history, best } = tuned;
        const told = { base: from.id, examples: examples.id, ...idsOf(more), recipe: lasting, ...o, steps, stoppedEarly, history, best };
        const checkpoints = tuned.kept.length > 0 ? { checkpoints: tuned.kept.map(k => k.step) } : {};
        const form = quantised && around.quantised?.form;
        await output.write(
          "tuning.json",
          `${JSON.stringify({ ...told, ...checkpoints, proof: { ...proof, ...(form ? { form } : {}) } }, null, 2)}\n`,
        );
        return {
          name,
          base: from.id,
          method: nameOfMethod(recipe.method),
          parameters: countParameters(decoderSpec(base.config)),
          trained: countParameters(tuned.tuning.specs),
          examples: train.encoded.length,
          trainedTokens: train.encoded.reduce((n, e) => n + task.trainedOf(e), 0),
          validation: validation.encoded.length,
          ...leftOut(train, validation),
          steps,
          stoppedEarly,
          ...checkpoints,
          ...chosenOf(tuned),
          ...proofSummary(proof, form),
          ...(heldBytes < fullBytes && tuned.tuning.method === "qlora" ? { fullBytes, heldBytes } : {}),
          seconds: Math.round(tuned.totalMs / 1000),
        };
      } finally {
        disposeTuned(tuned);
        for (const tree of [...held, ...tuned.kept.map(k => k.parameters)]) disposeTree(tree);
      }
    },
  });

export async function decoderOf(base: ArtifactReader, device: Device): Promise<Extract<Model, { family: "decoder" }>> {
  const model = await loadModel(base, device);
  if (model.family === "decoder") return model;
  disposeTree(model.parameters);
  throw tuneErrors.fail("base", {
    place: base.id,
    expected: "a decoder, which continues texts",
    received: `a model of family "${model.family}"`,
  });
}

/** Is all that a method trains something that an adapter holds? */
const givesAdapter = ({ method, specs, changes }: Tuning<DecoderSpec>): boolean =>
  (method === "lora" || method === "rslora" || method === "qlora") &&
  Object.keys(specs).every(path => changes.get(path)?.kind === "linear" && path.startsWith("blocks."));

function checkFits(length: number, config: DecoderConfig, place: string): void {
  if (length > config.context)
    throw tuneErrors.fail("example", {
      place: "length",
      expected: `at most ${config.context} tokens, the context of ${place}`,
      received: String(length),
    });
}

const idsOf = (inputs: Readonly<Record<string, ArtifactReader>>): Record<string, string> =>
  Object.fromEntries(Object.entries(inputs).map(([key, a]) => [key, a.id]));

/** What was left out or cut, told where there is any. */
function leftOut(...parts: readonly Encodings<unknown>[]): Record<string, number> {
  const count = (of: (p: Encodings<unknown>) => number) => parts.reduce((n, p) => n + of(p), 0);
  const all = { skipped: count(p => p.problems.length), tooLong: count(p => p.tooLong), cut: count(p => p.cut) };
  return Object.fromEntries(Object.entries(all).filter(([, n]) => n > 0));
}

/** The judgement that was chosen beside that of the base. */
function chosenOf({ history, best }: Fitted): Record<string, number> {
  const [first, chosen] = [history[0], history[best]];
  if (!first || !chosen) return {};
  const { loss, step, ...measures } = chosen;
  const others = Object.entries(measures).map(([key, x]) => [`validation${key[0]!.toUpperCase()}${key.slice(1)}`, round(x)]);
  return { baseLoss: round(first.loss), validationLoss: round(loss), ...Object.fromEntries(others), bestStep: step };
}

const proofSummary = (p: MergeProof, form: string | undefined): Record<string, string | number> => ({
  mergedDelta: round(p.merged),
  ...(p.besideBase === undefined ? {} : { besideBaseDelta: round(p.besideBase) }),
  ...(p.quantised === undefined ? {} : { quantisedDelta: round(p.quantised), quantisedForm: form ?? "" }),
});

/** Answers to instructions. */
export const instructStage = (around: InstructSurroundings, result: (typeof resultKinds)[number]) =>
  exampleStage(
    {
      name: "instruct",
      recipe: instructFitOptions,
      encode: encodeExamples,
      tune: tuneInstruct,
      idsOf: e => e.ids,
      trainedOf: e => e.trained.reduce((n, t) => n + t, 0),
    },
    around,
    result,
  );

/**
 * Tuning on examples as a stage, whatever is learnt from them: base and examples make a model (`merged`), or an adapter beside the base. What is
 * written holds the recipe, the history and the proof of the merge. What is learnt is a row: instructions here, preferences in their folder.
 */
import type { z } from "zod";
import { type Tree, treeLeaves } from "../../base/index.ts";
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
import type { ArtifactReader, ArtifactWriter } from "../../store/index.ts";
import { bytesOf, type Device, type DeviceArray } from "../../tensor/index.ts";
import { checkpointWriter } from "../checkpoint-files.ts";
import { tuneErrors } from "../errors.ts";
import type { Fitted } from "../fit.ts";
import {
  adapterOfTuning,
  type MergeProof,
  type Method,
  mergedModel,
  mergeProof,
  nameOfMethod,
  type Tuning,
  tuningOf,
} from "../methods/index.ts";
import { type StageSurroundings, tuningOptions, tuningStage } from "../tune-stage.ts";
import { encodeExamples, type TuneText } from "./encode.ts";
import { placedExamples } from "./examples-stage.ts";
import { exampleOptions, instructRecipe, type resultKinds } from "./options.ts";
import { throwProblems } from "./read.ts";
import type { Encodings, ExampleTask, FittedDecoder } from "./task.ts";
import { tuneInstruct } from "./tune.ts";

/** A model's text as tuning needs it, and as a model's files carry it on. */
export interface BaseText extends TuneText {
  /** Source of the template, which the result is told too. */
  readonly template?: string | undefined;
}

/** What tuning needs that is not part of the result. */
export interface InstructSurroundings extends StageSurroundings {
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

const { answers, long, bad, length } = exampleOptions.shape;

/** Base and examples to a model (`merged`) or to an adapter beside the base (`adapter`). */
export function exampleStage<T, S extends z.ZodType<CommonRecipe>>(
  task: ExampleTask<T, S>,
  around: InstructSurroundings,
  result: (typeof resultKinds)[number],
) {
  return tuningStage(around, {
    name: `tune-${task.name}-${result}`,
    version: 3,
    inputs: { base: "model", examples: "examples", ...task.inputs },
    options: tuningOptions(task.recipe, { answers, long, bad, length }),
    output: result === "adapter" ? "adapter" : "model",
    async open({ inputs: { base: from, examples, ...more }, options: { name, recipe, ...o }, output, progress, signal }) {
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
      const fullBytes = bytesIn(base.parameters);
      return {
        device,
        parameters: base.parameters,
        identity: o,
        async fit(run) {
          checkFits(o.length, base.config, from.id);
          checkMethod(recipe, base.config, result);
          return task.tune({
            ...run,
            // tables of positions for the tokens that are trained on, and no more
            config: withContext(base.config, o.length),
            parameters: base.parameters,
            recipe: { ...recipe, length: o.length },
            train: train.encoded,
            validation: validation.encoded,
            text,
            inputs: more,
          });
        },
        async write(tuned, lasting, held) {
          const heldBytes = bytesIn(tuned.frozen);
          const probe = (validation.encoded.length > 0 ? validation : train).encoded
            .slice(0, proofTexts)
            .map(e => task.idsOf(e).slice(0, proofTokens));
          const { merged, adapter, proof, form } = await proven(around, { from, base, text, tuned, device, probe, signal }, held);
          if (adapter) await writeAdapter(output, base.config, adapter, from.id, weightsDigest(from.files));
          for (const { step, parameters } of tuned.kept) {
            const kept = await adapterOfTuning(base.config, tuned.tuning, parameters);
            await writeAdapter(checkpointWriter(output, step), base.config, kept, from.id, weightsDigest(from.files));
          }
          if (result === "merged") await around.writeModel(output, { ...base, parameters: merged }, from, text);
          const { steps, stoppedEarly, history, best } = tuned;
          const told = { base: from.id, examples: examples.id, ...idsOf(more), recipe: lasting, ...o, steps, stoppedEarly, history, best };
          const checkpoints = tuned.kept.length > 0 ? { checkpoints: tuned.kept.map(k => k.step) } : {};
          return {
            tuning: { ...told, ...checkpoints, proof: { ...proof, ...(form ? { form } : {}) } },
            summary: {
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
            },
          };
        },
      };
    },
  });
}

/** Tables of rotary positions for so many tokens, and no more. */
const withContext = (config: DecoderConfig, tokens: number): DecoderConfig =>
  config.positions === "rotary" ? { ...config, context: Math.min(config.context, tokens) } : config;

/** Errors: tune/method where an adapter is asked for, and the method gives none. */
function checkMethod({ method, checkpoints }: CommonRecipe, config: DecoderConfig, result: (typeof resultKinds)[number]): void {
  if (givesAdapter(tuningOf(method, decoderSpec(config)))) return;
  const received = nameOfMethod(method);
  if (result === "adapter")
    throw tuneErrors.fail("method", {
      place: "result",
      expected: "lora, rslora or qlora on projections of blocks for an adapter",
      received,
      hint: "Use `result: merged`.",
    });
  if (checkpoints !== undefined)
    throw tuneErrors.fail("method", {
      place: "checkpoints",
      expected: "lora, rslora or qlora on projections of blocks, whose checkpoints are small",
      received,
    });
}

interface ProvenGiven {
  readonly from: ArtifactReader;
  readonly base: Extract<Model, { family: "decoder" }>;
  readonly text: BaseText;
  readonly tuned: FittedDecoder;
  readonly device: Device;
  /** Tokens of the texts to prove the merge on. */
  readonly probe: readonly Uint32Array[];
  readonly signal: AbortSignal;
}
/** The merged model, the adapter where the method gives one, and what merging and quantising change. */
async function proven(around: InstructSurroundings, { from, base, text, tuned, device, probe, signal }: ProvenGiven, held: unknown[]) {
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
    config: withContext(base.config, proofTokens),
    ...tuned,
    merged,
    adapter,
    quantised,
    base: whole,
    texts: probe,
    signal,
  });
  for (const tree of [quantised, whole]) if (tree) disposeTree(tree);
  return { merged, adapter, proof, form: quantised && around.quantised?.form };
}

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
      recipe: instructRecipe,
      encode: encodeExamples,
      tune: tuneInstruct,
      idsOf: e => e.ids,
      trainedOf: e => e.trained.reduce((n, t) => n + t, 0),
    },
    around,
    result,
  );

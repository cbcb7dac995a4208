/** The links of a model that is tuned on examples: its file of them, then base and examples to a model or an adapter. */
import { join } from "node:path";
import type { z } from "zod";
import { environment, formatBytes, formatCount, isLoamError, type LoamError } from "../../base/index.ts";
import type { DecoderConfig, DecoderParameters } from "../../nn/index.ts";
import type { Summary } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import {
  checkpointStage,
  distillEndpointStage,
  distillStage,
  documentExamplesStage,
  type EndpointSurroundings,
  type EndpointTeacherOptions,
  examplesFile,
  examplesStage,
  type InstructSurroundings,
  instructStage,
  preferenceStage,
  ratingStage,
  type TuneText,
} from "../../tune/index.ts";
import { dataSetOf, type TunedModel } from "../../tune/part.ts";
import { n } from "../data-links.ts";
import { cliErrors } from "../errors.ts";
import { type Link, link } from "../link.ts";
import { quantisedParameters } from "../models/quantised.ts";
import type { ProjectFile } from "../project-file.ts";
import { baseText, writeTuned } from "./base-text.ts";
import { few } from "./proof-text.ts";

/** The form that the proof of the merge quantises to. */
const form = "int8";
const quantised: NonNullable<InstructSurroundings["quantised"]> = {
  form,
  async of(config: DecoderConfig, parameters: DecoderParameters, { tokenizer }: TuneText, device: Device) {
    try {
      return await quantisedParameters({ config, parameters, tokenizer: tokenizer as never }, device, form);
    } catch (error) {
      // a width that blocks do not divide: the model is tuned all the same, and never served in this form
      if (!isLoamError(error, "nn/config")) throw error;
      return undefined;
    }
  },
};

/** What became of it, and what the merge changed. */
function describe(s: Summary): string {
  const loss =
    s.validationLoss === undefined ? "" : `, validation loss ${n(s, "baseLoss").toFixed(3)} -> ${n(s, "validationLoss").toFixed(3)}`;
  const beside = s.besideBaseDelta === undefined ? "" : `, by ${few(n(s, "besideBaseDelta"))} beside the full base`;
  const held =
    s.heldBytes === undefined ? "" : `; the base took ${formatBytes(n(s, "heldBytes"))} instead of ${formatBytes(n(s, "fullBytes"))}`;
  const rounded = s.quantisedDelta === undefined ? "" : `, by ${few(n(s, "quantisedDelta"))} in ${s.quantisedForm}`;
  return `${formatCount(n(s, "examples"))} examples, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained${loss}; merging moves logits by at most ${few(n(s, "mergedDelta"))}${beside}${rounded}${held}`;
}

export type OnExamples = Extract<TunedModel["tune"], { task: "instruct" | "preference" | "distill" }>;
/** What tuning needs of where it runs. */
export interface Around {
  readonly device: () => Device;
  readonly onProblem: (problem: LoamError) => void;
}

/** What a file or a data set gave. */
const toldExamples = (s: Summary): string =>
  `${formatCount(n(s, "train"))} examples (${s.format}) to train on, ${formatCount(n(s, "validation"))} to select by${s.heldOut ? `, ${formatCount(n(s, "heldOut"))} held out` : ""}${s.skipped ? `; ${formatCount(n(s, "skipped"))} left out` : ""}`;

/** What reads a recipe's examples, and what it is told: the documents of a data set, or a file. */
export type ExampleSource = { readonly label: string } & (
  | {
      readonly documents: string;
      readonly definition: typeof documentExamplesStage;
      options(): z.input<(typeof documentExamplesStage)["options"]>;
    }
  | {
      readonly documents?: undefined;
      readonly definition: ReturnType<typeof examplesStage>;
      options(): Promise<z.input<ReturnType<typeof examplesStage>["options"]>>;
    }
);

export function exampleSource(p: ProjectFile, name: string, tune: OnExamples): ExampleSource {
  const { on, validationFile, format, columns, bad, validation, heldOut, sample, seed, allowCrossing } = tune;
  const label = `examples/${name}`;
  const common = {
    ...(format === undefined ? {} : { format }),
    ...(columns === undefined ? {} : { columns }),
    ...(sample === undefined ? {} : { sample }),
    bad,
    validation,
    seed,
  };
  const documents = dataSetOf(tune);
  if (documents !== undefined) {
    const split = p.config.data[documents]?.split;
    const isOwn = typeof validation !== "number" || (split !== undefined && typeof split.heldOut !== "number");
    const crossing = isOwn ? { allowCrossing } : {};
    return { label, documents, definition: documentExamplesStage, options: () => ({ name: documents, ...common, ...crossing }) };
  }
  return {
    label,
    definition: examplesStage({ folder: p.folder }),
    options: async () => ({
      file: await examplesFile(p.folder, on),
      ...(validationFile === undefined ? {} : { validationFile: await examplesFile(p.folder, validationFile) }),
      ...common,
      ...(heldOut === undefined ? {} : { heldOut }),
      allowCrossing,
    }),
  };
}

/** The examples, of a file or of a data set, and the stage that learns from them. */
function exampleLinks(
  p: ProjectFile,
  name: string,
  base: string,
  tune: OnExamples,
  tuning: { readonly definition: { readonly name: string }; readonly options: object; readonly inputs?: Readonly<Record<string, string>> },
): Link[] {
  const source = exampleSource(p, name, tune);
  const examples = source.label;
  const common = { stage: "data", label: examples, describe: toldExamples } as const;
  return [
    source.documents === undefined
      ? link({ ...common, inputs: {}, definition: source.definition, options: source.options })
      : link({ ...common, inputs: { documents: `data/${source.documents}` }, definition: source.definition, options: source.options }),
    link({
      stage: "tune",
      label: name,
      inputs: { base, examples, ...tuning.inputs },
      definition: tuning.definition as ReturnType<typeof instructStage>,
      options: () => tuning.options as never,
      describe,
    }),
  ];
}

/** What tuning on examples needs of where it runs, without a place for TensorBoard's files. */
export const exampleSurroundings = ({ device, onProblem }: Around): InstructSurroundings => ({
  device,
  textOf: baseText,
  writeModel: writeTuned,
  quantised,
  onProblem,
});

const aroundOf = (p: ProjectFile, around: Around): InstructSurroundings => ({
  ...exampleSurroundings(around),
  eventsFolder: join(p.folder, ".loam", "tensorboard"),
});

/** What is said of the tuning itself, not of where its examples come from. */
function withoutData<T extends OnExamples>(tune: T) {
  const {
    task: _task,
    on: _on,
    validationFile: _file,
    format: _format,
    columns: _columns,
    validation: _validation,
    heldOut: _heldOut,
    sample: _sample,
    allowCrossing: _crossing,
    ...rest
  } = tune;
  return rest;
}

export function instructLinks(
  p: ProjectFile,
  name: string,
  base: string,
  tune: Extract<OnExamples, { task: "instruct" }>,
  around: Around,
): Link[] {
  const { result, bad, long, answers, length, ...recipe } = withoutData(tune);
  const definition = instructStage(aroundOf(p, around), result ?? "merged");
  return exampleLinks(p, name, base, tune, { definition, options: { name, answers, long, bad, length, recipe } });
}

/** The model of a step that a tuning has kept. */
export const checkpointLink = (p: ProjectFile, name: string, base: string, tuned: string, step: number, around: Around): Link =>
  link({
    stage: "tune",
    label: name,
    inputs: { base, tuned },
    definition: checkpointStage(aroundOf(p, around)),
    options: () => ({ name, step }),
    describe: s => `step ${n(s, "step")} of ${tuned}`,
  });

/** How a teacher behind an endpoint is reached; its answers are kept beside those of evaluations. Errors: cli/usage for a key that is not set. */
export const reachOf = (
  p: ProjectFile,
  name: string,
  { key, concurrency, requestsPerMinute }: EndpointTeacherOptions,
): EndpointSurroundings => ({
  answersFolder: join(p.folder, ".loam", "teachers"),
  connection() {
    const value = key === undefined ? undefined : environment()[key];
    if (key !== undefined && !value)
      throw cliErrors.fail("usage", {
        place: `models.${name}.tune.teacher.key`,
        expected: `the teacher's key in the variable ${key}`,
        received: "none",
        hint: `export ${key}=...`,
      });
    return { key: value, concurrency, requestsPerMinute };
  },
});

export function distillLinks(
  p: ProjectFile,
  name: string,
  base: string,
  tune: Extract<OnExamples, { task: "distill" }>,
  around: Around,
): Link[] {
  const { result = "merged", bad, long, answers, length, teacher, ...recipe } = withoutData(tune);
  const options = { name, answers, long, bad, length };
  if (typeof teacher === "string")
    return exampleLinks(p, name, base, tune, {
      definition: distillStage(aroundOf(p, around), result),
      options: { ...options, recipe },
      inputs: { teacher },
    });
  const { endpoint, model, topLogprobs } = teacher;
  const { temperature: _, ...rest } = recipe;
  return exampleLinks(p, name, base, tune, {
    definition: distillEndpointStage(aroundOf(p, around), reachOf(p, name, teacher), result),
    options: { ...options, recipe: { ...rest, teacher: { endpoint, model, topLogprobs } } },
  });
}

export function preferenceLinks(
  p: ProjectFile,
  name: string,
  base: string,
  tune: Extract<OnExamples, { task: "preference" }>,
  around: Around,
): Link[] {
  const { result, bad, long, length, ...recipe } = withoutData(tune);
  const stageOf = recipe.loss === "kto" ? ratingStage : preferenceStage;
  const definition = stageOf(aroundOf(p, around), result ?? "merged");
  return exampleLinks(p, name, base, tune, { definition, options: { name, answers: "all", long, bad, length, recipe } });
}

/** The links of an instruction-tuned model: its file of examples, then base and examples to a model or an adapter. */
import { join } from "node:path";
import { formatCount, type LoamError } from "../../base/index.ts";
import type { DecoderConfig, DecoderParameters } from "../../nn/index.ts";
import type { Summary } from "../../store/index.ts";
import type { Device } from "../../tensor/index.ts";
import { examplesFile, examplesStage, type InstructSurroundings, instructStage, type TuneText } from "../../tune/index.ts";
import { n } from "../data-links.ts";
import { type Link, link } from "../link.ts";
import { quantisedParameters } from "../models/quantised.ts";
import type { Project } from "../project.ts";
import { baseText, writeTuned } from "./base-text.ts";
import type { TunedModel } from "./tune-part.ts";

type Instruct = Extract<TunedModel["tune"], { task: "instruct" }>;

/** The form that the proof of the merge quantises to. */
const form = "int8";
const quantised: NonNullable<InstructSurroundings["quantised"]> = {
  form,
  of: (config: DecoderConfig, parameters: DecoderParameters, { tokenizer }: TuneText, device: Device) =>
    quantisedParameters({ config, parameters, tokenizer: tokenizer as never }, device, form),
};

const few = (x: number): string => (x === 0 ? "0" : x >= 0.01 ? x.toFixed(2) : x.toExponential(1));

/** What became of it, and what the merge changed. */
function describe(s: Summary): string {
  const loss =
    s.validationLoss === undefined ? "" : `, validation loss ${n(s, "baseLoss").toFixed(3)} -> ${n(s, "validationLoss").toFixed(3)}`;
  const rounded = s.quantisedDelta === undefined ? "" : `, by ${few(n(s, "quantisedDelta"))} in ${s.quantisedForm}`;
  return `${formatCount(n(s, "examples"))} examples, ${formatCount(n(s, "trained"))} of ${formatCount(n(s, "parameters"))} parameters trained${loss}; merging moves logits by at most ${few(n(s, "mergedDelta"))}${rounded}`;
}

export function instructLinks(
  p: Project,
  name: string,
  base: string,
  { task: _, on, validationFile, result, ...recipe }: Instruct,
  { device, onProblem }: { readonly device: () => Device; readonly onProblem: (problem: LoamError) => void },
): Link[] {
  const { format, columns, bad, long, answers, length, validation, seed, allowCrossing, ...fit } = recipe;
  const examples = `examples/${name}`;
  const around: InstructSurroundings = {
    device,
    textOf: baseText,
    writeModel: writeTuned,
    quantised,
    onProblem,
    eventsFolder: join(p.folder, ".loam", "tensorboard"),
  };
  return [
    link({
      stage: "data",
      label: examples,
      inputs: {},
      definition: examplesStage({ folder: p.folder }),
      options: async () => ({
        file: await examplesFile(p.folder, on),
        ...(validationFile === undefined ? {} : { validationFile: await examplesFile(p.folder, validationFile) }),
        ...(format === undefined ? {} : { format }),
        ...(columns === undefined ? {} : { columns }),
        bad,
        validation,
        seed,
        allowCrossing,
      }),
      describe: s =>
        `${formatCount(n(s, "train"))} examples (${s.format}) to train on, ${formatCount(n(s, "validation"))} to select by${s.skipped ? `; ${formatCount(n(s, "skipped"))} left out` : ""}`,
    }),
    link({
      stage: "tune",
      label: name,
      inputs: { base, examples },
      definition: instructStage(around, result ?? "merged"),
      options: () => ({ name, answers, long, bad, length, recipe: { ...fit, seed } }),
      describe,
    }),
  ];
}

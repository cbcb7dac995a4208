/** The stage of a tuning that trains a head over texts' states: a model and documents in, a model artifact out (weights, tokenizer, recipe, validation). */
import type { z } from "zod";
import { countParameters, type FilesWriter, type Model, specOfModel, writeModelFiles } from "../../nn/index.ts";
import type { ArtifactReader, Summary } from "../../store/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import { checkpointWriter } from "../checkpoint-files.ts";
import { mergedModel, nameOfMethod, type ProvenOutput, textProofSummary } from "../methods/index.ts";
import { leavesOf } from "../methods/paths.ts";
import { tuningOptions, tuningStage } from "../tune-stage.ts";
import { trainedOfModel } from "./adversary.ts";
import type { FittedHead, HeadRecipe, HeadRun, HeadTexts } from "./fit.ts";
import { headProof } from "./head-proof.ts";
import { openBase, type TuneSurroundings } from "./open-base.ts";
import { headTexts } from "./tokens.ts";

/** What documents give: what trains, what selects, and how many say nothing of what is learnt. */
interface HeadParts<E> {
  readonly train: readonly E[];
  readonly validation: readonly E[];
  readonly leftOut: number;
}

/** What is told of a head that was trained. */
interface HeadTold {
  /** The model as it is written, where something of its configuration follows from what it was trained to. */
  readonly model?: Model;
  /** What `tuning.json` says of the parts and of what was learnt from them. */
  readonly tuning: object;
  /** In the summary, behind the number of texts. */
  readonly counts?: Summary;
  /** In the summary, of the chosen values. */
  readonly scores: Summary;
  /** Files beside the model's, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

type Example = { readonly id: string; readonly text: string };
/** A head by which a kind tells something of a text. */
interface HeadTuning<
  S extends z.ZodType<HeadRecipe & { readonly length: number }>,
  P extends HeadParts<Example>,
  T extends HeadTexts,
  F extends Omit<FittedHead, "best" | "history" | "outputs">,
> {
  /** Of the stage: `tune-NAME`. */
  readonly name: string;
  readonly version: number;
  readonly recipe: S;
  readonly output: Exclude<ProvenOutput, "vector">;
  /** Refuses what cannot be learnt, or reported on, before anything is trained. */
  read(documents: ArtifactReader, recipe: z.output<S>): Promise<P>;
  /** Tokens with what is right of each text. */
  texts(tokens: HeadTexts, examples: P["train"]): T;
  fit(run: HeadRun<T, z.output<S>>, parts: P): Promise<F & { readonly best: unknown; readonly history: readonly object[] }>;
  tell(tuned: F & { readonly best: unknown; readonly history: readonly object[] }, parts: P): HeadTold;
}

/** A kept checkpoint as a whole model; arrays that only the merge made are given back. */
async function writeCheckpoint(
  output: FilesWriter,
  model: Model,
  { tuning, frozen, parameters }: Pick<FittedHead, "tuning" | "frozen"> & { readonly parameters: FittedHead["trainable"] },
  device: Device,
): Promise<void> {
  const merged = await mergedModel(tuning, frozen, trainedOfModel(parameters), device);
  const others = new Set(leavesOf<DeviceArray>([frozen, parameters]).values());
  try {
    await writeModelFiles(output, { ...model, parameters: merged } as Model);
  } finally {
    for (const array of leavesOf<DeviceArray>(merged).values()) if (!others.has(array)) array.dispose();
  }
}

/** Errors: tune/base, and those of reading and training. */
export function headStage<
  S extends z.ZodType<HeadRecipe & { readonly length: number }>,
  P extends HeadParts<Example>,
  T extends HeadTexts,
  F extends Omit<FittedHead, "best" | "history" | "outputs">,
>(head: HeadTuning<S, P, T, F>, around: TuneSurroundings) {
  return tuningStage(around, {
    name: `tune-${head.name}`,
    version: head.version,
    inputs: { base: "model", documents: "documents" },
    options: tuningOptions(head.recipe),
    output: "model",
    async open({ inputs, options: { name, recipe }, output, progress, signal }) {
      progress({ stage: "tune", message: "reading texts" });
      const parts = await head.read(inputs.documents, recipe);
      const { device, tokenizer, base, longest } = await openBase(around, inputs.base, recipe.length);
      const textsOf = async (part: P["train"]) => head.texts(await headTexts(tokenizer, part, longest, signal), part);
      const validation = await textsOf(parts.validation);
      return {
        device,
        parameters: base.parameters,
        fit: async run => head.fit({ ...run, base, recipe, train: await textsOf(parts.train), validation, longest }, parts),
        async write(tuned, lasting, held) {
          held.push(tuned.model.parameters);
          const { tokens } = validation;
          const { model } = tuned;
          const proof = await headProof(around.served, device, { output: head.output, model, tuned, tokenizer, longest, tokens, signal });
          const told = head.tell(tuned, parts);
          await writeModelFiles(output, told.model ?? model);
          await output.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
          for (const { step, parameters } of tuned.kept)
            await writeCheckpoint(checkpointWriter(output, step), told.model ?? model, { ...tuned, parameters }, device);
          for (const [file, text] of Object.entries(told.files ?? {})) await output.write(file, text);
          const { steps, stoppedEarly, trained, best, history } = tuned;
          const checkpoints = tuned.kept.length > 0 ? { checkpoints: tuned.kept.map(k => k.step) } : {};
          return {
            tuning: {
              base: inputs.base.id,
              recipe: lasting,
              ...told.tuning,
              steps,
              stoppedEarly,
              ...checkpoints,
              trained,
              best,
              history,
              proof,
            },
            summary: {
              name,
              family: model.family,
              method: nameOfMethod(recipe.method),
              parameters: countParameters(specOfModel(model)),
              trained,
              texts: parts.train.length,
              ...told.counts,
              ...(parts.leftOut > 0 ? { leftOut: parts.leftOut } : {}),
              steps,
              stoppedEarly,
              ...told.scores,
              ...textProofSummary(proof),
            },
          };
        },
      };
    },
  });
}

/** What a version needs where it runs: how large its weights are in each form, the form that it is served in, and memory. */
import { type DeployedVersion, deployErrors, memoryPlan, type WeightsSize } from "../../deploy/index.ts";
import { checkModelFiles, type FilesReader, type GgufWritable, ggufWeightBytes, type ModelConfig } from "../../nn/index.ts";
import { type Quantisation, quantisationNames } from "../models/quantised.ts";
import { sizesOfModel } from "./served-sizes.ts";

/** Forms that weights can be stored in anew, by the name of the option. */
export const storedForms = { q8: "Q8_0", q4: "Q4_1" } as const satisfies Record<string, GgufWritable>;
export type StoredForm = keyof typeof storedForms;

interface ModelNeeds {
  readonly model: ModelConfig;
  /** As the version has them. */
  readonly weights: WeightsSize;
  /** Stored anew, smallest last; none where GGUF has no such architecture. */
  readonly others: readonly WeightsSize[];
  /** What serves it fastest from the start on, without measuring: a function has no time for that. */
  readonly form: Quantisation | "exact";
}

/** About, of a tokenizer in a GGUF file: a token, its type, and a merge. */
const bytesPerToken = 45;

/** Errors: those of the model's files. */
export async function modelNeeds(files: FilesReader, v: DeployedVersion): Promise<ModelNeeds> {
  const { model, quantised } = await checkModelFiles(files);
  const others = Object.entries(storedForms).flatMap(([form, as]) => {
    const bytes = model.family === "decoder" ? ggufWeightBytes(model, as) : undefined;
    return bytes === undefined ? [] : [{ form, sizeBytes: bytes + bytesPerToken * model.config.vocab }];
  });
  return {
    model,
    weights: { form: quantised ?? "as they are", sizeBytes: v.files.reduce((sum, f) => sum + f.sizeBytes, 0) },
    others,
    form: quantised === undefined || model.family !== "decoder" ? "exact" : "int8-blocks",
  };
}

const MiB = 1 << 20;

/** Megabytes that a server of it needs at its fullest moment. Errors: project/family. */
export function neededMb({ model }: ModelNeeds, form: Quantisation | "exact", slots: number, context: number, place: string): number {
  return Math.ceil(memoryPlan({ sizes: sizesOfModel(model, slots, context, place).sizes, form, slots }).totalBytes / MiB);
}

/** `exact` or a form that a decoder can be served in; `auto` measures, which takes longer than a start may. Errors: deploy/wish. */
export function servedFormOf(given: string | undefined, otherwise: Quantisation | "exact", place: string): Quantisation | "exact" {
  const forms = ["exact", ...quantisationNames] as const;
  const found = forms.find(f => f === (given ?? otherwise));
  if (found !== undefined) return found;
  throw deployErrors.fail("wish", { place, expected: `one of ${forms.join(", ")}`, received: JSON.stringify(given) });
}

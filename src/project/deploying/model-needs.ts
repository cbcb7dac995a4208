/** What a version needs where it runs: how large its weights are in each form, the form that it is served in, and memory. */
import { type DeployedVersion, deployErrors, type WeightsSize } from "../../deploy/index.ts";
import {
  checkModelFiles,
  countParameters,
  type FilesReader,
  type GgufWritable,
  ggufWeightBytes,
  type ModelConfig,
  specOfModel,
} from "../../nn/index.ts";
import { type Quantisation, quantisationNames } from "../models/quantised.ts";

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
/** Node, its heap, ONNX Runtime, Loam. */
const libraryBytes = 165 * MiB;
const heapBytesPerToken = 1000;
const programBytesPerLayer = 1.1 * MiB;
/** While weights are loaded, some of them are there twice. */
const loadingShare = 1.3;

/** Megabytes that a server of it needs, those of its start included. */
export function neededMb({ model }: ModelNeeds, slots: number, context: number | undefined): number {
  const { config } = model;
  const decoder = model.family === "decoder" ? model.config : undefined;
  const tokens = Math.min(context ?? Number.POSITIVE_INFINITY, decoder?.context ?? 0);
  const cacheBytes = decoder ? 2 * decoder.layers * decoder.kvHeads * decoder.headSize * 4 * tokens * slots : 0;
  const bytes =
    4 * countParameters(specOfModel(model)) * loadingShare +
    cacheBytes +
    libraryBytes +
    heapBytesPerToken * config.vocab +
    programBytesPerLayer * (decoder?.layers ?? 12);
  return Math.ceil(bytes / MiB);
}

/** `exact` or a form that a decoder can be served in; `auto` measures, which takes longer than a start may. Errors: deploy/wish. */
export function servedFormOf(given: string | undefined, otherwise: Quantisation | "exact", place: string): Quantisation | "exact" {
  const forms = ["exact", ...quantisationNames] as const;
  const found = forms.find(f => f === (given ?? otherwise));
  if (found !== undefined) return found;
  throw deployErrors.fail("wish", { place, expected: `one of ${forms.join(", ")}`, received: JSON.stringify(given) });
}

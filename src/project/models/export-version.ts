/**
 * A version as files for other programs: a folder that `transformers` loads (safetensors, config.json, tokenizer.json, template), a GGUF file that
 * llama.cpp loads, its program as ONNX, or the adapter that a tuned one holds. The folder or file appears when it is whole.
 */
import { renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { temporaryBeside } from "../../base/index.ts";
import {
  type ClassifierConfig,
  checkModelFiles,
  configFile,
  type FilesReader,
  folderFiles,
  loadModel,
  type Model,
  modelGguf,
  peftConfigFile,
  peftWeightsFile,
  readingOnnx,
  scoringOnnx,
} from "../../nn/index.ts";
import { openArtifact, resolveVersion } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import type { Watch } from "../call.ts";
import { checkFree, projectErrors } from "../errors.ts";
import { findModel } from "../serving/find-model.ts";
import { longestOf, normalises, poolingOf, readsTexts, saysVectors } from "../serving/read-encoder.ts";
import type { Workplace } from "../workspace.ts";
import { ggufTextEntries } from "./gguf-text.ts";
import { writeHuggingFace } from "./hugging-face-files.ts";
import { modelText } from "./model-text.ts";
import { fileDigest, localModel } from "./paths.ts";
import { writeSentenceFiles } from "./sentence-files.ts";

/** What reads whole texts: for a vector, or for a class. */
type Reader = Extract<Model, { readonly family: "encoder" | "decoder" }>;

const formats = { huggingface: undefined, gguf: "F32", "gguf-f16": "F16", "gguf-q8": "Q8_0", onnx: "onnx", adapter: "adapter" } as const;
export type ExportFormat = keyof typeof formats;
export const modelFormats = Object.keys(formats) as readonly ExportFormat[];

/** Thresholds that a warning names. */
const mostThresholdsNamed = 20;

export interface ExportVersionOptions {
  /** A folder, or a file for GGUF and ONNX; nothing of that name may be there. */
  readonly to: string;
  /** Default: huggingface. */
  readonly format?: ExportFormat | undefined;
  /** Of ONNX: tokens that the program reads; default: 256, or the model's context where that is shorter. */
  readonly tokens?: number | undefined;
}

export interface ExportedVersion {
  readonly path: string;
  readonly format: ExportFormat;
  /** Of the weights. */
  readonly sizeBytes: number;
  /** SHA-256 of the file with the weights. */
  readonly digest: string;
}

/** Tokens of a text that a model which reads whole texts takes. */
const longestRead = async (files: FilesReader, { config }: Reader): Promise<number> =>
  config.classifier?.longest ?? longestOf(files, config.context);

async function writeFolder(files: FilesReader, folder: string): Promise<void> {
  const text = await modelText(files);
  const model = await loadModel(files, openDevice("cpu"));
  const out = folderFiles(folder);
  await writeHuggingFace(out, model, text);
  if (model.family !== "encoder" || model.config.classifier || !(await saysVectors(files))) return;
  const form = { pooling: await poolingOf(files), normalise: await normalises(files) };
  await writeSentenceFiles(out, { ...form, width: model.config.width, longest: await longestRead(files, model) });
}

async function writeGguf(files: FilesReader, path: string, as: "F32" | "F16" | "Q8_0", name: string): Promise<void> {
  const model = await loadModel(files, openDevice("cpu"));
  const text = ggufTextEntries(await modelText(files), model.config.vocab);
  await folderFiles(dirname(path)).writeStream(
    path.slice(dirname(path).length + 1),
    modelGguf(model, as, text, [["general.name", "text", name]]),
  );
}

/** Tokens that an exported program reads where nobody says: a graph is for one length. */
const defaultOnnxTokens = 256;

async function writeOnnx(files: FilesReader, path: string, tokens: number | undefined): Promise<void> {
  const device = openDevice("cpu");
  const model = await loadModel(files, device);
  const out = folderFiles(dirname(path));
  if (!readsTexts(model)) {
    const length = tokens ?? Math.min(defaultOnnxTokens, model.family === "decoder" ? model.config.context : defaultOnnxTokens);
    return out.write(basename(path), await scoringOnnx(model, device, length));
  }
  const reader = model as Reader;
  const form = reader.config.classifier
    ? ({ pooling: "mean", normalise: false } as const)
    : { pooling: await poolingOf(files), normalise: await normalises(files) };
  const length = tokens ?? Math.min(defaultOnnxTokens, await longestRead(files, reader));
  await out.write(basename(path), await readingOnnx(model, device, length, form));
}

/** The adapter that a tuned version holds, as PEFT and `loam serve --adapter` read it. Errors: project/model where it holds none. */
async function writeAdapterFolder(files: FilesReader, folder: string): Promise<void> {
  const out = folderFiles(folder);
  for (const name of [peftConfigFile, peftWeightsFile]) {
    if (!files.files.some(f => f.name === name)) {
      const isReader = readsTexts((await checkModelFiles(files)).model);
      throw projectErrors.fail("model", {
        place: files.id ?? "model",
        expected: "a version tuned by lora, rslora or qlora that keeps its adapter",
        received: `one without ${name}`,
        hint: isReader
          ? "A classifier's adapter is merged into its weights. Export it whole: --format onnx."
          : "Export it whole: --format huggingface.",
      });
    }
    await out.write(name, await files.read(name));
  }
}

/** The thresholds of a classifier that has them, each in words. */
function thresholdsOf({ labels, threshold, groupThresholds, thresholds, scales }: ClassifierConfig): string[] {
  const words = (at: number | null, of = "a probability") => (at === null ? "never" : `from ${of} of ${at} on`);
  return [
    ...(threshold ? [`for "${threshold.label}" ${words(threshold.at)}`] : []),
    ...(groupThresholds?.groups.map(
      g => `for "${groupThresholds.label}" ${words(g.at)} where ${groupThresholds.attribute} is "${g.group}"`,
    ) ?? []),
    ...(thresholds ?? []).map((at, i) => {
      const scale = scales?.[i];
      const probability = scale ? `a probability 1 / (1 + exp(-(${scale.slope} * logit + ${scale.offset})))` : undefined;
      return `for "${labels[i]}" ${words(at, probability)}`;
    }),
  ];
}

/** Warns of the thresholds that files of this format do not hold: readers decide by their own rule. */
async function warnOfThresholds(given: string, files: FilesReader, format: ExportFormat, { emit }: Pick<Watch, "emit">): Promise<void> {
  // a folder of an adapter alone has no configuration
  if (!files.files.some(f => f.name === configFile) && files.files.some(f => f.name === peftConfigFile)) return;
  const { model } = await checkModelFiles(files);
  const classifier = model.family === "encoder-decoder" ? undefined : model.config.classifier;
  const left = classifier ? thresholdsOf(classifier) : [];
  if (left.length === 0) return;
  const shown = left.slice(0, mostThresholdsNamed);
  const more = left.length > shown.length ? [`and ${left.length - shown.length} more (config.json of the version)`] : [];
  emit({
    event: "warning",
    message: `loam: ${given}: files of format ${format} have no place for a threshold. Apply it where they are used: take a text ${[...shown, ...more].join(", ")}.`,
  });
}

/** Errors: project/exists, project/argument, project/model, store/notFound. */
export async function exportVersion(
  { folder, cwd }: Workplace,
  given: string,
  { to, format = "huggingface", tokens }: ExportVersionOptions,
  { emit }: Pick<Watch, "emit">,
): Promise<ExportedVersion> {
  const target = resolve(cwd, to);
  checkFree(target, to);
  await using found = await findModel(folder, cwd, given);
  const { model } = found;
  const [name = ""] = model.kind === "version" ? model.wanted.split("@") : [localModel(model.path).name];
  const files =
    model.kind === "files"
      ? localModel(model.path).files
      : await openArtifact(
          model.store,
          (await resolveVersion(model.store.records.read, name, model.wanted.split("@")[1] ?? "latest")).artifact,
        );
  const part = temporaryBeside(target);
  const as = formats[format];
  try {
    if (as === undefined) await writeFolder(files, part);
    else if (as === "adapter") await writeAdapterFolder(files, part);
    else if (as === "onnx") await writeOnnx(files, part, tokens);
    else await writeGguf(files, part, as, name);
    renameSync(part, target);
  } catch (error) {
    rmSync(part, { recursive: true, force: true });
    throw error;
  }
  await warnOfThresholds(given, files, format, { emit });
  const main = as === undefined ? join(target, "model.safetensors") : as === "adapter" ? join(target, peftWeightsFile) : target;
  return { path: target, format, ...(await fileDigest(main)) };
}

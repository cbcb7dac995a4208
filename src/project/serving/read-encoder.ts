/**
 * Files of a sentence encoder as a served one: weights on a device, tokenizer, and what sentence-transformers' own files say of pooling,
 * length 1 and the longest text (Reimers & Gurevych 2019). Poolings other than the mean and the first token are refused by name.
 */
import { z } from "zod";
import { check, defined } from "../../base/index.ts";
import { checkModelFiles, disposeTree, type FilesReader, loadModel, type ModelConfig, modelFormat, openGgufOf } from "../../nn/index.ts";
import {
  type Pooling,
  poolings,
  type ServedClassifier,
  type ServedEncoder,
  type ServedReader,
  servedClassifier,
  servedEncoder,
} from "../../serve/index.ts";
import type { ServePart } from "../../serve/part.ts";
import type { Device } from "../../tensor/index.ts";
import { projectErrors, wrongArgument } from "../errors.ts";
import { modelText } from "../models/model-text.ts";

/** What names the encoder: from the record, or from its path. */
type EncoderLabel = Pick<ServedEncoder, "id" | "fingerprint"> &
  Partial<Pick<ServedEncoder, "aliases" | "name" | "version" | "artifact" | "createdAt">>;

const poolingSchema = z.looseObject({
  pooling_mode_mean_tokens: z.boolean().default(true),
  pooling_mode_cls_token: z.boolean().default(false),
});
const limitsSchema = z.looseObject({ max_seq_length: z.number().int().min(3).nullish() });
const tokenizerSchema = z.looseObject({ model_max_length: z.number().min(1).nullish() });
const configSchema = z.looseObject({ matryoshka_dimensions: z.array(z.number().int().min(1)).nullish() });
const modulesSchema = z.array(z.looseObject({ type: z.string() }));

/** A folder lists its own files only, an artifact all of them. */
const isThere = ({ files }: FilesReader, name: string): boolean => files.some(f => f.name === name || f.name === name.split("/")[0]);

async function json<S extends z.ZodType>(files: FilesReader, name: string, schema: S): Promise<z.output<S> | undefined> {
  if (!isThere(files, name)) return undefined;
  const place = files.id ? `${files.id}: ${name}` : name;
  const text = Buffer.from(await files.read(name)).toString("utf8");
  try {
    return check(schema, JSON.parse(text), place);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw projectErrors.fail("model", { place, expected: "JSON", received: error.message });
  }
}

/** Every text has one vector, unless an operator asks for its tokens'. */
type TextPooling = Exclude<Pooling, "none">;

/** llama.cpp's numbers of poolings. */
const ggufPoolings: readonly (TextPooling | undefined)[] = [undefined, "mean", "cls"];
async function ggufPooling(files: FilesReader, name: string): Promise<TextPooling> {
  const file = await openGgufOf(files, name);
  const number = file.values.get("bert.pooling_type");
  await file.close();
  const pooling = number === undefined ? "mean" : ggufPoolings[Number(number)];
  if (pooling) return pooling;
  throw projectErrors.fail("model", {
    place: `${file.place}: bert.pooling_type`,
    expected: "1 (the mean) or 2 (the first token)",
    received: String(number),
  });
}

/** What `loam serve --pooling` says, else serve.pooling of loam.yaml; undefined: as the model's files say. Errors: project/argument. */
export function servedPooling(text: string | undefined, part?: Pick<ServePart, "pooling">): Pooling | undefined {
  const found = poolings.find(one => one === text);
  if (text !== undefined && found === undefined)
    throw wrongArgument("loam serve: --pooling", poolings.join(", "), JSON.stringify(text.slice(0, 80)));
  return found ?? part?.pooling;
}

export async function poolingOf(files: FilesReader): Promise<TextPooling> {
  const { format, file } = await modelFormat(files);
  if (format === "gguf") return ggufPooling(files, file);
  const name = "1_Pooling/config.json";
  const pooling = await json(files, name, poolingSchema);
  if (pooling === undefined || pooling.pooling_mode_mean_tokens) return "mean";
  if (pooling.pooling_mode_cls_token) return "cls";
  throw projectErrors.fail("model", {
    place: `${files.id ?? "model"}: ${name}`,
    expected: "pooling by the mean or the first token",
    received: "another",
  });
}

/** Tokens of a text that an encoder of this context reads: what sentence-transformers' file says, else the tokenizer's. */
export async function longestOf(files: FilesReader, context: number): Promise<number> {
  const own = (await json(files, "sentence_bert_config.json", limitsSchema))?.max_seq_length;
  // the library writes 1e30 where there is no limit
  const limit = own ?? (await json(files, "tokenizer_config.json", tokenizerSchema))?.model_max_length;
  return Math.min(context, Math.floor(limit ?? context));
}

/** Lengths that vectors may be cut to, where the model's files name them (`matryoshka_dimensions`, as vLLM reads it). */
const matryoshkaOf = async (files: FilesReader): Promise<readonly number[] | undefined> =>
  (await json(files, "config.json", configSchema))?.matryoshka_dimensions ?? undefined;

/** Are vectors scaled to length 1? Without the file that lists modules: what nearly all such models do. */
export const normalises = async (files: FilesReader): Promise<boolean> =>
  (await json(files, "modules.json", modulesSchema))?.some(m => m.type.endsWith(".Normalize")) ?? true;

/** Do the files say themselves how a text's states become its vector? */
export const saysVectors = async (files: FilesReader): Promise<boolean> =>
  (await modelFormat(files)).format === "gguf" || isThere(files, "modules.json") || isThere(files, "1_Pooling/config.json");

/** A decoder that tells classes. Errors: those of the files, serve/model where it is none. */
async function readServedClassifier(files: FilesReader, device: Device, label: EncoderLabel): Promise<ServedClassifier> {
  const { tokenizer } = await modelText(files);
  const model = await loadModel(files, device);
  try {
    return servedClassifier({ ...label, model, tokenizer });
  } catch (error) {
    disposeTree(model.parameters);
    throw error;
  }
}

/** Does a model read whole texts: for a vector, or for a class? */
export const readsTexts = (model: ModelConfig): boolean =>
  model.family === "encoder" || (model.family === "decoder" && model.config.classifier !== undefined);

/** A model that reads whole texts, of either family. */
export const readServedReader = async (files: FilesReader, device: Device, label: EncoderLabel): Promise<ServedReader> =>
  (await checkModelFiles(files)).model.family === "decoder"
    ? readServedClassifier(files, device, label)
    : readServedEncoder(files, device, label);

/** Errors: those of the files (nn, text, base, project/model), project/family where it is no encoder, serve/model. */
export async function readServedEncoder(files: FilesReader, device: Device, label: EncoderLabel): Promise<ServedEncoder> {
  const { tokenizer } = await modelText(files);
  const pooling = await poolingOf(files);
  const normalise = await normalises(files);
  const matryoshka = await matryoshkaOf(files);
  const model = await loadModel(files, device);
  if (model.family !== "encoder") {
    disposeTree(model.parameters);
    throw projectErrors.fail("family", { place: label.id, expected: "an encoder, which embeds texts", received: `a ${model.family}` });
  }
  return servedEncoder({
    ...label,
    model,
    tokenizer,
    pooling,
    normalise,
    ...defined({ matryoshka }),
    longest: Math.min(await longestOf(files, model.config.context), model.config.classifier?.longest ?? model.config.context),
  });
}

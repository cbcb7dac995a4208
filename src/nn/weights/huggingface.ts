/**
 * Hugging Face checkpoints in and out: `config.json` and `model.safetensors` (or shards with their index), renamed, transposed, split and
 * joined as the architecture's row says. Works on one tensor at a time; every name and shape is checked before any is read.
 */
import { check, nearest } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { checkedConfig, type Model, type ModelConfig } from "../families.ts";
import { withRopeTypes } from "./architectures/rope.ts";
import type { ArchitectureRow } from "./architectures/shared.ts";
import type { FilesReader, FilesWriter } from "./files.ts";
import { architectures, modelTypes } from "./huggingface-rows.ts";
import { parseJsonFile } from "./json-file.ts";
import { checkLayout, layoutTensors, readLayout, type TreeOf, type WeightOptions } from "./layout.ts";
import { safetensorsPieces, type TensorSource } from "./safetensors.ts";
import { openShards } from "./shards.ts";

/** Our family and configuration of a parsed `config.json`. A setting that changes the function and is not supported is an error by name. */
export function readHuggingFaceConfig(value: Record<string, unknown>, place: string): { model: ModelConfig; row: ArchitectureRow } {
  const type = modelTypes.find(t => t === value.model_type);
  if (!type) {
    const near = typeof value.model_type === "string" ? nearest(value.model_type, modelTypes) : undefined;
    throw nnErrors.fail("weights", {
      place: `${place}: model_type`,
      expected: `an architecture among ${modelTypes.join(", ")}`,
      received: JSON.stringify(value.model_type ?? null).slice(0, 60),
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  const row: ArchitectureRow = architectures[type] as ArchitectureRow;
  // the row's own schema gives what the row takes (`never`: rows of all architectures)
  const model = checkedConfig(row.family, row.toConfig(check(row.schema, withRopeTypes(value), place) as never), place);
  return { model, row };
}

/** Their tensors of a model, or of any tree of its parameters' shape (gradients too), as sources to write. */
export const huggingFaceTensors = (row: ArchitectureRow, model: ModelConfig, tree: unknown, what?: TreeOf): TensorSource[] =>
  layoutTensors(row, model, tree, what);

const at = (reader: FilesReader, name: string): string => (reader.id ? `${reader.id}: ${name}` : name);

async function folderConfig(reader: FilesReader): Promise<{ model: ModelConfig; row: ArchitectureRow }> {
  const place = at(reader, "config.json");
  return readHuggingFaceConfig(parseJsonFile(await reader.read("config.json"), place), place);
}

/** Reads a folder with `config.json` and `model.safetensors` (or shards) onto a device; floats of 16 bits widen to f32. */
export async function importHuggingFace(reader: FilesReader, device: Device, options: WeightOptions = {}): Promise<Model> {
  const { model, row } = await folderConfig(reader);
  const file = await openShards(reader, "model");
  try {
    return await readLayout(row, model, file, device, options);
  } finally {
    await file.close();
  }
}

/** The configuration of such a folder, and whether its files hold the model whole; no tensor is read. */
export async function checkHuggingFace(reader: FilesReader, options: WeightOptions = {}): Promise<ModelConfig> {
  const { model, row } = await folderConfig(reader);
  const file = await openShards(reader, "model");
  try {
    checkLayout(row, model, file, options);
    return model;
  } finally {
    await file.close();
  }
}

/** Whole numbers of these keys with a point, which the library tells from those without. */
const withFloats = (json: string, keys: readonly string[]): string =>
  keys.reduce((text, key) => text.replace(new RegExp(`("${key}": -?\\d+)(?=[,\n])`), "$1.0"), json);

/** Writes `config.json` and `model.safetensors` as `transformers` reads them. Errors where no architecture there has this configuration. */
export async function exportHuggingFace(writer: FilesWriter, model: Model): Promise<void> {
  const fitting = modelTypes
    .map(type => ({ type, row: architectures[type] as ArchitectureRow }))
    .filter(({ row }) => row.family === model.family)
    .map(({ type, row }) => ({ type, row, keys: row.fromConfig(model.config) }))
    .find(x => x.keys !== undefined);
  const head = model.family === "encoder-decoder" ? undefined : model.config.classifier;
  if (!fitting && head)
    throw nnErrors.fail("weights", {
      place: "export",
      expected: "a head over the first state of an encoder, which is what such folders have a place for",
      received:
        model.family === "decoder" ? "a decoder with a classification head" : `a classifier by the ${head.pooling ?? "first"} of states`,
      hint: "Write it as ONNX instead.",
    });
  if (!fitting)
    throw nnErrors.fail("weights", {
      place: "export",
      expected: `a configuration that one of ${modelTypes.join(", ")} has`,
      received: `a ${model.family} without an equal there`,
      hint: "Its mixture of norm, positions, activation, biases and query-key norm is Loam's own.",
    });
  const { type, row, keys } = fitting;
  // special tokens belong to the tokenizer; without these keys the library would assume those of the published models
  const tokens = { bos_token_id: null, eos_token_id: null, pad_token_id: null };
  const config = { architectures: [row.architecture], model_type: type, ...tokens, ...keys, dtype: "float32", torch_dtype: "float32" };
  await writer.write("config.json", `${withFloats(JSON.stringify(config, null, 2), row.floats ?? [])}\n`);
  await writer.writeStream("model.safetensors", safetensorsPieces(huggingFaceTensors(row, model, model.parameters), { format: "pt" }));
}

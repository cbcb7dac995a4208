/**
 * A model as files: `config.json` (format, version, family, configuration) and `weights.safetensors` (names are paths of the parameter
 * tree). Whoever makes the artifact adds the tokenizer and the metrics; this module knows the two files that a forward pass needs.
 */
import { z } from "zod";
import { check, nearest } from "../../base/index.ts";
import type { Device } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { checkedConfig, type FamilyName, familyNames, type Model, type ModelConfig, modelOf, specOfModel } from "../families.ts";
import type { FilesReader, FilesWriter } from "./files.ts";
import { parseJson } from "./json-file.ts";
import { openSafetensors } from "./safetensors.ts";
import { loadTree, treePieces } from "./tree.ts";

export const configFile = "config.json";
export const weightsFile = "weights.safetensors";
const formatName = "loam-model";
const formatVersion = 1;

/** Writes both files, the weights in pieces. A configuration that could not be read again is an error before anything is written. */
export async function writeModelFiles(writer: FilesWriter, { family, config, parameters }: Model): Promise<void> {
  checkedConfig(family, config, configFile);
  const text = JSON.stringify({ format: formatName, version: formatVersion, family, config }, null, 2);
  await writer.write(configFile, `${text}\n`);
  await writer.writeStream(weightsFile, treePieces(parameters, { format: formatName }));
}

const envelope = z.strictObject({
  format: z.literal(formatName),
  version: z.literal(formatVersion),
  family: z.enum(familyNames as [FamilyName, ...FamilyName[]]),
  config: z.record(z.string(), z.unknown()),
});

/** Family and checked configuration. A file of another program, a newer version, or an unknown family is an error that says which. */
export async function readModelConfig(reader: FilesReader): Promise<ModelConfig> {
  const place = reader.id ? `${reader.id}: ${configFile}` : configFile;
  const value = parseJson(await reader.read(configFile), place);
  if (value.format !== formatName)
    throw nnErrors.fail("weights", {
      place,
      expected: `"format": "${formatName}"`,
      received: typeof value.model_type === "string" ? `a Hugging Face configuration of model_type "${value.model_type}"` : "another file",
      hint: typeof value.model_type === "string" ? "Import it first (importHuggingFace)." : "Is it a model's folder?",
    });
  if (typeof value.version === "number" && value.version > formatVersion)
    throw nnErrors.fail("weights", {
      place,
      expected: `version ${formatVersion}`,
      received: `${value.version}`,
      hint: "Use a newer Loam.",
    });
  if (typeof value.family === "string" && !(familyNames as readonly string[]).includes(value.family)) {
    const near = nearest(value.family, familyNames);
    throw nnErrors.fail("weights", {
      place: `${place}: family`,
      expected: `an architecture among ${familyNames.join(", ")}`,
      received: `"${value.family.slice(0, 60)}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  const { family, config } = check(envelope, value, place);
  return checkedConfig(family, config, `${place}: config`);
}

/** The model on a device. Every name, shape and dtype is checked against the configuration before a tensor is read. */
export async function loadModel(reader: FilesReader, device: Device): Promise<Model> {
  const model = await readModelConfig(reader);
  const place = reader.id ? `${reader.id}: ${weightsFile}` : weightsFile;
  const weights = await openSafetensors(await reader.localPath(weightsFile), place);
  try {
    return modelOf(model, await loadTree(specOfModel(model), weights, device));
  } finally {
    await weights.close();
  }
}

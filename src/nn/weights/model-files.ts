/**
 * A model as files: `config.json` (format, version, family, configuration) and `weights.safetensors` (names are paths of the parameter
 * tree). Whoever makes the artifact adds the tokenizer and the metrics; this module knows the two files that a forward pass needs. Models
 * of others are read as they are: a Hugging Face folder, or one GGUF file.
 */
import { z } from "zod";
import { check, nearest } from "../../base/index.ts";
import { type Device, sizeOf } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { checkedConfig, type FamilyName, familyNames, type Model, type ModelConfig, modelOf, specOfModel } from "../families.ts";
import type { FilesReader, FilesWriter } from "./files.ts";
import type { GgufFile } from "./gguf.ts";
import { ggufModels, openGgufOf } from "./gguf-parts.ts";
import { readGgufConfig } from "./gguf-rows.ts";
import { checkHuggingFace, importHuggingFace } from "./huggingface.ts";
import { parseJsonFile } from "./json-file.ts";
import { checkLayout, readLayout } from "./layout.ts";
import { openSafetensors } from "./safetensors.ts";
import { loadTree, treePieces } from "./tree.ts";

export const configFile = "config.json";
export const weightsFile = "weights.safetensors";
const formatName = "loam-model";
const formatVersion = 1;

/** Writes the configuration alone. One that could not be read again is an error before anything is written. */
export async function writeModelConfig(writer: FilesWriter, { family, config }: ModelConfig): Promise<void> {
  checkedConfig(family, config, configFile);
  const text = JSON.stringify({ format: formatName, version: formatVersion, family, config }, null, 2);
  await writer.write(configFile, `${text}\n`);
}

/** Writes both files, the weights in pieces. Errors as of `writeModelConfig`. */
export async function writeModelFiles(writer: FilesWriter, { parameters, ...model }: Model): Promise<void> {
  await writeModelConfig(writer, model as ModelConfig);
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
  const value = parseJsonFile(await reader.read(configFile), place);
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

export type WeightsFormat = "loam" | "huggingface" | "gguf";

/** Which of the three a folder or an artifact is, and the file that says so. Errors: nn/weights where it is none. */
export async function modelFormat(reader: FilesReader): Promise<{ readonly format: WeightsFormat; readonly file: string }> {
  const names = reader.files.map(f => f.name);
  const ggufs = ggufModels(names).map(([first]) => first!);
  const hasTensors = names.some(name => name.endsWith(".safetensors"));
  if (ggufs.length === 1 && !hasTensors) return { format: "gguf", file: ggufs[0]! };
  if (ggufs.length > 1 && !hasTensors)
    throw nnErrors.fail("weights", {
      place: reader.id ?? "folder",
      expected: "one GGUF model",
      received: `${ggufs.length}: ${ggufs.slice(0, 4).join(", ")}`,
      hint: "Name the one that is meant.",
    });
  const place = reader.id ? `${reader.id}: ${configFile}` : configFile;
  const value = parseJsonFile(await reader.read(configFile), place);
  return { format: typeof value.model_type === "string" && value.format === undefined ? "huggingface" : "loam", file: configFile };
}

async function loadOwn(reader: FilesReader, device: Device): Promise<Model> {
  const model = await readModelConfig(reader);
  const place = reader.id ? `${reader.id}: ${weightsFile}` : weightsFile;
  const weights = await openSafetensors(await reader.localPath(weightsFile), place, reader.opened?.(weightsFile));
  try {
    return modelOf(model, await loadTree(specOfModel(model), weights, device));
  } finally {
    await weights.close();
  }
}

/** What to do with a GGUF file while it is open. */
async function withGguf<T>(reader: FilesReader, name: string, use: (file: GgufFile) => Promise<T>): Promise<T> {
  const file = await openGgufOf(reader, name);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/**
 * The model on a device, from files of any of the three formats; an encoder of others may lack the head of its task, which is zeros then.
 * Every name, shape and dtype is checked against the configuration before a tensor is read.
 */
export async function loadModel(reader: FilesReader, device: Device): Promise<Model> {
  const { format, file } = await modelFormat(reader);
  if (format === "huggingface") return importHuggingFace(reader, device, { bodyOnly: true });
  if (format === "loam") return loadOwn(reader, device);
  return withGguf(reader, file, async gguf => {
    const { model, row } = await readGgufConfig(gguf);
    return readLayout(row, model, gguf, device);
  });
}

const floatTypes = new Set(["F32", "F16", "BF16", "F64"]);

/** The element type that most weights of a file have; undefined where that is one of floats. */
function quantisedType({ tensors }: GgufFile): string | undefined {
  const counts = new Map<string, number>();
  for (const { fileDtype, shape } of tensors.values()) counts.set(fileDtype, (counts.get(fileDtype) ?? 0) + sizeOf(shape));
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most && !floatTypes.has(most[0]) ? most[0] : undefined;
}

interface CheckedFiles {
  readonly format: WeightsFormat;
  readonly model: ModelConfig;
  /** The element type of most weights, where those are quantised: `Q4_1`. */
  readonly quantised?: string | undefined;
}

/** Family and configuration of files of any format, after a check that all tensors are there in their shapes; none is read. */
export async function checkModelFiles(reader: FilesReader): Promise<CheckedFiles> {
  const { format, file } = await modelFormat(reader);
  if (format === "huggingface") return { format, model: await checkHuggingFace(reader, { bodyOnly: true }) };
  if (format === "loam") return { format, model: await readModelConfig(reader) };
  return withGguf(reader, file, async gguf => {
    const { model, row } = await readGgufConfig(gguf);
    checkLayout(row, model, gguf);
    return { format, model, quantised: quantisedType(gguf) };
  });
}

/**
 * A PEFT folder as an adapter: `adapter_config.json` and `adapter_model.safetensors`. Every module that the configuration names must
 * have its two tensors, and there may be no others, so that half an adapter is never served as a whole one.
 */
import { showShape } from "../../tensor/index.ts";
import type { DecoderConfig } from "../decoder.ts";
import { nnErrors } from "../errors.ts";
import { widen } from "../weights/halves.ts";
import { type FilesReader, openSafetensors, type WeightFile } from "../weights/index.ts";
import { parseJsonFile } from "../weights/json-file.ts";
import { readableDtype } from "../weights/safetensors.ts";
import { type Adapter, adapterOf, type LowRank, type Projection } from "./adapter.ts";
import { baseKey, checkBase } from "./base.ts";
import { type AdaptedModule, type ModuleNames, moduleNames } from "./modules.ts";
import { type PeftConfig, parsePeftConfig } from "./peft-config.ts";

export const peftConfigFile = "adapter_config.json";
export const peftWeightsFile = "adapter_model.safetensors";

/** What PEFT puts before the names of the model that it wraps. */
export const wrapper = "base_model.model.";
const tensorName = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/;

/** Tensors of the file by module and side; others are errors. */
function modulesIn(file: WeightFile): Map<string, { A?: string; B?: string }> {
  const found = new Map<string, { A?: string; B?: string }>();
  for (const name of file.tensors.keys()) {
    const [, module, side] = tensorName.exec(name) ?? [];
    if (module === undefined)
      throw nnErrors.fail("adapter", {
        place: `${file.place}: ${name.slice(0, 120)}`,
        expected: `only tensors ${wrapper}MODULE.lora_A.weight and .lora_B.weight`,
        received: "another",
      });
    found.set(module, { ...found.get(module), [side as "A" | "B"]: name });
  }
  return found;
}

/** The modules that an adapter may change, by the names that the file has for them. */
function namingOf(namings: readonly ModuleNames[], file: WeightFile, found: readonly string[]): ReadonlyMap<string, AdaptedModule> {
  let unknown = "";
  for (const { modules, spellings } of namings)
    for (const [from, to] of [["", ""] as const, ...spellings]) {
      const known = new Map(modules.map(m => [m.name.replace(from, to), m]));
      const other = found.find(name => !known.has(name));
      if (other === undefined) return known;
      unknown ||= other;
    }
  throw nnErrors.fail("adapter", {
    place: `${file.place}: ${wrapper}${unknown.slice(0, 120)}`,
    expected: `a projection of a block of ${namings.map(n => n.architecture).join(" or ")}`,
    received: "another module",
    hint: "Tables, heads and norms are not adapted; or it is another model's adapter.",
  });
}

async function readMatrix(file: WeightFile, name: string, shape: readonly [number, number]): Promise<Float32Array> {
  const entry = file.tensors.get(name)!;
  const place = `${file.place}: ${name}`;
  if (entry.shape.length !== 2 || entry.shape[0] !== shape[0] || entry.shape[1] !== shape[1])
    throw nnErrors.fail("adapter", { place, expected: showShape(shape), received: showShape(entry.shape) });
  const dtype = readableDtype(entry, file.place);
  if (dtype !== "f32" && dtype !== "f16" && dtype !== "bf16")
    throw nnErrors.fail("adapter", { place, expected: "floats", received: entry.fileDtype });
  return widen(await file.read(name), dtype) as Float32Array;
}

/** Columns [from, from + width) of the transposed [output, rank]: our `up` of a part, scaled. */
function upOf(data: Float32Array, rank: number, from: number, width: number, scale: number): Float32Array {
  const up = new Float32Array(rank * width);
  for (let o = 0; o < width; o++) for (let r = 0; r < rank; r++) up[r * width + o] = data[(from + o) * rank + r]! * scale;
  return up;
}

async function readModule(
  file: WeightFile,
  name: string,
  { A, B }: { readonly A?: string; readonly B?: string },
  { input, output, parts }: AdaptedModule,
  { rankOf, scaleOf }: PeftConfig,
): Promise<readonly (readonly [Projection, LowRank])[]> {
  const rank = rankOf(name);
  const missing = (side: string, shape: readonly number[]) =>
    nnErrors.fail("adapter", {
      place: `${file.place}: ${wrapper}${name}.lora_${side}.weight`,
      expected: `a tensor ${showShape(shape)}, for target_modules names it`,
      received: "none",
    });
  if (A === undefined) throw missing("A", [rank, input]);
  if (B === undefined) throw missing("B", [output, rank]);
  const down = await readMatrix(file, A, [rank, input]);
  const up = await readMatrix(file, B, [output, rank]);
  return parts.map(part => [part.projection, { rank, down, up: upOf(up, rank, part.from, part.output, scaleOf(name)) }]);
}

const at = (reader: FilesReader, name: string): string => (reader.id ? `${reader.id}: ${name}` : name);

async function readConfig(reader: FilesReader): Promise<PeftConfig> {
  const place = at(reader, peftConfigFile);
  return parsePeftConfig(parseJsonFile(await reader.read(peftConfigFile), place), place);
}

/** The greatest rank that an adapter's configuration names. Errors: as of `readAdapter`, those of the configuration. */
export const adapterRank = async (reader: FilesReader): Promise<number> => (await readConfig(reader)).mostRank;

export interface ReadAdapterOptions {
  /** A greater rank is refused before its tensors are read. */
  readonly mostRank?: number;
  /** `weightsDigest` of the model's files: an adapter that was made over others is refused. Not looked at where absent. */
  readonly weights?: string | undefined;
}

/**
 * Reads a PEFT LoRA adapter for a model. Errors: nn/adapter, by the name of what does not fit (unknown or missing modules, shapes, ranks,
 * numbers that are not finite, what is not supported, another base); nn/file for damaged files; base/config, base/unknownKey, base/file.
 */
export async function readAdapter(
  reader: FilesReader,
  config: DecoderConfig,
  { mostRank, weights }: ReadAdapterOptions = {},
): Promise<Adapter> {
  const peft = await readConfig(reader);
  const file = await openSafetensors(await reader.localPath(peftWeightsFile), at(reader, peftWeightsFile));
  try {
    const base = { name: peft.baseName, weights: file.metadata[baseKey] };
    if (weights !== undefined) checkBase(base, weights, file.place);
    const found = modulesIn(file);
    const layers = Array.from({ length: config.layers }, (): { [P in Projection]?: LowRank } => ({}));
    for (const [name, module] of namingOf(moduleNames(config), file, [...found.keys()])) {
      const sides = found.get(name);
      if (!peft.isTarget(name, module.layer)) {
        if (!sides) continue;
        throw nnErrors.fail("adapter", {
          place: `${file.place}: ${wrapper}${name}`,
          expected: "only modules that target_modules names",
          received: "another",
        });
      }
      const rank = peft.rankOf(name);
      if (mostRank !== undefined && rank > mostRank)
        throw nnErrors.fail("adapter", {
          place: `${at(reader, peftConfigFile)}: r`,
          expected: `a rank of at most ${mostRank}`,
          received: `${rank} (${name})`,
        });
      for (const [projection, part] of await readModule(file, name, sides ?? {}, module, peft)) layers[module.layer]![projection] = part;
    }
    return { ...adapterOf(config, layers, reader.id ?? "adapter"), base };
  } finally {
    await file.close();
  }
}

/**
 * Hugging Face checkpoints in and out: `config.json` and `model.safetensors` (or shards with their index), renamed, transposed, split and
 * joined as the architecture's row says. Works on one tensor at a time; every name and shape is checked before any is read.
 */
import { check, nearest, treeFrom, treePaths } from "../../base/index.ts";
import { type Device, type DeviceArray, fromNumbers, isFloat, type Shape, sameShape, showShape, toNumbers } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { checkedConfig, type Model, type ModelConfig, modelOf, specOfModel } from "../families.ts";
import type { ParameterSpec, SpecTree } from "../parameters.ts";
import type { FilesReader, FilesWriter } from "./files.ts";
import { type ArchitectureRow, architectures, modelTypes, type Place } from "./huggingface-rows.ts";
import { parseJson } from "./json-file.ts";
import { readableDtype, safetensorsPieces, type TensorSource, type WeightFile } from "./safetensors.ts";
import { openShards } from "./shards.ts";

/** One of our parameters inside a tensor of theirs, whose rows are ours: columns from `from` on. */
interface Member {
  readonly path: string;
  readonly spec: ParameterSpec;
  readonly from: number;
}
/** A tensor of theirs: as a matrix [rows, columns] of ours, or stored transposed. */
interface Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly transposed: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly members: readonly Member[];
}

const columnsOf = (spec: ParameterSpec): number => spec.shape.at(-1)!;
const rowsOf = (spec: ParameterSpec): number => spec.shape.slice(0, -1).reduce((n, d) => n * d, 1);

/** Their name of a parameter's path: the longest part of the path that the row names, then the leaf. */
function placeOf(row: ArchitectureRow, path: string): { name: string; part: number } | undefined {
  const layer = /(?<=^|\.)\d+(?=\.|$)/.exec(path)?.[0];
  const pattern = layer === undefined ? path : path.replace(/(?<=^|\.)\d+(?=\.|$)/, "*");
  const leaf = pattern.slice(pattern.lastIndexOf(".") + 1);
  const parent = pattern.slice(0, -leaf.length - 1);
  const whole: Place | undefined = row.names[pattern];
  const found = whole ?? row.names[parent];
  if (found === undefined) return undefined;
  const module = typeof found === "string" ? found : found.fused;
  const name = `${module.replace("*", layer ?? "*")}${whole === undefined ? `.${leaf}` : ""}`;
  return { name, part: typeof found === "string" ? 0 : found.part };
}

/** All tensors that a model has over there, in the order of our tree. */
function slotsOf(row: ArchitectureRow, specs: unknown): Slot[] {
  const groups = new Map<string, { path: string; spec: ParameterSpec; part: number }[]>();
  for (const [path, spec] of treePaths<ParameterSpec>(specs as SpecTree)) {
    const place = placeOf(row, path);
    if (!place)
      throw nnErrors.fail("weights", {
        place: path,
        expected: `a name for it in ${row.architecture}`,
        received: "none",
        hint: "It cannot be exported.",
      });
    groups.set(place.name, [...(groups.get(place.name) ?? []), { path, spec, part: place.part }]);
  }
  return [...groups].map(([name, members]) => {
    const first = members[0]!.spec;
    const columns = members.reduce((n, m) => n + columnsOf(m.spec), 0);
    const rows = rowsOf(first);
    // only projections are turned; tables and norms lie as ours do
    const transposed = row.projections === "out-in" && first.isHidden;
    let from = 0;
    const placed = [...members]
      .sort((a, b) => a.part - b.part)
      .map(({ path, spec }) => {
        const member = { path, spec, from };
        from += columnsOf(spec);
        return member;
      });
    const shape = first.shape.length === 1 ? [columns] : transposed ? [columns, rows] : [rows, columns];
    return { name, shape, transposed, rows, columns, members: placed };
  });
}

/** A member's elements, cut out of the tensor it lies in. */
function cut(slot: Slot, { spec, from }: Member, data: ArrayLike<number>): Float32Array {
  const [rows, width] = [slot.rows, columnsOf(spec)];
  const out = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < width; j++) out[i * width + j] = data[slot.transposed ? (from + j) * rows + i : i * slot.columns + from + j]!;
  return out;
}
/** The inverse: a member's elements put where they lie over there. */
function put(slot: Slot, { spec, from }: Member, data: ArrayLike<number>, into: Float32Array): void {
  const [rows, width] = [slot.rows, columnsOf(spec)];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < width; j++) into[slot.transposed ? (from + j) * rows + i : i * slot.columns + from + j] = data[i * width + j]!;
}

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
  const model = checkedConfig(row.family, row.toConfig(check(row.schema, value, place) as never), place);
  return { model, row };
}

/** Their tensors of a model, or of any tree of its parameters' shape (gradients too), as sources to write. */
export function huggingFaceTensors(row: ArchitectureRow, model: ModelConfig, tree: unknown): TensorSource[] {
  const arrays = new Map(treePaths<DeviceArray>(tree as never));
  return slotsOf(row, specOfModel(model)).map(slot => ({
    name: slot.name,
    dtype: "f32",
    shape: slot.shape,
    read: async () => {
      const out = new Float32Array(slot.rows * slot.columns);
      for (const m of slot.members) put(slot, m, await arrays.get(m.path)!.numbers(), out);
      return out;
    },
  }));
}

/** Finds each slot's tensor in the file, under any spelling; what is left over must be known to carry nothing. */
function match(row: ArchitectureRow, slots: readonly Slot[], file: WeightFile): Map<Slot, string> {
  const found = new Map<Slot, string>();
  const taken = new Set<string>();
  for (const slot of slots) {
    const spellings = [slot.name];
    for (const [from, to] of row.spellings) spellings.push(...spellings.map(n => n.replace(from, to)));
    const name = spellings.find(n => file.tensors.has(n));
    if (name === undefined)
      throw nnErrors.fail("weights", {
        place: `${file.place}: ${slot.name}`,
        expected: `a tensor ${showShape(slot.shape)}`,
        received: "none",
        hint: `Is it a checkpoint of ${row.architecture}?`,
      });
    const entry = file.tensors.get(name)!;
    if (!sameShape(entry.shape, slot.shape))
      throw nnErrors.fail("weights", {
        place: `${file.place}: ${name}`,
        expected: showShape(slot.shape),
        received: showShape(entry.shape),
      });
    if (!isFloat(readableDtype(entry, file.place)))
      throw nnErrors.fail("weights", { place: `${file.place}: ${name}`, expected: "floats", received: entry.fileDtype });
    found.set(slot, name);
    taken.add(name);
  }
  const left = [...file.tensors.keys()].filter(name => !taken.has(name) && !row.leftOut.some(known => known.test(name)));
  if (left.length)
    throw nnErrors.fail("weights", {
      place: `${file.place}: ${left[0]!.slice(0, 80)}`,
      expected: `only tensors of ${row.architecture}`,
      received: `an unknown one${left.length > 1 ? ` (and ${left.length - 1} more)` : ""}`,
    });
  return found;
}

/** Reads a folder with `config.json` and `model.safetensors` (or shards) onto a device; floats of 16 bits widen to f32. */
export async function importHuggingFace(reader: FilesReader, device: Device): Promise<Model> {
  const at = (name: string) => (reader.id ? `${reader.id}: ${name}` : name);
  const { model, row } = readHuggingFaceConfig(parseJson(await reader.read("config.json"), at("config.json")), at("config.json"));
  const specs: unknown = specOfModel(model);
  const slots = slotsOf(row, specs);
  const file = await openShards(reader, "model");
  const arrays = new Map<string, DeviceArray>();
  try {
    for (const [slot, name] of match(row, slots, file)) {
      const dtype = readableDtype(file.tensors.get(name)!, file.place);
      const data = await file.read(name);
      const numbers = dtype === "f32" ? (data as Float32Array) : toNumbers(data, dtype);
      for (const m of slot.members) {
        const values = cut(slot, m, numbers);
        arrays.set(
          m.path,
          await device.array(m.spec.dtype === "f32" ? values : fromNumbers(values, m.spec.dtype), m.spec.dtype, m.spec.shape),
        );
      }
    }
  } catch (error) {
    for (const a of arrays.values()) a.dispose();
    throw error;
  } finally {
    await file.close();
  }
  const leaves = treePaths<ParameterSpec>(specs as SpecTree).map(([path]) => arrays.get(path)!);
  return modelOf(model, treeFrom<ParameterSpec, DeviceArray>(specs as SpecTree, leaves));
}

/** Writes `config.json` and `model.safetensors` as `transformers` reads them. Errors where no architecture there has this configuration. */
export async function exportHuggingFace(writer: FilesWriter, model: Model): Promise<void> {
  const fitting = modelTypes
    .map(type => ({ type, row: architectures[type] as ArchitectureRow }))
    .filter(({ row }) => row.family === model.family)
    .map(({ type, row }) => ({ type, row, keys: row.fromConfig(model.config) }))
    .find(x => x.keys !== undefined);
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
  const config = { architectures: [row.architecture], model_type: type, ...keys, ...tokens, dtype: "float32", torch_dtype: "float32" };
  await writer.write("config.json", `${JSON.stringify(config, null, 2)}\n`);
  await writer.writeStream("model.safetensors", safetensorsPieces(huggingFaceTensors(row, model, model.parameters), { format: "pt" }));
}

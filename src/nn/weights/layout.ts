/**
 * Other programs' tensors as ours: found under any spelling, checked whole, then renamed, transposed, split, joined and reordered as a layout
 * says. Works on one tensor at a time; every name and shape is checked before any is read.
 */
import { type Tree, treeFrom, treePaths } from "../../base/index.ts";
import { type Device, type DeviceArray, fromNumbers, isFloat, type Shape, sameShape, showShape } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import { type Model, type ModelConfig, modelOf, specOfModel } from "../families.ts";
import type { ParameterSpec, SpecTree } from "../parameters.ts";
import { widen } from "./halves.ts";
import { readableDtype, type TensorSource, type WeightFile } from "./safetensors.ts";

/** Where a parameter lies: its module's name over there, or one part of a module that fuses several along its outputs. */
type TensorPlace = string | { readonly fused: string; readonly part: number; readonly parts: number };

/** Our module (or leaf) -> theirs, `*` standing for the layer; `.weight` and `.bias` follow on both sides where a module has them. */
export type WeightNames = Readonly<Record<string, TensorPlace>>;

export interface WeightLayout {
  /** The class or architecture that has such files, for messages. */
  readonly architecture: string;
  /** How they store a projection: [in, out] as we do, or transposed. */
  readonly projections: "in-out" | "out-in";
  readonly names: WeightNames;
  /** Names that hang on a model's choices, over the others. */
  readonly namesOf?: (model: ModelConfig) => WeightNames;
  /** Other spellings that files have: each pattern may be replaced in a name. */
  readonly spellings: readonly (readonly [RegExp, string])[];
  /** Tensors that may be there and carry nothing that we use: buffers, copies of tied tables, heads for other tasks. */
  readonly leftOut: readonly RegExp[];
  /** Tensors that a checkpoint of the body alone lacks (`BertModel`): the head of the task it was trained on. */
  readonly head?: RegExp;
  /** Weights of norms lie around 0 over there, and 1 is added to them (Gemma). */
  readonly normsAroundZero?: boolean;
  /** Our modules whose outputs lie in pairs of neighbours over there (2i, 2i + 1) and in halves here (i, i + D/2): rotary's two forms. */
  readonly paired?: readonly string[];
}

/** One of our parameters inside a tensor of theirs, whose rows are ours: columns from `from` on. */
interface Member {
  readonly path: string;
  readonly spec: ParameterSpec;
  readonly from: number;
  /** Outputs of a head, where they lie in pairs. */
  readonly pairedBy: number | undefined;
}
/** A tensor of theirs: as a matrix [rows, columns] of ours, or stored transposed. */
interface Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly transposed: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly members: readonly Member[];
  /** What a number of ours has more than theirs. */
  readonly more: number;
}

const columnsOf = (spec: ParameterSpec): number => spec.shape.at(-1)!;
const rowsOf = (spec: ParameterSpec): number => spec.shape.slice(0, -1).reduce((n, d) => n * d, 1);

/** The weights of norms start at 1, and nothing else does. */
const isNormWeight = ({ start }: ParameterSpec): boolean => start.kind === "constant" && start.value === 1;

/** Their name of a parameter's path: the longest part of the path that the row names, then the leaf. */
function placeOf(names: WeightNames, path: string): { name: string; part: number } | undefined {
  const layer = /(?<=^|\.)\d+(?=\.|$)/.exec(path)?.[0];
  const pattern = layer === undefined ? path : path.replace(/(?<=^|\.)\d+(?=\.|$)/, "*");
  const leaf = pattern.slice(pattern.lastIndexOf(".") + 1);
  const parent = pattern.slice(0, -leaf.length - 1);
  const whole: TensorPlace | undefined = names[pattern];
  const found = whole ?? names[parent];
  if (found === undefined) return undefined;
  const module = typeof found === "string" ? found : found.fused;
  const name = `${module.replace("*", layer ?? "*")}${whole === undefined ? `.${leaf}` : ""}`;
  return { name, part: typeof found === "string" ? 0 : found.part };
}

/** All tensors that a model has over there, in the order of our tree. */
function slotsOf(row: WeightLayout, model: ModelConfig): Slot[] {
  const specs: unknown = specOfModel(model);
  const names = { ...row.names, ...row.namesOf?.(model) };
  const groups = new Map<string, { path: string; spec: ParameterSpec; part: number }[]>();
  for (const [path, spec] of treePaths<ParameterSpec>(specs as SpecTree)) {
    const place = placeOf(names, path);
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
        const module = path.slice(0, path.lastIndexOf(".")).replace(/(?<=\.)\d+(?=\.)/, "*");
        const member = { path, spec, from, pairedBy: row.paired?.includes(module) ? model.config.headSize : undefined };
        from += columnsOf(spec);
        return member;
      });
    const shape = first.shape.length === 1 ? [columns] : transposed ? [columns, rows] : [rows, columns];
    return { name, shape, transposed, rows, columns, members: placed, more: row.normsAroundZero && isNormWeight(first) ? 1 : 0 };
  });
}

/** Column over there of our column `j`: head by head, element s * D/2 + i lies at 2i + s. */
const columnOf = ({ from, pairedBy }: Member, j: number): number => {
  if (pairedBy === undefined) return from + j;
  const half = pairedBy / 2;
  const inHead = j % pairedBy;
  return from + j - inHead + 2 * (inHead % half) + (inHead < half ? 0 : 1);
};

/** Rows and columns turned at once: both sides of a square this wide stay in the cache. */
const tile = 32;

/** A member's elements, cut out of the tensor it lies in. */
function cut(slot: Slot, member: Member, data: Float32Array): Float32Array {
  const { rows } = slot;
  const width = columnsOf(member.spec);
  const columns = Int32Array.from({ length: width }, (_, j) => columnOf(member, j));
  const isSame = !slot.transposed && width === slot.columns && member.pairedBy === undefined;
  if (isSame) return slot.more ? data.map(x => x + slot.more) : data;
  const out = new Float32Array(rows * width);
  if (!slot.transposed) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) out[i * width + j] = data[i * slot.columns + columns[j]!]!;
    return out;
  }
  for (let i0 = 0; i0 < rows; i0 += tile)
    for (let j0 = 0; j0 < width; j0 += tile) {
      const [i1, j1] = [Math.min(i0 + tile, rows), Math.min(j0 + tile, width)];
      for (let j = j0; j < j1; j++) {
        const at = columns[j]! * rows;
        for (let i = i0; i < i1; i++) out[i * width + j] = data[at + i]!;
      }
    }
  return out;
}
/** The inverse: a member's elements put where they lie over there. */
function put(slot: Slot, member: Member, data: ArrayLike<number>, into: Float32Array): void {
  const [rows, width] = [slot.rows, columnsOf(member.spec)];
  for (let j = 0; j < width; j++) {
    const column = columnOf(member, j);
    for (let i = 0; i < rows; i++) into[slot.transposed ? column * rows + i : i * slot.columns + column] = data[i * width + j]!;
  }
}

export interface WeightOptions {
  /** The head of the task is not wanted: where the file has none, its parameters are zeros. */
  readonly bodyOnly?: boolean;
}

/** What a tree of a model's parameters' shape holds: a constant that theirs have less counts in values, and not in gradients. */
export type TreeOf = "values" | "gradients";

/** Names and shapes of their tensors. */
export const tensorShapes = (row: WeightLayout, model: ModelConfig): { readonly name: string; readonly shape: readonly number[] }[] =>
  slotsOf(row, model).map(({ name, shape }) => ({ name, shape }));

/** Their tensors of a model, or of its gradients, as sources to write. */
export function layoutTensors(row: WeightLayout, model: ModelConfig, tree: unknown, what: TreeOf = "values"): TensorSource[] {
  const arrays = new Map(treePaths<DeviceArray>(tree as Tree<DeviceArray>));
  return slotsOf(row, model).map(slot => ({
    name: slot.name,
    dtype: "f32",
    shape: slot.shape,
    read: async () => {
      const out = new Float32Array(slot.rows * slot.columns);
      for (const m of slot.members) put(slot, m, await arrays.get(m.path)!.numbers(), out);
      return slot.more && what === "values" ? out.map(x => x - slot.more) : out;
    },
  }));
}

/** Finds each slot's tensor in the file, under any spelling; what is left over must be known to carry nothing. Only a head may be missing. */
function match(row: WeightLayout, slots: readonly Slot[], file: WeightFile, o: WeightOptions): Map<Slot, string | undefined> {
  const found = new Map<Slot, string | undefined>();
  const taken = new Set<string>();
  for (const slot of slots) {
    const spellings = [slot.name];
    for (const [from, to] of row.spellings) spellings.push(...spellings.map(n => n.replace(from, to)));
    const name = spellings.find(n => file.tensors.has(n));
    if (name === undefined && o.bodyOnly && row.head?.test(slot.name)) {
      found.set(slot, undefined);
      continue;
    }
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
    if (!isFloat(readableDtype(entry, file.place, file.types)))
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

/** Reads all tensors of a file onto a device as the parameters of a configured model; floats of 16 bits widen to f32. */
export async function readLayout(
  row: WeightLayout,
  model: ModelConfig,
  file: WeightFile,
  device: Device,
  options: WeightOptions = {},
): Promise<Model> {
  const specs: unknown = specOfModel(model);
  const arrays = new Map<string, DeviceArray>();
  try {
    const found = [...match(row, slotsOf(row, model), file, options)];
    const placeIn = (name: string | undefined) => (name === undefined ? 0 : file.tensors.get(name)!.from);
    // as they lie in the file, which is then read from its start to its end
    for (const [slot, name] of found.sort(([, a], [, b]) => placeIn(a) - placeIn(b))) {
      if (name === undefined) {
        for (const m of slot.members) arrays.set(m.path, await device.zeros(m.spec.shape, m.spec.dtype));
        continue;
      }
      const numbers = widen(await file.read(name), readableDtype(file.tensors.get(name)!, file.place, file.types));
      for (const m of slot.members) {
        const values = cut(slot, m, numbers);
        const { dtype, shape } = m.spec;
        arrays.set(m.path, await device.array(dtype === "f32" ? values : fromNumbers(values, dtype), dtype, shape));
      }
    }
  } catch (error) {
    for (const a of arrays.values()) a.dispose();
    throw error;
  }
  const leaves = treePaths<ParameterSpec>(specs as SpecTree).map(([path]) => arrays.get(path)!);
  return modelOf(model, treeFrom<ParameterSpec, DeviceArray>(specs as SpecTree, leaves));
}

/** Whether a file has a model's tensors, all of them and in their shapes, by its head alone. Errors as of `readLayout`. */
export const checkLayout = (row: WeightLayout, model: ModelConfig, file: WeightFile, options: WeightOptions = {}): void => {
  match(row, slotsOf(row, model), file, options);
};

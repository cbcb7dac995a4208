/** Parameter trees to named tensors and back: a leaf's path is its name in the file. All names and shapes are checked before one is read. */
import { nearest, type Tree, treeFrom, treePaths } from "../../base/index.ts";
import { type Device, type DeviceArray, type DType, fromNumbers, isFloat, sameShape, showShape, toNumbers } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import type { ArraysOf, ParameterSpec, SpecTree } from "../parameters.ts";
import { readableDtype, safetensorsPieces, type TensorSource, type WeightFile, writeSafetensors } from "./safetensors.ts";

export interface LoadWeightsOptions {
  /** Names in the file start with it and a dot; tensors without it are not looked at. */
  readonly prefix?: string;
  /** Floats of another width are rounded to the specification's dtype; without it they are an error. */
  readonly convert?: boolean;
}

const join = (prefix: string | undefined, path: string): string => (prefix && path ? `${prefix}.${path}` : prefix || path);
const fits = (from: DType, to: DType, convert: boolean): boolean => from === to || (convert && isFloat(from) && isFloat(to));

/** The tree of specifications with a file's tensors on a device. Errors name the tensor that is missing, unexpected, or of another shape. */
export async function loadTree<S>(specs: S, file: WeightFile, device: Device, options: LoadWeightsOptions = {}): Promise<ArraysOf<S>> {
  const { prefix, convert = false } = options;
  const wanted = treePaths<ParameterSpec>(specs as SpecTree).map(([path, spec]) => ({ name: join(prefix, path), spec }));
  const names = new Set(wanted.map(w => w.name));
  const present = [...file.tensors.keys()].filter(name => !prefix || name === prefix || name.startsWith(`${prefix}.`));
  const unexpected = present.filter(name => !names.has(name));
  const missing = wanted.filter(w => !file.tensors.has(w.name)).map(w => w.name);
  const others = (n: number) => (n > 1 ? ` (and ${n - 1} more)` : "");
  if (missing.length) {
    const near = nearest(missing[0]!, unexpected);
    throw nnErrors.fail("weights", {
      place: `${file.place}: ${missing[0]}`,
      expected: `a tensor ${showShape(wanted.find(w => w.name === missing[0])!.spec.shape)}`,
      received: `none${others(missing.length)}`,
      hint: near ? `It has "${near}".` : "Is it a checkpoint of another model?",
    });
  }
  if (unexpected.length)
    throw nnErrors.fail("weights", {
      place: `${file.place}: ${unexpected[0]}`,
      expected: `only the model's ${names.size} tensors`,
      received: `"${unexpected[0]}"${others(unexpected.length)}`,
      hint: "Is it a checkpoint of another model?",
    });
  for (const { name, spec } of wanted) {
    const entry = file.tensors.get(name)!;
    const place = `${file.place}: ${name}`;
    if (!sameShape(entry.shape, spec.shape))
      throw nnErrors.fail("weights", {
        place,
        expected: showShape(spec.shape),
        received: showShape(entry.shape),
        hint: "The model's sizes differ.",
      });
    if (!fits(readableDtype(entry, file.place), spec.dtype, convert))
      throw nnErrors.fail("weights", { place, expected: spec.dtype, received: entry.dtype ?? entry.fileDtype });
  }
  const arrays = new Map<string, DeviceArray>();
  const placeIn = ({ name }: { readonly name: string }) => file.tensors.get(name)!.from;
  try {
    // as they lie in the file, which is then read from its start to its end
    for (const { name, spec } of [...wanted].sort((a, b) => placeIn(a) - placeIn(b))) {
      const { dtype } = file.tensors.get(name)!;
      const data = await file.read(name);
      const values = dtype === spec.dtype ? data : fromNumbers(toNumbers(data, dtype!), spec.dtype);
      arrays.set(name, await device.array(values, spec.dtype, spec.shape));
    }
  } catch (error) {
    for (const a of arrays.values()) a.dispose();
    throw error;
  }
  const leaves = wanted.map(w => arrays.get(w.name)!);
  return treeFrom<ParameterSpec, DeviceArray>(specs as SpecTree, leaves) as ArraysOf<S>;
}

/** A tree's arrays as tensors to write, each read from the device when its turn comes. */
export const treeSources = (tree: unknown, prefix?: string): TensorSource[] =>
  treePaths<DeviceArray>(tree as Tree<DeviceArray>).map(([path, a]) => ({
    name: join(prefix, path),
    dtype: a.dtype,
    shape: a.shape,
    read: () => a.read(),
  }));

/** A tree's file in pieces, for an artifact's writer. */
export const treePieces = (tree: unknown, metadata?: Readonly<Record<string, string>>): AsyncGenerator<Uint8Array> =>
  safetensorsPieces(treeSources(tree), metadata);

/** Writes a tree of arrays to a safetensors file, whole or not at all. */
export const saveTree = (
  path: string,
  tree: unknown,
  options: { prefix?: string; metadata?: Readonly<Record<string, string>> } = {},
): Promise<void> => writeSafetensors(path, treeSources(tree, options.prefix), options.metadata);

/**
 * Parameters as plain trees. A specification says shape and start value; `initialise` draws it. A leaf's path is its name in files, and
 * seeds its own random numbers, so adding a layer does not change the others.
 */
import { totalmem } from "node:os";
import { formatBytes, type MapLeaves, random, type Tree, treeFrom, treeMap, treePaths } from "../base/index.ts";
import {
  bytesOf,
  type Device,
  type DeviceArray,
  type DType,
  fromNumbers,
  type Shape,
  showShape,
  sizeOf,
  type Tensor,
} from "../tensor/index.ts";
import { nnErrors } from "./errors.ts";

type ParameterStart =
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

interface ParameterSplit {
  readonly tensor: number;
}
interface ParameterRole {
  readonly decays: boolean;
  readonly isHidden: boolean;
  readonly split?: ParameterSplit | undefined;
}

export class ParameterSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly start: ParameterStart;
  /** Weight decay pulls it: matrices yes, norms, biases and embeddings no. */
  readonly decays: boolean;
  /** A matrix inside the network (not an embedding or output table): what Muon is for. */
  readonly isHidden: boolean;
  /** The dimension that ranks along an axis of a mesh may part; whole on all of them where absent. */
  readonly split: ParameterSplit | undefined;

  constructor(shape: Shape, start: ParameterStart, role: ParameterRole, dtype: DType = "f32") {
    this.shape = shape;
    this.start = start;
    this.dtype = dtype;
    this.decays = role.decays;
    this.isHidden = role.isHidden;
    this.split = role.split;
  }
}

export type SpecTree = Tree<ParameterSpec>;
/** The tensors of a tree of specifications. */
export type TensorsOf<S> = MapLeaves<S, ParameterSpec, Tensor>;
export type ArraysOf<S> = MapLeaves<S, ParameterSpec, DeviceArray>;

/** A matrix [in, out] inside the network, normal around 0. */
export const matrix = (shape: Shape, deviation: number, split?: ParameterSplit): ParameterSpec =>
  new ParameterSpec(shape, { kind: "normal", deviation }, { decays: true, isHidden: true, split });
/** An embedding or output table [V, C]: neither decays nor counts as hidden. */
export const table = (shape: Shape, deviation: number, split?: ParameterSplit): ParameterSpec =>
  new ParameterSpec(shape, { kind: "normal", deviation }, { decays: false, isHidden: false, split });
/** A table whose rows are tokens: ranks part the vocabulary. */
export const vocabularyTable = (shape: Shape, deviation: number): ParameterSpec => table(shape, deviation, { tensor: 0 });
const filled =
  (value: number) =>
  (shape: Shape, split?: ParameterSplit): ParameterSpec =>
    new ParameterSpec(shape, { kind: "constant", value }, { decays: false, isHidden: false, split });
export const ones = filled(1);
export const zerosSpec = filled(0);

/** `n` copies of a subtree, in a list. */
export const repeat = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** Start values of one parameter: a pure function of seed and path. */
export function startValues(spec: ParameterSpec, path: string, seed: number | string): Float64Array {
  const n = sizeOf(spec.shape);
  if (spec.start.kind === "constant") return new Float64Array(n).fill(spec.start.value);
  const r = random(`${seed}/${path}`);
  if (spec.start.kind === "uniform") {
    const { bound } = spec.start;
    return Float64Array.from({ length: n }, () => bound * (2 * r.uniform() - 1));
  }
  const { deviation } = spec.start;
  return Float64Array.from({ length: n }, () => deviation * r.normal());
}

const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);

/** In numbers, for there may be more bytes than any array has room for. */
function tooLarge(leaves: readonly (readonly [string, ParameterSpec])[], cause?: unknown) {
  const bytes = ([, s]: (typeof leaves)[number]): number => bytesOf(s.shape, s.dtype);
  const largest = leaves.reduce((a, b) => (bytes(b) > bytes(a) ? b : a));
  const all = leaves.reduce((n, leaf) => n + bytes(leaf), 0);
  return nnErrors.fail(
    "memory",
    {
      place: "parameters",
      expected: `at most ${formatBytes(memoryBytes())}`,
      received: `${formatBytes(all)} (${largest[0]} ${showShape(largest[1].shape)} alone ${formatBytes(bytes(largest))})`,
      hint: "That is all of this machine's memory. Lower what sets the model's size: width, layers, context or vocab.",
    },
    cause,
  );
}

/**
 * Draws all parameters of a tree of specifications onto a device. Errors: nn/memory for more than the machine holds, before any is drawn, or for one that
 * there is no room for; those that were drawn are given back.
 */
export async function initialise<S>(specs: S, device: Device, seed: number | string): Promise<ArraysOf<S>> {
  const leaves = treePaths<ParameterSpec>(specs as SpecTree);
  if (leaves.reduce((n, [, s]) => n + bytesOf(s.shape, s.dtype), 0) > memoryBytes()) throw tooLarge(leaves);
  const arrays: DeviceArray[] = [];
  try {
    for (const [path, spec] of leaves)
      arrays.push(await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape));
  } catch (error) {
    for (const array of arrays) array.dispose();
    // V8's own words for an array that is too long, or that there is no memory for
    throw error instanceof RangeError ? tooLarge(leaves, error) : error;
  }
  return treeFrom<ParameterSpec, DeviceArray>(specs as SpecTree, arrays) as ArraysOf<S>;
}

export const countParameters = (specs: unknown): number =>
  treePaths<ParameterSpec>(specs as SpecTree).reduce((n, [, s]) => n + sizeOf(s.shape), 0);

export const disposeTree = (tree: unknown): void => {
  treeMap<DeviceArray, void>(a => a.dispose(), tree as Tree<DeviceArray>);
};

/**
 * Parameters as plain trees. A specification says shape and start value; `initialise` draws it. A leaf's path is its name in files, and
 * seeds its own random numbers, so adding a layer does not change the others.
 */
import { type MapLeaves, random, type Tree, treeFrom, treeMap, treePaths } from "../base/index.ts";
import { type Device, type DeviceArray, type DType, fromNumbers, type Shape, sizeOf, type Tensor } from "../tensor/index.ts";

export type Start =
  | { readonly kind: "normal"; readonly deviation: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

export class ParameterSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly start: Start;
  /** Weight decay pulls it: matrices yes, norms, biases and embeddings no. */
  readonly decays: boolean;
  /** A matrix inside the network (not an embedding or output table): what Muon is for. */
  readonly isHidden: boolean;

  constructor(shape: Shape, start: Start, role: { readonly decays: boolean; readonly isHidden: boolean }, dtype: DType = "f32") {
    this.shape = shape;
    this.start = start;
    this.dtype = dtype;
    this.decays = role.decays;
    this.isHidden = role.isHidden;
  }
}

export type SpecTree = Tree<ParameterSpec>;
/** The tensors of a tree of specifications. */
export type TensorsOf<S> = MapLeaves<S, ParameterSpec, Tensor>;
export type ArraysOf<S> = MapLeaves<S, ParameterSpec, DeviceArray>;

/** A matrix [in, out] inside the network, normal around 0. */
export const matrix = (shape: Shape, deviation: number): ParameterSpec =>
  new ParameterSpec(shape, { kind: "normal", deviation }, { decays: true, isHidden: true });
/** An embedding or output table [V, C]: neither decays nor counts as hidden. */
export const table = (shape: Shape, deviation: number): ParameterSpec =>
  new ParameterSpec(shape, { kind: "normal", deviation }, { decays: false, isHidden: false });
const filled =
  (value: number) =>
  (shape: Shape): ParameterSpec =>
    new ParameterSpec(shape, { kind: "constant", value }, { decays: false, isHidden: false });
export const ones = filled(1);
export const zeros = filled(0);

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

/** Draws all parameters of a tree of specifications onto a device. */
export async function initialise<S>(specs: S, device: Device, seed: number | string): Promise<ArraysOf<S>> {
  const arrays: DeviceArray[] = [];
  for (const [path, spec] of treePaths<ParameterSpec>(specs as SpecTree))
    arrays.push(await device.array(fromNumbers(startValues(spec, path, seed), spec.dtype), spec.dtype, spec.shape));
  return treeFrom<ParameterSpec, DeviceArray>(specs as SpecTree, arrays) as ArraysOf<S>;
}

export const countParameters = (specs: unknown): number =>
  treePaths<ParameterSpec>(specs as SpecTree).reduce((n, [, s]) => n + sizeOf(s.shape), 0);

export const disposeTree = (tree: unknown): void => {
  treeMap<DeviceArray, void>(a => a.dispose(), tree as Tree<DeviceArray>);
};

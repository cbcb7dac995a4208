/**
 * A method of tuning as a transformation of a model's tree: which values are trained, what they start with, and the parameters that the
 * model's own function takes, made of trained and frozen ones inside the loss. Frozen values have no gradient and no optimiser state, and no
 * layer knows of any of this.
 */
import { nearest, type Tree } from "../../base/index.ts";
import { type ArraysOf, dropoutFrom, normalFloatArrays, ParameterSpec, type RowPart, startValues, type TensorsOf } from "../../nn/index.ts";
import { add, type Device, DeviceArray, fromNumbers, mul, type Tensor } from "../../tensor/index.ts";
import { tuneErrors } from "../errors.ts";
import { changedLinear, changedWeight, floatWeight, type LowRankSpec, type LowRankTensors, linearChange, tableChange } from "./low-rank.ts";
import { frozenOptions, lowRankOf, type Method, type MethodName, nameOfMethod } from "./options.ts";
import { isNamed, leavesOf, treeOf } from "./paths.ts";

/** What is trained, by the path of what it replaces (a specification) or changes (factors). */
export type TrainableSpecs = Readonly<Record<string, ParameterSpec | LowRankSpec>>;
export type TrainableArrays = ArraysOf<TrainableSpecs>;
export type TrainableTensors = TensorsOf<TrainableSpecs>;
/** Values that stay, by path. */
export type FrozenArrays = Readonly<Record<string, DeviceArray>>;
export type FrozenTensors = Readonly<Record<string, Tensor>>;

export interface TuningOptions {
  /** Parts that are trained whole whatever the method says, such as a new head: names as of targets. */
  readonly whole?: readonly string[];
}

/** A stream of random numbers that no layer's own dropout comes to. */
const factorStream = 2 ** 20;

/** A method for one model; S is the model's tree of specifications. */
export interface Tuning<S> {
  readonly method: MethodName;
  readonly specs: TrainableSpecs;
  /** Paths of linear maps and tables that factors are added to, and the factor of what is added; none with full and frozen. */
  readonly changes: ReadonlyMap<string, { readonly kind: "linear" | "table"; readonly scale: number }>;
  /**
   * Divides a model's arrays into those that are trained (with fresh ones for factors, a function of the seed) and those that stay. Takes the
   * arrays over: each is in one of the two, or gone where `qlora` keeps it in 4 bits. Errors: tune/method where a weight that has to be float is
   * not; nn/config where 4-bit blocks do not divide a width.
   */
  start(
    base: unknown,
    device: Device,
    seed: number | string,
  ): Promise<{ readonly trainable: TrainableArrays; readonly frozen: FrozenArrays }>;
  /**
   * Effective parameters, traced: what the model's function takes inside a loss. A `seed` (i32 scalar, another in each micro-batch) is given where
   * the model is trained: the factors' dropout draws from it. `part`: which of the equal parts of a step's rows the batch holds (default 0).
   */
  parameters(frozen: FrozenTensors, trainable: TrainableTensors, seed?: Tensor, part?: RowPart): TensorsOf<S>;
}

/** Where a linear map or a table stands in a tree of specifications. */
interface Place {
  readonly path: string;
  readonly kind: "linear" | "table";
  readonly shape: readonly [number, number];
  readonly isInBlock: boolean;
}

const isInBlock = (path: string): boolean => /(^|\.)blocks\.\d+\./.test(path);

function placesOf(leaves: ReadonlyMap<string, ParameterSpec>): Place[] {
  return [...leaves].flatMap(([path, { shape }]): Place[] => {
    if (shape.length !== 2) return [];
    const kind = path.endsWith(".weight") ? "linear" : "table";
    return [
      {
        path: kind === "linear" ? path.slice(0, -".weight".length) : path,
        kind,
        shape: shape as readonly [number, number],
        isInBlock: isInBlock(path),
      },
    ];
  });
}

/** Names that a user can say for places: every last one or two segments, and a block's. */
const namesOf = (places: readonly Place[]): string[] => [
  ...new Set(
    places.flatMap(({ path }) => {
      const keys = path.split(".");
      return [...keys.slice(-2).filter(k => !/^\d+$/.test(k)), ...(keys.length > 1 ? [keys.slice(-2).join(".")] : [])];
    }),
  ),
];

/** Places that names mean. Errors: tune/method for a name that means none. */
function named(places: readonly Place[], targets: "all" | readonly string[]): Place[] {
  if (targets === "all") return places.filter(p => p.kind === "linear" && p.isInBlock);
  for (const [i, target] of targets.entries())
    if (!places.some(p => isNamed(p.path, target))) {
      const known = namesOf(places);
      const near = nearest(target, known);
      throw tuneErrors.fail("method", {
        place: `targets[${i}]`,
        expected: `linear maps or tables of the model: ${known.slice(0, 20).join(", ")}`,
        received: target,
        ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
      });
    }
  return places.filter(p => targets.some(t => isNamed(p.path, t)));
}

/** Which leaves are trained whole. */
function wholeOf(method: Method, leaves: ReadonlyMap<string, ParameterSpec>, also: readonly string[]): (path: string) => boolean {
  for (const name of also)
    if (![...leaves.keys()].some(path => isNamed(path, name)))
      throw tuneErrors.fail("method", { place: "whole", expected: "parts of the model", received: name });
  const isAlso = (path: string) => also.some(name => isNamed(path, name));
  if ("full" in method) return () => true;
  if (!("frozen" in method)) return isAlso;
  const { layers, embeddings } = frozenOptions.parse(method.frozen);
  if (layers === "all") return isAlso;
  const blockOf = (path: string) => Number(/(?:^|\.)blocks\.(\d+)\./.exec(path)?.[1] ?? Number.NaN);
  const count = Math.max(0, ...[...leaves.keys()].map(path => blockOf(path) + 1).filter(n => !Number.isNaN(n)));
  if (layers > count)
    throw tuneErrors.fail("method", { place: "frozen.layers", expected: `at most the model's ${count} blocks`, received: String(layers) });
  const isTable = (path: string) => ["token", "position", "type"].includes(path.split(".").at(-1)!);
  return path => isAlso(path) || !(blockOf(path) < layers || (embeddings && isTable(path)));
}

/** A method for a model of these specifications. Errors: tune/method. */
export function tuningOf<S>(method: Method, specs: S, { whole = [] }: TuningOptions = {}): Tuning<S> {
  const leaves = leavesOf<ParameterSpec>(specs);
  const isWhole = wholeOf(method, leaves, whole);
  const low = lowRankOf(method);
  const places = low
    ? named(placesOf(leaves), low.options.targets).filter(p => !isWhole(p.kind === "linear" ? `${p.path}.weight` : p.path))
    : [];
  const changes = new Map(places.map(p => [p.path, { kind: p.kind, scale: low!.scale }] as const));
  const trainable: Record<string, ParameterSpec | LowRankSpec> = {};
  for (const { path, kind, shape } of places) {
    if (kind === "table" && low!.magnitudes)
      throw tuneErrors.fail("method", {
        place: `targets: ${path}`,
        expected: "linear maps only",
        received: "a table",
        hint: "Use lora for tables.",
      });
    const { rank } = low!.options;
    if (rank > Math.min(...shape))
      throw tuneErrors.fail("method", {
        place: `rank of ${path}`,
        expected: `at most ${Math.min(...shape)}, the lesser side of the weight`,
        received: String(rank),
      });
    trainable[path] = kind === "linear" ? linearChange(...shape, rank, low!.magnitudes) : tableChange(...shape, rank);
  }
  for (const [path, spec] of leaves) if (isWhole(path)) trainable[path] = spec;
  if (Object.keys(trainable).length === 0)
    throw tuneErrors.fail("method", { place: nameOfMethod(method), expected: "something that is trained", received: "everything frozen" });

  const changed = (trained: TrainableTensors, path: string) => trained[path] as LowRankTensors;
  const wholeOnes = (trained: TrainableTensors) => Object.entries(trained).filter(([path]) => !changes.has(path)) as [string, Tensor][];

  return {
    method: nameOfMethod(method),
    specs: trainable,
    changes,
    async start(base, device, seed) {
      const arrays = leavesOf<DeviceArray>(base);
      const frozen: Record<string, DeviceArray> = Object.fromEntries(arrays);
      if ("qlora" in method)
        await inFourBits(
          frozen,
          [...leaves.keys()].filter(path => isInBlock(path) && !isWhole(path)),
          device,
          method.qlora.double,
        );
      const started: Record<string, unknown> = {};
      for (const [path, spec] of Object.entries(trainable)) {
        if (spec instanceof ParameterSpec) {
          started[path] = floatArray(arrays.get(path), path);
          delete frozen[path];
          continue;
        }
        const factors: Record<string, DeviceArray> = {};
        for (const [name, factor] of Object.entries(spec) as [string, ParameterSpec][]) {
          const values =
            name === "magnitude"
              ? await columnLengthsOf(floatArray(arrays.get(`${path}.weight`), path))
              : startValues(factor, `${path}.${name}`, seed);
          factors[name] = await device.array(fromNumbers(values, factor.dtype), factor.dtype, factor.shape);
        }
        started[path] = factors;
      }
      return { trainable: started as TrainableArrays, frozen };
    },
    parameters(frozen, trained, seed, part = 0) {
      const tree = treeOf<Tensor>([...Object.entries(frozen), ...wholeOnes(trained)]);
      const rate = low?.options.dropout ?? 0;
      const places = [...changes.keys()];
      // a stream's words are as large as what it masks: all maps share one, each under a seed of its own
      const dropOf = (path: string) =>
        seed && rate > 0 ? () => dropoutFrom(rate, add(mul(seed, places.length), places.indexOf(path)), factorStream, part) : undefined;
      for (const [path, { kind, scale }] of changes) {
        const [parent, key] = parentOf(tree, path);
        // the path says that a linear map, or a table, stands there
        const old = parent[key] as never;
        parent[key] =
          kind === "linear"
            ? changedLinear(old, changed(trained, path), scale, path, dropOf(path))
            : changedWeight(floatWeight(old, path), changed(trained, path), scale);
      }
      return tree as TensorsOf<S>;
    },
  };
}

/** Puts the linear maps among these paths in 4 bits, one after the other; what is quantised already stays. */
async function inFourBits(frozen: Record<string, DeviceArray>, paths: readonly string[], device: Device, double: boolean): Promise<void> {
  for (const path of paths) {
    const weight = frozen[path];
    if (!path.endsWith(".weight") || weight?.shape.length !== 2 || weight.dtype !== "f32") continue;
    const arrays = await normalFloatArrays(weight, device, { double, place: path });
    delete frozen[path];
    weight.dispose();
    for (const [name, array] of Object.entries(arrays)) frozen[`${path}.${name}`] = array;
  }
}

function parentOf(tree: Tree<Tensor>, path: string): [Record<string, unknown>, string] {
  const keys = path.split(".");
  // a branch of the tree has its keys, which the type of a tree does not say
  let parent = tree as unknown as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  return [parent, keys.at(-1)!];
}

function floatArray(array: DeviceArray | undefined, path: string): DeviceArray {
  if (array instanceof DeviceArray && array.dtype === "f32") return array;
  throw tuneErrors.fail("method", {
    place: path,
    expected: "an f32 weight",
    received: array ? array.dtype : "a quantised one",
    hint: "What is trained whole, and columns whose lengths are (dora), must be full weights.",
  });
}

/** Lengths of the columns of a weight [in, out], summed in double precision. */
async function columnLengthsOf(weight: DeviceArray): Promise<Float64Array> {
  const data = (await weight.read()) as Float32Array;
  const [input, output] = weight.shape as [number, number];
  const squares = new Float64Array(output);
  for (let i = 0; i < input; i++) for (let o = 0; o < output; o++) squares[o]! += data[i * output + o]! ** 2;
  return squares.map(Math.sqrt);
}

/** What a tuning leaves: an adapter beside the model, or a model of its own with every change multiplied in. */
import {
  type Adapter,
  type ArraysOf,
  adapterOf,
  type DecoderConfig,
  type DecoderSpec,
  type LayerAdapter,
  type LowRank,
  type NormalFloatWeight,
  normalFloatRows,
  type Projection,
  projections,
} from "../../nn/index.ts";
import { type Device, type DeviceArray, type Tensor, transpose } from "../../tensor/index.ts";
import { treeProgram } from "../../train/index.ts";
import { tuneErrors } from "../errors.ts";
import { changedWeight, type LowRankTensors } from "./low-rank.ts";
import { leavesOf, treeOf } from "./paths.ts";
import type { FrozenArrays, TrainableArrays, Tuning } from "./tuning.ts";

/**
 * The adapter of a decoder tuned by `lora`, `rslora` or `qlora`, in the form that is written as a PEFT folder and served. Errors: tune/method for what
 * is no adapter (dora, tables, parts trained whole): that is merged.
 */
export async function adapterOfTuning(config: DecoderConfig, tuning: Tuning<DecoderSpec>, trainable: TrainableArrays): Promise<Adapter> {
  const layers = Array.from({ length: config.layers }, (): { [P in Projection]?: LowRank } => ({}));
  for (const path of Object.keys(tuning.specs)) {
    const [, layer, projection] = /^blocks\.(\d+)\.(.+)$/.exec(path) ?? [];
    const factors = trainable[path] as { readonly down: DeviceArray; readonly up: DeviceArray; readonly magnitude?: DeviceArray };
    const change = tuning.changes.get(path);
    if (!change || factors.magnitude || !(projections as readonly (string | undefined)[]).includes(projection))
      throw tuneErrors.fail("method", {
        place: path,
        expected: "low-rank factors of a block's projection, which is what an adapter holds",
        received: factors.magnitude ? "columns of other lengths (dora)" : change ? "another map or table" : "a part trained whole",
        hint: "Write a merged model instead.",
      });
    const up = (await factors.up.read()) as Float32Array;
    layers[Number(layer)]![projection as Projection] = {
      rank: factors.down.shape[0]!,
      down: ((await factors.down.read()) as Float32Array).slice(),
      up: up.map(x => x * change.scale),
    };
  }
  return adapterOf(config, layers as LayerAdapter[], tuning.method);
}

/** What stands behind a path of a weight in 4 bits. */
const normalFloatLeaf = /^(.+\.weight)\.nibbles$/;

/** Weights in 4 bits as the floats that they were tuned as, in the place of their codes, which stay as they are. */
async function withFloats(kept: Readonly<Record<string, DeviceArray>>, device: Device): Promise<Record<string, DeviceArray>> {
  const found = { ...kept };
  for (const nibbles of Object.keys(kept)) {
    const [, path] = normalFloatLeaf.exec(nibbles) ?? [];
    if (path === undefined) continue;
    const parts = Object.entries(kept).filter(([leaf]) => leaf.startsWith(`${path}.`));
    const floats = treeProgram<DeviceArray>((w: NormalFloatWeight) => transpose(normalFloatRows(w)), { device, name: "floats" });
    found[path] = await floats.with({}, Object.fromEntries(parts.map(([leaf, array]) => [leaf.slice(path.length + 1), array])));
    floats.dispose();
    for (const [leaf] of parts) delete found[leaf];
  }
  return found;
}

/**
 * The tuned model's own arrays: weights with their change multiplied in are new, all others are those that were given. A base in 4 bits (`qlora`)
 * becomes the floats that it was tuned as: rounding it again would undo a part of what was learnt. Errors: tune/method where a changed weight is
 * quantised otherwise.
 */
export async function mergedModel<S>(
  tuning: Tuning<S>,
  frozen: FrozenArrays,
  trainable: TrainableArrays,
  device: Device,
): Promise<ArraysOf<S>> {
  const kept = await withFloats(frozen, device);
  for (const path of Object.keys(trainable)) if (!tuning.changes.has(path)) kept[path] = trainable[path] as DeviceArray;
  for (const [path, { kind, scale }] of tuning.changes) {
    const at = kind === "linear" ? `${path}.weight` : path;
    if (!kept[at])
      throw tuneErrors.fail("method", {
        place: path,
        expected: "a float weight",
        received: "a quantised one",
        hint: "Merge into the full weights, then quantise.",
      });
    const before = frozen[at] ? undefined : kept[at];
    const merge = treeProgram<DeviceArray>((weight: Tensor, change: LowRankTensors) => changedWeight(weight, change, scale), {
      device,
      name: "merge",
    });
    kept[at] = await merge.with({}, kept[at], trainable[path]);
    merge.dispose();
    before?.dispose();
  }
  return treeOf(Object.entries(kept)) as ArraysOf<S>;
}

/**
 * Gives a tuning's arrays back but for those that a merged model holds too: factors, weights that they were multiplied into, a base in 4 bits. Without a
 * model all of them.
 */
export function disposeTuned(
  { trainable, frozen }: { readonly trainable: TrainableArrays; readonly frozen: FrozenArrays },
  merged: unknown = {},
): void {
  const kept = new Set(leavesOf<DeviceArray>(merged).values());
  for (const array of leavesOf<DeviceArray>([trainable, frozen]).values()) if (!kept.has(array)) array.dispose();
}

/** Works with trees of arrays, which are given back where the work fails. */
export async function givenBackOnFailure<T>(trees: readonly unknown[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const array of leavesOf<DeviceArray>(trees).values()) array.dispose();
    throw error;
  }
}

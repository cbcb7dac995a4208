/** An adapter multiplied into the weights: what the adapted program has to equal, and a model that needs no adapter any more. */
import { type Tree, treeFrom, treePaths } from "../../base/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import { nnErrors } from "../errors.ts";
import type { DecoderParameters } from "../generate/index.ts";
import { type Adapter, type LowRank, type Projection, projections } from "./adapter.ts";

/** New parameters W + (downᵀ up), summed in double precision; the given ones stay as they are. Errors: nn/adapter where weights are quantised. */
export async function mergeAdapter(parameters: DecoderParameters, adapter: Adapter, device: Device): Promise<DecoderParameters> {
  const paths = treePaths<DeviceArray>(parameters as Tree<DeviceArray>);
  const made: DeviceArray[] = [];
  const partOf = new Map<string, LowRank>(
    adapter.layers.flatMap((layer, i) =>
      projections.flatMap((p: Projection) => (layer[p] ? [[`blocks.${i}.${p}.weight`, layer[p]] as const] : [])),
    ),
  );
  try {
    for (const [path, array] of paths) {
      const data = (await array.read()).slice();
      const part = partOf.get(path);
      partOf.delete(path);
      if (part) addProduct(data as Float32Array, part, array.shape as [number, number]);
      made.push(await device.array(data, array.dtype, array.shape));
    }
    const [left] = partOf.keys();
    if (left !== undefined)
      throw nnErrors.fail("adapter", {
        place: `merge: ${left}`,
        expected: "a float weight",
        received: "a quantised one or none",
        hint: "Merge into the full weights, then quantise.",
      });
    return treeFrom<DeviceArray, DeviceArray>(parameters as Tree<DeviceArray>, made) as DecoderParameters;
  } catch (error) {
    for (const a of made) a.dispose();
    throw error;
  }
}

function addProduct(weight: Float32Array, { rank, down, up }: LowRank, [input, output]: readonly [number, number]): void {
  for (let i = 0; i < input; i++)
    for (let o = 0; o < output; o++) {
      let sum = weight[i * output + o]!;
      for (let r = 0; r < rank; r++) sum += down[r * input + i]! * up[r * output + o]!;
      weight[i * output + o] = sum;
    }
}

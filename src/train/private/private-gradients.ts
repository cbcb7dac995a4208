/**
 * The gradient of differentially private training (Abadi et al. 2016): each person's gradient is clipped, the sum gets Gaussian noise, and is divided by
 * the number of people that are expected in a step, not by the number that was drawn. Optimisers see nothing else.
 */
import { type Tree, treeFrom, treeLeaves } from "../../base/index.ts";
import {
  type Device,
  type DeviceArray,
  div,
  type ExampleOwners,
  maximum,
  minimum,
  perExample,
  sqrt,
  type Tensor,
} from "../../tensor/index.ts";
import { privateGenerator } from "./generator.ts";

/** How the gradient of a step is made private. */
export interface PrivateGradients {
  /** Greatest norm of a person's gradient. */
  readonly clip: number;
  /** Deviation of the noise in units of `clip`. */
  readonly noise: number;
  /** People that a step is expected to draw. */
  readonly expected: number;
  /** Who owns what of a micro-batch, by its arrays; rows where absent. */
  readonly examples?: (batch: Readonly<Record<string, Tensor>>) => ExampleOwners;
  /** Of the generator: 32 bytes that stay secret. */
  readonly key: Uint8Array;
}

/** Norms are summed in float32: what is clipped to stays this part below the norm that noise is counted by. */
const roundingMargin = 1e-4;
const leastNorm = 1e-12;

type TracedLoss = (p: Tree<Tensor>, batch: Record<string, Tensor>, scale: Tensor, frozen: Tree<Tensor>) => Tensor;

/** Loss, and the sum of the clipped gradients, of a micro-batch. */
export function clippedSum(loss: TracedLoss, { clip, examples }: Pick<PrivateGradients, "clip" | "examples">) {
  const gradientsOf = perExample(loss, batch => examples?.(batch) ?? {});
  return (p: Tree<Tensor>, batch: Record<string, Tensor>, scale: Tensor, frozen: Tree<Tensor>) => {
    const gradients = gradientsOf(p, batch, scale, frozen);
    const norms = maximum(sqrt(maximum(gradients.squaredNorms(), 0)), leastNorm);
    return { loss: gradients.loss, gradients: gradients.weightedSum(minimum(1, div(clip * (1 - roundingMargin), norms))) };
  };
}

/** Noise of a step, a tree like the parameters; the caller's. */
export async function noiseOf(given: PrivateGradients, like: unknown, step: number, device: Device): Promise<Tree<DeviceArray>> {
  const tree = like as Tree<DeviceArray>;
  const leaves = treeLeaves<DeviceArray>(tree);
  const drawn = privateGenerator(given.key).normals(
    step,
    leaves.reduce((n, a) => n + a.size, 0),
  );
  let at = 0;
  const arrays: DeviceArray[] = [];
  for (const { shape, size } of leaves) {
    const values = Float32Array.from(drawn.subarray(at, at + size), x => x * given.noise * given.clip);
    at += size;
    arrays.push(await device.array(values, "f32", shape));
  }
  return treeFrom(tree, arrays);
}

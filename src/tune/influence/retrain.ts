/**
 * The ground truth of attributions to training items: models that are trained on random halves, and what they put out. `datamodelingScores` compares scores
 * with it.
 */
import { random } from "../../base/index.ts";
import type { RetrainedModels } from "../../statistics/index.ts";
import { tuneErrors } from "../errors.ts";

export interface RetrainOptions {
  /** Training items that there are. */
  readonly items: number;
  /** Models that are trained, 3 or more (default 32). */
  readonly models?: number;
  /** Share of the items that each is trained on (default 0.5). */
  readonly share?: number;
  readonly seed?: number | string;
  /** Trains a model on these items and gives its output for each target. */
  readonly outputsOf: (items: Int32Array, model: number) => Promise<ArrayLike<number>>;
  readonly onModel?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Errors: tune/influence; those of the training. */
export async function retrainOnSubsets(o: RetrainOptions): Promise<RetrainedModels> {
  const { items, models = 32, share = 0.5, seed = 1 } = o;
  const size = Math.floor(items * share);
  if (!(models >= 3) || size < 1 || size >= items)
    throw tuneErrors.fail("influence", {
      place: "retrainOnSubsets",
      expected: "3 models or more, and a share of the items that is neither none nor all",
      received: `${models} models on ${size} of ${items}`,
    });
  const subsets: Int32Array[] = [];
  const outputs: ArrayLike<number>[] = [];
  for (let m = 0; m < models; m++) {
    o.signal?.throwIfAborted();
    const subset = Int32Array.from(random(`${seed}/subset/${m}`).permutation(items).subarray(0, size)).sort();
    outputs.push(await o.outputsOf(subset, m));
    subsets.push(subset);
    o.onModel?.(m + 1, models);
  }
  return { subsets, outputs };
}

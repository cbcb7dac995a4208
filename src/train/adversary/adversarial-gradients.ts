/**
 * How an adversary's loss changes the predictor's gradient.
 * - `projection` (Zhang et al. 2018): g = dLp - proj_dLa(dLp) - weight dLa, over the concatenated gradient of all of the predictor's parameters. The step
 *   then never helps the adversary. It happens between the gradient program and the update program, on gradients that are summed over micro-batches.
 * - `reversal` (Ganin et al. 2016): g = dLp - weight dLa, without the projection; one backward pass.
 * The adversary's own parameters follow dLa in both.
 */
import { type Tree, treeFrom, treeLeaves, treePaths } from "../../base/index.ts";
import { add, div, maximum, mul, stopGradient, sub, sum, type Tensor } from "../../tensor/index.ts";

export interface AdversarialGradients {
  /** Factor of the adversary's gradient. */
  readonly weight: number;
  /** Is a parameter, by its path, the adversary's own? */
  readonly isAdversary: (path: string) => boolean;
}

/** Gradients of both losses, each a tree like the parameters. */
export interface BothGradients {
  readonly task: Tree<Tensor>;
  readonly adversary: Tree<Tensor>;
}

/** Below it the adversary's gradient has no direction. */
const leastSquaredNorm = 1e-30;

const inner = (pairs: readonly (readonly [Tensor, Tensor])[]): Tensor =>
  pairs.map(([a, b]) => sum(mul(a, b))).reduce((total, x) => add(total, x));

/** The gradient that the update takes. */
export function projectedGradient({ weight, isAdversary }: AdversarialGradients, { task, adversary }: BothGradients): Tree<Tensor> {
  const paths = treePaths<Tensor>(task).map(([path]) => path);
  const [ofTask, ofAdversary] = [treeLeaves<Tensor>(task), treeLeaves<Tensor>(adversary)];
  const own = paths.map(isAdversary);
  const shared = ofTask.flatMap((g, i) => (own[i] ? [] : [[g, ofAdversary[i]!] as const]));
  const along = div(inner(shared), maximum(inner(shared.map(([, a]) => [a, a] as const)), leastSquaredNorm));
  const factor = add(along, weight);
  return treeFrom(
    task,
    ofTask.map((g, i) => (own[i] ? ofAdversary[i]! : sub(g, mul(ofAdversary[i]!, factor)))),
  );
}

/** x in the forward pass; its gradient is turned and multiplied by `weight` (gradient reversal, as arithmetic with `stopGradient`). */
export const reversed = (x: Tensor, weight: number): Tensor => sub(mul(stopGradient(x), 1 + weight), mul(x, weight));

/** The loss's gradient without its value: what is added to another loss and does not change the figure that is reported. */
export const gradientOnly = (loss: Tensor): Tensor => sub(loss, stopGradient(loss));

/**
 * An adversary that predicts protected attributes from a classifier's logits (Zhang, Lemoine and Mitchell 2018, "Mitigating unwanted biases with adversarial
 * learning"): one linear classifier an attribute. For equalised odds it sees the true class too, for demographic parity the logits alone. It reads
 * softmax((1 + |slope|) logits), so it never sees hard labels, and the predictor's last layer stays without an activation.
 */
import { linear, linearSpec, negativeLogLikelihood, ParameterSpec } from "../../nn/index.ts";
import { abs, add, concat, mul, oneHot, reshape, softmax, sum, type Tensor } from "../../tensor/index.ts";
import type { AdversaryGoal } from "../part.ts";

export interface AdversaryOptions {
  /** Classes of the predictor. */
  readonly classes: number;
  /** Number of groups of each attribute. */
  readonly groups: readonly number[];
  readonly goal: AdversaryGoal;
}

const inputsOf = ({ classes, goal }: AdversaryOptions): number => (goal === "equalisedOdds" ? classes * (classes + 2) : classes);

/** Paths of the adversary's parameters begin with this. */
const adversaryPrefix = "adversary.";
export const isOfAdversary = (path: string): boolean => path.startsWith(adversaryPrefix);

/** Its parameters by path: a slope, and weight and bias of each attribute. The heads start at 0, so the first guess is chance; the slope at 1, for |x| has no derivative at 0. */
export function adversarySpecs(o: AdversaryOptions): Record<string, ParameterSpec> {
  const specs: Record<string, ParameterSpec> = {
    [`${adversaryPrefix}slope`]: new ParameterSpec([], { kind: "constant", value: 1 }, { decays: false, isHidden: false }),
  };
  for (const [a, groups] of o.groups.entries()) {
    const { weight, bias } = linearSpec(inputsOf(o), groups, 0, true);
    specs[`${adversaryPrefix}${a}.weight`] = weight;
    specs[`${adversaryPrefix}${a}.bias`] = bias!;
  }
  return specs;
}

/**
 * Sum over attributes of the weighted sum of its losses, nats. logits [B, K], targets [B], groups [B] of each attribute and weights [B] of a batch; parameters by path. Its
 * gradient reaches the logits.
 */
export function adversaryLoss(
  o: AdversaryOptions,
  parameters: Readonly<Record<string, Tensor>>,
  batch: { readonly logits: Tensor; readonly targets: Tensor; readonly groups: readonly Tensor[]; readonly weights: Tensor },
): Tensor {
  const { logits, targets, weights } = batch;
  const rows = logits.shape[0]!;
  const slope = add(abs(parameters[`${adversaryPrefix}slope`]!), 1);
  const said = softmax(mul(logits, slope));
  const truth = oneHot(targets, o.classes);
  // [B, K, K]: what is said of items of each true class
  const both = mul(reshape(said, [rows, o.classes, 1]), reshape(truth, [rows, 1, o.classes]));
  const seen = o.goal === "equalisedOdds" ? concat([said, truth, reshape(both, [rows, o.classes * o.classes])], 1) : said;
  const losses = batch.groups.map((own, a) => {
    const head = { weight: parameters[`${adversaryPrefix}${a}.weight`]!, bias: parameters[`${adversaryPrefix}${a}.bias`]! };
    return sum(mul(negativeLogLikelihood(linear(head, seen), own), weights));
  });
  return losses.reduce((a, b) => add(a, b));
}

/**
 * Logistic regression over hashed features, learnt by stochastic gradient descent with a rate for each weight (AdaGrad, Duchi et al. 2011).
 * L2 is paid by a feature when an example has it. Which pass was best is said by texts held out from learning; when they have not got better
 * for some passes, it ends. A function of examples, options and seed: nothing depends on time or threads.
 */
import { type Random, random } from "../../base/index.ts";

export interface QualityExample {
  /** Numbers of its features, each once. */
  readonly features: Uint32Array;
  readonly isGood: boolean;
}

export interface LogisticOptions {
  readonly bits: number;
  readonly seed: number | string;
  /** First step of a weight. */
  readonly rate: number;
  readonly l2: number;
  /** Passes over the examples, at most. */
  readonly passes: number;
  /** Ends after so many passes in a row that did not help. */
  readonly patience: number;
  /** Both kinds count the same, whatever their numbers. */
  readonly isBalanced: boolean;
}

export interface LogisticWeights {
  readonly weights: Float32Array;
  readonly bias: number;
}

interface Learnt extends LogisticWeights {
  /** The pass that was kept, from 1. */
  readonly pass: number;
  /** Mean loss of the texts held out, nats, after each pass; empty where none were. */
  readonly losses: readonly number[];
}

/** The margin of features: positive for good. Features are each once, the text scaled to length 1. */
export function qualityMargin({ weights, bias }: LogisticWeights, features: Uint32Array, count = features.length): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += weights[features[i]!]!;
  return count === 0 ? bias : bias + sum / Math.sqrt(count);
}

export const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

/** -log of the probability that a margin gives to what is true; exact for large margins of either sign. */
export const logisticLoss = (margin: number, isGood: boolean): number => {
  const z = isGood ? margin : -margin;
  return z > 0 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)) - z;
};

/** How much an example of each kind weighs: 1 in the mean. */
function qualityClassWeights(examples: readonly QualityExample[], isBalanced: boolean): { good: number; bad: number } {
  if (!isBalanced) return { good: 1, bad: 1 };
  const good = examples.reduce((n, e) => n + Number(e.isGood), 0);
  return { good: examples.length / (2 * good), bad: examples.length / (2 * (examples.length - good)) };
}

/** Learns. `held` decides which pass is kept and must hold both kinds; where there is none, all passes are made and the last is kept. */
export function learnLogistic(
  examples: readonly QualityExample[],
  held: readonly QualityExample[] | undefined,
  o: LogisticOptions,
): Learnt {
  const draw: Random = random(o.seed);
  const weights = new Float32Array(2 ** o.bits);
  const squares = new Float32Array(2 ** o.bits);
  let [bias, biasSquares] = [0, 0];
  const weight = qualityClassWeights(examples, o.isBalanced);
  const heldWeight = qualityClassWeights(held ?? [], o.isBalanced);
  const losses: number[] = [];
  let best: Learnt | undefined;
  for (let pass = 1; pass <= o.passes; pass++) {
    for (const at of draw.permutation(examples.length)) {
      const { features, isGood } = examples[at]!;
      const scale = 1 / Math.sqrt(Math.max(1, features.length));
      const error = (logistic(qualityMargin({ weights, bias }, features)) - Number(isGood)) * (isGood ? weight.good : weight.bad);
      for (const f of features) {
        const w = weights[f]!;
        const gradient = error * scale + o.l2 * w;
        const total = squares[f]! + gradient * gradient;
        squares[f] = total;
        if (total > 0) weights[f] = w - (o.rate * gradient) / Math.sqrt(total);
      }
      biasSquares += error * error;
      if (biasSquares > 0) bias -= (o.rate * error) / Math.sqrt(biasSquares);
    }
    if (held === undefined) continue;
    let loss = 0;
    for (const e of held)
      loss += logisticLoss(qualityMargin({ weights, bias }, e.features), e.isGood) * (e.isGood ? heldWeight.good : heldWeight.bad);
    losses.push(loss / held.length);
    if (best === undefined || losses.at(-1)! < losses[best.pass - 1]!) best = { weights: weights.slice(), bias, pass, losses };
    else if (pass - best.pass >= o.patience) break;
  }
  return { ...(best ?? { weights, bias, pass: o.passes }), losses };
}

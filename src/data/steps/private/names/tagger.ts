/**
 * A linear chain over the words of a text: a label's score is the sum of its features' weights and of the step from the label before. The best
 * chain by Viterbi (1967); the probability of each label by forward and backward sums, the scores divided by a temperature.
 */
import { numOwn, numPairs, type TaggedFeatures, transitionOf } from "./features.ts";
import { mayFollow, numLabels } from "./tokens.ts";

const L = numLabels;
/** The label before the first: one of its own, after which nothing goes on. */
const first = L;
const allowed = Array.from({ length: L + 1 }, (_, before) =>
  Array.from({ length: L }, (_, label) => (before === first ? mayFollow(0, label) : mayFollow(before, label))),
);

/** [2^bits, L]: of a trained model, in training, or of a model in whole numbers (`quantisedNames`). */
type NameWeights = Float32Array | Float64Array | Int8Array;

export interface ChainScores {
  readonly length: number;
  /** [T, L] */
  readonly emissions: Float64Array;
  /** By token, [L + 1, L]: the step to its label from the one before; the same array for tokens of one form. */
  readonly steps: readonly Float64Array[];
}

/** [L + 1, L]: the steps to a token of a form; there are few forms. */
function stepsOf(form: number, weights: NameWeights, bits: number): Float64Array {
  const steps = new Float64Array((L + 1) * L).fill(Number.NEGATIVE_INFINITY);
  for (let before = 0; before <= L; before++) {
    const [plain, withForm] = transitionOf(before, form, bits);
    for (let y = 0; y < L; y++) if (allowed[before]![y]) steps[before * L + y] = weights[plain * L + y]! + weights[withForm * L + y]!;
  }
  return steps;
}

/** Scores of all labels and steps; `hidden` tokens are seen without their letters, and masks can only be `O`. */
export function chainScores(
  { length, own, pairs, letters, form: forms }: TaggedFeatures,
  isMask: readonly boolean[],
  weights: NameWeights,
  bits: number,
  hidden?: Uint8Array,
): ChainScores {
  const emissions = new Float64Array(length * L);
  const steps: Float64Array[] = [];
  const known = new Map<number, Float64Array>();
  const words = new Map<Uint32Array, Float64Array>();
  const add = (features: Uint32Array, from: number, to: number, at: number): void => {
    for (let k = from; k < to; k++) for (let y = 0, w = features[k]! * L; y < L; y++) emissions[at + y]! += weights[w + y]!;
  };
  for (let t = 0; t < length; t++) {
    const at = t * L;
    add(own, t * numOwn, (t + 1) * numOwn, at);
    if (hidden?.[t] !== 1) {
      add(pairs, t * numPairs, (t + 1) * numPairs, at);
      const word = wordScores(letters[t]!, weights, words);
      for (let y = 0; y < L; y++) emissions[at + y]! += word[y]!;
    }
    if (isMask[t]) emissions.fill(Number.NEGATIVE_INFINITY, t * L + 1, (t + 1) * L);
    const form = forms[t]!;
    let of = known.get(form);
    if (of === undefined) {
      of = stepsOf(form, weights, bits);
      known.set(form, of);
    }
    steps.push(of);
  }
  return { length, emissions, steps };
}

/** [L]: what the letters of a word say, once for a text's equal words. */
function wordScores(letters: Uint32Array, weights: NameWeights, words: Map<Uint32Array, Float64Array>): Float64Array {
  let sums = words.get(letters);
  if (sums === undefined) {
    sums = new Float64Array(L);
    for (const f of letters) for (let y = 0; y < L; y++) sums[y]! += weights[f * L + y]!;
    words.set(letters, sums);
  }
  return sums;
}

/** The chain of the highest score; of equal ones the lower label. */
export function bestChain({ length, emissions, steps }: ChainScores): Uint8Array {
  const labels = new Uint8Array(length);
  const from = new Uint8Array(length * L);
  let scores = new Float64Array(L);
  let next = new Float64Array(L);
  for (let t = 0; t < length; t++) {
    const step = steps[t]!;
    next.fill(Number.NEGATIVE_INFINITY);
    for (let y = 0; y < L; y++)
      for (let before = t === 0 ? first : 0; before < (t === 0 ? L + 1 : L); before++) {
        const score = (t === 0 ? 0 : scores[before]!) + step[before * L + y]! + emissions[t * L + y]!;
        if (score > next[y]!) {
          next[y] = score;
          from[t * L + y] = before;
        }
      }
    [scores, next] = [next, scores];
  }
  let label = scores.indexOf(Math.max(...scores));
  for (let t = length - 1; t >= 0; t--) {
    labels[t] = label;
    label = from[t * L + label]!;
  }
  return labels;
}

/** e to this is as good as 0; a chain of such steps never underflows, since each token's sums are scaled to 1. */
const leastExponent = -200;

/** Exponentials over the largest score; what is not allowed has 0. */
function exponentials(scores: Float64Array, temperature: number): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const s of scores) most = Math.max(most, s);
  return scores.map(s => (s === Number.NEGATIVE_INFINITY ? 0 : Math.exp(Math.max(leastExponent, (s - most) / temperature))));
}

/** Divides L numbers by their sum. */
function normalise(values: Float64Array, at: number): void {
  let sum = 0;
  for (let y = 0; y < L; y++) sum += values[at + y]!;
  for (let y = 0; y < L; y++) values[at + y]! /= sum;
}

/** [T, L]: the probability of each label of each token, by forward and backward sums that are scaled at each token (Rabiner 1989, section V.A). */
export function marginals({ length, emissions, steps }: ChainScores, temperature: number): Float64Array {
  const known = new Map<Float64Array, Float64Array>();
  const factors = steps.map(step => {
    let of = known.get(step);
    if (of === undefined) {
      of = exponentials(step, temperature);
      known.set(step, of);
    }
    return of;
  });
  const likely = new Float64Array(length * L);
  for (let t = 0; t < length; t++) likely.set(exponentials(emissions.subarray(t * L, (t + 1) * L), temperature), t * L);
  const found = new Float64Array(length * L);
  for (let t = 0; t < length; t++) {
    const factor = factors[t]!;
    for (let y = 0; y < L; y++) {
      let sum = 0;
      if (t === 0) sum = factor[first * L + y]!;
      else for (let before = 0; before < L; before++) sum += found[(t - 1) * L + before]! * factor[before * L + y]!;
      found[t * L + y] = sum * likely[t * L + y]!;
    }
    normalise(found, t * L);
  }
  let backward = new Float64Array(L).fill(1);
  let earlier = new Float64Array(L);
  for (let t = length - 1; t >= 0; t--) {
    const factor = factors[t]!;
    for (let before = 0; before < L; before++) {
      earlier[before] = 0;
      for (let y = 0; y < L; y++) earlier[before]! += factor[before * L + y]! * likely[t * L + y]! * backward[y]!;
    }
    for (let y = 0; y < L; y++) found[t * L + y]! *= backward[y]!;
    normalise(found, t * L);
    normalise(earlier, 0);
    [backward, earlier] = [earlier, backward];
  }
  return found;
}

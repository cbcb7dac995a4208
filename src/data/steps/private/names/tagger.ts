/**
 * A linear chain over the words of a text: a label's score is the sum of its features' weights and of the step from the label before. The best
 * chain by Viterbi (1967); the probability of each label by forward and backward sums, the scores divided by a temperature.
 */
import { type TokenFeatures, transitionOf } from "./features.ts";
import { mayFollow, numLabels } from "./tokens.ts";

const L = numLabels;
/** The label before the first: one of its own, after which nothing goes on. */
const first = L;
const allowed = Array.from({ length: L + 1 }, (_, before) =>
  Array.from({ length: L }, (_, label) => (before === first ? mayFollow(0, label) : mayFollow(before, label))),
);

export interface ChainScores {
  readonly length: number;
  /** [T, L] */
  readonly emissions: Float64Array;
  /** [T, L + 1, L]: the step to a token's label from the one before. */
  readonly steps: Float64Array;
}

/** [L + 1, L]: the steps to a token of a form; there are few forms. */
function stepsOf(form: number, weights: Float32Array | Float64Array, bits: number): Float64Array {
  const steps = new Float64Array((L + 1) * L).fill(Number.NEGATIVE_INFINITY);
  for (let before = 0; before <= L; before++) {
    const [plain, withForm] = transitionOf(before, form, bits);
    for (let y = 0; y < L; y++) if (allowed[before]![y]) steps[before * L + y] = weights[plain * L + y]! + weights[withForm * L + y]!;
  }
  return steps;
}

/** Scores of all labels and steps; `hidden` tokens are seen without their letters, and masks can only be `O`. Weights: [2^bits, L]. */
export function chainScores(
  features: readonly TokenFeatures[],
  isMask: readonly boolean[],
  weights: Float32Array | Float64Array,
  bits: number,
  hidden?: Uint8Array,
): ChainScores {
  const n = features.length;
  const emissions = new Float64Array(n * L);
  const steps = new Float64Array(n * (L + 1) * L);
  const known = new Map<number, Float64Array>();
  for (let t = 0; t < n; t++) {
    const { own, letters, form } = features[t]!;
    for (const list of hidden?.[t] === 1 ? [own] : [own, letters])
      for (const f of list) for (let y = 0; y < L; y++) emissions[t * L + y]! += weights[f * L + y]!;
    if (isMask[t]) emissions.fill(Number.NEGATIVE_INFINITY, t * L + 1, (t + 1) * L);
    let of = known.get(form);
    if (of === undefined) {
      of = stepsOf(form, weights, bits);
      known.set(form, of);
    }
    steps.set(of, t * (L + 1) * L);
  }
  return { length: n, emissions, steps };
}

/** The chain of the highest score; of equal ones the lower label. */
export function bestChain({ length, emissions, steps }: ChainScores): Uint8Array {
  const labels = new Uint8Array(length);
  const from = new Uint8Array(length * L);
  let scores = new Float64Array(L);
  for (let t = 0; t < length; t++) {
    const next = new Float64Array(L).fill(Number.NEGATIVE_INFINITY);
    for (let y = 0; y < L; y++)
      for (let before = t === 0 ? first : 0; before < (t === 0 ? L + 1 : L); before++) {
        const score = (t === 0 ? 0 : scores[before]!) + steps[(t * (L + 1) + before) * L + y]! + emissions[t * L + y]!;
        if (score > next[y]!) {
          next[y] = score;
          from[t * L + y] = before;
        }
      }
    scores = next;
  }
  let label = scores.indexOf(Math.max(...scores));
  for (let t = length - 1; t >= 0; t--) {
    labels[t] = label;
    label = from[t * L + label]!;
  }
  return labels;
}

function logSum(values: Float64Array): number {
  const most = Math.max(...values);
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (const v of values) sum += Math.exp(v - most);
  return most + Math.log(sum);
}

/** [T, L]: the probability of each label of each token. */
export function marginals({ length, emissions, steps }: ChainScores, temperature: number): Float64Array {
  const forward = new Float64Array(length * L);
  const terms = new Float64Array(L);
  for (let t = 0; t < length; t++)
    for (let y = 0; y < L; y++) {
      const step = (before: number) => steps[(t * (L + 1) + before) * L + y]! / temperature;
      for (let before = 0; before < L; before++)
        terms[before] = t === 0 ? Number.NEGATIVE_INFINITY : forward[(t - 1) * L + before]! + step(before);
      forward[t * L + y] = (t === 0 ? step(first) : logSum(terms)) + emissions[t * L + y]! / temperature;
    }
  const found = new Float64Array(length * L);
  let backward = new Float64Array(L);
  for (let t = length - 1; t >= 0; t--) {
    for (let y = 0; y < L; y++) terms[y] = forward[t * L + y]! + backward[y]!;
    const all = logSum(terms);
    for (let y = 0; y < L; y++) found[t * L + y] = Math.exp(forward[t * L + y]! + backward[y]! - all);
    const before = new Float64Array(L);
    for (let b = 0; b < L; b++) {
      for (let y = 0; y < L; y++) terms[y] = (steps[(t * (L + 1) + b) * L + y]! + emissions[t * L + y]!) / temperature + backward[y]!;
      before[b] = logSum(terms);
    }
    backward = before;
  }
  return found;
}

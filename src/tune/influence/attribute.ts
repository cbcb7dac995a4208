/**
 * Which training texts a model's outputs rest on. All methods give a score to each pair of a text and a training text; above 0: training on it raised the
 * model's support of the text's class. How far a method can be believed, `datamodelingScores` says.
 */
import { cholesky, solveTriangular } from "../../statistics/index.ts";
import { tuneErrors } from "../errors.ts";
import type { AttributedTexts, TextGradients, TextSketches } from "./text-gradients.ts";

/** A kept checkpoint: its arrays, and the sum of the rates of the steps that led to it. */
export interface WeightedCheckpoint {
  readonly parameters: unknown;
  readonly rate: number;
}

/**
 * TracInCP (Pruthi et al. 2020, section 3.3): sum over checkpoints of rate x dot(gradient of the text's loss, gradient of the training text's loss), exact.
 * [texts][training texts]. A pass over the training texts for every 8 texts and each checkpoint.
 */
export async function tracIn(
  gradients: TextGradients,
  checkpoints: Iterable<WeightedCheckpoint> | AsyncIterable<WeightedCheckpoint>,
  texts: AttributedTexts,
  train: AttributedTexts,
): Promise<Float64Array[]> {
  const scores = texts.tokens.map(() => new Float64Array(train.tokens.length));
  for await (const { parameters, rate } of checkpoints) {
    const dots = await gradients.dots(parameters, texts, train);
    for (const [t, row] of dots.entries()) for (let i = 0; i < row.length; i++) scores[t]![i]! += rate * row[i]!;
  }
  return scores;
}

export interface TrakOptions {
  /** Sketches have side x side numbers (default 16). */
  readonly side?: number;
  /** Added to the diagonal of the sketches' second moments, a share of their mean there (default 0.1). */
  readonly ridge?: number;
  readonly seed?: number | string;
}

/** Second moments of sketches with the ridge, as a Cholesky factor. */
function factorOf({ size, rows }: TextSketches, ridge: number): Float64Array {
  const moments = new Float64Array(size * size);
  for (const row of rows)
    for (let i = 0; i < size; i++) {
      const x = row[i]!;
      for (let j = 0; j <= i; j++) moments[i * size + j]! += x * row[j]!;
    }
  let trace = 0;
  for (let i = 0; i < size; i++) trace += moments[i * size + i]!;
  for (let i = 0; i < size; i++) moments[i * size + i]! += (ridge * trace) / size;
  const factor = cholesky(moments, size);
  if (factor) return factor;
  throw tuneErrors.fail("influence", {
    place: "trak: ridge",
    expected: "gradients that are not all 0, and a ridge above 0",
    received: String(ridge),
    hint: "Raise ridge.",
  });
}

/**
 * TRAK (Park et al. 2023) of a measure that is the log-odds of the class: phi(text)^T (Phi^T Phi + ridge)^-1 phi(training text), phi the sketched gradient of
 * the log-odds, averaged over the models, times the mean of the training text's 1 - p. `gradients` is of the measure `classLogOdds`. [texts][training texts]
 */
export async function trak(
  gradients: TextGradients,
  models: Iterable<unknown> | AsyncIterable<unknown>,
  texts: AttributedTexts,
  train: AttributedTexts,
  { side = 16, ridge = 0.1, seed = 1 }: TrakOptions = {},
): Promise<Float64Array[]> {
  const count = train.tokens.length;
  const scores = texts.tokens.map(() => new Float64Array(count));
  const doubts = new Float64Array(count);
  let m = 0;
  for await (const parameters of models) {
    const known = await gradients.sketches(parameters, train, side, `${seed}/${m}`);
    const asked = await gradients.sketches(parameters, texts, side, `${seed}/${m}`);
    const factor = factorOf(known, ridge);
    for (const [t, row] of asked.rows.entries()) {
      const solved = solveTriangular(factor, solveTriangular(factor, row), true);
      for (let i = 0; i < count; i++) scores[t]![i]! += known.rows[i]!.reduce((s, x, k) => s + x * solved[k]!, 0);
    }
    for (let i = 0; i < count; i++) doubts[i]! += 1 / (1 + Math.exp(known.measures[i]!));
    m++;
  }
  for (const row of scores) for (let i = 0; i < count; i++) row[i]! *= doubts[i]! / m ** 2;
  return scores;
}

const unit = (x: ArrayLike<number>): Float64Array => {
  const length = Math.hypot(...Array.from(x)) || 1;
  return Float64Array.from(x, v => v / length);
};

/** Texts as vectors, with their classes. */
export interface EmbeddedTexts {
  readonly states: readonly ArrayLike<number>[];
  readonly labels: ArrayLike<number>;
}

/**
 * Nearest neighbours, exact: the cosine of two texts' states, negative where the training text is of another class. [texts][training texts]
 */
export function nearestTexts(texts: EmbeddedTexts, train: EmbeddedTexts): Float64Array[] {
  const known = train.states.map(unit);
  return texts.states.map(unit).map((own, t) =>
    Float64Array.from(known, (row, i) => {
      const cosine = row.reduce((s, x, k) => s + x * own[k]!, 0);
      return train.labels[i] === texts.labels[t] ? cosine : -cosine;
    }),
  );
}

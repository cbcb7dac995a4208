/**
 * Linear models of a frozen base's states (probes: Alain and Bengio 2016): states of mean 0 and deviation 1, the penalty by what the validation part says,
 * the final one fitted on train and validation part together, as the other baselines are.
 */
import { defined } from "../../base/index.ts";
import { type DenseModel, type DenseRows, denseLogisticRegression, ridgeRegressions } from "../../evaluate/index.ts";
import { probabilitiesOf } from "../text-head/predict.ts";

export interface ProbeTexts {
  readonly states: readonly ArrayLike<number>[];
  /** Indices of classes, or numbers. */
  readonly targets: readonly number[];
}
export interface Probe {
  /** The penalty that was chosen: C of logistic regression, alpha of ridge regression. */
  readonly strength: number;
  /** Scores of classes, or the one number. */
  scores(state: ArrayLike<number>): number[];
}

/** From strong to weak; each begins where the one before ended. */
export const strengths = { c: [1e-4, 1e-3, 1e-2, 1e-1, 1, 10], alpha: [1e5, 1e4, 1e3, 1e2, 10, 1] } as const;
/** Weaker penalties are not tried once the validation loss has risen so often. */
const patience = 2;
/** Where scikit-learn's logistic regression ends: its mean loss's gradient. */
const tolerance = 1e-4;
const iterations = 200;

interface Scaler {
  readonly rows: DenseRows;
  scaled(state: ArrayLike<number>): Float64Array;
}
/** Each element less its mean over its deviation on the texts. */
export function standardised(states: readonly ArrayLike<number>[]): Scaler {
  const size = states[0]!.length;
  const [mean, deviation] = [new Float64Array(size), new Float64Array(size)];
  for (const s of states) for (let i = 0; i < size; i++) mean[i] = mean[i]! + s[i]! / states.length;
  for (const s of states) for (let i = 0; i < size; i++) deviation[i] = deviation[i]! + (s[i]! - mean[i]!) ** 2 / states.length;
  // what never varies, but for rounding, is not blown up
  for (let i = 0; i < size; i++) deviation[i] = Math.sqrt(deviation[i]!) > 1e-7 * Math.abs(mean[i]!) ? Math.sqrt(deviation[i]!) || 1 : 1;
  const scaled = (s: ArrayLike<number>) => Float64Array.from({ length: size }, (_, i) => (s[i]! - mean[i]!) / deviation[i]!);
  const values = new Float64Array(states.length * size);
  for (const [i, s] of states.entries()) values.set(scaled(s), i * size);
  return { rows: { values, count: states.length, size }, scaled };
}

const joined = (a: ProbeTexts, b: ProbeTexts): ProbeTexts => ({
  states: [...a.states, ...b.states],
  targets: [...a.targets, ...b.targets],
});

/** The event loop has its turn, and Ctrl-C. */
async function pause(signal?: AbortSignal): Promise<void> {
  await new Promise(resolve => setImmediate(resolve));
  signal?.throwIfAborted();
}

/** Logistic regression, its penalty of least log loss on the validation part. */
export async function probeClasses(train: ProbeTexts, validation: ProbeTexts, classes: number, signal?: AbortSignal): Promise<Probe> {
  const fitted = (on: DenseRows, targets: readonly number[], c: number, start?: Float64Array): DenseModel =>
    denseLogisticRegression(on, targets, classes, { c, tolerance: tolerance * c * on.count, iterations, ...defined({ start }) });
  const chosenOn = standardised(train.states);
  const held = validation.states.map(chosenOn.scaled);
  const lossOf = (model: DenseModel): number =>
    held.reduce((sum, row, i) => sum - Math.log(Math.max(probabilitiesOf(model.scores(row))[validation.targets[i]!]!, 2 ** -52)), 0);
  let best = { c: strengths.c[0] as number, loss: Number.POSITIVE_INFINITY };
  let rises = 0;
  let last: DenseModel | undefined;
  for (const c of strengths.c) {
    await pause(signal);
    last = fitted(chosenOn.rows, train.targets, c, last?.weights);
    const loss = lossOf(last);
    if (loss < best.loss) {
      best = { c, loss };
      rises = 0;
    } else if (++rises === patience) break;
  }
  await pause(signal);
  const all = joined(train, validation);
  const { rows, scaled } = standardised(all.states);
  const model = fitted(rows, all.targets, best.c);
  return { strength: best.c, scores: state => model.scores(scaled(state)) };
}

/** Ridge regression, its penalty of least squared error on the validation part. */
export async function probeNumbers(train: ProbeTexts, validation: ProbeTexts, signal?: AbortSignal): Promise<Probe> {
  const chosenOn = standardised(train.states);
  const held = validation.states.map(chosenOn.scaled);
  let best = { alpha: strengths.alpha[0] as number, error: Number.POSITIVE_INFINITY };
  for (const [i, model] of ridgeRegressions(chosenOn.rows, train.targets, strengths.alpha).entries()) {
    const error = held.reduce((sum, row, k) => sum + (model.scores(row)[0]! - validation.targets[k]!) ** 2, 0);
    if (error < best.error) best = { alpha: strengths.alpha[i]!, error };
  }
  await pause(signal);
  const all = joined(train, validation);
  const { rows, scaled } = standardised(all.states);
  const [model] = ridgeRegressions(rows, all.targets, [best.alpha]);
  return { strength: best.alpha, scores: state => model!.scores(scaled(state)) };
}

/**
 * Whether a minute's metrics together are unusual, where each by itself may not be: standardised metrics as a vector, robust principal components and an isolation
 * forest. A model is made from two thirds of the kept vectors and calibrated on the rest: scores become normal ones by a gamma distribution of equal mean and
 * variance (Box 1954). Kept are numbers alone; the model is made from them again where it is not in memory.
 */
import { hashOf } from "../../base/index.ts";
import { normalQuantile, upperGamma } from "../../statistics/index.ts";
import { componentDistance, growIsolationForest, isolationScore, robustComponents } from "../anomaly/index.ts";

export interface VectorBase {
  readonly columns: readonly string[];
  /** Vectors since the last fit. */
  readonly rows: readonly (readonly number[])[];
  /** Vectors of the model in use, and their hash. */
  readonly fitted?: { readonly key: string; readonly columns: readonly string[]; readonly rows: readonly (readonly number[])[] };
  readonly minutes: number;
}
export const emptyVectorBase: VectorBase = { columns: [], rows: [], minutes: 0 };

/** A model is made from so many vectors: the first one from 16 hours, one in five minutes; later ones from four days, one in half an hour. */
const rowsOfModel = 192;
const everyMinutes = { first: 5, later: 30 } as const;
/** Metrics of a vector. */
const mostColumns = 16;
/** Standardised values count as at most so far out: one metric far off is for its own monitor. */
const mostDeviations = 6;

/** Mean and variance of scores where nothing is wrong. */
interface ScoreScale {
  readonly mean: number;
  readonly variance: number;
}
interface VectorModel {
  readonly components: ReturnType<typeof robustComponents>;
  readonly forest: ReturnType<typeof growIsolationForest>;
  readonly scales: Readonly<Record<VectorMethod, ScoreScale>>;
}
type VectorMethod = "components" | "isolation";

const scaleOf = (scores: readonly number[]): ScoreScale => {
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  const variance = scores.reduce((sum, s) => sum + (s - mean) ** 2, 0) / (scores.length - 1);
  return { mean, variance: Math.max(variance, 1e-6 * mean * mean, 1e-12) };
};

/** Depths are nearly normal, distances squared nearly gamma: both are positive and rise with how unusual a vector is. */
const scoresOf = ({ components, forest }: Omit<VectorModel, "scales">, row: readonly number[]): Record<VectorMethod, number> => ({
  components: componentDistance(components, row).distance ** 2,
  isolation: isolationScore(forest, row),
});

function makeModel(rows: readonly (readonly number[])[]): VectorModel {
  const fit = rows.filter((_, i) => i % 3 !== 2);
  const held = rows.filter((_, i) => i % 3 === 2);
  const model = { components: robustComponents(fit), forest: growIsolationForest(fit) };
  const scores = held.map(row => scoresOf(model, row));
  return { ...model, scales: { components: scaleOf(scores.map(s => s.components)), isolation: scaleOf(scores.map(s => s.isolation)) } };
}

/** Models in memory by the hash of their vectors: those of some versions, the least used leaves first. */
const models = new Map<string, VectorModel>();
const mostModels = 32;
function modelOf(key: string, rows: readonly (readonly number[])[]): VectorModel {
  const model = models.get(key) ?? makeModel(rows);
  models.delete(key);
  models.set(key, model);
  for (const oldest of models.keys()) {
    if (models.size <= mostModels) break;
    models.delete(oldest);
  }
  return model;
}

/** Normal score of a gamma variable of this mean and variance. */
function gammaScore(score: number, { mean, variance }: ScoreScale): number {
  const above = upperGamma((mean * mean) / variance, (Math.max(score, 0) * mean) / variance);
  return above < 0.5 ? -normalQuantile(Math.max(above, 1e-12)) : normalQuantile(Math.max(1 - above, 1e-12));
}

const rowOf = (columns: readonly string[], scores: Readonly<Record<string, number>>): readonly number[] =>
  columns.map(name => Math.round(100 * Math.max(-mostDeviations, Math.min(mostDeviations, scores[name] ?? 0))) / 100);

interface VectorScore {
  readonly z: number;
  /** Metric that is farthest from what the others say of it. */
  readonly column: string;
}

/** Normal scores of a minute's metrics (standardised, by name), absent before there is a model. */
export function vectorScores(
  { fitted }: VectorBase,
  scores: Readonly<Record<string, number>>,
): Readonly<Record<VectorMethod, VectorScore>> | undefined {
  if (!fitted) return undefined;
  const model = modelOf(fitted.key, fitted.rows);
  const row = rowOf(fitted.columns, scores);
  const found = scoresOf(model, row);
  const column = fitted.columns[componentDistance(model.components, row).column]!;
  return {
    components: { z: gammaScore(found.components, model.scales.components), column },
    isolation: { z: gammaScore(found.isolation, model.scales.isolation), column },
  };
}

/** The base with a minute more; a full set of vectors becomes the model. */
export function learnVector(base: VectorBase, scores: Readonly<Record<string, number>>): VectorBase {
  const minutes = base.minutes + 1;
  const names = Object.keys(scores).sort();
  if (minutes % (base.fitted ? everyMinutes.later : everyMinutes.first) !== 0 || names.length < 2) return { ...base, minutes };
  const columns = base.columns.length > 0 ? base.columns : names.slice(0, mostColumns);
  const rows = [...base.rows, rowOf(columns, scores)];
  if (rows.length < rowsOfModel) return { ...base, columns, rows, minutes };
  // metrics that come later have their place in the next model
  return { columns: [], rows: [], minutes, fitted: { key: hashOf(rows), columns, rows } };
}

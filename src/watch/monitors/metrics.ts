/** A minute's metrics as detectors see them, each by its model, and what is learnt from them. */
import { type SeasonalModel, type SeasonalState, seasonalModel } from "../charts/index.ts";
import type { MinuteOfMetrics, MinuteShare } from "../minute.ts";
import { adaptClasses, classScore, emptyLabelBase, followClasses, type LabelBase, learnClasses } from "./classes.ts";
import type { DetectorInput } from "./detectors.ts";
import {
  adaptShare,
  emptyShareBase,
  followShare,
  learnShare,
  predicted,
  type ShareBase,
  shareLikelihood,
  shareScore,
  shareTails,
} from "./shares.ts";
import { type MetricModel, type MetricName, metricModels } from "./table.ts";
import { emptyVectorBase, learnVector, type VectorBase, vectorScores } from "./vectors.ts";

/** Bases of all metrics that were seen. Plain data. */
export interface MetricBases {
  readonly numbers: Readonly<Record<string, SeasonalState>>;
  readonly shares: Readonly<Record<string, ShareBase>>;
  readonly classes: LabelBase;
  readonly vector: VectorBase;
}
export const emptyBases: MetricBases = { numbers: {}, shares: {}, classes: emptyLabelBase, vector: emptyVectorBase };

/** What detectors are given of a metric, and what a person is told. */
export interface MetricView {
  readonly input: DetectorInput;
  readonly value: number;
  readonly expected: number;
  readonly z: number;
  /** Label or metric that is farthest off, where there are several. */
  readonly farthest?: string;
}

interface MetricOptions {
  readonly warmUpMinutes: number;
  readonly seasonal: boolean;
}

/** Odds that a rise or a fall of a share is told from: twice, and half. */
const oddsRatio = 2;
/** Trials of a base before its share is judged. */
const leastTrials = 200;
/** Deviations that scores of charts of lasting shifts are cut at. */
const slowDeviations = 4;
const cut = (z: number): number => Math.max(-slowDeviations, Math.min(slowDeviations, z));

type NumberKind = Extract<MetricModel, { readonly least: number }>["kind"];
const transforms: { readonly [K in NumberKind]: { to(x: number): number; from(y: number): number } } = {
  log: { to: x => (x > 0 ? Math.log(x) : Number.NaN), from: Math.exp },
  log1: { to: x => (x >= 0 ? Math.log1p(x) : Number.NaN), from: Math.expm1 },
  root: { to: x => (x >= 0 ? 2 * Math.sqrt(x + 0.375) : Number.NaN), from: y => Math.max(0, (y / 2) ** 2 - 0.375) },
  linear: { to: x => x, from: y => y },
};

export interface MetricReader {
  /** Views of a minute's metrics by name, and the bases after it; `isLearning` says whether a metric is as it should be. */
  read(
    bases: MetricBases,
    minute: MinuteOfMetrics,
    isLearning: (metric: MetricName) => boolean,
  ): { readonly bases: MetricBases; readonly views: ReadonlyMap<MetricName, MetricView> };
  /** Takes what a metric has been since it was not learnt from for its base. */
  adapt(bases: MetricBases, metric: MetricName): MetricBases;
}

interface ReaderParts {
  readonly metrics: ReadonlySet<MetricName>;
  readonly options: MetricOptions;
  readonly models: ReadonlyMap<MetricName, SeasonalModel>;
  readonly scoreModel: SeasonalModel;
}
interface MetricStep {
  readonly bases: MetricBases;
  readonly view?: MetricView;
}

function readNumber(
  { models }: ReaderParts,
  before: MetricBases,
  name: MetricName,
  { startMs, numbers }: MinuteOfMetrics,
  learn: boolean,
): MetricStep {
  const given = numbers[name];
  const [model, metric]: [SeasonalModel | undefined, MetricModel] = [models.get(name), metricModels[name]];
  if (!given || !model || !("least" in metric)) return { bases: before };
  const { to, from } = transforms[metric.kind];
  // counts have one deviation whatever they are; other figures have less with more responses
  const count = metric.kind === "root" ? 1 : given.count;
  const { state, residual } = model.observe(before.numbers[name] ?? model.start, startMs, to(given.value), count, learn);
  const bases = { ...before, numbers: { ...before.numbers, [name]: state } };
  if (!residual) return { bases };
  const { z, slow, unsure, expected } = residual;
  const input = { z, unsure, ...(slow === undefined ? {} : { slow }), level: to(given.value), atMs: startMs };
  return { bases, view: { input, value: given.value, expected: from(expected), z } };
}

const isShareOfTrials = ({ count, of }: MinuteShare): boolean =>
  Number.isInteger(count) && Number.isInteger(of) && count >= 0 && of >= 1 && count <= of;

function readShare(
  { options }: ReaderParts,
  before: MetricBases,
  name: MetricName,
  { shares }: MinuteOfMetrics,
  learn: boolean,
): MetricStep {
  const given = shares[name];
  if (!given || !isShareOfTrials(given)) return { bases: before };
  const { count, of } = given;
  const base = before.shares[name] ?? emptyShareBase;
  const next = learn ? learnShare(base, count, of) : followShare(base, count, of);
  const bases = { ...before, shares: { ...before.shares, [name]: next } };
  if (base.seen < options.warmUpMinutes || base.trials < leastTrials) return { bases };
  const tails = shareTails(count, of, predicted(base));
  const likelihood = { above: shareLikelihood(count, of, base, oddsRatio), below: shareLikelihood(count, of, base, 1 / oddsRatio) };
  const z = shareScore(tails);
  const expected = (base.events + 0.5) / (base.trials + 1);
  return { bases, view: { input: { z, slow: cut(z), tails, likelihood }, value: count / of, expected, z } };
}

function readClasses({ options }: ReaderParts, before: MetricBases, { classes }: MinuteOfMetrics, learn: boolean): MetricStep {
  if (!classes) return { bases: before };
  const score = classScore(before.classes, classes);
  const bases = { ...before, classes: learn ? learnClasses(before.classes, classes, score) : followClasses(before.classes, classes) };
  if (!score || before.classes.seen < options.warmUpMinutes) return { bases };
  const { z, label, expected, share } = score;
  return { bases, view: { input: { z, slow: cut(z) }, value: share, expected, z, farthest: label } };
}

function withoutScores(bases: MetricBases): MetricBases {
  const { components: _, isolation: __, ...numbers } = bases.numbers;
  return { ...bases, numbers };
}

/** All metrics that have a standardised value, together. What a few vectors say of a score's mean is not exact: its residuals are what is judged. */
function readVector(
  { metrics, scoreModel }: ReaderParts,
  before: MetricBases,
  startMs: number,
  views: Map<MetricName, MetricView>,
  learn: boolean,
): MetricBases {
  const scores = Object.fromEntries([...views].map(([name, { z }]) => [name, z]));
  const found = vectorScores(before.vector, scores);
  let bases = before;
  for (const method of found ? (["components", "isolation"] as const) : []) {
    const { z: score, column } = found![method];
    const { state, residual } = scoreModel.observe(bases.numbers[method] ?? scoreModel.start, startMs, score, 1, learn);
    bases = { ...bases, numbers: { ...bases.numbers, [method]: state } };
    if (!residual || !metrics.has(method)) continue;
    const { z, slow = cut(z), expected } = residual;
    views.set(method, { input: { z, slow }, value: score, expected, z, farthest: column });
  }
  if (!learn || views.size === 0) return bases;
  const vector = learnVector(bases.vector, scores);
  // another model has other scores
  return { ...(vector.fitted?.key === bases.vector.fitted?.key ? bases : withoutScores(bases)), vector };
}

function adaptMetric({ models }: ReaderParts, bases: MetricBases, metric: MetricName): MetricBases {
  const { kind }: MetricModel = metricModels[metric];
  if (kind === "vector") return { ...withoutScores(bases), vector: emptyVectorBase };
  if (kind === "classes") return { ...bases, classes: adaptClasses(bases.classes) };
  if (kind === "share") {
    const base = bases.shares[metric];
    return base ? { ...bases, shares: { ...bases.shares, [metric]: adaptShare(base) } } : bases;
  }
  const [state, model] = [bases.numbers[metric], models.get(metric)];
  return state && model ? { ...bases, numbers: { ...bases.numbers, [metric]: model.adapt(state) } } : bases;
}

/** Reads metrics by their models, and all of them together for monitors of vectors. */
export function metricReader(metrics: ReadonlySet<MetricName>, options: MetricOptions): MetricReader {
  const { warmUpMinutes, seasonal } = options;
  const names = Object.keys(metricModels) as MetricName[];
  const models = new Map<MetricName, SeasonalModel>();
  for (const name of names) {
    const model: MetricModel = metricModels[name];
    if ("least" in model)
      models.set(name, seasonalModel({ least: model.least, warmUp: warmUpMinutes, seasonal, needsWeek: model.needsWeek ?? false }));
  }
  const parts: ReaderParts = {
    metrics,
    options,
    models,
    scoreModel: seasonalModel({ least: 0.25, warmUp: Math.max(warmUpMinutes, 120), seasonal: false }),
  };
  const readOne = (before: MetricBases, name: MetricName, minute: MinuteOfMetrics, learn: boolean): MetricStep => {
    const { kind }: MetricModel = metricModels[name];
    if (kind === "vector") return { bases: before };
    if (kind === "classes") return readClasses(parts, before, minute, learn);
    return (kind === "share" ? readShare : readNumber)(parts, before, name, minute, learn);
  };
  return {
    read(before, minute, isLearning) {
      const views = new Map<MetricName, MetricView>();
      let bases = before;
      for (const name of names) {
        const step = readOne(bases, name, minute, isLearning(name));
        bases = step.bases;
        if (step.view) views.set(name, step.view);
      }
      const isUsual = [...views.keys()].every(isLearning) && isLearning("components") && isLearning("isolation");
      return { bases: readVector(parts, bases, minute.startMs, views, isUsual), views };
    },
    adapt: (bases, metric) => adaptMetric(parts, bases, metric),
  };
}

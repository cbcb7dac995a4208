/** A minute's metrics as detectors see them, each by its model, and what is learnt from them. */
import { type SeasonalModel, type SeasonalState, seasonalModel } from "../charts/index.ts";
import type { MinuteOfMetrics } from "../minute.ts";
import { adaptClasses, type ClassBase, classScore, emptyClassBase, followClasses, learnClasses } from "./classes.ts";
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
  readonly classes: ClassBase;
  readonly vector: VectorBase;
}
export const emptyBases: MetricBases = { numbers: {}, shares: {}, classes: emptyClassBase, vector: emptyVectorBase };

/** What detectors are given of a metric, and what a person is told. */
export interface MetricView {
  readonly input: DetectorInput;
  readonly value: number;
  readonly expected: number;
  readonly z: number;
  /** Label or metric that is farthest off, where there are several. */
  readonly farthest?: string;
}

export interface MetricOptions {
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
  /** Takes a metric's last hour for its base. */
  adapt(bases: MetricBases, metric: MetricName): MetricBases;
}

/** Models of metrics that the monitors have. */
export function metricReader(metrics: ReadonlySet<MetricName>, { warmUpMinutes, seasonal }: MetricOptions): MetricReader {
  const models = new Map<MetricName, SeasonalModel>();
  const scoreModel = seasonalModel({ least: 0.25, warmUp: Math.max(warmUpMinutes, 120), seasonal: false });
  for (const name of Object.keys(metricModels) as MetricName[]) {
    const model: MetricModel = metricModels[name];
    if ("least" in model) models.set(name, seasonalModel({ least: model.least, warmUp: warmUpMinutes, seasonal }));
  }

  const readNumber = (before: MetricBases, name: MetricName, { startMs, numbers }: MinuteOfMetrics, learn: boolean) => {
    const given = numbers[name];
    const [model, { kind }] = [models.get(name), metricModels[name] as { readonly kind: NumberKind }];
    if (!given || !model) return undefined;
    const { to, from } = transforms[kind];
    // counts have one deviation whatever they are; other figures have less with more responses
    const count = kind === "root" ? 1 : given.count;
    const { state, residual } = model.observe(before.numbers[name] ?? model.start, startMs, to(given.value), count, learn);
    const bases = { ...before, numbers: { ...before.numbers, [name]: state } };
    if (!residual) return { bases };
    const { z, slow, expected } = residual;
    return { bases, view: { input: { z, ...(slow === undefined ? {} : { slow }) }, value: given.value, expected: from(expected), z } };
  };

  const readShare = (before: MetricBases, name: MetricName, { shares }: MinuteOfMetrics, learn: boolean) => {
    const given = shares[name];
    if (
      !given ||
      !Number.isInteger(given.count) ||
      !Number.isInteger(given.of) ||
      given.of < 1 ||
      given.count < 0 ||
      given.count > given.of
    )
      return undefined;
    const { count, of } = given;
    const base = before.shares[name] ?? emptyShareBase;
    const followed = followShare(learn ? learnShare(base, count, of) : base, count, of);
    const bases = { ...before, shares: { ...before.shares, [name]: followed } };
    if (base.seen < warmUpMinutes || base.trials < leastTrials) return { bases };
    const tails = shareTails(count, of, predicted(base));
    const likelihood = { above: shareLikelihood(count, of, base, oddsRatio), below: shareLikelihood(count, of, base, 1 / oddsRatio) };
    const z = shareScore(tails);
    const expected = (base.events + 0.5) / (base.trials + 1);
    return { bases, view: { input: { z, slow: cut(z), tails, likelihood }, value: count / of, expected, z } };
  };

  const readClasses = (before: MetricBases, { classes }: MinuteOfMetrics, learn: boolean) => {
    if (!classes) return undefined;
    const score = classScore(before.classes, classes);
    const bases = { ...before, classes: followClasses(learn ? learnClasses(before.classes, classes, score) : before.classes, classes) };
    if (!score || before.classes.seen < warmUpMinutes) return { bases };
    const { z, label, expected, share } = score;
    return { bases, view: { input: { z, slow: cut(z) }, value: share, expected, z, farthest: label } };
  };

  /** All metrics that have a standardised value, together. What a few vectors say of a score's mean is not exact: its residuals are what is judged. */
  const readVector = (before: MetricBases, startMs: number, views: Map<MetricName, MetricView>, learn: boolean): MetricBases => {
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
    return learn && views.size > 0 ? { ...bases, vector: learnVector(bases.vector, scores) } : bases;
  };

  return {
    read(before, minute, isLearning) {
      const views = new Map<MetricName, MetricView>();
      let bases = before;
      for (const name of Object.keys(metricModels) as MetricName[]) {
        const { kind }: MetricModel = metricModels[name];
        if (kind === "vector") continue;
        const learn = isLearning(name);
        const read =
          kind === "share"
            ? readShare(bases, name, minute, learn)
            : kind === "classes"
              ? readClasses(bases, minute, learn)
              : readNumber(bases, name, minute, learn);
        if (!read) continue;
        bases = read.bases;
        if ("view" in read && read.view) views.set(name, read.view);
      }
      const isUsual = [...views.keys()].every(isLearning) && isLearning("components") && isLearning("isolation");
      return { bases: readVector(bases, minute.startMs, views, isUsual), views };
    },
    adapt(bases, metric) {
      const { kind }: MetricModel = metricModels[metric];
      if (kind === "vector") {
        const { components: _, isolation: __, ...numbers } = bases.numbers;
        return { ...bases, numbers, vector: emptyVectorBase };
      }
      if (kind === "classes") return { ...bases, classes: adaptClasses(bases.classes) };
      if (kind === "share") {
        const base = bases.shares[metric];
        return base ? { ...bases, shares: { ...bases.shares, [metric]: adaptShare(base) } } : bases;
      }
      const state = bases.numbers[metric];
      const model = models.get(metric);
      return state && model ? { ...bases, numbers: { ...bases.numbers, [metric]: model.adapt(state) } } : bases;
    },
  };
}

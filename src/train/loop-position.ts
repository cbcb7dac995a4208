/** Where a loop stands between two steps, as a checkpoint holds it beside arrays, and what is summed up for the next line of the log. */
import { defined } from "../base/index.ts";
import type { ArraysOf } from "../nn/index.ts";
import type { LossScale } from "./loss-scale.ts";
import type { MetricPoint } from "./metrics.ts";
import { type NoiseLevel, noiseScaleOf } from "./noise-scale.ts";
import type { PackingState } from "./packing.ts";
import type { ComputedPrecision } from "./part.ts";
import type { StepReport } from "./trainer.ts";

/** What was measured on held-out data. */
export interface ValidationScores {
  readonly loss: number;
  readonly [measure: string]: number;
}
export interface ValidationPoint extends ValidationScores {
  readonly step: number;
}

/** Values at the end of an epoch. */
export interface KeptValues<S> {
  readonly step: number;
  readonly parameters: ArraysOf<S>;
}

/** Sums over the steps since the last logged point. */
export type LogWindow = {
  readonly steps: number;
  readonly loss: number;
  /** Absent in checkpoints of before they were measured. */
  readonly measures?: Readonly<Record<string, number>>;
  readonly ms: number;
  readonly tokens: number;
};
export const emptyLogWindow: LogWindow = { steps: 0, loss: 0, ms: 0, tokens: 0 };

/** So many ranks have trained from a step on. */
export type RanksFrom = { readonly from: number; readonly size: number };

/** The numbers of ranks with those that go on from a step; none where one rank does all. */
export function ranksFrom(before: readonly RanksFrom[] | undefined, from: number, size: number): readonly RanksFrom[] {
  const known = before ?? (from > 0 && size > 1 ? [{ from: 0, size: 1 }] : []);
  if (known.length === 0 && size === 1) return [];
  return known.at(-1)?.size === size ? known : [...known.filter(r => r.from < from), { from, size }];
}

/** What a checkpoint holds beside arrays. */
export interface Position {
  readonly packing: PackingState;
  readonly level: number | null;
  readonly spikes: number;
  readonly history: readonly Readonly<Record<string, number | null>>[];
  readonly best: number;
  /** Steps whose values are kept; absent in checkpoints of before there were any. */
  readonly kept?: readonly number[];
  readonly window: LogWindow;
  readonly tokens: number;
  /** Trees of a weight average, and the level of the gradient's noise; absent where there are none. */
  readonly averaged?: number;
  readonly noise?: NoiseLevel;
  /** Numbers of ranks that have trained it, where there were several. */
  readonly ranks?: readonly RanksFrom[];
  /** Absent in checkpoints of before it could be chosen by timing. */
  readonly precision?: ComputedPrecision;
  /** With f16: the loss's scale. */
  readonly lossScale?: LossScale;
}
// a checkpoint's hash takes no number that is none
export const storedPoint = (point: ValidationPoint): Record<string, number | null> =>
  Object.fromEntries(Object.entries(point).map(([name, x]) => [name, Number.isFinite(x) ? x : null]));
export const readPoint = (stored: Readonly<Record<string, number | null>>): ValidationPoint => {
  const { loss = null, step = null, ...others } = stored;
  const measures = Object.entries(others).map(([name, x]) => [name, x ?? Number.NaN]);
  return { loss: loss ?? Number.NaN, ...Object.fromEntries(measures), step: step ?? Number.NaN };
};
/** Pre-training once wrote another form. */
export const isPosition = (state: unknown): state is Position => Array.isArray((state as Partial<Position>).history);

/** The sums with one more step. One that was skipped has no loss, but took its time. */
export const widened = (w: LogWindow, report: StepReport, tokens: number): LogWindow => ({
  ...w,
  ...(report.isSkipped
    ? {}
    : {
        steps: w.steps + 1,
        loss: w.loss + report.loss,
        measures: Object.fromEntries(Object.entries(report.measures).map(([name, x]) => [name, (w.measures?.[name] ?? 0) + x])),
      }),
  ms: w.ms + report.totalMs,
  tokens: w.tokens + tokens,
});

/** One logged point of the steps since the last one. */
export const metricPointOf = (
  w: LogWindow,
  report: StepReport,
  { tokens, noise }: { readonly tokens: number; readonly noise: NoiseLevel | undefined },
  found: ValidationPoint | undefined,
): MetricPoint => ({
  step: report.step,
  tokens,
  loss: w.loss / w.steps,
  learningRate: report.learningRate,
  tokensPerSecond: Math.round(w.tokens / (w.ms / 1000)),
  gradientNorm: report.gradientNorm,
  ...(found ? { heldOut: found.loss } : {}),
  ...(w.measures?.tokenAccuracy === undefined ? {} : { tokenAccuracy: w.measures.tokenAccuracy / w.steps }),
  ...(w.measures?.adversaryLoss === undefined ? {} : { adversaryLoss: w.measures.adversaryLoss / w.steps }),
  ...defined({
    heldOutTokenAccuracy: found?.tokenAccuracy,
    noiseScale: noiseScaleOf(noise),
    lossScale: report.lossScale,
    skippedSteps: report.skippedSteps,
  }),
});

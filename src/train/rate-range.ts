/**
 * Learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks", section 3.3): one short run whose rate grows from step to
 * step by a constant factor. Below the useful range the loss hardly falls, above it the loss rises.
 */
import { isLoamError } from "../base/index.ts";
import type { DecoderConfig } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import { trainErrors } from "./errors.ts";
import type { TokenShards } from "./packing.ts";
import type { PretrainRecipe } from "./part.ts";
import { trainerOptions, trainSource } from "./pretrain.ts";
import { createTrainer } from "./trainer.ts";

export interface RateRangeOptions {
  readonly device: Device;
  readonly model: DecoderConfig;
  readonly recipe: PretrainRecipe;
  readonly train: TokenShards;
  /** The end-of-document token. */
  readonly end: number;
  /** First and last rate. */
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly signal?: AbortSignal;
  readonly onPoint?: (point: RatePoint) => void;
}

export interface RatePoint {
  readonly step: number;
  readonly rate: number;
  /** Loss of the step's batch before the step, nats per token. */
  readonly loss: number;
  /** Bias-corrected exponential mean of the losses. */
  readonly smoothed: number;
}

export interface RateRange {
  readonly points: readonly RatePoint[];
  /** Rate at which the smoothed loss falls fastest, against the logarithm of the rate. */
  readonly steepest: number;
  /** Rate of the least smoothed loss: above it training gets worse. */
  readonly least: number;
  /** A peak rate to begin with: the geometric mean of both. Undefined where the loss never fell. */
  readonly suggested: number | undefined;
  /** Why the test ended before the last rate. */
  readonly ended: "diverged" | undefined;
}

const smoothing = 0.8;
/** The test ends where the smoothed loss lies so far above its least value, as a share. */
const rise = 0.25;
/** First steps, whose losses fall at any rate. */
const unread = 3;

/** What the points say. Needs two at least. */
export function readRates(points: readonly RatePoint[]): Pick<RateRange, "steepest" | "least" | "suggested"> {
  const least = points.reduce((a, b) => (b.smoothed < a.smoothed ? b : a));
  let steepest = { rate: points[0]!.rate, slope: 0 };
  // slopes over several steps: those of one are noise
  const reach = Math.max(1, Math.round(points.length / 20));
  for (let i = unread + reach; i + reach < points.length && points[i]!.step <= least.step; i++) {
    const [a, b] = [points[i - reach]!, points[i + reach]!];
    const slope = (b.smoothed - a.smoothed) / Math.log(b.rate / a.rate);
    if (slope < steepest.slope) steepest = { rate: points[i]!.rate, slope };
  }
  const fell = least.smoothed < points[0]!.smoothed && steepest.slope < 0;
  return { steepest: steepest.rate, least: least.rate, suggested: fell ? Math.sqrt(steepest.rate * least.rate) : undefined };
}

/** Runs the test. Nothing is kept. Errors: train/recipe for a range that does not grow; train/data. */
export async function rateRange(o: RateRangeOptions): Promise<RateRange> {
  if (!(o.from > 0 && o.to > o.from && o.steps >= 10))
    throw trainErrors.fail("recipe", {
      place: "rate range",
      expected: "0 < from < to, and 10 steps or more",
      received: JSON.stringify({ from: o.from, to: o.to, steps: o.steps }),
    });
  const { batch: _, noiseScale: __, ...recipe } = o.recipe;
  const trainer = await createTrainer({
    ...trainerOptions({ device: o.device, model: o.model, recipe }),
    rate: o.to,
    steps: o.steps,
    schedule: { kind: "constant", warmup: 0, floor: 0, decayShare: 1 },
    rateFactorAt: step => (o.from / o.to) ** (1 - step / (o.steps - 1)),
    spike: 0,
  });
  const source = trainSource({ recipe, train: o.train, end: o.end });
  const points: RatePoint[] = [];
  let mean = 0;
  let ended: RateRange["ended"];
  try {
    for (let i = 0; i < o.steps && ended === undefined; i++) {
      o.signal?.throwIfAborted();
      const batches = Array.from({ length: recipe.accumulate }, () => source.next());
      const { step, loss, learningRate } = await trainer.step(batches, o.signal);
      mean = smoothing * mean + (1 - smoothing) * loss;
      const smoothed = mean / (1 - smoothing ** step);
      const point = { step, rate: learningRate, loss, smoothed };
      points.push(point);
      o.onPoint?.(point);
      if (smoothed > (1 + rise) * Math.min(...points.map(p => p.smoothed))) ended = "diverged";
    }
  } catch (error) {
    if (!isLoamError(error, "train/diverged")) throw error;
    ended = "diverged";
  } finally {
    trainer.dispose();
  }
  if (points.length < 2)
    throw trainErrors.fail("recipe", {
      place: "rate range",
      expected: "a first rate that trains",
      received: `${o.from}`,
      hint: "Use a lower first rate.",
    });
  return { points, ...readRates(points), ended };
}

/**
 * A served model by the minute, seeded, with faults whose times are known: traffic with a daily and a weekly season, autoregressive noise, skewed latencies, events
 * that come in bursts. For tests and benches.
 */
import { type Random, random } from "../../src/base/index.ts";
import type { MinuteOfMetrics } from "../../src/watch/index.ts";

export const minuteMs = 60_000;

/** Faults that are alarmed, and nuisances that are not. */
export const faultKinds = [
  "error-burst",
  "error-rise",
  "latency-step",
  "latency-creep",
  "lost-traffic",
  "repetition",
  "refusal-wave",
  "injection-attack",
  "nll-drift",
  "shorter-answers",
  "class-shift",
] as const;
export const nuisanceKinds = ["outlier", "gap", "clock-forward", "clock-back"] as const;
export type FaultKind = (typeof faultKinds)[number] | (typeof nuisanceKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** In minutes from the beginning. */
  readonly from: number;
  readonly minutes: number;
}

export interface SimulatorOptions {
  readonly seed: number | string;
  readonly minutes: number;
  readonly faults?: readonly Fault[];
  /** Requests a minute on average (default 60). */
  readonly traffic?: number;
  /** How large the season is: 1 as usual, 0 none. */
  readonly season?: number;
}

function poisson(draw: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * draw.normal()));
  let [count, product] = [0, draw.uniform()];
  const least = Math.exp(-mean);
  while (product > least) {
    product *= draw.uniform();
    count++;
  }
  return count;
}

/** Events of trials whose share varies from minute to minute. */
function bursty(draw: Random, of: number, share: number, spread = 0.3): number {
  const p = Math.min(1, share * Math.exp(spread * draw.normal() - (spread * spread) / 2));
  let count = 0;
  for (let i = 0; i < of; i++) if (draw.uniform() < p) count++;
  return count;
}

const quantileOf = (sorted: Float64Array, q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;

/** What faults do to a minute; each is 0 to 1 by how far it has come. */
function effectsAt(faults: readonly Fault[], minute: number): Partial<Record<FaultKind, number>> {
  const effects: Partial<Record<FaultKind, number>> = {};
  for (const { kind, from, minutes } of faults)
    if (minute >= from && minute < from + minutes) effects[kind] = (minute - from + 1) / minutes;
  return effects;
}

/** Minutes in order; those of a gap are left out, and a clock that was set says other times. */
export function* simulatedMinutes({
  seed,
  minutes,
  faults = [],
  traffic = 60,
  season = 1,
}: SimulatorOptions): Generator<MinuteOfMetrics & { readonly minute: number }> {
  const draw = random(seed);
  const ar = { traffic: 0, latency: 0, nll: 0, length: 0 };
  const follow = (name: keyof typeof ar, phi: number, deviation: number) =>
    (ar[name] = phi * ar[name] + Math.sqrt(1 - phi * phi) * deviation * draw.normal());
  let clockMs = Date.UTC(2026, 0, 5);
  for (let minute = 0; minute < minutes; minute++) {
    const fx = effectsAt(faults, minute);
    for (const { kind, from } of faults)
      if (from === minute) clockMs += kind === "clock-forward" ? 37 * minuteMs : kind === "clock-back" ? -37 * minuteMs : 0;
    const startMs = clockMs + minute * minuteMs;
    const day = (2 * Math.PI * (minute % 1440)) / 1440;
    const isWeekend = Math.floor(minute / 1440) % 7 >= 5;
    const busy = season * (0.6 * Math.sin(day - 2) + 0.15 * Math.sin(2 * day)) + (isWeekend ? -0.3 * season : 0);
    const requests = poisson(draw, traffic * Math.exp(busy + follow("traffic", 0.9, 0.08)) * (fx["lost-traffic"] ? 0.1 : 1));
    const shift =
      0.25 * busy +
      follow("latency", 0.9, 0.1) +
      (fx["latency-step"] ? 0.5 : 0) +
      0.6 * (fx["latency-creep"] ?? 0) +
      (fx.outlier ? 1.5 : 0);
    const nllShift = follow("nll", 0.7, 0.02) + 0.3 * (fx["nll-drift"] ?? 0) - (fx.repetition ? 0.4 : 0);
    const lengthShift = follow("length", 0.5, 0.05) + (fx.repetition ? 0.8 : 0) + (fx["shorter-answers"] ? -0.5 : 0);
    if (fx.gap) continue;
    if (requests === 0) {
      yield { minute, startMs, numbers: { requests: { value: 0, count: 1 } }, shares: {} };
      continue;
    }
    yield { minute, startMs, ...oneMinute(draw, requests, fx, { shift, nllShift, lengthShift, busy }) };
  }
}

function oneMinute(
  draw: Random,
  requests: number,
  fx: Partial<Record<FaultKind, number>>,
  {
    shift,
    nllShift,
    lengthShift,
    busy,
  }: { readonly shift: number; readonly nllShift: number; readonly lengthShift: number; readonly busy: number },
): Pick<MinuteOfMetrics, "numbers" | "shares" | "classes"> {
  const [latencies, firsts] = [new Float64Array(requests), new Float64Array(requests)];
  let [nll, length, prompt, repetition] = [0, 0, 0, 0];
  const classes = { ham: 0, spam: 0, list: 0 };
  const isLoop = () => fx.repetition !== undefined && draw.uniform() < 0.3;
  let loops = 0;
  for (let i = 0; i < requests; i++) {
    const tokens = Math.exp(4.8 + lengthShift + 0.6 * draw.normal());
    length += tokens;
    prompt += Math.exp(5 + 0.8 * draw.normal());
    // few answers take far longer: the tail is heavier than lognormal
    const slow = draw.uniform() < 0.03 ? 1.2 : 0;
    latencies[i] = 900 * Math.exp(shift + 0.45 * draw.normal() + slow);
    firsts[i] = 120 * Math.exp(shift + 0.5 * draw.normal() + slow);
    nll += 1.6 + nllShift + 0.35 * draw.normal();
    const loop = isLoop();
    if (loop) loops++;
    repetition += loop ? 0.8 : 0.03 + 0.02 * draw.uniform();
    const u = draw.uniform();
    classes[u < (fx["class-shift"] ? 0.45 : 0.7) ? "ham" : u < 0.9 ? "spam" : "list"]++;
  }
  latencies.sort();
  firsts.sort();
  const n = requests;
  return {
    numbers: {
      requests: { value: n, count: 1 },
      "latency-p50": { value: quantileOf(latencies, 0.5), count: n },
      "latency-p95": { value: quantileOf(latencies, 0.95), count: n },
      "first-token-p95": { value: quantileOf(firsts, 0.95), count: n },
      "queue-p95": { value: Math.max(0, 20 * Math.exp(shift + busy + 0.4 * draw.normal()) - 8), count: n },
      "tokens-per-second": { value: 45 * Math.exp(-0.5 * shift + (0.2 * draw.normal()) / Math.sqrt(n)), count: n },
      "answer-length": { value: length / n, count: n },
      "prompt-length": { value: prompt / n, count: n },
      nll: { value: nll / n, count: n },
      repetition: { value: repetition / n, count: n },
    },
    shares: {
      errors: { count: bursty(draw, n, fx["error-burst"] ? 0.3 : fx["error-rise"] ? 0.05 : 0.008), of: n },
      refusal: { count: bursty(draw, n, fx["refusal-wave"] ? 0.15 : 0.02), of: n },
      injection: { count: bursty(draw, n, fx["injection-attack"] ? 0.12 : 0.004), of: n },
      extraction: { count: bursty(draw, n, 0.002), of: n },
      repeated: { count: Math.max(loops, bursty(draw, n, 0.003)), of: n },
      replaced: { count: bursty(draw, n, 0.001), of: n },
      echoed: { count: bursty(draw, n, 0.005), of: n },
      cut: { count: bursty(draw, n, fx.repetition ? 0.3 : 0.03), of: n },
    },
    classes,
  };
}

/**
 * Bayesian search: a Gaussian process of what was seen, and the place that promises most (Jones et al. 1998). Several objectives are weighed
 * anew for each trial by the augmented Chebyshev distance (Knowles 2006). Trials that are running count as what the process expects of them.
 */
import type { Random } from "../../../base/index.ts";
import { minimise } from "../minimise.ts";
import { indexOf, isChoice, type Point, placesOf, pointAt, type Space, valueCount } from "../space.ts";
import { losses, type Objective, type Trial } from "../trial.ts";
import { improvementWithSlope, logExpectedImprovement } from "./expected-improvement.ts";
import { type GaussianData, GaussianProcess } from "./gaussian-process.ts";
import { haltonPlaces } from "./halton.ts";
import type { Sampler } from "./sampler.ts";

export interface GpOptions {
  /** Trials that are spread evenly before anything is learnt. */
  readonly startup?: number;
  /** Trials that the process knows at most: the best half of them and the newest. */
  readonly known?: number;
  /** Whether a point says nothing but its own value. Trainings say more: from point to point their values jump. */
  readonly isExact?: boolean;
}

/** Coordinates: a number is one, a choice one an option. */
interface Coding {
  readonly groupOf: readonly number[];
  readonly groups: number;
  /** Coordinates of the numbers that may take any value: those that have a slope. */
  readonly smooth: readonly number[];
  encode(point: Point): Float64Array;
}

function codingOf(space: Space): Coding {
  const parameters = Object.entries(space);
  const groupOf: number[] = [];
  const smooth: number[] = [];
  for (const [g, [, p]] of parameters.entries()) {
    if (!isChoice(p) && valueCount(p) === Number.POSITIVE_INFINITY) smooth.push(groupOf.length);
    for (let i = 0; i < (isChoice(p) ? p.options.length : 1); i++) groupOf.push(g);
  }
  return {
    groupOf,
    groups: parameters.length,
    smooth,
    encode(point) {
      const places = placesOf(space, point);
      const out: number[] = [];
      for (const [g, [name, p]] of parameters.entries()) {
        if (!isChoice(p)) out.push(places[g]!);
        else for (let i = 0; i < p.options.length; i++) out.push(name in point && indexOf(p, point[name]!) === i ? Math.SQRT1_2 : 0);
      }
      return Float64Array.from(out);
    },
  };
}

/** One loss a trial; for several objectives a weighing that is drawn for this trial. */
function lossesOf(trials: readonly Trial[], objectives: readonly Objective[], draw: Random): Float64Array {
  const rows = trials.map(t => losses(t.values!, objectives));
  if (objectives.length === 1) return Float64Array.from(rows, r => r[0]!);
  const ends = objectives.map((_, k) => {
    const column = rows.map(r => r[k]!);
    const low = Math.min(...column);
    return { low, span: Math.max(...column) - low || 1 };
  });
  const raw = objectives.map(() => -Math.log(1 - draw.uniform()));
  const sum = raw.reduce((a, b) => a + b, 0);
  return Float64Array.from(rows, r => {
    const weighed = r.map((v, k) => (raw[k]! / sum) * ((v - ends[k]!.low) / ends[k]!.span));
    return Math.max(...weighed) + 0.05 * weighed.reduce((a, b) => a + b, 0);
  });
}

/** Mean 0, deviation 1; far outliers above are drawn in, so that one crash of the loss does not flatten the rest. */
function standardised(values: Float64Array): Float64Array {
  const sorted = Float64Array.from(values).sort();
  const quarter = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!;
  const most = quarter(0.75) + 10 * (quarter(0.75) - quarter(0.25) || 1);
  const kept = values.map(v => Math.min(v, most));
  const mean = kept.reduce((a, b) => a + b, 0) / kept.length;
  const deviation = Math.sqrt(kept.reduce((s, v) => s + (v - mean) ** 2, 0) / kept.length) || 1;
  return kept.map(v => (v - mean) / deviation);
}

const keyOf = (point: Point): string => JSON.stringify(point);
const spread = 512;
const around = 64;
const refined = 6;
/** Expected improvements, in deviations of what was seen, that are not worth a trial: where values have noise, and where they have none. */
const negligible = { noisy: 1e-3, exact: 1e-4 } as const;

export function gpSampler({ startup = 10, known = 250, isExact = false }: GpOptions = {}): Sampler {
  return {
    name: "gp",
    suggest({ space, objectives, trials, number, draw, seed }) {
      const dimensions = Object.keys(space).length;
      const done = trials.filter(t => t.state === "done");
      if (done.length < startup) return pointAt(space, haltonPlaces(number, dimensions, seed));
      const coding = codingOf(space);
      const all = lossesOf(done, objectives, draw);
      const order = [...done.keys()].sort((a, b) => all[a]! - all[b]!);
      const kept = [...new Set([...order.slice(0, known >> 1), ...[...done.keys()].slice(-(known >> 1))])].sort((a, b) => a - b);
      const seen: GaussianData = {
        points: kept.map(i => coding.encode(done[i]!.point)),
        groupOf: coding.groupOf,
        groups: coding.groups,
        values: standardised(Float64Array.from(kept, i => all[i]!)),
        isExact,
      };
      let process = GaussianProcess.fit(seen);
      const running = trials.filter(t => t.state === "running").map(t => coding.encode(t.point));
      if (running.length > 0)
        process = process.with(
          running,
          running.map(x => process.at(x).mean),
        );
      const best = seen.values.reduce((a, b) => Math.min(a, b));
      const bestPoint = done[order[0]!]!.point;
      return mostPromising(space, coding, process, best, bestPoint, new Set(trials.map(t => keyOf(t.point))), draw);
    },
  };
}

function mostPromising(
  space: Space,
  coding: Coding,
  process: GaussianProcess,
  best: number,
  bestPoint: Point,
  tried: ReadonlySet<string>,
  draw: Random,
): Point {
  const dimensions = Object.keys(space).length;
  const promise = (point: Point) => logExpectedImprovement(process.at(coding.encode(point)), best);
  const centre = placesOf(space, bestPoint);
  const everywhere = Array.from({ length: spread }, () => Float64Array.from({ length: dimensions }, () => draw.uniform()));
  const nearBest = Array.from({ length: around }, () => {
    const width = 10 ** (-3 * draw.uniform());
    return centre.map(c => Math.min(1, Math.max(0, draw.uniform() < 0.5 ? c : c + width * draw.normal())));
  });
  // Each kind for itself: what lies near the best promises most before anything is climbed, and would leave no start elsewhere.
  const kinds = [everywhere, nearBest].map(places =>
    places
      .map(p => pointAt(space, p))
      .map(point => ({ point, value: promise(point) }))
      .sort((a, b) => b.value - a.value),
  );
  const candidates = kinds.flat();
  const better = kinds
    .flatMap(kind => kind.slice(0, refined))
    .map(({ point }) => climb(space, coding, process, best, point, promise, draw));
  const ranked = [...better, ...candidates].sort((a, b) => b.value - a.value);
  const chosen = ranked.find(c => !tried.has(keyOf(c.point))) ?? ranked[0]!;
  return chosen.value < Math.log(process.isExact ? negligible.exact : negligible.noisy)
    ? doubting(space, centre, tried, draw)
    : chosen.point;
}

/**
 * Where the process expects nothing anywhere it is sure of what it has hardly seen: it stands in a bottom, looks at it again and again, and learns
 * nothing. So a place that is not its own choice (as SMAC's: Hutter et al. 2011), by turns anywhere, or the best one with some coordinates moved.
 */
function doubting(space: Space, centre: Float64Array, tried: ReadonlySet<string>, draw: Random): Point {
  const places = (): Float64Array => {
    if (draw.uniform() < 0.5) return centre.map(() => draw.uniform());
    const width = 10 ** (-2 * draw.uniform());
    const moved = draw.below(centre.length);
    return centre.map((c, i) => (i === moved || draw.uniform() < 0.25 ? Math.min(1, Math.max(0, c + width * draw.normal())) : c));
  };
  let point = pointAt(space, places());
  for (let tries = 0; tries < 16 && tried.has(keyOf(point)); tries++) point = pointAt(space, places());
  return point;
}

/** Up the slope of what has one, and through the neighbours of what has none, by turns. */
function climb(
  space: Space,
  coding: Coding,
  process: GaussianProcess,
  best: number,
  from: Point,
  promise: (point: Point) => number,
  draw: Random,
): { readonly point: Point; readonly value: number } {
  let [point, value] = [from, promise(from)];
  const smoothOnly = coding.smooth.length === Object.keys(space).length;
  for (let round = 0; round < (smoothOnly ? 1 : 3); round++) {
    const before = value;
    if (coding.smooth.length > 0) {
      const x = coding.encode(point);
      const { x: found } = minimise(
        part => {
          for (const [i, c] of coding.smooth.entries()) x[c] = part[i]!;
          const { value, gradient } = improvementWithSlope(process.withSlope(x), best);
          return { value: -value, gradient: Float64Array.from(coding.smooth, c => -gradient[c]!) };
        },
        Float64Array.from(coding.smooth, c => x[c]!),
        { steps: 40, low: 0, high: 1, tolerance: 1e-3 },
      );
      const places = placesOf(space, point);
      for (const [i, c] of coding.smooth.entries()) places[coding.groupOf[c]!] = found[i]!;
      const there = pointAt(space, places);
      const reached = promise(there);
      if (reached > value) [point, value] = [there, reached];
    }
    for (const [g, p] of Object.values(space).entries()) {
      const size = valueCount(p);
      if (size === Number.POSITIVE_INFINITY) continue;
      const tries =
        size <= 12 ? Array.from({ length: size }, (_, i) => (i + 0.5) / size) : Array.from({ length: 12 }, () => draw.uniform());
      for (const at of tries) {
        const places = placesOf(space, point);
        places[g] = at;
        const there = pointAt(space, places);
        const reached = promise(there);
        if (reached > value) [point, value] = [there, reached];
      }
    }
    if (value <= before) break;
  }
  return { point, value };
}

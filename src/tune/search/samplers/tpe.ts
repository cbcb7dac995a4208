/**
 * Tree-structured Parzen estimator (Bergstra et al. 2011), with joint kernels over all parameters (Falkner et al. 2018): one density of the
 * good trials, one of the others, and the candidate whose odds are best. A parameter that a trial does not have counts as anywhere.
 */
import type { Json, Random } from "../../../base/index.ts";
import { normalBelow } from "../../../statistics/index.ts";
import { indexOf, isActive, isChoice, type Point, placeOf, pointAt, type Space, valueAt, valueCount } from "../space.ts";
import type { ChoiceParameter, Parameter } from "../space-options.ts";
import type { Trial } from "../trial.ts";
import { haltonPlaces } from "./halton.ts";
import type { Sampler } from "./sampler.ts";
import { ordered } from "./split.ts";

export interface TpeOptions {
  /** Trials that are spread evenly before anything is learnt. */
  readonly startup?: number;
  /** Candidates that are drawn from the good ones. */
  readonly candidates?: number;
}

/** Share of trials that count as good, and at most how many. */
const goodShare = 0.1;
const mostGood = 25;

/** A kernel over one number: a normal with its mass within [0, 1]. */
interface Normal {
  readonly centre: number;
  readonly width: number;
  readonly mass: number;
}

const massOf = ({ centre, width }: Omit<Normal, "mass">, low: number, high: number): number =>
  normalBelow((high - centre) / width) - normalBelow((low - centre) / width);

/**
 * A sum of kernels: one a trial, and one over everything. A number's kernel reaches to the farther of its two neighbours (Bergstra et al.), at
 * least a hundredth of the range or a share that falls with the trials.
 */
class Parzen {
  private readonly space: Space;
  private readonly points: readonly (Point | undefined)[];
  private readonly logWeights: readonly number[];
  /** By parameter: the kernel of each trial that has it, the one over everything first. */
  private readonly normals: Readonly<Record<string, readonly (Normal | undefined)[]>>;

  constructor(space: Space, trials: readonly Trial[]) {
    this.space = space;
    this.points = [undefined, ...trials.map(t => t.point)];
    const weights = [1, ...weightsOf(trials.length)];
    const sum = weights.reduce((a, b) => a + b, 0);
    this.logWeights = weights.map(w => Math.log(w / sum));
    this.normals = Object.fromEntries(Object.entries(space).flatMap(([name, p]) => (isChoice(p) ? [] : [[name, this.normalsOf(name, p)]])));
  }

  private normalsOf(name: string, p: Parameter): (Normal | undefined)[] {
    const centres = this.points.map(own => (own && name in own ? placeOf(p, own[name]!) : undefined));
    const sorted = centres.filter(c => c !== undefined).sort((a, b) => a - b);
    const least = 1 / Math.min(100, 2 + sorted.length);
    const widthAt = (centre: number): number => {
      if (sorted.length === 1) return Math.max(centre, 1 - centre);
      const at = sorted.indexOf(centre);
      const [left, right] = [sorted[at - 1], sorted[at + 1]];
      return Math.min(1, Math.max(least, left === undefined ? 0 : centre - left, right === undefined ? 0 : right - centre));
    };
    return centres.map((centre, k) => {
      if (k > 0 && centre === undefined) return undefined;
      const normal = centre === undefined ? { centre: 0.5, width: 1 } : { centre, width: widthAt(centre) };
      return { ...normal, mass: massOf(normal, 0, 1) };
    });
  }

  /** Probability of each option under a kernel: its own, and a little of each. */
  private option(p: ChoiceParameter, own: Json | undefined, index: number): number {
    const little = 1 / this.points.length;
    if (own === undefined) return 1 / p.options.length;
    return (little + (indexOf(p, own) === index ? 1 : 0)) / (1 + p.options.length * little);
  }

  sample(draw: Random): Point {
    const kernel = chosen(this.logWeights.map(Math.exp), draw);
    const own = this.points[kernel];
    const point: Record<string, Json> = {};
    for (const [name, p] of Object.entries(this.space)) {
      if (!isActive(p, point)) continue;
      if (isChoice(p)) {
        const shares = p.options.map((_, i) => this.option(p, own?.[name], i));
        point[name] = p.options[chosen(shares, draw)]!;
      } else {
        const normal = this.normals[name]![kernel];
        point[name] = valueAt(p, normal ? within(normal, draw) : draw.uniform());
      }
    }
    return point;
  }

  logDensity(point: Point): number {
    const terms = Float64Array.from(this.logWeights);
    for (const [name, p] of Object.entries(this.space)) {
      if (!(name in point)) continue;
      const value = point[name]!;
      if (isChoice(p)) {
        const index = indexOf(p, value);
        for (const [k, own] of this.points.entries()) terms[k] = terms[k]! + Math.log(this.option(p, own?.[name], index));
        continue;
      }
      const at = placeOf(p, value);
      const size = p.log ? Number.POSITIVE_INFINITY : valueCount(p);
      for (const [k, normal] of this.normals[name]!.entries()) {
        if (!normal) continue; // anywhere: density 1
        const { centre, width, mass } = normal;
        const density =
          size === Number.POSITIVE_INFINITY
            ? -0.5 * ((at - centre) / width) ** 2 - Math.log(width * Math.sqrt(2 * Math.PI) * mass)
            : Math.log(Math.max(1e-300, (massOf(normal, at - 0.5 / size, at + 0.5 / size) / mass) * size));
        terms[k] = terms[k]! + density;
      }
    }
    const greatest = terms.reduce((a, b) => Math.max(a, b));
    return greatest + Math.log(terms.reduce((s, t) => s + Math.exp(t - greatest), 0));
  }
}

/** An index by its share; the last where rounding leaves a rest. */
function chosen(shares: readonly number[], draw: Random): number {
  let at = draw.uniform();
  const found = shares.findIndex(share => {
    at -= share;
    return at < 0;
  });
  return found < 0 ? shares.length - 1 : found;
}

/** The newest 25 weigh 1, older ones less, down to 1 / n. `trials` stand in order of number. */
const weightsOf = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => (i >= n - 25 ? 1 : 1 / n + ((1 - 1 / n) * i) / Math.max(1, n - 26)));

/** A draw from a kernel that stays in [0, 1]. */
function within({ centre, width }: Normal, draw: Random): number {
  for (let i = 0; i < 64; i++) {
    const v = centre + width * draw.normal();
    if (v >= 0 && v <= 1) return v;
  }
  return centre;
}

export function tpeSampler({ startup = 10, candidates = 48 }: TpeOptions = {}): Sampler {
  return {
    name: "tpe",
    suggest({ space, objectives, trials, number, draw, seed }) {
      const known = ordered({ trials, objectives });
      if (known.length < startup) return pointAt(space, haltonPlaces(number, Object.keys(space).length, seed));
      const good = new Set(known.slice(0, Math.min(mostGood, Math.ceil(goodShare * known.length))));
      const [better, other] = [
        new Parzen(
          space,
          trials.filter(t => good.has(t)),
        ),
        // What others are running counts as not good, so that they are not all at one place.
        new Parzen(
          space,
          trials.filter(t => !good.has(t) && t.state !== "failed"),
        ),
      ];
      // What was tried comes after all else: where options are few the best ones would be drawn again and again.
      const tried = new Set(trials.map(t => JSON.stringify(t.point)));
      let best: { readonly point: Point; readonly odds: number; readonly isNew: boolean } | undefined;
      for (let i = 0; i < candidates; i++) {
        const point = better.sample(draw);
        const odds = better.logDensity(point) - other.logDensity(point);
        const isNew = !tried.has(JSON.stringify(point));
        if (!best || (isNew === best.isNew ? odds > best.odds : isNew)) best = { point, odds, isNew };
      }
      return best!.point;
    },
  };
}

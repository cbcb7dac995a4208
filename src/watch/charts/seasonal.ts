/**
 * Residuals of a seasonal autoregressive model, for charts of values that have a daily season and lean on their neighbours: level and harmonics of a day and a
 * week by least squares with forgetting, and what they leave as a first-order process seen through noise (Kalman's filter, whose gaps are exact). Residuals
 * are divided by their deviation, which is corrected by their moving range (Montgomery, section 6.4). One value takes the same time however long the
 * history is; the state is plain data of some hundred numbers.
 */
import { cholesky, solveTriangular } from "../../statistics/index.ts";
import { checkSetting } from "../errors.ts";

const minuteMs = 60_000;
const dayMs = 1440 * minuteMs;

export interface SeasonalOptions {
  /** Time between values (default a minute). */
  readonly stepMs?: number;
  /** Without a season the level alone is learnt (default true: a day and a week). */
  readonly seasonal?: boolean;
  /** Lasting shifts are looked for once a whole week has been seen, not a day (default false). */
  readonly needsWeek?: boolean;
  /** Values before the first residual (default 120). */
  readonly warmUp?: number;
  /** Least deviation of a residual: smaller changes are none that anyone acts on. Above 0: it is what a constant series has. */
  readonly least: number;
  /** Half-life of what is learnt of level and season (default 14 days). */
  readonly halfLifeMs?: number;
}

/** Harmonics of a day and of a week; columns are the level, sine and cosine of each. */
const seasons = [
  { lengthMs: dayMs, harmonics: 4, ridge: 1 },
  { lengthMs: 7 * dayMs, harmonics: 2, ridge: 200 },
] as const;
const columnCounts = [1, 1 + 2 * 4, 1 + 2 * 4 + 2 * 2] as const;
/** Prior of each column, in values' worth of information that it is 0. */
const ridges = Float64Array.of(1e-6, ...seasons.flatMap(s => new Array<number>(2 * s.harmonics).fill(s.ridge)));

/** Half-life, in values, of what is learnt of residuals: a week of minutes, so that hours of a slow drift do not become what is usual. */
const noiseHalfLife = 7 * 1440;
const noiseKeep = 0.5 ** (1 / noiseHalfLife);
/** Residuals are learnt from as if no farther out than so many deviations: one outlier moves nothing. */
const learntDeviations = 4;
/** Values that are held back before the first fit, so that an outlier among them is seen. */
const heldValues = 30;
/** Weight of a value in the average whose spread says how residuals hang together over longer times. */
const longRunWeight = 0.1;
/** Gap after which the clock may have been set: what the neighbours said is forgotten. */
const longGapMs = 6 * 60 * minuteMs;

/** Values whose mean is where a series is now, and what its old base is worth beside new values once it has been moved there. */
const recentValues = 120;
const adaptedValues = 720;
/** Largest share of a residual's variance that the season's own error may be, for charts of lasting shifts. */
const knownShare = 0.01;

interface NoiseSums {
  readonly weight: number;
  readonly pairs: readonly [number, number];
  /** Sums of products of residuals that lie 0, 1 and 2 steps apart. */
  readonly products: readonly [number, number, number];
  /** Sum of 1 / count: noise of a figure falls with the number of responses that it is from. */
  readonly inverse: number;
}

export interface SeasonalState {
  readonly seen: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** The first values, until they are fitted together. */
  readonly held: readonly { readonly atMs: number; readonly value: number; readonly count: number }[];
  /** Upper triangle of X'X, and X'y. */
  readonly gram: readonly number[];
  readonly moment: readonly number[];
  readonly noise: NoiseSums;
  /** The last two residuals of consecutive steps. */
  readonly last: readonly number[];
  /** What the process is believed to be, and the variance of the belief. */
  readonly belief: number;
  readonly variance: number;
  readonly z: number;
  /** Mean moving range of standardised residuals, and their exponential average with its mean square. */
  readonly range: number;
  readonly average: number;
  readonly averageSquare: number;
  /** While nothing is learnt: how many values, and the mean of what they are beyond level and season (of the latest 120 or so). */
  readonly away: number;
  readonly recent: number;
}

export interface SeasonalResidual {
  /** Residual divided by its deviation; independent and standard normal where all is as it was. */
  readonly z: number;
  /** For charts of lasting shifts: divided, too, by how residuals hang together over longer times. Absent until the season is known at this time of day. */
  readonly slow?: number;
  /** As `slow`, also where the season is not known: too little to say that a shift has begun, enough to say whether one that was found still lasts. */
  readonly unsure: number;
  readonly expected: number;
  readonly deviation: number;
}

export interface SeasonalStep {
  readonly state: SeasonalState;
  /** Absent during warm-up, and for a value that is no number or not later than the last. */
  readonly residual?: SeasonalResidual;
}

export interface SeasonalModel {
  readonly start: SeasonalState;
  /** A value of a time; `count`: responses that it is from; `learn` false while something is wrong. */
  observe(state: SeasonalState, atMs: number, value: number, count?: number, learn?: boolean): SeasonalStep;
  /** Takes where the values are since nothing was learnt for their level from now on. */
  adapt(state: SeasonalState): SeasonalState;
}

const sizeOf = (columns: number) => (columns * (columns + 1)) / 2;
const mostColumns = columnCounts[2];

function columnsAt(atMs: number): Float64Array {
  const x = new Float64Array(mostColumns);
  x[0] = 1;
  let at = 1;
  for (const { lengthMs, harmonics } of seasons)
    for (let k = 1; k <= harmonics; k++) {
      const angle = (2 * Math.PI * k * (atMs % lengthMs)) / lengthMs;
      x[at++] = Math.sin(angle);
      x[at++] = Math.cos(angle);
    }
  return x;
}

/** What level and season expect at x, and the leverage of x: the variance of that, in variances of a value. */
function expectation(state: SeasonalState, x: Float64Array, columns: number): { readonly expected: number; readonly leverage: number } {
  const a = new Float64Array(columns * columns);
  for (let i = 0, at = 0; i < mostColumns; i++)
    for (let j = i; j < mostColumns; j++, at++) {
      if (j >= columns) continue;
      a[i * columns + j] = state.gram[at]! + (i === j ? ridges[i]! : 0);
      a[j * columns + i] = a[i * columns + j]!;
    }
  const factor = cholesky(a, columns);
  // X'X and a ridge is positive
  if (!factor) return { expected: 0, leverage: Number.POSITIVE_INFINITY };
  const along = solveTriangular(factor, x.subarray(0, columns));
  const moment = solveTriangular(factor, Float64Array.from(state.moment.slice(0, columns)));
  let [expected, leverage] = [0, 0];
  for (let i = 0; i < columns; i++) {
    expected += along[i]! * moment[i]!;
    leverage += along[i]! * along[i]!;
  }
  return { expected, leverage };
}

/** The process behind the residuals, by moments: its correlation from step to step, its variance, and the noise of one response. */
function processOf({ weight, pairs, products, inverse }: NoiseSums, floor: number) {
  const variance = Math.max(weight > 0 ? products[0] / weight : 0, floor);
  const [one, two] = [pairs[0] > 0 ? products[1] / pairs[0] : 0, pairs[1] > 0 ? products[2] / pairs[1] : 0];
  const phi = one > 0 && two > 0 ? Math.min(0.98, two / one) : 0;
  // a series without a second correlation is noise alone
  const signal = phi > 0.05 ? Math.min(variance, one / phi) : 0;
  const perCount = weight > 0 ? inverse / weight : 1;
  return { phi, signal, variance, perResponse: Math.max(variance - signal, 0) / perCount };
}

const clipped = (x: number, most: number): number => Math.max(-most, Math.min(most, x));

function learnNoise(noise: NoiseSums, residuals: readonly number[], count: number): NoiseSums {
  const [now, before, earlier] = residuals;
  const add = (sum: number, x: number | undefined) => (x === undefined ? sum : noiseKeep * sum + x);
  return {
    weight: add(noise.weight, 1),
    pairs: [add(noise.pairs[0], before === undefined ? undefined : 1), add(noise.pairs[1], earlier === undefined ? undefined : 1)],
    products: [
      add(noise.products[0], now! * now!),
      add(noise.products[1], before === undefined ? undefined : now! * before),
      add(noise.products[2], earlier === undefined ? undefined : now! * earlier),
    ],
    inverse: add(noise.inverse, 1 / count),
  };
}

const emptyState: SeasonalState = {
  seen: 0,
  firstMs: 0,
  lastMs: 0,
  held: [],
  gram: new Array<number>(sizeOf(mostColumns)).fill(0),
  moment: new Array<number>(mostColumns).fill(0),
  noise: { weight: 0, pairs: [0, 0], products: [0, 0, 0], inverse: 0 },
  last: [],
  belief: 0,
  variance: 0,
  z: 0,
  range: 1.128,
  average: 0,
  averageSquare: longRunWeight / (2 - longRunWeight),
  away: 0,
  recent: 0,
};

/** X'X and X'y with one row more, and what was before forgotten a little. */
function learnRow({ gram, moment }: SeasonalState, x: Float64Array, y: number, keep: number): Pick<SeasonalState, "gram" | "moment"> {
  const [squares, products] = [new Array<number>(gram.length), new Array<number>(moment.length)];
  for (let i = 0, at = 0; i < mostColumns; i++) {
    products[i] = keep * moment[i]! + x[i]! * y;
    for (let j = i; j < mostColumns; j++, at++) squares[at] = keep * gram[at]! + x[i]! * x[j]!;
  }
  return { gram: squares, moment: products };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** The first values together: those far from their median are learnt from as if nearer. */
function learnHeld(state: SeasonalState, least: number, keep: number): SeasonalState {
  const middle = medianOf(state.held.map(h => h.value));
  const spread = Math.max(least, 1.4826 * medianOf(state.held.map(h => Math.abs(h.value - middle))));
  let [learnt, last]: [SeasonalState, readonly number[]] = [{ ...state, held: [] }, []];
  for (const { atMs, value, count } of state.held) {
    const residual = clipped(value - middle, learntDeviations * spread);
    last = [residual, ...last].slice(0, 3);
    learnt = { ...learnt, ...learnRow(learnt, columnsAt(atMs), middle + residual, keep), noise: learnNoise(learnt.noise, last, count) };
  }
  return { ...learnt, last: last.slice(0, 2) };
}

/** What is remembered of residuals, where the model that they are from has got more columns. */
function shortened(noise: NoiseSums): NoiseSums {
  const share = Math.min(1, 60 / noise.weight);
  return {
    weight: share * noise.weight,
    pairs: [share * noise.pairs[0], share * noise.pairs[1]],
    products: [share * noise.products[0], share * noise.products[1], share * noise.products[2]],
    inverse: share * noise.inverse,
  };
}

/** Standardised residuals as charts take them, and what they say of themselves: their moving range and how they hang together. */
function standardise(state: SeasonalState, raw: number, leastScale: number, isNext: boolean, learn: boolean) {
  const gain = Math.max(1 - noiseKeep, 1 / (state.seen - heldValues + 20));
  const kept = clipped(raw, 6);
  const range = learn && isNext ? state.range + gain * (Math.abs(kept - state.z) - state.range) : state.range;
  const scale = Math.max(leastScale, clipped(Math.max(0.3, range / 1.128), 3));
  const z = raw / scale;
  const average = (1 - longRunWeight) * state.average + longRunWeight * clipped(z, learntDeviations);
  const averageSquare = learn ? state.averageSquare + gain * (Math.min(average * average, 1) - state.averageSquare) : state.averageSquare;
  const together = Math.sqrt(clipped(Math.max(1, averageSquare / (longRunWeight / (2 - longRunWeight))), 9));
  return { z, scale, slow: clipped(z, learntDeviations) / together, kept: { z: kept, range, average, averageSquare } };
}

/** What a model is made with. */
interface Settings extends Required<SeasonalOptions> {
  /** Share of a value's weight that is left a step later. */
  readonly keep: number;
}

function columnsOf({ stepMs, seasonal }: Settings, { seen, firstMs }: SeasonalState, atMs: number): number {
  // a season is known where most of it has been seen
  const known = (lengthMs: number) => seasonal && atMs - firstMs >= lengthMs && seen * stepMs >= 0.75 * lengthMs;
  return columnCounts[known(7 * dayMs) ? 2 : known(dayMs) ? 1 : 0];
}

function holdValue({ least, keep }: Settings, state: SeasonalState, atMs: number, value: number, count: number): SeasonalState {
  const next = {
    ...state,
    seen: state.seen + 1,
    firstMs: state.seen === 0 ? atMs : state.firstMs,
    lastMs: atMs,
    held: [...state.held, { atMs, value, count }],
  };
  return next.seen < heldValues ? next : learnHeld(next, least, keep);
}

function observeValue(
  settings: Settings,
  before: SeasonalState,
  given: { readonly atMs: number; readonly value: number; readonly count: number },
  isBack: boolean,
  learn: boolean,
): SeasonalStep {
  const { stepMs, seasonal, needsWeek, warmUp, least, keep } = settings;
  const { atMs, value, count } = given;
  const columns = columnsOf(settings, before, atMs);
  const state = columns === columnsOf(settings, before, before.lastMs) ? before : { ...before, noise: shortened(before.noise) };
  const x = columnsAt(atMs);
  const { expected, leverage } = expectation(state, x, columns);
  const { phi, signal, variance, perResponse } = processOf(state.noise, (least / 4) ** 2);
  const steps = (atMs - state.lastMs) / stepMs;
  const isNext = steps > 0.5 && steps < 1.5;
  const carry = isBack || atMs - state.lastMs > longGapMs ? 0 : phi ** Math.max(1, Math.round(steps));
  // an error of level or season lasts: the process takes it up as it does its own
  const bias = (leverage * variance * (1 + phi)) / (1 - phi);
  const spread = state.variance * carry ** 2 + (signal + bias) * (1 - carry ** 2);
  const noise = perResponse / count;
  const prior = state.belief * carry;
  const off = value - expected - prior;
  const deviation = Math.max(least, Math.sqrt(spread + noise));
  const { z, scale, slow, kept } = standardise(state, off / deviation, least / deviation, isNext, learn);
  const gain = spread > 0 ? spread / (spread + noise) : 0;
  const held = clipped(off, learntDeviations * deviation * scale);
  const residual = prior + held;
  const last = isNext ? [residual, ...state.last].slice(0, 3) : [residual];
  const learnt = {
    ...learnRow(state, x, expected + residual, keep),
    noise: learnNoise(state.noise, last, count),
    seen: state.seen + 1,
    away: 0,
    recent: 0,
  };
  const away = { away: state.away + 1, recent: state.recent + (value - expected - state.recent) / Math.min(state.away + 1, recentValues) };
  const next: SeasonalState = {
    ...state,
    ...kept,
    ...(learn ? learnt : away),
    lastMs: atMs,
    last: last.slice(0, 2),
    belief: prior + gain * held,
    variance: spread * (1 - gain),
  };
  if (before.seen < warmUp) return { state: next };
  // what a lasting error of the season leaves of itself in each residual
  const left = ((1 - phi) / (1 - phi * (1 - gain))) ** 2 * bias;
  const isKnown = (!seasonal || columns >= columnCounts[needsWeek ? 2 : 1]) && left <= knownShare * deviation ** 2;
  return {
    state: next,
    residual: { z, expected: expected + prior, deviation: deviation * scale, unsure: slow, ...(isKnown ? { slow } : {}) },
  };
}

/** Errors: watch/setting. */
export function seasonalModel({
  stepMs = minuteMs,
  seasonal = true,
  needsWeek = false,
  warmUp = 120,
  least,
  halfLifeMs = 14 * dayMs,
}: SeasonalOptions): SeasonalModel {
  checkSetting(stepMs > 0 && stepMs <= dayMs / 24, "stepMs", "above 0, at most an hour", stepMs);
  checkSetting(Number.isInteger(warmUp) && warmUp >= heldValues, "warmUp", `a whole number from ${heldValues}`, warmUp);
  checkSetting(least > 0 && Number.isFinite(least), "least", "a number above 0", least);
  checkSetting(halfLifeMs >= dayMs, "halfLifeMs", "a day or more", halfLifeMs);
  const settings: Settings = { stepMs, seasonal, needsWeek, warmUp, least, halfLifeMs, keep: 0.5 ** (stepMs / halfLifeMs) };
  return {
    start: emptyState,
    observe(before, atMs, value, count = 1, learn = true) {
      const isBack = before.seen === 0 || atMs < before.lastMs - 10 * stepMs;
      if (!Number.isFinite(value) || !(count > 0) || (atMs <= before.lastMs && !isBack)) return { state: before };
      if (before.seen < heldValues) return { state: holdValue(settings, before, atMs, value, count) };
      return observeValue(settings, before, { atMs, value, count }, isBack, learn);
    },
    adapt(state) {
      // row 0 of the triangle is how each column goes with the level
      const moment = state.moment.map((m, i) => m + state.gram[i]! * state.recent);
      const share = Math.min(1, adaptedValues / Math.max(state.gram[0]!, 1));
      const [gram, scaled] = [state.gram.map(g => share * g), moment.map(m => share * m)];
      return { ...state, gram, moment: scaled, last: [], belief: 0, average: 0, away: 0, recent: 0 };
    },
  };
}

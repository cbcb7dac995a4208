/** How long a comparison is likely to take, by seeded runs of the test itself: stated before the first request. */
import { type Random, random } from "../../base/index.ts";
import { checkArgument } from "../errors.ts";
import { quantile } from "../resampling.ts";
import { observeComparison, openComparison } from "./observe.ts";
import type { ComparisonArm, ComparisonMetric, ComparisonObservation, ComparisonOptions } from "./options.ts";

/** A metric's truth in each arm. */
export interface ComparisonEffect {
  /** Rate, mean or median. */
  readonly control: number;
  readonly treatment: number;
  /** Standard deviation of single values; of the values' logarithm where the metric is a quantile. Default: a quarter of the range; 0.5. Rates need none. */
  readonly deviation?: number;
}

export interface PowerOptions {
  /** By metric; metrics that are not named are the same in both arms and typical: rates 0.01, means in the middle, medians 1. */
  readonly effects?: Readonly<Record<string, ComparisonEffect>>;
  /** Requests of a user (default 1). Users of more are alike within themselves by `correlation`. */
  readonly requestsPerUser?: number;
  /** Chance that a request's value is the user's first one again (default 0). */
  readonly correlation?: number;
  /** Simulated runs (default 100). */
  readonly draws?: number;
  readonly seed?: number | string;
}

export interface ComparisonPower {
  /** Shares of runs. */
  readonly harm: number;
  readonly noHarm: number;
  readonly undecided: number;
  /** Requests of both arms until the verdict; null where fewer than that share of runs ended in it. */
  readonly requestsUntilHarm: { readonly half: number | null; readonly ninetyPercent: number | null };
  readonly requestsUntilNoHarm: { readonly half: number | null; readonly ninetyPercent: number | null };
}

function drawValue(metric: ComparisonMetric, effect: ComparisonEffect | undefined, arm: ComparisonArm, draw: Random): number {
  if (metric.kind === "rate") return draw.uniform() < (effect?.[arm] ?? 0.01) ? 1 : 0;
  if (metric.kind === "quantile") return (effect?.[arm] ?? 1) * Math.exp((effect?.deviation ?? 0.5) * draw.normal());
  const width = metric.high - metric.low;
  return (effect?.[arm] ?? metric.low + width / 2) + (effect?.deviation ?? width / 4) * draw.normal();
}

type Values = Record<string, number>;

function* requestsOf(
  options: ComparisonOptions,
  { effects = {}, requestsPerUser = 1, correlation = 0 }: PowerOptions,
  draw: Random,
): Generator<ComparisonObservation> {
  const names = Object.keys(options.metrics);
  const first = new Map<string, { arm: ComparisonArm; values: Values }>();
  for (let request = 0; ; request++) {
    // users take turns in groups of ten, so their requests lie apart
    const group = Math.floor(request / (10 * requestsPerUser));
    const user = `${group}/${request % 10}`;
    const known = first.get(user);
    const arm = known?.arm ?? (draw.uniform() < (options.share ?? 0.5) ? "treatment" : "control");
    const values: Values = {};
    for (const name of names) {
      const again = known !== undefined && draw.uniform() < correlation;
      values[name] = again ? known.values[name]! : drawValue(options.metrics[name]!, effects[name], arm, draw);
    }
    if (request % (10 * requestsPerUser) === 0) first.clear();
    if (!first.has(user)) first.set(user, { arm, values });
    yield { arm, ...(requestsPerUser > 1 ? { user } : {}), atMs: request, values };
  }
}

const untilShare = (ends: readonly number[], draws: number, share: number): number | null => {
  if (ends.length < share * draws) return null;
  const all = Float64Array.from({ length: draws }, (_, i) => ends[i] ?? Number.MAX_VALUE).sort();
  return Math.ceil(quantile(all, share));
};

/**
 * Shares of verdicts and requests until them where the arms differ by `effects`. Simulated runs count a request a millisecond, so limits of time do not end
 * them, and have no warm-up. Errors: statistics/argument.
 */
export function comparisonPower(options: ComparisonOptions, power: PowerOptions = {}): ComparisonPower {
  const { draws = 100, seed = 1, requestsPerUser = 1, correlation = 0, effects = {} } = power;
  checkArgument(Number.isInteger(draws) && draws >= 1, "draws", "a whole number from 1", draws);
  checkArgument(Number.isInteger(requestsPerUser) && requestsPerUser >= 1, "requestsPerUser", "a whole number from 1", requestsPerUser);
  checkArgument(correlation >= 0 && correlation <= 1, "correlation", "a number from 0 to 1", correlation);
  for (const name of Object.keys(effects))
    checkArgument(Object.hasOwn(options.metrics, name), `effects.${name}`, `a metric of ${Object.keys(options.metrics).join(", ")}`, name);
  const { warmup: _, ...rest } = options;
  const declared = { ...rest, longest: { requests: options.longest.requests } };
  const ends = { harm: [] as number[], "no harm": [] as number[] };
  for (let d = 0; d < draws; d++) {
    const stream = requestsOf(declared, power, random(`${seed}/${d}`));
    let state = openComparison(declared);
    while (!state.ended) {
      const batch: ComparisonObservation[] = [];
      while (batch.length < 50) batch.push(stream.next().value);
      state = observeComparison(state, batch);
    }
    if (state.ended !== "longest run") ends[state.ended].push(state.requests.control + state.requests.treatment);
  }
  const until = (verdict: keyof typeof ends) => ({
    half: untilShare(
      ends[verdict].sort((a, b) => a - b),
      draws,
      0.5,
    ),
    ninetyPercent: untilShare(
      ends[verdict].sort((a, b) => a - b),
      draws,
      0.9,
    ),
  });
  return {
    harm: ends.harm.length / draws,
    noHarm: ends["no harm"].length / draws,
    undecided: 1 - (ends.harm.length + ends["no harm"].length) / draws,
    requestsUntilHarm: until("harm"),
    requestsUntilNoHarm: until("no harm"),
  };
}

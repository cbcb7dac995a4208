/** Counts requests of two arms: users are gathered over their windows, and each closed window is bet on once. */
import { sha256 } from "../../base/index.ts";
import { checkArgument } from "../errors.ts";
import { armScore, betAbove, betBelow, betCandidates, differenceGrid, logTotal, startBets } from "./betting.ts";
import { addBuckets, bucketAtShare, valueBucket } from "./buckets.ts";
import {
  type ComparisonArm,
  type ComparisonMetric,
  type ComparisonObservation,
  type ComparisonOptions,
  type DeclaredComparison,
  declareComparison,
} from "./options.ts";
import { logRatioEvidence } from "./ratio.ts";
import type { ArmMetricState, ComparisonState, MetricState, OpenUser } from "./state.ts";

/** Users whose windows are open at once; beyond, the oldest is closed early. */
const mostOpen = 4096;
/** Bits of counted users: at 10,000 users, one new user in 14 shares a bit with another and is left out, whichever its arm. */
const countedBits = 1 << 17;
/** Users of whom a threshold of a quantile is first taken. */
const firstThreshold = 20;

const startArm: ArmMetricState = { users: 0, sum: 0, buckets: {} };
const startMetric = (kind: ComparisonMetric["kind"]): MetricState => ({
  arms: { control: startArm, treatment: startArm },
  harm: startBets(kind),
  safe: startBets(kind),
  scores: [0, 0, 0],
  larger: differenceGrid.map(() => 0),
  smaller: differenceGrid.map(() => 0),
  threshold: null,
  nextThreshold: firstThreshold,
  quantileUsers: 0,
});

/** Errors: statistics/argument. */
export function openComparison(options: ComparisonOptions): ComparisonState {
  const declared = declareComparison(options);
  return {
    declared,
    startedMs: null,
    lastMs: null,
    requests: { control: 0, treatment: 0 },
    isWarm: declared.warmup.requests === 0 && declared.warmup.ms === 0,
    users: { control: 0, treatment: 0 },
    logRatioMaximum: 0,
    open: {},
    counted: [],
    metrics: Object.fromEntries(Object.entries(declared.metrics).map(([name, { kind }]) => [name, startMetric(kind)])),
    logHarmMaximum: 0,
    ended: null,
  };
}

/** A state that may be written to while a batch is counted. */
interface Working extends Omit<ComparisonState, "open" | "counted" | "metrics" | "requests" | "users"> {
  readonly open: Map<string, OpenUser>;
  readonly counted: number[];
  readonly metrics: Record<string, MetricState>;
  readonly requests: Record<ComparisonArm, number>;
  readonly users: Record<ComparisonArm, number>;
  startedMs: number | null;
  lastMs: number | null;
  isWarm: boolean;
  logRatioMaximum: number;
  logHarmMaximum: number;
  ended: ComparisonState["ended"];
}

/** 52 bits of a user's name; the name itself is not kept. */
const userHash = (user: string, purpose: string): string => sha256(`${purpose}\u0000${user}`).slice(0, 13);

/** A value as a loss from 0 to 1, 1 the worst; of a quantile, the bucket instead. */
function lossOf(metric: ComparisonMetric, arm: ComparisonArm, value: number): number {
  if (metric.kind === "quantile") return valueBucket(arm === "treatment" ? value / metric.ratio : value);
  if (metric.kind === "rate") return Math.max(0, Math.min(1, value));
  const part = Math.max(0, Math.min(1, (value - metric.low) / (metric.high - metric.low)));
  return metric.better === "higher" ? 1 - part : part;
}

const widthOf = (metric: ComparisonMetric): number => (metric.kind === "mean" ? metric.high - metric.low : 1);
/** What is bet against, on the scale of losses: an excess above `harm`, an excess below `safe`. */
function limitsOf(metric: ComparisonMetric): { readonly harm: number; readonly safe: number } {
  // a quantile's margin is in its values already
  if (metric.kind === "quantile") return { harm: 0, safe: 0 };
  const tolerated = metric.tolerated ?? (metric.kind === "rate" ? 0 : metric.margin);
  return { harm: tolerated / widthOf(metric), safe: metric.margin / widthOf(metric) };
}

type Loss = number | "unknown";

/** Values of one request (or late value) in the form that users gather them. */
function gather(
  user: OpenUser,
  { metrics }: DeclaredComparison,
  states: Working["metrics"],
  values: readonly (readonly [string, number])[],
): OpenUser {
  const sums = { ...user.sums };
  let { buckets } = user;
  for (const [name, value] of values) {
    const metric = metrics[name]!;
    let loss: Loss = lossOf(metric, user.arm, value);
    if (metric.kind === "quantile") {
      const bucket = loss;
      buckets = { ...buckets, [name]: { ...buckets[name], [bucket]: (buckets[name]?.[bucket] ?? 0) + 1 } };
      const { threshold } = states[name]!;
      loss = threshold === null ? "unknown" : bucket > threshold ? 1 : 0;
    }
    const [count, sum] = sums[name] ?? [0, 0];
    sums[name] = loss === "unknown" ? [count, sum] : [count + 1, sum + loss];
  }
  return { ...user, requests: user.requests + 1, sums, buckets };
}

/** Guess of the mean loss before a user, from users before: any number would do, a near one makes the score vary less. */
function baseOf(metric: ComparisonMetric, { arms: { control, treatment }, scores: [n] }: MetricState): number {
  const guess = metric.kind === "mean" ? 0.5 : metric.kind === "rate" ? 0.02 : 1 - metric.quantile;
  return (control.sum + treatment.sum + guess) / (n + 1);
}

function betOn(metric: ComparisonMetric, state: MetricState, share: number, arm: ComparisonArm, loss: number): MetricState {
  const score = armScore(arm === "treatment", share, loss, baseOf(metric, state));
  const { harm, safe } = limitsOf(metric);
  const [larger, smaller] = betCandidates(state.larger, state.smaller, state.scores, score);
  const [n, sum, squares] = state.scores;
  const of = state.arms[arm];
  return {
    ...state,
    arms: { ...state.arms, [arm]: { ...of, users: of.users + 1, sum: of.sum + loss } },
    harm: betAbove(state.harm, score, harm),
    safe: betBelow(state.safe, score, safe),
    scores: [n + 1, sum + score.value, squares + score.value ** 2],
    larger,
    smaller,
  };
}

/** The threshold that later requests are compared with is the quantile of all values so far, looked up now and then. */
function addToQuantile(quantile: number, state: MetricState, arm: ComparisonArm, buckets: Readonly<Record<string, number>>): MetricState {
  const of = state.arms[arm];
  const merged = { ...of.buckets };
  let values = 0;
  for (const key of Object.keys(buckets)) values += buckets[key]!;
  addBuckets(merged, buckets, 1 / values);
  const arms = { ...state.arms, [arm]: { ...of, buckets: merged } };
  const seen = state.quantileUsers + 1;
  if (seen < state.nextThreshold) return { ...state, arms, quantileUsers: seen };
  const both = { ...arms.control.buckets };
  addBuckets(both, arms.treatment.buckets, 1);
  return { ...state, arms, quantileUsers: seen, threshold: bucketAtShare(both, quantile) ?? null, nextThreshold: Math.ceil(seen * 1.1) };
}

/** Bets on a user whose window is over, metric by metric. */
function closeUser(work: Working, user: OpenUser): void {
  const { metrics, share, alpha } = work.declared;
  for (const name of Object.keys(user.sums)) {
    const [metric, [count, sum]] = [metrics[name]!, user.sums[name]!];
    let state = work.metrics[name]!;
    if (count > 0) state = betOn(metric, state, share, user.arm, sum / count);
    if (metric.kind === "quantile") state = addToQuantile(metric.quantile, state, user.arm, user.buckets[name]!);
    work.metrics[name] = state;
  }
  work.logHarmMaximum = Math.max(work.logHarmMaximum, logHarm(work));
  const limit = -Math.log(alpha);
  if (work.logHarmMaximum >= limit) work.ended = "harm";
  else if (Object.values(work.metrics).every(m => m.safe.logMaximum >= limit) && !hasRatioMismatch(work)) work.ended = "no harm";
}

/** Weighted mean of the metrics' wealth against harm: at least as large as each metric's with its share of alpha. */
function logHarm({ declared: { metrics }, metrics: states }: Pick<ComparisonState, "declared" | "metrics">): number {
  const names = Object.keys(metrics);
  const weights = names.map(name => metrics[name]!.weight ?? 1);
  const all = weights.reduce((a, b) => a + b, 0);
  return logTotal(names.map((name, i) => Math.log(weights[i]! / all) + logTotal(states[name]!.harm.logWealth)));
}

export const hasRatioMismatch = ({ logRatioMaximum, declared }: Pick<ComparisonState, "logRatioMaximum" | "declared">): boolean =>
  logRatioMaximum >= -Math.log(declared.ratioAlpha);

function countAssignment(work: Working, arm: ComparisonArm): void {
  work.users[arm]++;
  const evidence = logRatioEvidence(work.users.control, work.users.treatment, work.declared.share);
  work.logRatioMaximum = Math.max(work.logRatioMaximum, evidence);
}

function closeOpen(work: Working, isOver: (user: OpenUser) => boolean): void {
  // in order of their first request: the first that is not over ends the walk
  for (const [key, user] of work.open) {
    if (!isOver(user) || work.ended) return;
    work.open.delete(key);
    closeUser(work, user);
  }
}

interface Part {
  readonly arm: ComparisonArm;
  readonly user: string | undefined;
  /** Late metrics have windows of their own. */
  readonly purpose: string;
  readonly values: readonly (readonly [string, number])[];
  readonly nowMs: number;
}

function countPart(work: Working, { arm, user, purpose, values, nowMs }: Part): void {
  const { declared, metrics, open, counted } = work;
  const fresh: OpenUser = { arm, fromMs: nowMs, requests: 0, sums: {}, buckets: {} };
  const isRequest = purpose === "";
  if (user === undefined) {
    if (isRequest) countAssignment(work, arm);
    closeUser(work, gather(fresh, declared, metrics, values));
    return;
  }
  const key = userHash(user, purpose);
  let entry = open.get(key);
  if (!entry) {
    const bit = Number.parseInt(key.slice(0, 8), 16) % countedBits;
    const wasCounted = (((counted[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
    if (wasCounted && declared.countUsers === "once") return;
    while (counted.length <= bit >>> 5) counted.push(0);
    counted[bit >>> 5] = (counted[bit >>> 5]! | (1 << (bit & 31))) >>> 0;
    // a user who comes back was assigned once
    if (isRequest && !wasCounted) countAssignment(work, arm);
    if (open.size >= mostOpen) {
      const [oldest] = open.keys();
      const first = open.get(oldest!)!;
      open.delete(oldest!);
      closeUser(work, first);
    }
    entry = fresh;
  } else if (entry.arm !== arm) return; // the user was moved while its window was open
  entry = gather(entry, declared, metrics, values);
  open.set(key, entry);
  if (entry.requests < declared.userWindow.requests) return;
  open.delete(key);
  closeUser(work, entry);
}

function valuesOf(
  { metrics }: DeclaredComparison,
  { values }: ComparisonObservation,
): [request: [string, number][], late: [string, number][]] {
  const [request, late]: [[string, number][], [string, number][]] = [[], []];
  for (const name of Object.keys(values)) {
    const [metric, value] = [Object.hasOwn(metrics, name) ? metrics[name] : undefined, values[name]];
    checkArgument(metric !== undefined, `values.${name}`, `a metric of ${Object.keys(metrics).join(", ")}`, name);
    if (value === null || value === undefined) continue;
    checkArgument(Number.isFinite(Number(value)), `values.${name}`, "a finite number or nothing", value);
    (metric.isLate ? late : request).push([name, Number(value)]);
  }
  return [request, late];
}

function countObservation(work: Working, observation: ComparisonObservation): void {
  const { declared, requests } = work;
  const { arm, user, atMs } = observation;
  const [request, late] = valuesOf(declared, observation);
  const isLateOnly = late.length > 0 && request.length === 0;
  // a clock that jumps back stands still here
  const nowMs = Math.max(work.lastMs ?? atMs, atMs);
  work.lastMs = nowMs;
  work.startedMs ??= nowMs;
  const { warmup, longest } = declared;
  const wasWarm = work.isWarm;
  if (!isLateOnly) requests[arm]++;
  const least = Math.min(requests.control, requests.treatment);
  work.isWarm ||= least >= warmup.requests && nowMs - work.startedMs >= warmup.ms;
  if (wasWarm) {
    closeOpen(work, u => nowMs - u.fromMs >= declared.userWindow.ms);
    if (!isLateOnly && !work.ended) countPart(work, { arm, user, purpose: "", values: request, nowMs });
    for (const value of late) if (!work.ended) countPart(work, { arm, user, purpose: value[0], values: [value], nowMs });
  }
  const isOver = requests.control + requests.treatment >= longest.requests || (longest.ms !== null && nowMs - work.startedMs >= longest.ms);
  if (!isOver || work.ended) return;
  closeOpen(work, () => true);
  work.ended ??= "longest run";
}

/** By time, at equal times by a hash that knows nothing of arms: an order that put one arm first would not be a fair one to bet in. */
function inOrder(observations: readonly ComparisonObservation[]): readonly ComparisonObservation[] {
  const times = new Set<number>();
  for (const { atMs } of observations) times.add(atMs);
  const byTime = (a: ComparisonObservation, b: ComparisonObservation) => a.atMs - b.atMs;
  if (times.size === observations.length) return observations.toSorted(byTime);
  const tie = new Map(observations.map(o => [o, userHash(o.id ?? o.user ?? "", "order")]));
  return observations.toSorted((a, b) => byTime(a, b) || (tie.get(a)! < tie.get(b)! ? -1 : tie.get(a)! > tie.get(b)! ? 1 : 0));
}

/**
 * The state after a batch of requests, which are put in order of time first: the same batch in any order gives the same state. Several servers feed one test by
 * one process that takes their batches of a time window together. A late batch counts when it comes. After its end a test takes no more. Errors: statistics/argument.
 */
export function observeComparison(state: ComparisonState, observations: readonly ComparisonObservation[]): ComparisonState {
  if (state.ended) return state;
  const ordered = inOrder(observations);
  const work: Working = {
    ...state,
    open: new Map(Object.entries(state.open)),
    counted: state.counted.slice(),
    metrics: { ...state.metrics },
    requests: { ...state.requests },
    users: { ...state.users },
  };
  for (const [i, observation] of ordered.entries()) {
    checkArgument(Number.isFinite(observation.atMs), `observations[${i}].atMs`, "a time in milliseconds", observation.atMs);
    checkArgument(
      observation.arm === "control" || observation.arm === "treatment",
      `observations[${i}].arm`,
      "control or treatment",
      observation.arm,
    );
    if (work.ended) break;
    countObservation(work, observation);
  }
  return { ...work, open: Object.fromEntries(work.open) };
}

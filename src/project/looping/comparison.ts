/**
 * What a round's shadow or canary has shown, in the record: servers add what their responses came to, whoever directs the loop reads it. Counts and numbers
 * alone; of users a hash.
 */
import type { Json } from "../../base/index.ts";
import type { ComparedTraffic, Evidence, LoopPolicy, LoopRound } from "../../loop/index.ts";
import {
  type ComparisonMetric,
  type ComparisonObservation,
  type ComparisonOptions,
  type ComparisonState,
  judgeComparison,
  observeComparison,
  openComparison,
} from "../../statistics/index.ts";
import { changeState, changeStates, readState, type Store } from "../../store/index.ts";
import { type ArmLabel, type ArmResponse, dropArrivals, putArrivals, takeArrivals } from "./arrivals.ts";
import { loopScope } from "./loop-record.ts";

const key = "comparison";

/** Requests and errors of one arm of a shadow. */
interface ShadowCounts {
  readonly requests: number;
  readonly errors: number;
}

interface OpenedRound {
  /** Absent in rows of older records. */
  readonly openedMs?: number;
  readonly round: number;
  readonly phase: "shadow" | "canary";
  /** Versions of the arms. */
  readonly current: number;
  readonly candidate: number;
}
interface ShadowRow extends OpenedRound {
  readonly phase: "shadow";
  readonly counts: { readonly control: ShadowCounts; readonly treatment: ShadowCounts };
}
interface CanaryRow extends OpenedRound {
  readonly phase: "canary";
  readonly test: ComparisonState;
}
type ComparisonRow = ShadowRow | CanaryRow;

const asJson = (row: ComparisonRow): Json => JSON.parse(JSON.stringify(row)) as Json;
// states of this scope are written here alone
const rowOf = (value: Json | undefined) => value as unknown as ComparisonRow | undefined;

const latencyMetric = "latency p99";

type Canary = NonNullable<LoopPolicy["canary"]>;

/** A policy's canary as a declared test. */
export function canaryTest(canary: Canary): ComparisonOptions {
  const { errors, latency, quality, leastEffect } = canary;
  const metrics: Record<string, ComparisonMetric> = {
    errors: { kind: "rate", tolerated: Math.min(leastEffect, errors), margin: errors },
    ...(latency === "off" ? {} : { [latencyMetric]: { kind: "quantile", quantile: 0.99, ratio: latency } }),
    ...(quality === undefined
      ? {}
      : {
          quality: {
            kind: "mean",
            low: 0,
            high: 1,
            better: "lower",
            tolerated: Math.min(leastEffect, quality),
            margin: quality,
            isLate: true,
          },
        }),
  };
  return {
    metrics,
    share: canary.share / 100,
    alpha: canary.alpha,
    warmup: { requests: canary.warmup },
    longest: { requests: canary.requests },
  };
}

const noCounts: ShadowCounts = { requests: 0, errors: 0 };
const startOf = (opened: OpenedRound, policy: LoopPolicy): ComparisonRow =>
  opened.phase === "shadow"
    ? { ...opened, phase: "shadow", counts: { control: noCounts, treatment: noCounts } }
    : { ...opened, phase: "canary", test: openComparison(canaryTest(policy.canary!)) };

/** Opens the comparison of a phase, once: that of another round or phase is over. */
export const openRoundComparison = (store: Store, model: string, policy: LoopPolicy, opened: OpenedRound): Promise<ComparisonRow> =>
  changeState(store, loopScope(model), key, value => {
    const there = rowOf(value);
    if (there && there.round === opened.round && there.phase === opened.phase) return { value: undefined, answer: there };
    const row = startOf({ ...opened, openedMs: store.clock.now() }, policy);
    return { value: asJson(row), answer: row };
  });

const counted = (counts: ShadowCounts, responses: readonly ArmResponse[]): ShadowCounts => ({
  requests: counts.requests + responses.length,
  errors: counts.errors + responses.reduce((n, r) => n + Number(r.isError), 0),
});

function observedShadow(row: ShadowRow, responses: readonly ArmResponse[]): ShadowRow {
  if (responses.length === 0) return row;
  const copies = responses.filter(r => r.isShadow && r.version === row.candidate);
  const real = responses.filter(r => !r.isShadow && r.version === row.current);
  return { ...row, counts: { control: counted(row.counts.control, real), treatment: counted(row.counts.treatment, copies) } };
}

function observedCanary(row: CanaryRow, responses: readonly ArmResponse[], labels: readonly ArmLabel[]): CanaryRow {
  const armOf = ({ version }: { readonly version: number }) =>
    version === row.candidate ? ("treatment" as const) : version === row.current ? ("control" as const) : undefined;
  const { metrics } = row.test.declared;
  // what the policy does not compare is not told
  const declared = (values: ComparisonObservation["values"]) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => name in metrics));
  const observations: ComparisonObservation[] = [];
  for (const { id, atMs, user, isError, totalMs, ...r } of responses) {
    const arm = r.isShadow ? undefined : armOf(r);
    // a request that failed has no latency
    const values = declared({ errors: isError, [latencyMetric]: isError ? null : totalMs });
    if (arm) observations.push({ arm, user: user ?? undefined, id, atMs, values });
  }
  for (const l of labels) {
    const arm = armOf(l);
    const values = declared({ quality: l.loss });
    if (arm && "quality" in values) observations.push({ arm, id: l.id, atMs: l.atMs, values });
  }
  return observations.length === 0 ? row : { ...row, test: observeComparison(row.test, observations) };
}

/** When the comparison that is open was opened; undefined where none is. */
export const comparisonOpenedMs = async (store: Store, model: string): Promise<number | undefined> => {
  const row = rowOf(await readState(store.records.read, loopScope(model), key));
  return row && (row.openedMs ?? 0);
};

/** Adds responses and labels to the comparison that is open; nothing where none is. */
export async function addToComparison(
  store: Store,
  model: string,
  responses: readonly ArmResponse[],
  labels: readonly ArmLabel[] = [],
): Promise<void> {
  if (responses.length + labels.length === 0 || (await comparisonOpenedMs(store, model)) === undefined) return;
  await putArrivals(store, model, { responses, labels });
}

/** Counts what servers told, in order of time, but for the last seconds; the comparison after it. */
async function foldComparison(store: Store, model: string): Promise<ComparisonRow | undefined> {
  for (;;) {
    const { row, isMore } = await changeStates(store, async states => {
      const there = rowOf(await states.read(loopScope(model), key));
      if (!there) {
        await dropArrivals(states, model);
        return { row: undefined, isMore: false };
      }
      const { arrivals, isMore } = await takeArrivals(states, model, store.clock.now());
      const { responses, labels } = arrivals;
      const next = there.phase === "shadow" ? observedShadow(there, responses) : observedCanary(there, responses, labels);
      if (next !== there) await states.put(loopScope(model), key, asJson(next));
      return { row: next, isMore };
    });
    if (!isMore) return row;
  }
}

/** The comparison is over: nothing is added to it any more. */
export const closeComparison = (store: Store, model: string): Promise<void> =>
  changeStates(store, async states => {
    await states.remove(loopScope(model), key);
    await dropArrivals(states, model);
  });

const rate = ({ requests, errors }: ShadowCounts): number => (requests === 0 ? 0 : errors / requests);

/** Errors of copies beyond what is accepted, shown by their number alone: before a tenth of the requests is in, nothing is. */
function judgeShadow({ counts: { control, treatment } }: ShadowRow, shadow: NonNullable<LoopPolicy["shadow"]>): ComparedTraffic {
  const evidence: Evidence = { control: { ...control }, treatment: { ...treatment } };
  const { requests } = treatment;
  const figures = `${treatment.errors} errors of ${requests} copied requests, ${control.errors} of ${control.requests} of the current version`;
  const accepted = rate(control) + shadow.errors;
  // as many more errors as the whole run may have is harm already
  const isHarm = treatment.errors > accepted * Math.max(shadow.requests, requests);
  if (isHarm) return { verdict: "harm", requests, isOver: false, why: figures, evidence };
  if (requests < shadow.requests)
    return { verdict: "undecided", requests, isOver: false, why: `${figures}; ${shadow.requests} are needed`, evidence };
  return { verdict: "no harm", requests, isOver: false, why: figures, evidence };
}

function judgeCanary({ test }: CanaryRow): ComparedTraffic {
  const j = judgeComparison(test);
  const requests = j.requests.control + j.requests.treatment;
  // arms that are not as they were drawn compare nothing
  const verdict = j.ratioMismatch.isMismatch && j.verdict === "no harm" ? "undecided" : j.verdict;
  return { verdict, requests, isOver: j.isEnded, why: j.reason, evidence: canaryEvidence(j) };
}

function canaryEvidence(j: ReturnType<typeof judgeComparison>): Evidence {
  const { verdict, reason, requests, users, metrics, ratioMismatch } = j;
  return JSON.parse(JSON.stringify({ test: verdict, reason, requests, users, metrics, ratioMismatch })) as Evidence;
}

/** What the comparison of a round shows now. */
export async function judgeRoundComparison(
  store: Store,
  model: string,
  policy: LoopPolicy,
  round: LoopRound,
): Promise<ComparedTraffic | undefined> {
  const row = await foldComparison(store, model);
  if (!row || row.round !== round.number) return undefined;
  return row.phase === "shadow" ? judgeShadow(row, policy.shadow!) : judgeCanary(row);
}

/** The test of a canary that is open; undefined where none is. */
export async function openTest(store: Store, model: string): Promise<ComparisonState | undefined> {
  const row = await foldComparison(store, model);
  return row?.phase === "canary" ? row.test : undefined;
}

/**
 * A new version held against the current one, document by document: not worse on the frozen test set (non-inferiority with a declared margin), and better on
 * the recent one. Groups of near-duplicates count as one. A figure that so few documents do not decide does not pass. Rounds that begin without a reason share
 * one level: each of them could be promoted by chance, and where nothing changes there is one every week.
 */
import { levelOfLook, normalAbove, normalQuantile } from "../statistics/index.ts";
import type { LoopPolicy, LossName } from "./part.ts";
import type { LoopTrigger } from "./state.ts";

/** A document that both versions were asked. */
export interface PairedLoss {
  readonly id: string;
  readonly group: string;
  readonly current: number;
  readonly candidate: number;
}

export interface LossGate {
  readonly set: "frozen" | "recent";
  readonly metric: LossName;
  readonly passed: boolean;
  readonly documents: number;
  readonly groups: number;
  readonly current: number;
  readonly candidate: number;
  /** Candidate less current, with one-sided bounds. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly p: number;
  /** p that passes at most. */
  readonly level: number;
  /** In words. */
  readonly told: string;
}

/** Fewer groups decide nothing. */
const leastGroups = 10;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean difference with its standard error, groups as clusters (Liang and Zeger 1986). */
function clusteredMean(pairs: readonly PairedLoss[]): { readonly difference: number; readonly error: number; readonly groups: number } {
  const difference = mean(pairs.map(p => p.candidate - p.current));
  const sums = new Map<string, number>();
  for (const p of pairs) sums.set(p.group, (sums.get(p.group) ?? 0) + (p.candidate - p.current - difference));
  const groups = sums.size;
  const squares = [...sums.values()].reduce((s, x) => s + x * x, 0);
  return { difference, error: Math.sqrt((squares * groups) / Math.max(1, groups - 1)) / pairs.length, groups };
}

type Rules = LoopPolicy["gates"];

/** One gate. `limit`: the candidate's loss less the current one's must be shown to be below it, at this level. */
function lossGate(set: LossGate["set"], pairs: readonly PairedLoss[], limit: number, metric: LossName, level: number): LossGate {
  const base = {
    set,
    metric,
    documents: pairs.length,
    current: mean(pairs.map(p => p.current)),
    candidate: mean(pairs.map(p => p.candidate)),
  };
  const { difference, error, groups } = clusteredMean(pairs);
  const z = normalQuantile(1 - level);
  const [low, high] = [difference - z * error, difference + z * error];
  const isEnough = groups >= leastGroups;
  const p = error > 0 ? normalAbove((limit - difference) / error) : difference < limit ? 0 : 1;
  const passed = isEnough && p <= level;
  const asked = limit >= 0 ? `a rise of less than ${limit}` : `a fall of more than ${-limit}`;
  const figures = `${metric} ${base.candidate.toFixed(4)}, current ${base.current.toFixed(4)}; difference ${difference.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] on ${pairs.length} documents`;
  const few = isEnough ? "" : `; ${groups} groups are too few to decide (least ${leastGroups})`;
  const shared = isEnough ? `; p ${p.toPrecision(2)}, level ${level.toPrecision(2)}` : "";
  return { ...base, groups, difference, low, high, p, level, passed, told: `${asked}: ${figures}${few}${shared}` };
}

/** Level of a round's gates. A schedule is no reason to expect a gain, so its rounds share `alpha` for as long as the same version is current. */
export const gateLevel = (alpha: number, { kind }: Pick<LoopTrigger, "kind">, earlier: number): number =>
  kind === "schedule" ? levelOfLook(alpha, earlier) : alpha;

/** Both gates. An empty set does not pass. */
export function lossGates(
  pairs: Readonly<Record<LossGate["set"], readonly PairedLoss[]>>,
  { metric, frozen, recent }: Rules,
  level: number,
): readonly LossGate[] {
  const limits = { frozen, recent: recent === "not worse" ? frozen : -recent };
  return (["frozen", "recent"] as const).map(set => lossGate(set, pairs[set], limits[set], metric, level));
}

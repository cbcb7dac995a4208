/**
 * What a version cost: the ledgers of the runs behind it, added up and charged. Core-seconds and operations are what was counted; energy is counted where the
 * processor's counters could be read and estimated elsewhere; money is core-hours at a price. Held-out evaluations and checkpoints within a training are charged
 * apart from it.
 */
import { addWork, modelFlops, noWork, type PartUse, type RunLedger, type Work } from "../../ledger/index.ts";
import type { RunInfo } from "../../store/index.ts";
import { type CostCategory, costCategories } from "./categories.ts";
import type { CountedRuns, LineageRuns } from "./lineage-runs.ts";
import type { CostRates } from "./rates.ts";

export interface CostUse {
  readonly coreSeconds: number;
  readonly work: Work;
  readonly kilowattHours: number;
  readonly usd: number;
}
const nothing: CostUse = { coreSeconds: 0, work: noWork, kilowattHours: 0, usd: 0 };

const added = (a: CostUse, b: CostUse): CostUse => ({
  coreSeconds: a.coreSeconds + b.coreSeconds,
  work: addWork(a.work, b.work),
  kilowattHours: a.kilowattHours + b.kilowattHours,
  usd: a.usd + b.usd,
});

/** Shares of the greatest rate that the machine's cores were measured at, over the core-seconds of forward, backward and update. */
export interface Utilisation {
  /** Model FLOPs utilisation: products of the forward and backward pass, each once. */
  readonly mfu: number;
  /** Hardware FLOPs utilisation: all products, also those computed again and the optimiser's. */
  readonly hfu: number;
}

export interface CostLine {
  readonly what: string;
  readonly stage: string;
  readonly category: CostCategory;
  readonly artifact: string | null;
  /** Attempts, those that came to no end included. */
  readonly runs: number;
  /** Attempts that failed, were interrupted or lost their process. */
  readonly unfinished: number;
  /** Attempts without a ledger: of an earlier version, or killed before their first heartbeat. They count as nothing. */
  readonly withoutLedger: number;
  readonly wallSeconds: number;
  readonly use: CostUse;
  /** Of `use`, by category: a training's evaluations and checkpoints are apart. */
  readonly split: Readonly<Partial<Record<CostCategory, CostUse>>>;
  readonly startUpSeconds: number;
  /** Ranks' waiting for each other and their links, over all ranks; 0 where one process trained. It is not charged. */
  readonly waitedSeconds: number;
  readonly utilisation: Utilisation | null;
  /** Processors and tiers. */
  readonly machines: readonly string[];
}

export interface CostSum extends CostUse {
  readonly category: CostCategory;
  /** Of all core-seconds. */
  readonly share: number;
}

export interface CostReport {
  readonly subject: string;
  readonly artifact: string | null;
  readonly lines: readonly CostLine[];
  readonly categories: readonly CostSum[];
  readonly total: CostUse;
  readonly totalWithoutSweeps: CostUse;
  readonly rates: CostRates;
  /** "counters": all energy was counted; "model": all is estimated. */
  readonly energySource: "counters" | "model" | "both";
  /** Files of energy counters that could not be read, each with the reason. */
  readonly energyProblems: readonly string[];
  readonly machines: readonly string[];
  readonly runsWithoutLedger: number;
}

/** Charges a share of what a run used. */
function use({ coreSeconds, work }: PartUse, { used }: RunLedger, { price, wattsPerCore, pue }: CostRates): CostUse {
  const share = used.coreSeconds > 0 ? coreSeconds / used.coreSeconds : 0;
  const joules = used.joules === null ? coreSeconds * wattsPerCore : used.joules * share;
  return { coreSeconds, work, kilowattHours: (joules * pue) / 3.6e6, usd: (coreSeconds / 3600) * price.usdPerCoreHour };
}

/** Parts of a run that are another category than the run itself. */
const apart: Readonly<Record<string, CostCategory>> = { evaluation: "evaluation", checkpoints: "checkpoints" };

function splitOf(ledger: RunLedger, category: CostCategory, rates: CostRates): Partial<Record<CostCategory, CostUse>> {
  const { own, parts, startUpSeconds, childSeconds } = ledger.used;
  const split: Partial<Record<CostCategory, CostUse>> = {};
  const add = (to: CostCategory, part: PartUse) => {
    split[to] = added(split[to] ?? nothing, use(part, ledger, rates));
  };
  add(category, { ...own, coreSeconds: own.coreSeconds + startUpSeconds + childSeconds });
  // a search is one thing: what its trials evaluated is the search's
  for (const [name, part] of Object.entries(parts)) add(category === "sweeps" ? category : (apart[name] ?? category), part);
  return split;
}

/** Seconds of one core at its greatest rate that products would have taken. */
function peakSeconds(flops: number, work: Work, { machine }: RunLedger): number | undefined {
  const peak = machine?.peak;
  const all = work.products + work.attention;
  if (!peak || all === 0) return undefined;
  const bf16 = work.bf16 / all;
  return (flops * (1 - bf16)) / (peak.f32 * 1e9) + (flops * bf16) / ((peak.bf16 ?? peak.f32) * 1e9);
}

/** Over all attempts; null where one of them has no peak, or nothing was computed. */
export function utilisationOf(ledgers: readonly RunLedger[]): Utilisation | null {
  let [model, hardware, seconds] = [0, 0, 0];
  for (const ledger of ledgers) {
    const { own, parts } = ledger.used;
    const optimizer = parts.optimizer ?? { coreSeconds: 0, work: noWork };
    const all = addWork(own.work, optimizer.work);
    const [ofModel, ofAll] = [peakSeconds(modelFlops(own.work), own.work, ledger), peakSeconds(all.products + all.attention, all, ledger)];
    // killed before its machine was measured: the others say enough
    if (ofModel === undefined || ofAll === undefined) continue;
    model += ofModel;
    hardware += ofAll;
    seconds += own.coreSeconds + optimizer.coreSeconds;
  }
  return seconds > 0 ? { mfu: model / seconds, hfu: hardware / seconds } : null;
}

const machineOf = ({ machine }: RunLedger): string[] => (machine ? [`${machine.processor}, ${machine.tier}`] : []);
const ledgersOf = (runs: readonly RunInfo[]): RunLedger[] => runs.flatMap(r => r.ledger ?? []);
const distinct = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

function lineOf({ what, stage, category, artifact, runs }: CountedRuns, rates: CostRates): CostLine {
  const ledgers = ledgersOf(runs);
  const split: Partial<Record<CostCategory, CostUse>> = {};
  for (const ledger of ledgers)
    for (const [to, part] of Object.entries(splitOf(ledger, category, rates)) as [CostCategory, CostUse][])
      split[to] = added(split[to] ?? nothing, part);
  return {
    what,
    stage,
    category,
    artifact,
    runs: runs.length,
    unfinished: runs.filter(r => r.state !== "done" && r.state !== "running").length,
    withoutLedger: runs.length - ledgers.length,
    wallSeconds: ledgers.reduce((sum, l) => sum + l.used.wallSeconds, 0),
    use: Object.values(split).reduce(added, nothing),
    split,
    startUpSeconds: ledgers.reduce((sum, l) => sum + l.used.startUpSeconds, 0),
    waitedSeconds: ledgers.reduce((sum, l) => sum + (l.used.waitedSeconds ?? 0), 0),
    utilisation: category === "training" ? utilisationOf(ledgers) : null,
    machines: distinct(ledgers.flatMap(machineOf)),
  };
}

export function costReport({ subject, artifact, counted }: LineageRuns, rates: CostRates): CostReport {
  const lines = counted.map(c => lineOf(c, rates));
  const ledgers = counted.flatMap(c => ledgersOf(c.runs));
  const total = lines.reduce((sum, l) => added(sum, l.use), nothing);
  const isSweep = (l: CostLine) => l.category === "sweeps";
  const categories = costCategories.flatMap((category): CostSum[] => {
    const uses = lines.flatMap(l => l.split[category] ?? []);
    const sum = uses.reduce(added, nothing);
    return uses.length === 0 ? [] : [{ category, ...sum, share: total.coreSeconds > 0 ? sum.coreSeconds / total.coreSeconds : 0 }];
  });
  const numCounted = ledgers.filter(l => l.used.joules !== null).length;
  return {
    subject,
    artifact,
    lines,
    categories,
    total,
    totalWithoutSweeps: lines.filter(l => !isSweep(l)).reduce((sum, l) => added(sum, l.use), nothing),
    rates,
    energySource: numCounted === 0 ? "model" : numCounted === ledgers.length ? "counters" : "both",
    energyProblems: distinct(ledgers.flatMap(l => l.energyProblem ?? [])),
    machines: distinct(ledgers.flatMap(machineOf)),
    runsWithoutLedger: lines.reduce((n, l) => n + l.withoutLedger, 0),
  };
}

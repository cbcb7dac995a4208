/**
 * Drift: tests of two samples against scipy, their verdicts on windows of mails beside Evidently and alibi-detect, and the conformal test on a stream of mails: a quiet
 * year looked at every day, and the shift from July to August 2002. The reference is a sample too, drawn anew in each run.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Random, random } from "../src/base/index.ts";
import {
  binCounts,
  binnedDistances,
  chiSquareTwoSample,
  conformalP,
  cramerVonMises,
  energyDistance,
  kolmogorovSmirnov,
  meanDiscrepancy,
  observeConformal,
  openConformal,
  quantileEdges,
  wassersteinDistance,
} from "../src/statistics/index.ts";
import { type DatedMail, datedMails, ofMonth } from "./drift/mails.ts";
import { askPeers, type PeerFigures } from "./drift/peers.ts";
import { unlabelledQuality } from "./drift/unlabelled.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const alpha = 0.05;
const referenceSize = 800;
const perDay = 60;

type Values = readonly number[];
/** With replacement. */
const drawn = (from: Values, count: number, draw: Random): Float64Array =>
  Float64Array.from({ length: count }, () => from[draw.below(from.length)]!);
const shuffled = (values: Values, draw: Random): number[] => Array.from(draw.permutation(values.length), i => values[i]!);
const share = (runs: number, of: (run: number) => boolean): number =>
  Array.from({ length: runs }, (_, run) => of(run)).filter(Boolean).length / runs;

/** Samples of which every figure is compared with scipy's: without ties, and lengths of mails, which have some. */
function samples(july: Values, august: Values) {
  const draw = random("samples");
  const normals = (count: number, mean: number) => Array.from({ length: count }, () => draw.normal() + mean);
  const pair = (x: Values, y: Values, isTied: boolean) => ({ x, y, isTied });
  const rows = (count: number, mean: number) => normals(3 * count, mean);
  return {
    pairs: [
      pair(normals(30, 0), normals(20, 0.5), false),
      pair(normals(200, 0), normals(150, 0.2), false),
      pair(normals(400, 0), normals(90, -0.1), false),
      pair(july.slice(0, 300), august.slice(0, 200), true),
      pair(july.slice(300, 400), july.slice(500, 560), true),
    ],
    counts: { x: [310, 96, 44, 12, 3], y: [150, 71, 20, 16, 1] },
    vectors: { x: rows(60, 0), y: rows(50, 0.3), columns: 3, bandwidth: 1.5 },
  };
}

/** Greatest relative difference of a figure from scipy's (and MMD's from numpy's). */
function differenceFrom({ pairs, counts, vectors }: ReturnType<typeof samples>, peers: PeerFigures): number {
  let most = 0;
  const compare = (ours: number, theirs: number) => {
    most = Math.max(most, Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)));
  };
  for (const [i, { x, y }] of pairs.entries()) {
    const theirs = peers.pairs![i]!;
    const ks = kolmogorovSmirnov(x, y, { method: "exact" });
    const cramer = cramerVonMises(x, y);
    compare(ks.statistic, theirs.ks);
    if (theirs.ksP !== undefined) compare(ks.p, theirs.ksP);
    compare(wassersteinDistance(x, y), theirs.wasserstein);
    compare(energyDistance(x, y), theirs.energy);
    if (theirs.cramer !== undefined) compare(cramer.statistic, theirs.cramer);
    if (theirs.cramerP !== undefined) compare(cramer.p, theirs.cramerP);
  }
  const chi = chiSquareTwoSample(counts.x, counts.y);
  compare(chi.statistic, peers.chiSquare!.statistic);
  compare(chi.p, peers.chiSquare!.p);
  const { columns, bandwidth } = vectors;
  const of = (values: Values) => ({ values, columns });
  compare(meanDiscrepancy(of(vectors.x), of(vectors.y), { bandwidth, draws: 19 }).statistic, peers.discrepancy);
  return most;
}

/** PSI of two samples of one population over what it is expected to be. */
function nullPsi(runs: number, bins: number, n: number, m: number): number {
  const draw = random(`psi ${bins} ${n} ${m}`);
  const normals = (count: number) => Float64Array.from({ length: count }, () => draw.normal());
  let [sum, expected] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const reference = normals(n);
    const edges = quantileEdges(reference, bins);
    const { psi, psiExpected } = binnedDistances(binCounts(edges, reference), binCounts(edges, normals(m)));
    sum += psi;
    expected += psiExpected;
  }
  return sum / expected;
}

/** Mails until the alarm, or infinity. */
function delayOf(reference: ArrayLike<number>, stream: ArrayLike<number>, seed: string, step: number): number {
  let state = openConformal(reference, { seed });
  for (let from = 0; from < stream.length; from += step) {
    state = observeConformal(state, Array.prototype.slice.call(stream, from, from + step));
    if (conformalP(state) <= alpha) return from + step;
  }
  return Number.POSITIVE_INFINITY;
}

/** Mails of a fixed window that a KS test needs for a power of 0.8. */
function fixedSize(july: Values, august: Values, runs: number): number {
  for (let size = 40; ; size += 5) {
    const draw = random(`power ${size}`);
    const found = share(
      runs,
      () => kolmogorovSmirnov(drawn(july, referenceSize, draw), drawn(august, size, draw), { method: "asymptotic" }).p <= alpha,
    );
    if (found >= 0.8) return size;
  }
}

const atQuantile = (delays: readonly number[], q: number): number => delays.toSorted((a, b) => a - b)[Math.ceil(q * delays.length) - 1]!;

function streams(july: Values, august: Values, runs: number, say: (text: string) => void) {
  say("a quiet year");
  const began = process.cpuUsage();
  const year = share(runs, run => {
    const draw = random(`year ${run}`);
    return delayOf(drawn(july, referenceSize, draw), drawn(july, 365 * perDay, draw), `year ${run}`, perDay) < Number.POSITIVE_INFINITY;
  });
  const yearSeconds = process.cpuUsage(began).user / 1e6;
  say("a daily KS test in a quiet month");
  const month = share(runs, run => {
    const draw = random(`month ${run}`);
    const all = shuffled(july, draw);
    const [reference, rest] = [all.slice(0, referenceSize), all.slice(referenceSize)];
    return Array.from(
      { length: 30 },
      () => kolmogorovSmirnov(reference, shuffled(rest, draw).slice(0, perDay), { method: "asymptotic" }).p,
    ).some(p => p < alpha);
  });
  say("from July to August");
  const fixed = fixedSize(july, august, runs);
  const delays = (quietDays: number) =>
    Array.from({ length: runs }, (_, run) => {
      const draw = random(`shift ${quietDays} ${run}`);
      const quiet = drawn(july, quietDays * perDay, draw);
      const stream = Float64Array.of(...quiet, ...drawn(august, 1200, draw));
      return delayOf(drawn(july, referenceSize, draw), stream, `shift ${run}`, 1) - quiet.length;
    });
  return { year, secondsAYear: yearSeconds / runs, month, fixed, delays: delays(0), late: delays(30).filter(d => d > 0) };
}

/** Windows of mails in order of time, as many as three months have; July's are what the reference left. */
function windowsOf(july: Values, august: Values, september: Values) {
  const all = shuffled(july, random("windows"));
  const cut = (values: Values, most: number) =>
    Array.from({ length: Math.min(most, Math.floor(values.length / perDay)) }, (_, i) => values.slice(i * perDay, (i + 1) * perDay));
  const months = { July: cut(all.slice(referenceSize), 20), August: cut(august, 20), September: cut(september, 20) };
  return { reference: all.slice(0, referenceSize), months, windows: Object.values(months).flat() };
}

function verdicts(of: ReturnType<typeof windowsOf>, said: readonly PeerFigures[]) {
  const began = process.cpuUsage();
  const ours = of.windows.map(w => kolmogorovSmirnov(of.reference, w, { method: "asymptotic" }).p <= alpha);
  const ms = process.cpuUsage(began).user / 1000;
  const cramer = of.windows.map(w => cramerVonMises(of.reference, w).p <= alpha);
  const monthOf = Object.entries(of.months).flatMap(([month, list]) => list.map(() => month));
  const byMonth = (drift: readonly boolean[]) =>
    Object.fromEntries(
      Object.entries(of.months).map(([month, list]) => [
        month,
        `${drift.filter((d, i) => d && monthOf[i] === month).length} of ${list.length}`,
      ]),
    );
  const peers: Record<string, unknown> = {};
  const agreement: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  for (const { windows, ms: theirs } of said)
    for (const [name, list] of Object.entries(windows)) {
      const drift = list.map(w => w.isDrift);
      peers[name] = byMonth(drift);
      if (!name.endsWith("KS")) continue;
      agreement[name] = drift.filter((d, i) => d === ours[i]).length / drift.length;
      ratios[`${name}: processor time of a window`] = digits(theirs[name]! / ms);
    }
  return { ours: { KS: byMonth(ours), "Cramér-von Mises": byMonth(cramer) }, peers, agreement, ratios };
}

const atMost = (name: string, got: number, most: number): Bar => ({ name, want: `<= ${most}`, got: digits(got), holds: got <= most });

export const run = async ({ say, scale }: BenchContext): Promise<BenchResult> => {
  const runs = Math.max(20, Math.round(400 * scale));
  say("reading mails");
  const mails = await datedMails();
  const months = [7, 8, 9].map(month => ofMonth(mails, month)) as [DatedMail[], DatedMail[], DatedMail[]];
  const [july, august, september] = months.map(list => list.map(m => m.length)) as [number[], number[], number[]];
  const [given, windows] = [samples(july, august), windowsOf(july, august, september)];
  const folder = mkdtempSync(join(tmpdir(), "loam-drift-"));
  const file = join(folder, "samples.json");
  writeFileSync(file, JSON.stringify({ ...given, reference: windows.reference, windows: windows.windows }));
  say("asking scipy, Evidently and alibi-detect");
  const { said, notes } = askPeers(file);
  rmSync(folder, { recursive: true });
  const stream = streams(july, august, runs, say);
  const psi = { "10 bins, 1,000 and 1,000": nullPsi(runs, 10, 1000, 1000), "10 bins, 500 and 100": nullPsi(runs, 10, 500, 100) };
  const judged = verdicts(windows, said);
  say("quality without labels");
  const unlabelled = await unlabelledQuality(months[0], { August: months[1], September: months[2] });
  const withScipy = said.find(p => p.pairs);
  const [middle, eighty] = [median(stream.delays), atQuantile(stream.delays, 0.8)];
  const bars: Bar[] = [
    ...(withScipy ? [atMost("greatest difference from scipy (MMD: numpy)", differenceFrom(given, withScipy), 1e-9)] : []),
    ...Object.entries(psi).map(([name, got]) => ({
      name: `PSI by chance over its expectation, ${name}`,
      want: "0.9 to 1.1",
      got: digits(got),
      holds: Math.abs(got - 1) <= 0.1,
    })),
    ...Object.entries(judged.agreement).map(([name, got]) => ({
      name: `verdicts on windows, agreement with ${name}`,
      want: ">= 0.98",
      got: digits(got),
      holds: got >= 0.98,
    })),
    atMost("a quiet year: any alarm", stream.year, 0.05),
    atMost("July to August: mails until the median run's alarm, of a fixed test's 90", middle / 90, 1.5),
    atMost("July to August: mails until 80 % of runs' alarm, of a fixed test's 90", eighty / 90, 2.5),
  ];
  return {
    method: `lengths of ${july.length}, ${august.length} and ${september.length} mails of July, August and September 2002; ${runs} runs each, in each a reference of ${referenceSize} and a stream drawn with replacement; alpha ${alpha}; windows of ${perDay} mails in order of time`,
    ours: {
      "KS distance July - August": digits(kolmogorovSmirnov(july, august).statistic),
      "quiet year, looked at daily": { anyAlarm: digits(stream.year), "processor seconds a year": digits(stream.secondsAYear) },
      "a daily KS test at 0.05, quiet month: any alarm": digits(stream.month),
      "July to August at once": { medianMails: middle, "80 % of runs": eighty, "a fixed KS test for power 0.8": stream.fixed },
      "July to August after 30 quiet days": { medianMails: median(stream.late), "80 % of runs": atQuantile(stream.late, 0.8) },
      "PSI by chance over its expectation": Object.fromEntries(Object.entries(psi).map(([k, v]) => [k, digits(v)])),
      "windows called different": judged.ours,
      "quality without labels of a model of July": unlabelled,
    },
    peers: { ...judged.peers, versions: Object.assign({}, ...said.map(p => p.versions)) },
    ratios: judged.ratios,
    bars,
    notes: [
      ...notes,
      "scipy's p-value of KS and its Cramér-von Mises are those of values without ties, and compared there: on lengths cut at 4,000 it calls windows of one population different",
    ],
  };
};

import { expect, test } from "vitest";
import { corePrices, corePricesPart, noWork, type RunLedger, readRunLedger, type Work } from "../../ledger/index.ts";
import type { RunInfo } from "../../store/index.ts";
import { compareCosts } from "./cost-comparison.ts";
import { costReport, utilisationOf } from "./cost-report.ts";
import { costSentences } from "./cost-sentences.ts";
import { type CountedRuns, runsBehind } from "./lineage-runs.ts";
import { costRatesOf } from "./rates.ts";

const machine = { processor: "A processor", tier: "avx512", cores: 2, peak: { f32: 100, bf16: 200, method: "made up" } };
interface Given extends Partial<Omit<RunLedger, "used">> {
  readonly own?: number;
  readonly parts?: Readonly<Record<string, number>>;
  readonly startUp?: number;
  readonly children?: number;
  readonly waited?: number;
  readonly joules?: number | null;
  readonly work?: Partial<Work>;
}
function ledgerOf({ own = 10, parts = {}, startUp = 0, children = 0, waited, joules = null, work = {}, ...rest }: Given = {}): RunLedger {
  const inParts = Object.values(parts).reduce((n, s) => n + s, 0);
  return {
    used: {
      coreSeconds: own + inParts + startUp + children,
      wallSeconds: 1,
      startUpSeconds: startUp,
      childSeconds: children,
      ...(waited === undefined ? {} : { waitedSeconds: waited }),
      joules,
      own: { coreSeconds: own, work: { ...noWork, ...work } },
      parts: Object.fromEntries(Object.entries(parts).map(([name, coreSeconds]) => [name, { coreSeconds, work: noWork }])),
    },
    machine,
    ...rest,
  };
}
let count = 0;
const runOf = (over: Partial<RunInfo> = {}): RunInfo => ({
  id: String(count++).padStart(16, "0"),
  recipe: "r",
  stage: "train",
  stageVersion: 1,
  state: "done",
  owner: { host: "h", space: "s", pid: 1, started: "", thread: 0 },
  startedMs: count,
  endedMs: count + 1,
  artifact: "model-1",
  error: null,
  ledger: ledgerOf(),
  ...over,
});
const counted = (over: Partial<CountedRuns> & Pick<CountedRuns, "runs">): CountedRuns => ({
  what: "toy@1",
  stage: "train",
  category: "training",
  artifact: "model-1",
  ...over,
});
const rates = costRatesOf(corePricesPart.parse({}));
const reportOf = (...all: CountedRuns[]) => costReport({ subject: "toy@1", artifact: "model-1", counted: all }, rates);

test("ranks' waiting stands apart and is not charged", () => {
  const [alone, ranks] = [ledgerOf({ children: 20 }), ledgerOf({ children: 20, waited: 7 })];
  expect(readRunLedger(JSON.stringify(ranks))).toEqual(ranks);
  const report = reportOf(counted({ runs: [runOf({ ledger: alone }), runOf({ ledger: ranks })] }));
  expect(report.lines[0]).toMatchObject({ waitedSeconds: 7, use: { coreSeconds: 60 } });
  expect(costSentences(report).join(" ")).toContain("Ranks of toy@1 waited 7.0 s in all");
  expect(costSentences(reportOf(counted({ runs: [runOf({ ledger: alone })] }))).join(" ")).not.toContain("waited");
});

test("an artifact is charged for the run that made it and the attempts before it, and not for what came after or before another content", () => {
  const other = runOf({ artifact: "model-1", endedMs: 5 });
  const failed = runOf({ state: "lost", artifact: null });
  const stopped = runOf({ state: "interrupted", artifact: null });
  const made = runOf({ artifact: "model-1.2", endedMs: 100 });
  const found = runOf({ artifact: "model-1.2", endedMs: 200, ledger: undefined });
  const again = runOf({ artifact: "model-1.2", endedMs: 300 });
  const attempts = [other, failed, stopped, made, found, again];
  expect(runsBehind(attempts, { id: "model-1.2", createdMs: 100 })).toEqual([failed, stopped, made]);
  expect(runsBehind(attempts, { id: "model-1", createdMs: 5 })).toEqual([other]);
  expect(runsBehind(attempts, { id: "model-1", createdMs: 6 })).toEqual([]);
});

test("attempts add up, and evaluations, checkpoints and searches are charged apart from training", () => {
  const attempts = [
    runOf({ state: "lost", ledger: ledgerOf({ own: 3, parts: { evaluation: 1 }, startUp: 0.5 }) }),
    runOf({ ledger: ledgerOf({ own: 6, parts: { evaluation: 2, checkpoints: 1, optimizer: 4 }, children: 2 }) }),
  ];
  const trial = runOf({ ledger: ledgerOf({ own: 20, parts: { evaluation: 5 }, study: "s-1" }) });
  const report = reportOf(
    counted({ runs: attempts }),
    counted({ what: "s-1", stage: "search", category: "sweeps", runs: [trial] }),
    counted({ what: "mail", stage: "data", category: "data", runs: [runOf({ ledger: ledgerOf({ own: 4 }) })] }),
  );
  const seconds = Object.fromEntries(report.categories.map(c => [c.category, c.coreSeconds]));
  expect(seconds).toEqual({ data: 4, sweeps: 25, training: 3 + 0.5 + 6 + 4 + 2, checkpoints: 1, evaluation: 3 });
  expect(report.total.coreSeconds).toBeCloseTo(4 + 25 + 15.5 + 1 + 3, 9);
  expect(report.totalWithoutSweeps.coreSeconds).toBeCloseTo(report.total.coreSeconds - 25, 9);
  expect(report.categories.reduce((n, c) => n + c.share, 0)).toBeCloseTo(1, 9);
  expect(report.lines[0]).toMatchObject({ runs: 2, unfinished: 1, withoutLedger: 0 });
});

test("money is core-hours at the price, energy is watts times core-seconds times PUE, or what was counted times PUE", () => {
  const own = costRatesOf(corePricesPart.parse({ usdPerCoreHour: 0.36, wattsPerCore: 10, pue: 1.5 }));
  const lineage = (joules: number | null) => ({
    subject: "x",
    artifact: null,
    counted: [counted({ runs: [runOf({ ledger: ledgerOf({ own: 100, joules }) })] })],
  });
  const { usd, kilowattHours } = costReport(lineage(null), own).total;
  expect(usd).toBeCloseTo(0.01, 9);
  expect(kilowattHours).toBeCloseTo((100 * 10 * 1.5) / 3.6e6, 12);
  const read = costReport(lineage(500), own);
  expect(read.total.kilowattHours).toBeCloseTo((500 * 1.5) / 3.6e6, 12);
  expect([read.energySource, costReport(lineage(null), own).energySource]).toEqual(["counters", "model"]);
});

test("a class or a price that a call names is charged at, whatever loam.yaml says", () => {
  const part = corePricesPart.parse({ machine: "own", usdPerCoreHour: 0.5 });
  expect(costRatesOf(part).price).toMatchObject({ usdPerCoreHour: 0.5, kind: "given" });
  expect(costRatesOf(part, { machine: "cloud" }).price).toEqual(corePrices.cloud);
  expect(costRatesOf(part, { machine: "cloud", usdPerCoreHour: 2 }).price).toMatchObject({ usdPerCoreHour: 2, kind: "given" });
  expect(costRatesOf(corePricesPart.parse({ machine: "own" })).price).toEqual(corePrices.own);
  for (const price of Object.values(corePrices)) expect(price.date).toMatch(/^20\d\d-\d\d$/);
});

test("utilisation is model FLOPs over the core-seconds of steps at the measured peak; what is recomputed counts for the hardware alone", () => {
  const ledger = ledgerOf({ own: 8, parts: { optimizer: 2, evaluation: 99 }, work: { products: 5e11, attention: 3e11, recomputed: 2e11 } });
  // 6e11 of 100 GFLOP/s: 6 s of 10
  expect(utilisationOf([ledger])!.mfu).toBeCloseTo(0.6, 9);
  expect(utilisationOf([ledger])!.hfu).toBeCloseTo(0.8, 9);
  const bf16 = ledgerOf({ own: 8, parts: { optimizer: 2 }, work: { products: 8e11, bf16: 8e11 } });
  expect(utilisationOf([bf16])!.mfu).toBeCloseTo(0.4, 9);
  expect(utilisationOf([ledgerOf()])).toBeNull();
  expect(utilisationOf([{ ...ledger, machine: null }])).toBeNull();
});

test("on one machine costs are compared; of another one, or another tier, operations alone are", () => {
  const at = (own: number, tier: string) =>
    reportOf(counted({ runs: [runOf({ ledger: ledgerOf({ own, machine: { ...machine, tier }, work: { products: own } }) })] }));
  const same = compareCosts(at(30, "avx512"), at(60, "avx512"));
  expect(same).toMatchObject({ isSameMachine: true, total: { coreSeconds: 0.5, usd: 0.5, kilowattHours: 0.5, flops: 0.5 } });
  const other = compareCosts(at(30, "avx512"), at(60, "none"));
  expect(other).toMatchObject({ isSameMachine: false, total: { coreSeconds: null, usd: null, kilowattHours: null, flops: 0.5 } });
});

test("what is not known is said: runs without a ledger, and the file of energy counters that cannot be read", () => {
  const problem = "/sys/class/powercap/intel-rapl:0/energy_uj: permission denied (Linux lets root alone read it)";
  const report = reportOf(counted({ runs: [runOf({ ledger: undefined }), runOf({ ledger: ledgerOf({ energyProblem: problem }) })] }));
  const said = costSentences(report).join("\n");
  expect(said).toContain("1 run has no ledger and counts as 0");
  expect(said).toContain(`Not counted: ${problem}.`);
  expect(said).toContain("12 W a busy core, PUE 1.67");
});

test("a ledger reads back as it was written, and text that is none is none", () => {
  const ledger = ledgerOf({ own: 1, study: "s-1", energyProblem: "x" });
  expect(readRunLedger(JSON.stringify(ledger))).toEqual(ledger);
  for (const text of [null, "", "{", "{}"]) expect(readRunLedger(text)).toBeUndefined();
});

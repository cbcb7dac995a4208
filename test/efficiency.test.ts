/** examples/efficiency: laws of its mathematics on planted curves, its plan as data, and a small study that is killed and goes on. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { costToReach, ladderOf, nextLength } from "../examples/efficiency/curve.js";
import { firstBytes } from "../examples/efficiency/mails.js";
import { chartOf, pageOf, waterfallChartOf } from "../examples/efficiency/page.js";
import {
  architectureOf,
  candidates,
  dataSetOf,
  dataSets,
  efficient,
  levers,
  mixtureOf,
  plain,
  recipeOf,
  scales,
  stepsOf,
  withCandidate,
  withOnly,
  without,
} from "../examples/efficiency/plan.js";
import { armPoints } from "../examples/efficiency/record.js";
import { claimOf, documentOf, strongerOf } from "../examples/efficiency/report.js";
import { bitsPerByte, documentInterval, isUnclear, meanRatio, savingOf, waterfall } from "../examples/efficiency/saving.js";
import { random } from "../src/base/index.ts";
import { dataPart } from "../src/data/part.ts";
import { modelPart, recipeSchema } from "../src/train/part.ts";
import { tokensPerStep, stepsOf as trainedSteps } from "../src/train/recipe.ts";
import { deepTest } from "./support/deep.ts";
import { temporaryFolder } from "./support/project.ts";

interface Point {
  readonly coreSeconds: number;
  readonly bitsPerByte: number;
}
interface Reached {
  readonly kind: "within" | "above" | "below";
  readonly coreSeconds: number;
}
const example = fileURLToPath(new URL("../examples/efficiency/", import.meta.url));
const scaleNames = ["tiny", "quick", "default", "full"] as const;

/** Bits fall by `slope` a doubling of the cost; a recipe of `factor` needs so many times the cost. */
const planted = (factor: number, slope = 0.2) => ({
  at: (cost: number): Point => ({ coreSeconds: cost, bitsPerByte: 4 - slope * Math.log2(cost / factor) }),
  costOf: (bits: number) => factor * 2 ** ((4 - bits) / slope),
});

test("on a curve that is straight in the logarithm of the cost, the interpolated cost is exact at any target and from points in any order", () => {
  const r = random("curves");
  for (let trial = 0; trial < 50; trial++) {
    const curve = planted(1 + 9 * r.uniform(), 0.05 + r.uniform());
    const costs = Array.from({ length: 6 }, () => 10 ** (3 * r.uniform()));
    const points = costs.map(curve.at);
    const [least, most] = [Math.min(...costs), Math.max(...costs)];
    const target = curve.at(least * (most / least) ** r.uniform()).bitsPerByte;
    const found = costToReach(points, target) as Reached;
    expect(found.kind).toBe("within");
    expect(found.coreSeconds / curve.costOf(target)).toBeCloseTo(1, 9);
  }
});

test("a target that no point reaches, or that all are better than, is a bound and no cost", () => {
  const points = [10, 20, 40].map(planted(1).at);
  expect(costToReach(points, planted(1).at(41).bitsPerByte)).toEqual({ kind: "above", coreSeconds: 40 });
  expect(costToReach(points, planted(1).at(9).bitsPerByte)).toEqual({ kind: "below", coreSeconds: 10 });
  expect(costToReach(points, points[1]!.bitsPerByte)).toEqual({ kind: "within", coreSeconds: 20 });
  expect(() => costToReach([], 3)).toThrow(RangeError);
});

test("lengths are chosen until two neighbours enclose the target, each once, and no more than the ladder has rungs", () => {
  const ladder = ladderOf({ tokens: 400_000, tokensPerStep: 2048, factor: 2, least: 1 / 32, most: 2 }) as number[];
  expect(ladder.every(t => t % 2048 === 0)).toBe(true);
  const r = random("ladder");
  for (let trial = 0; trial < 100; trial++) {
    const curve = planted(10 ** (5 * r.uniform() - 1));
    const target = curve.at(3000 * 100 ** r.uniform()).bitsPerByte - 0.5 * r.uniform();
    const done = new Map<number, number[]>();
    for (let next: number | undefined; ; ) {
      next = nextLength({ ladder, first: 200_000, done, target }) as number | undefined;
      if (next === undefined) break;
      expect(done.has(next)).toBe(false);
      done.set(next, [curve.at(next).bitsPerByte]);
    }
    const [reached, missed] = [true, false].map(side => [...done].filter(([, [bits]]) => bits! <= target === side).map(([t]) => t));
    if (reached!.length && missed!.length) expect(ladder.indexOf(Math.min(...reached!)) - ladder.indexOf(Math.max(...missed!))).toBe(1);
    else expect(done.has(reached!.length ? ladder[0]! : ladder.at(-1)!)).toBe(true);
  }
});

test("evaluations of one run at a constant rate may enclose the target by themselves", () => {
  const done = new Map([[1000, [3.2, 3.0, 2.8]]]);
  expect(nextLength({ ladder: [500, 1000, 2000], first: 1000, done, target: 2.9 })).toBeUndefined();
  expect(nextLength({ ladder: [500, 1000, 2000], first: 1000, done, target: 2.7 })).toBe(2000);
  expect(nextLength({ ladder: [500, 1000, 2000], first: 1000, done, target: 3.3 })).toBe(500);
});

test("planted costs give the planted saving, whatever the seeds' own costs are; charges of both sides dilute it", () => {
  const r = random("saving");
  const pairs = Array.from({ length: 4 }, () => {
    const theirs = 50 + 100 * r.uniform();
    return { theirs, ours: 0.45 * theirs };
  });
  expect(savingOf(pairs).saving).toBeCloseTo(0.55, 12);
  const one = savingOf([{ theirs: 100, ours: 50 }], { theirs: 60, ours: 30 });
  expect(one.saving).toBeCloseTo(0.5, 12);
  expect(one.low).toBeNaN();
  expect(savingOf([{ theirs: 100, ours: 50 }], { theirs: 100, ours: 150 }).saving).toBeCloseTo(0, 12);
});

test("planted curves of a whole study give the planted saving through target, interpolation and pairing", () => {
  const [theirs, ours] = [planted(3), planted(1.2)];
  const pairs = [80, 100, 120].map(cost => {
    const target = theirs.at(cost).bitsPerByte;
    const points = [8, 16, 32, 64, 128].map(ours.at);
    return { theirs: cost, ours: (costToReach(points, target) as Reached).coreSeconds };
  });
  expect(savingOf(pairs).saving).toBeCloseTo(1 - 1.2 / 3, 9);
});

test("the interval over seeds holds the true saving in 95 % of studies (2,000 simulated ones of 3 seeds)", () => {
  const r = random("coverage");
  let held = 0;
  const studies = 2000;
  for (let s = 0; s < studies; s++) {
    const pairs = [1, 2, 3].map(() => ({ theirs: 100, ours: 60 * Math.exp(0.08 * r.normal()) }));
    const { low, high } = savingOf(pairs);
    if (low <= 0.4 && 0.4 <= high) held++;
  }
  // 4 standard deviations of a share of 0.95 over 2,000
  expect(Math.abs(held / studies - 0.95)).toBeLessThan(0.02);
});

test("the bootstrap over documents holds the true saving in about 95 % of studies", () => {
  const r = random("documents");
  let held = 0;
  const [studies, documents] = [150, 60];
  const points = [10, 20, 40, 80, 160];
  for (let s = 0; s < studies; s++) {
    const bytes = Array.from({ length: documents }, () => 200 + r.below(2000));
    // each mail is as hard as it is for both, and has a part of its own for each run
    const hard = bytes.map(() => 0.4 * r.normal());
    const bitsOf = (curve: ReturnType<typeof planted>, cost: number) =>
      bytes.map((n, i) => n * (curve.at(cost).bitsPerByte + hard[i]! + 0.15 * r.normal()));
    const theirs = bitsOf(planted(2), 100);
    const ours = points.map(cost => ({ cost, bits: bitsOf(planted(1), cost) }));
    const { low, high } = documentInterval(
      documents,
      (mails: Int32Array) => {
        const target = bitsPerByte(theirs, bytes, mails) as number;
        const curve = ours.map(o => ({ coreSeconds: o.cost, bitsPerByte: bitsPerByte(o.bits, bytes, mails) as number }));
        return 1 - (costToReach(curve, target) as Reached).coreSeconds / 100;
      },
      { draws: 200, seed: s },
    );
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  expect(held / studies).toBeGreaterThan(0.87);
  expect(held / studies).toBeLessThan(0.995);
});

test("a waterfall leads from the plain cost to the efficient one; independent levers leave no interaction", () => {
  const factors = [
    { name: "a", factor: 1.5 },
    { name: "b", factor: 0.9 },
    { name: "c", factor: 2 },
  ];
  const rows = waterfall({ plain: 270, efficient: 100, factors }) as { name: string; factor: number; from: number; to: number }[];
  expect(rows[0]!.from).toBe(270);
  expect(rows.at(-1)!.to).toBe(100);
  for (const [i, row] of rows.entries()) if (i > 0) expect(row.from).toBe(rows[i - 1]!.to);
  expect(rows.map(row => row.name)).toEqual(["c", "a", "b", "interaction"]);
  expect(rows.at(-1)!.factor).toBeCloseTo(1, 12);
  const overlapping = waterfall({ plain: 200, efficient: 100, factors }) as { factor: number }[];
  expect(overlapping.reduce((p, row) => p * row.factor, 1)).toBeCloseTo(2, 12);
});

test("an effect is unclear below two standard deviations of its seeds", () => {
  expect(isUnclear(meanRatio([1.3, 1.31, 1.29]))).toBe(false);
  expect(isUnclear(meanRatio([1.3, 0.8, 1.02]))).toBe(true);
});

test("the baseline beside which less is saved is the stronger one; one that was skipped is none", () => {
  const beside = (saving: number) => ({ withSweep: { saving } });
  expect(strongerOf({ plain: beside(0.5), pytorch: beside(0.3) })).toBe("pytorch");
  expect(strongerOf({ plain: beside(0.5), pytorch: { skipped: "no torch" } })).toBe("plain");
  expect(strongerOf({ plain: {}, pytorch: { skipped: "no torch" } })).toBeNull();
});

test("every lever changes one setting; all of them are what the efficient recipe has and the plain one has not", () => {
  const differing = (a: Record<string, unknown>, b: Record<string, unknown>) => Object.keys(a).filter(key => a[key] !== b[key]);
  expect(new Set(levers.map(l => l.key)).size).toBe(levers.length);
  for (const lever of levers) {
    expect(differing(without(lever), efficient)).toEqual([lever.key]);
    expect(differing(withOnly(lever), plain)).toEqual([lever.key]);
  }
  expect(differing(plain, efficient).sort()).toEqual(levers.map(l => l.key).sort());
});

test("a candidate changes one setting of the efficient recipe, and accumulation none of its tokens a step", () => {
  for (const candidate of candidates) {
    const added: Record<string, unknown> = withCandidate(candidate);
    expect(Object.keys(added).filter(key => added[key] !== (efficient as Record<string, unknown>)[key])).toEqual([candidate.key]);
  }
  const of = (s: Record<string, unknown>) =>
    recipeSchema.parse(recipeOf(s, scales.quick, { tokens: scales.quick.tokens, rate: 0.01, rows: 8, seed: 1 }));
  const accumulated = of(withCandidate(candidates.find(c => c.key === "accumulate")!));
  expect({ steps: trainedSteps(accumulated), tokens: tokensPerStep(accumulated) }).toEqual({
    steps: trainedSteps(of(efficient)),
    tokens: tokensPerStep(of(efficient)),
  });
});

test("every recipe, architecture and data set of every scale is what loam.yaml accepts, and every lever's setting changes one of them", () => {
  for (const name of scaleNames) {
    const scale = scales[name];
    const made = (s: Record<string, unknown>) => ({
      recipe: recipeSchema.parse(recipeOf(s, scale, { tokens: scale.tokens, rate: 0.01, rows: 8, seed: 1 })),
      model: modelPart.parse(architectureOf(s, scale)),
      data: dataSetOf(s),
    });
    expect(made(plain)).not.toEqual(made(efficient));
    for (const lever of levers) expect(made(without(lever))).not.toEqual(made(efficient));
    for (const candidate of candidates) expect(made(withCandidate(candidate)), candidate.name).not.toEqual(made(efficient));
  }
  for (const of of Object.values(dataSets))
    dataPart.parse({ source: { files: "train.jsonl", reader: "jsonl" }, steps: stepsOf(of), ...mixtureOf(of) });
});

test("recipes with a decaying rate are evaluated at their end alone, those at a constant rate all along", () => {
  const scale = scales.quick;
  const of = (s: Record<string, unknown>) => recipeOf(s, scale, { tokens: scale.tokens, rate: 0.01, rows: 8, seed: 1 });
  expect(of(efficient).evaluateEvery * 8 * scale.architecture.context).toBe(of(efficient).tokens);
  expect(of(plain).evaluateEvery * scale.evaluations).toBeLessThan(1.2 * (of(plain).tokens / 2048));
});

test("a held-out text is cut at a whole character", () => {
  expect(firstBytes("aé日本", 4)).toBe("aé");
  expect(firstBytes("aé日本", 6)).toBe("aé日");
  expect(firstBytes("short", 100)).toBe("short");
});

/** A raw study whose costs are planted. */
function plantedStudy() {
  const bytes = [1000, 2000, 1500];
  const point = (p: Point) => ({ ...p, tokens: 1, bits: bytes.map(n => n * p.bitsPerByte) });
  const run = (curve: ReturnType<typeof planted>, cost: number) => ({
    coreSeconds: cost,
    bytes,
    points: [cost / 4, cost / 2, cost].map(c => point(curve.at(c))),
  });
  const costs = [100, 104, 97];
  const reached = (target: number, seed: number, factor: number) => {
    const points = [8, 16, 32, 64, 128].map(c => point(planted(factor).at(c)));
    return { seed, target, points, ...(costToReach(points, target) as Reached) };
  };
  const plainRuns = costs.map(c => run(planted(2), c));
  const data = Object.fromEntries(
    Object.keys(dataSets).map(set => [
      set,
      { documents: 10, tokens: 1000, costs: { [`data/${set}`]: 3, ...(set === "raw" ? { tokenizer: 2 } : { "data/raw": 9 }) } },
    ]),
  );
  const sweep = (rate: number, coreSeconds: number) => ({
    chosen: { rate, rows: 8 },
    coreSeconds,
    trials: [{ rate, rows: 8, bitsPerByte: 3, coreSeconds }],
  });
  return {
    scaleName: "quick",
    scale: scales.quick,
    mails: { trainMails: 10, trainBytes: 1e6, heldOutMails: 3, heldOutBytes: 4500, digest: "0" },
    data,
    pytorch: { torch: "2", sweep: sweep(1e-3, 300), runs: costs.map(c => run(planted(5), c)) },
    plainSweep: sweep(0.002, 150),
    efficientSweep: sweep(0.02, 75),
    plainRuns,
    ours: plainRuns.map((r, i) => reached(r.points.at(-1)!.bitsPerByte, i + 1, 1)),
    oursToTorch: costs.map((c, i) => reached(planted(5).at(c).bitsPerByte, i + 1, 1)),
    effects: {
      leaveOneOut: [
        { name: "optimizer", pairs: [1.4, 1.45, 1.38].map((ratio, i) => ({ seed: i + 1, ratio, points: [point(planted(1.4).at(70))] })) },
        { name: "filters", pairs: [{ seed: 1, atLeast: 3, points: [point(planted(3).at(90))] }] },
      ],
      addOneIn: [],
      candidates: [
        { name: "mixture", pairs: [1.01, 1, 0.99].map((ratio, i) => ({ seed: i + 1, ratio, points: [point(planted(1).at(60))] })) },
        { name: "accumulation", pairs: [{ seed: 1, ratio: 1.05, points: [point(planted(1).at(50))] }] },
      ],
    },
    timings: [
      {
        name: "kernels",
        about: "theirs",
        rounds: [
          { on: 1, off: 2 },
          { on: 1, off: 2.2 },
          { on: 1, off: 2.1 },
        ],
      },
    ],
    workers: 2,
  };
}
const about = { date: "2026-01-02", load: 0.1, workers: 2, machine: { processor: "P", cores: 2, system: "linux", node: "20" } };

interface BesideBaseline {
  readonly training: { readonly saving: number };
  readonly withSweep: { readonly saving: number };
  readonly overMails: { readonly saving: number };
  readonly charges: unknown;
}
interface StudyDocument {
  readonly baselines: { readonly plain: BesideBaseline; readonly pytorch: BesideBaseline };
  readonly stronger: string | null;
  readonly leaveOneOut: readonly { readonly ratio?: number }[];
  readonly timed: readonly { readonly ratio: number }[];
  readonly waterfall: readonly { readonly to: number }[];
  readonly curves: Readonly<Record<string, readonly (readonly Point[])[]>>;
}
/** The example is JavaScript: what the tests read of a document has its types here. */
const studyDocument = (raw: unknown): StudyDocument => documentOf(raw, about) as unknown as StudyDocument;

test("a document of planted results has the planted savings, with and without what is charged", () => {
  const d = studyDocument(plantedStudy());
  const beside = d.baselines.plain;
  expect(beside.training.saving).toBeCloseTo(0.5, 9);
  expect(beside.charges).toEqual({ ours: { curation: 5, sweep: 75 }, theirs: { curation: 5, sweep: 150 } });
  expect(beside.withSweep.saving).toBeCloseTo(1 - (80 + 50) / (155 + 100), 2);
  expect(d.baselines.pytorch.training.saving).toBeCloseTo(0.8, 9);
  expect(d.stronger).toBe("plain");
  expect(beside.overMails.saving).toBeCloseTo(beside.withSweep.saving, 9);
  expect(d.leaveOneOut[0]!.ratio).toBeCloseTo((1.4 * 1.45 * 1.38) ** (1 / 3), 9);
  expect(d.leaveOneOut[1]).toMatchObject({ seeds: 0, atLeast: 3 });
  expect(d.timed[0]!.ratio).toBeCloseTo(2.1, 12);
  expect(d.waterfall.at(-1)!.to).toBeCloseTo(Math.exp((Math.log(50) + Math.log(52) + Math.log(48.5)) / 3), 9);
  expect(claimOf(d)).toMatch(/saves 49 % of the core-seconds of Loam's plain recipe, the stronger baseline, .*95 % CI \[/);
});

test("a candidate that wins by less than 2 % is no default, and the page says so", () => {
  const page = pageOf(studyDocument(plantedStudy()));
  const row = (name: string) => page.split("\n").find(line => line.startsWith(`| ${name} |`));
  expect(row("mixture")).toMatch(/\| 1\.00 \[.*\| 3 \| does not win by 2 %: not a default \|$/);
  expect(row("accumulation")).toMatch(/\| 1\.05 \| 1 \| wins \|$/);
  expect(pageOf({ ...studyDocument(plantedStudy()), candidates: undefined })).toContain("Not measured in this study");
});

test("the record has every measured point of every arm, for the page Cost", () => {
  const points = armPoints(plantedStudy()) as { arm: string; seed: number }[];
  const count = (arm: string) => points.filter(p => p.arm === arm).length;
  expect(["plain", "efficient", "without optimizer", "without filters", "with mixture", "with accumulation"].map(count)).toEqual([
    9, 15, 3, 1, 3, 1,
  ]);
  expect(new Set(points.filter(p => p.arm === "plain").map(p => p.seed))).toEqual(new Set([1, 2, 3]));
});

test("without PyTorch the plain recipe is the stronger baseline, and the page says why the other is missing", () => {
  const d = studyDocument({ ...plantedStudy(), pytorch: { skipped: "PyTorch is not installed" }, oursToTorch: [] });
  expect(d.stronger).toBe("plain");
  expect(pageOf(d)).toContain("PyTorch is not installed");
});

test("a study that never reached the target claims nothing", () => {
  const raw = plantedStudy();
  const ours = raw.ours.map(o => ({ ...o, kind: "above" as const }));
  const d = studyDocument({ ...raw, ours, pytorch: { skipped: "none" }, oursToTorch: [] });
  expect(claimOf(d)).toMatch(/^No run of the efficient recipe reached/);
});

test("pictures hold every point and every lever", () => {
  const d = studyDocument(plantedStudy());
  const points = Object.values(d.curves).flat(2);
  // and one a name in the key
  expect(chartOf(d).match(/<circle/g)).toHaveLength(points.length + 3);
  expect(waterfallChartOf(d).match(/<rect/g)).toHaveLength(d.waterfall.length + 2);
  expect(chartOf(d)).not.toMatch(/NaN|undefined/);
  expect(waterfallChartOf(d)).not.toMatch(/NaN|undefined/);
});

test("docs/efficiency.md and its pictures are what the stored results say", () => {
  const measured = join(example, "measured.json");
  const d = existsSync(measured) ? JSON.parse(readFileSync(measured, "utf8")) : undefined;
  const docs = fileURLToPath(new URL("../docs/", import.meta.url));
  expect(readFileSync(join(docs, "efficiency.md"), "utf8")).toBe(pageOf(d));
  if (d === undefined) return;
  expect(readFileSync(join(docs, "pictures", "efficiency-curves.svg"), "utf8")).toBe(chartOf(d));
  if (d.waterfall.length > 0) expect(readFileSync(join(docs, "pictures", "efficiency-levers.svg"), "utf8")).toBe(waterfallChartOf(d));
});

/** Runs the example; resolves with its exit code. */
function begin(
  folder: string,
  args: readonly string[] = [],
): { readonly child: ChildProcess; readonly ended: Promise<{ code: number | null; said: string }> } {
  const child = spawn(process.execPath, [join(example, "run.js"), "--scale", "tiny", "--folder", folder, ...args]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", data => (said += data));
  return { child, ended: new Promise(resolve => child.on("close", code => resolve({ code, said }))) };
}
const kept = (folder: string) =>
  existsSync(join(folder, "runs")) ? readdirSync(join(folder, "runs")).filter(f => f.endsWith(".json")) : [];

/** All that does not depend on the machine's speed. */
const lasting = (folder: string) =>
  Object.fromEntries(
    kept(folder).map(f => {
      const run = JSON.parse(readFileSync(join(folder, "runs", f), "utf8"));
      return [f, run.points?.map((p: { tokens: number; bits: number[] }) => [p.tokens, p.bits]) ?? [run.shards, run.tokenizer, run.digest]];
    }),
  );

deepTest(
  "a study that is killed at random moments goes on, and ends with the same bits as one that was left alone",
  async () => {
    const [whole, killed] = [temporaryFolder("whole"), temporaryFolder("killed")];
    const alone = await begin(whole).ended;
    expect(alone.code, alone.said).toBe(0);
    const r = random("kills");
    for (let kill = 0; kill < 2; kill++) {
      const before = kept(killed).length;
      const { child, ended } = begin(killed);
      // so many results more, and then in the middle of the next ones
      const more = 1 + r.below(5);
      while (child.exitCode === null && kept(killed).length < before + more) await new Promise(resolve => setTimeout(resolve, 50));
      await new Promise(resolve => setTimeout(resolve, r.below(1500)));
      child.kill("SIGKILL");
      await ended;
    }
    const last = await begin(killed).ended;
    expect(last.code, last.said).toBe(0);
    expect(lasting(killed)).toEqual(lasting(whole));
    // two studies from beginning to end: a minute alone, and several times that beside others
  },
  1_800_000,
);

/** Searches on functions whose least value is known, and on a table of a real tuning: how far from the least they end, beside Optuna's, seed by seed. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { studentQuantile } from "../src/statistics/index.ts";
import { cmaEsSampler, gpSampler, haltonSampler, randomSampler, type Sampler, Study, tpeSampler } from "../src/tune/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { problems, type SearchProblem } from "./search/problems.ts";

const allSeeds = 30;
/** Regrets below this tie: nobody tunes so far. */
const tie = 1e-3;
const samplers: Readonly<Record<string, Sampler>> = {
  tpe: tpeSampler(),
  gp: gpSampler({ isExact: true }),
  "cma-es": cmaEsSampler,
  "quasi-random": haltonSampler,
  random: randomSampler,
};
/** What both sides have. */
const common = ["tpe", "gp"] as const;

interface Outcome {
  readonly regret: number;
  readonly seconds: number;
}

function ours(problem: SearchProblem, sampler: Sampler, seed: number): Outcome {
  const before = process.cpuUsage();
  const study = new Study({ space: problem.space, objectives: [{ name: "regret", direction: "minimise" }], sampler, seed });
  for (let i = 0; i < problem.trials; i++) {
    const trial = study.ask()!;
    study.tell(trial.number, [problem.regret(trial.point)]);
  }
  const { user, system } = process.cpuUsage(before);
  return { regret: study.best[0]!.values![0]!, seconds: (user + system) / 1e6 };
}

const summary = (outcomes: readonly Outcome[], trials: number) => {
  const regrets = outcomes.map(o => o.regret).sort((a, b) => a - b);
  return {
    mean: digits(regrets.reduce((a, b) => a + b, 0) / regrets.length),
    median: digits(median(regrets)),
    worst: digits(regrets.at(-1)!),
    "ms a trial": digits((1000 * median(outcomes.map(o => o.seconds))) / trials),
  };
};

/** Lower end of the one-sided 95 % interval of ours minus theirs (Welch 1947), small regrets taken for 0. Above 0: ours is worse. */
function lowerEnd(mine: readonly Outcome[], theirs: readonly Outcome[]): number {
  const [a, b] = [mine, theirs].map(side => {
    const values = side.map(o => (o.regret < tie ? 0 : o.regret));
    const mean = values.reduce((x, y) => x + y, 0) / values.length;
    const ofMean = values.reduce((s, v) => s + (v - mean) ** 2, 0) / (values.length - 1) / values.length;
    return { mean, ofMean, n: values.length };
  }) as [{ mean: number; ofMean: number; n: number }, { mean: number; ofMean: number; n: number }];
  const variance = a.ofMean + b.ofMean;
  if (variance === 0) return a.mean - b.mean;
  const freedom = variance ** 2 / (a.ofMean ** 2 / (a.n - 1) + b.ofMean ** 2 / (b.n - 1));
  return a.mean - b.mean - studentQuantile(0.9, freedom) * Math.sqrt(variance);
}

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const seeds = Array.from({ length: Math.max(3, Math.round(allSeeds * scale)) }, (_, i) => i);
  const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
  const hasPeers = python !== undefined && existsSync(python);
  const theirs = async (sampler: string, problem: string, trials: number, seed: number): Promise<Outcome> => {
    const { stdout } = await promisify(execFile)(python!, [join(peers!, "search.py"), sampler, problem, String(trials), String(seed)]);
    return JSON.parse(stdout) as Outcome;
  };
  const [mine, other, bars]: [Record<string, object>, Record<string, object>, Bar[]] = [{}, {}, []];
  for (const [name, problem] of Object.entries(problems))
    for (const [kind, sampler] of Object.entries(samplers)) {
      say(`${name}: ${kind}, ${seeds.length} seeds`);
      const outcomes = seeds.map(seed => ours(problem, sampler, seed));
      mine[`${name} ${kind}`] = summary(outcomes, problem.trials);
      if (!hasPeers || !(common as readonly string[]).includes(kind)) continue;
      say(`${name}: Optuna's ${kind}, ${seeds.length} seeds`);
      const beside: Outcome[] = [];
      for (const seed of seeds) beside.push(await theirs(kind, name, problem.trials, seed));
      other[`${name} ${kind}`] = summary(beside, problem.trials);
      const end = lowerEnd(outcomes, beside);
      bars.push({
        name: `${name} ${kind}: regret minus Optuna's, lower end of the one-sided 95 % interval`,
        want: "<= 0",
        got: digits(end),
        holds: end <= 0,
      });
    }
  return {
    method: `least regret after ${Object.entries(problems)
      .map(([name, p]) => `${p.trials} trials (${name})`)
      .join(
        ", ",
      )}, ${seeds.length} seeds a side, defaults on both sides, the Gaussian processes told that nothing is noise; regrets below ${tie} tie in the test (Welch); processor time`,
    ours: mine,
    peers: other,
    ratios: {},
    bars,
    notes: hasPeers ? [] : ["Optuna is not installed: npm run bench -- peers"],
  };
}

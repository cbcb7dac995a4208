/**
 * What every bench shares: the form of a report, the machine it was measured on, interleaved rounds, medians. A bench is a module with a
 * `run` that gives figures, both sides in one run; `benches.ts` lists them.
 */
import { totalmem } from "node:os";
import { machine } from "../src/project/machine.ts";

export interface Bar {
  readonly name: string;
  /** What the project promises: ">= 300". */
  readonly want: string;
  readonly got: number | string | boolean;
  readonly holds: boolean;
}

/** What a bench gives. */
export interface BenchResult {
  /** What was measured and how, in a sentence or two. */
  readonly method: string;
  readonly ours: Readonly<Record<string, unknown>>;
  /** The same figures of others, measured in the same run. */
  readonly peers: Readonly<Record<string, unknown>>;
  /** Ours over theirs or theirs over ours; more than 1 is better for us. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
  readonly notes?: readonly string[];
}

export interface BenchMachine {
  readonly processor: string;
  readonly cores: number;
  readonly vector: readonly string[];
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Mean number of processes that wanted a processor in the last minute, before the bench began: a busy machine measures itself. */
  readonly load: number;
}

export interface BenchReport extends BenchResult {
  readonly name: string;
  readonly machine: BenchMachine;
  readonly seconds: number;
}

export interface BenchContext {
  /** bench/peers with its environments, undefined where `npm run bench -- peers` was not run. */
  readonly peers: string | undefined;
  /** Words after the bench's name, where it takes some: names of its parts. All of them when empty. */
  readonly only: readonly string[];
  /** `--scale=0.1`: a share of the usual work, where a bench can do with less; 1 otherwise. */
  readonly scale: number;
  /** A line for people while it runs. */
  readonly say: (text: string) => void;
}

export const benchMachine = (load: number): BenchMachine => ({
  ...machine(),
  memoryBytes: Math.min(machine().memoryBytes, totalmem()),
  system: `${process.platform}-${process.arch}`,
  node: process.versions.node,
  load,
});

export const median = (values: readonly number[]): number => {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
};

/** `x` with so many digits that count. */
export const digits = (x: number, n = 3): number => (Number.isFinite(x) ? Number(x.toPrecision(n)) : x);

/**
 * Measures sides in turn, A B, B A, A B, ..., so that what the machine does meanwhile, and what one side leaves behind for the next (heat,
 * a lower clock after wide instructions), falls on all of them alike. One unmeasured round first.
 * Gives each side's values, round by round.
 */
export async function interleaved<S extends string>(
  rounds: number,
  sides: Readonly<Record<S, (round: number) => number | Promise<number>>>,
): Promise<Record<S, number[]>> {
  const names = Object.keys(sides) as S[];
  const values = Object.fromEntries(names.map(name => [name, [] as number[]])) as Record<S, number[]>;
  for (let round = -1; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const value = await sides[name](round);
      if (round >= 0) values[name].push(value);
    }
  return values;
}

/** The median over rounds of one side divided by the other. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number => median(a.map((x, i) => x / b[i]!));

/**
 * Average run lengths of control charts: by Markov chain against a published table and R's `spc`, and by simulation of the charts themselves against the chain.
 * Everything is seeded; R is asked where `Rscript` with the package `spc` is there (Debian: r-cran-spc).
 */
import { spawnSync } from "node:child_process";
import { random } from "../src/base/index.ts";
import {
  type ControlChart,
  cusumChart,
  cusumRunLength,
  ewmaChart,
  ewmaRunLength,
  headStartRunLength,
  jumpChart,
  pairRunLength,
  runRulesChart,
  runRulesRunLength,
  shewhartChart,
  shewhartRunLength,
  westernElectric,
} from "../src/watch/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";

const shifts = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3] as const;

interface TableRow {
  readonly name: string;
  /** Run length by shift; NaN where the table has none. */
  readonly table: readonly number[];
  readonly runLength: (shift: number) => number;
  readonly chart: () => ControlChart<unknown>;
  /** R's expression for a shift. */
  readonly r?: (shift: number) => string;
}
const none = Number.NaN;
const cusumRow = (h: number, table: readonly number[]): TableRow => ({
  name: `CUSUM k 0.5, h ${h}`,
  table,
  runLength: shift => cusumRunLength(0.5, h, shift),
  chart: () => cusumChart({ k: 0.5, averageRunLength: cusumRunLength(0.5, h) }) as ControlChart<unknown>,
  r: shift => `xcusum.arl(0.5,${h},${shift},sided="two")`,
});
const ewmaRow = (lambda: number, width: number, table: readonly number[]): TableRow => ({
  name: `EWMA ${lambda}, width ${width}`,
  table,
  runLength: shift => ewmaRunLength(lambda, width, shift),
  chart: () => ewmaChart({ lambda, averageRunLength: ewmaRunLength(lambda, width) }) as ControlChart<unknown>,
  r: shift => `xewma.arl(${lambda},${width},${shift},sided="two")`,
});

/** Zero state, two-sided; Montgomery's and R's tables, and Champ and Woodall 1987 for the rules. */
const rows: readonly TableRow[] = [
  {
    name: "Shewhart, width 3",
    table: [370.4, 281.15, 155.22, none, 43.89, 14.97, 6.3, 2],
    runLength: shift => shewhartRunLength(3, shift),
    chart: () => shewhartChart({ averageRunLength: shewhartRunLength(3) }) as ControlChart<unknown>,
  },
  cusumRow(4, [167.68, 74.22, 26.63, 13.29, 8.38, 4.75, 3.34, 2.19]),
  cusumRow(4.774, [370.05, 121.61, 35.26, 16.19, 9.93, 5.52, 3.86, 2.49]),
  cusumRow(5, [465.43, 139.49, 38, 17.05, 10.38, 5.75, 4.01, 2.57]),
  ewmaRow(0.1, 2.703, [371.6, 89.5, 28.27, 14.75, 9.75, 5.81, 4.18, 2.76]),
  ewmaRow(0.1, 2.814, [499.1, 106.3, 31.3, 15.85, 10.33, 6.08, 4.36, 2.87]),
  ewmaRow(0.2, 2.962, [499.5, 150.2, 41.76, 18.15, 10.54, 5.5, 3.74, 2.38]),
  {
    name: "Western Electric's four rules",
    table: [91.75, none, none, none, 9.22, none, none, none],
    runLength: shift => runRulesRunLength(westernElectric, shift),
    chart: () => runRulesChart() as ControlChart<unknown>,
  },
];

/** Mean run length by simulation of the chart itself, and its standard error. */
function simulated(name: string, chart: ControlChart<unknown>, shift: number, runs: number, start = chart.start) {
  const draw = random(`spc ${name} ${shift}`);
  let [sum, squares] = [0, 0];
  for (let run = 0; run < runs; run++) {
    let [state, length] = [start, 0];
    for (;;) {
      length++;
      const step = chart.observe(state, draw.normal() + shift);
      if (step.signal) break;
      state = step.state;
    }
    sum += length;
    squares += length * length;
  }
  const mean = sum / runs;
  return { mean, error: Math.sqrt((squares / runs - mean * mean) / runs) };
}

/** Values of R's expressions, or why there are none. */
function askR(expressions: readonly string[]): readonly number[] | string {
  const script = `suppressMessages(library(spc)); for (x in c(${expressions.join(",\n")})) cat(format(x, digits=12), "\\n")`;
  const { status, stdout, stderr, error } = spawnSync("Rscript", ["-e", script], { encoding: "utf8" });
  if (error) return "no Rscript (Debian: apt-get install r-cran-spc)";
  if (status !== 0) return `Rscript failed: ${stderr.trim().split("\n").at(-1)}`;
  return stdout.trim().split("\n").map(Number);
}

/** Chains beside R: two-sided, with a head start, and run lengths as long as monitors have. */
function besideR(): { readonly figures: Record<string, unknown>; readonly worst: number | undefined; readonly note?: string } {
  const long = [1e5, 1e6].map(averageRunLength => ({ averageRunLength, chart: "EWMA 0.1" }));
  const pairs = [
    ...rows.flatMap(({ name, runLength, r }) =>
      r ? shifts.map(shift => ({ name: `${name}, shift ${shift}`, ours: runLength(shift), r: r(shift) })) : [],
    ),
    ...[0, 0.5, 1, 2].map(shift => ({
      name: `CUSUM k 0.5, h 5, head start 2.5, shift ${shift}`,
      ours: headStartRunLength(0.5, 5, 2.5, shift),
      r: `xcusum.arl(0.5,5,${shift},hs=2.5,sided="two")`,
    })),
    ...long.map(({ averageRunLength }) => ({
      name: `EWMA 0.1 of run length ${averageRunLength}`,
      ours: averageRunLength,
      r: `xewma.arl(0.1,xewma.crit(0.1,${averageRunLength},sided="two"),0,sided="two")`,
    })),
    ...[3, 4, 4.75].map(width => ({
      name: `EWMA 0.1, width ${width}`,
      ours: ewmaRunLength(0.1, width),
      r: `xewma.arl(0.1,${width},0,sided="two")`,
    })),
    ...[8, 10, 12].map(h => ({ name: `CUSUM k 0.5, h ${h}`, ours: cusumRunLength(0.5, h), r: `xcusum.arl(0.5,${h},0,sided="two",r=80)` })),
  ];
  const theirs = askR(pairs.map(p => p.r));
  if (typeof theirs === "string") return { figures: {}, worst: undefined, note: `R's spc was not asked: ${theirs}.` };
  const off = pairs.map((p, i) => ({ name: p.name, share: Math.abs(p.ours / theirs[i]! - 1), ours: p.ours, theirs: theirs[i]! }));
  const worst = off.reduce((a, b) => (b.share > a.share ? b : a));
  return {
    figures: {
      "run lengths compared": off.length,
      "farthest off": worst.name,
      ours: digits(worst.ours, 6),
      theirs: digits(worst.theirs, 6),
    },
    worst: worst.share,
  };
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const runs = Math.max(200, Math.round(20_000 * scale));
  let [tableOff, compared, farthest, beyond] = [0, 0, 0, 0];
  const ours: Record<string, unknown> = {};
  for (const { name, table, runLength, chart } of rows) {
    say(name);
    const made = chart();
    for (const [i, shift] of shifts.entries()) {
      if (Number.isNaN(table[i])) continue;
      const chain = runLength(shift);
      tableOff = Math.max(tableOff, Math.abs(chain / table[i]! - 1));
      const { mean, error } = simulated(name, made, shift, shift === 0 ? Math.ceil(runs / 4) : runs);
      const off = Math.abs(mean - chain) / error;
      compared++;
      farthest = Math.max(farthest, off);
      if (off > 3) beyond++;
      if (shift === 0 || shift === 1)
        ours[`${name}, shift ${shift}: chain, simulated, error`] = [digits(chain, 5), digits(mean, 5), digits(error, 2)];
    }
  }
  ours["table and chain differ by at most"] = digits(tableOff);
  ours["simulated and chain differ by at most, in standard errors"] = digits(farthest);
  say("declared run lengths");
  const jump = simulated("jump", jumpChart({ averageRunLength: 370.4 }) as ControlChart<unknown>, 0, Math.ceil(runs / 10));
  ours["chart of jumps declared at least 370.4, simulated, error"] = [digits(jump.mean, 4), digits(jump.error, 2)];
  ours["two of three beyond 2 deviations, one side"] = digits(pairRunLength(0.022750131948179), 6);
  say("R");
  const r = besideR();
  const bars: Bar[] = [
    { name: "run lengths by chain, off the golden table", want: "<= 0.02", got: digits(tableOff), holds: tableOff <= 0.02 },
    {
      name: `simulated run lengths within 3 standard errors of the chain, of ${compared}`,
      want: `${compared}`,
      got: compared - beyond,
      holds: beyond === 0,
    },
    ...(r.worst === undefined
      ? []
      : [{ name: "run lengths by chain, off R's spc", want: "<= 0.02", got: digits(r.worst), holds: r.worst <= 0.02 }]),
  ];
  return {
    method: `Run lengths of ${rows.length} charts at up to ${shifts.length} shifts by Markov chain, and of the charts themselves on ${runs} seeded streams each (a quarter without a shift).`,
    ours,
    peers: r.worst === undefined ? {} : { "R spc": r.figures },
    ratios: {},
    bars,
    ...(r.note ? { notes: [r.note] } : {}),
  };
}

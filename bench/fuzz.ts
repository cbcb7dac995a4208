/**
 * Damaged and hostile model files, 100,000 of each kind (LOAM_FUZZ_CASES for another number): no crash, no hang, bounded memory, always a
 * valid model or an error of the catalogue. Each kind runs in two processes that can be killed and whose heap is bounded; one that dies or
 * stands still is a finding, and the next case goes on in a new one.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Campaign, Findings } from "./fuzz/campaign.ts";
import { type KindName, kindNames, kinds } from "./fuzz/kinds.ts";
import { type BenchContext, type BenchResult, digits } from "./harness.ts";

const numCases = Number(process.env.LOAM_FUZZ_CASES ?? 100_000);
const seed = 1;
/** A case that takes longer is a hang; the slowest that is allowed, a template's million steps, takes two seconds. */
const hangMs = 30_000;
const lookMs = 1_000;
/** Old space of a process: what one file of a few kilobytes may make of itself. */
const heapMegabytes = 512;
const processes = 2;

type Report = Findings & { readonly peakBytes: number };
type Ending = { readonly kind: "done"; readonly report: Report } | { readonly kind: "died" | "hung"; readonly at: number };

/** Files come and go ten times a millisecond: in memory where there is such a folder. */
const folder = (): string => mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "loam-fuzz-"));

function runWorker(campaign: Campaign, scratch: string): Promise<Ending> {
  const watched = join(scratch, `at-${campaign.kind}-${campaign.from}`);
  const at = (): number =>
    existsSync(watched) && readFileSync(watched).length === 8 ? readFileSync(watched).readDoubleLE() : campaign.from;
  return new Promise(resolve => {
    const child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${heapMegabytes}`,
        fileURLToPath(new URL("./fuzz/worker.js", import.meta.url)),
        JSON.stringify({ ...campaign, watched }),
      ],
      { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, TMPDIR: scratch } },
    );
    const output: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => output.push(piece));
    let hung = false;
    let last = -1;
    let sinceMs = performance.now();
    const watch = setInterval(() => {
      if (at() !== last) [last, sinceMs] = [at(), performance.now()];
      else if (performance.now() - sinceMs > hangMs) {
        hung = true;
        child.kill("SIGKILL");
      }
    }, lookMs);
    child.on("close", code => {
      clearInterval(watch);
      if (code === 0) resolve({ kind: "done", report: JSON.parse(Buffer.concat(output).toString("utf8")) as Report });
      else resolve({ kind: hung ? "hung" : "died", at: at() });
    });
  });
}

interface Result {
  cases: number;
  readonly outcomes: Record<string, number>;
  readonly failures: string[];
  slowestMs: number;
  slowestCase: number;
  peakBytes: number;
}

async function fuzzRange(kind: KindName, from: number, to: number, scratch: string, into: Result): Promise<void> {
  // a process that died has lost its counts: what it had tried is tried again up to there
  const queue: [from: number, to: number][] = [[from, to]];
  for (let range = queue.shift(); range; range = queue.shift()) {
    const ending = await runWorker({ kind, seed, from: range[0], to: range[1] }, scratch);
    if (ending.kind === "done") {
      const { report } = ending;
      into.cases += report.cases;
      for (const [outcome, n] of Object.entries(report.outcomes)) into.outcomes[outcome] = (into.outcomes[outcome] ?? 0) + n;
      for (const { case: i, what, times } of report.failures) into.failures.push(`case ${i} (${times} alike): ${what}`);
      if (report.slowestMs > into.slowestMs) [into.slowestMs, into.slowestCase] = [report.slowestMs, report.slowestCase];
      into.peakBytes = Math.max(into.peakBytes, report.peakBytes);
      continue;
    }
    into.cases++;
    into.outcomes[ending.kind] = (into.outcomes[ending.kind] ?? 0) + 1;
    into.failures.push(`case ${ending.at}: the process ${ending.kind}`);
    for (const rest of [
      [range[0], ending.at],
      [ending.at + 1, range[1]],
    ] as const)
      if (rest[0] < rest[1]) queue.push([...rest]);
  }
}

export const run = async ({ say }: BenchContext): Promise<BenchResult> => {
  const scratch = folder();
  const ours: Record<string, unknown> = {};
  const all: string[] = [];
  try {
    for (const kind of kindNames) {
      say(`${kind}: ${kinds[kind].about}`);
      const result: Result = { cases: 0, outcomes: {}, failures: [], slowestMs: 0, slowestCase: 0, peakBytes: 0 };
      const began = performance.now();
      const step = Math.ceil(numCases / processes);
      await Promise.all(
        Array.from({ length: processes }, (_, i) => fuzzRange(kind, i * step, Math.min(numCases, (i + 1) * step), scratch, result)),
      );
      ours[kind] = {
        cases: result.cases,
        outcomes: result.outcomes,
        slowestMs: digits(result.slowestMs),
        slowestCase: result.slowestCase,
        peakMegabytes: Math.round(result.peakBytes / 2 ** 20),
        seconds: Math.round((performance.now() - began) / 1000),
      };
      all.push(...result.failures.map(f => `${kind}: ${f}`));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const worst = (key: "slowestMs" | "peakMegabytes") => Math.max(...Object.values(ours).map(o => (o as Record<typeof key, number>)[key]));
  return {
    method: `${numCases} files of each of ${kindNames.length} kinds, seed ${seed}, each read, and used where it is valid, in processes with a heap of ${heapMegabytes} MB; cases can be had again by kind and number`,
    ours,
    peers: {},
    ratios: {},
    bars: [
      { name: "crashes, hangs and errors outside the catalogue", want: "0", got: all.length, holds: all.length === 0 },
      { name: "slowest file", want: `< ${hangMs} ms`, got: worst("slowestMs"), holds: worst("slowestMs") < hangMs },
      { name: "peak memory of a process", want: "< 1024 MB", got: worst("peakMegabytes"), holds: worst("peakMegabytes") < 1024 },
    ],
    notes: all.slice(0, 40),
  };
};

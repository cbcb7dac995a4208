/** Ranks as processes of this host: the contract of all transports, and what becomes of the others when one is slow, is killed, or fails. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../test/support/until.ts";
import { type ChildRank, childRanks, rankChild } from "./children.laws.ts";
import { type RankLine, type RanksRun, startRanks } from "./index.ts";
import { groupContract } from "./process-group.laws.ts";

const transports = ["shared memory", "tcp"] as const;

interface Started {
  readonly ranks: readonly ChildRank[];
  readonly run: RanksRun;
}

async function start(transport: (typeof transports)[number], size: number, timeoutMs?: number): Promise<Started> {
  let run: RanksRun | undefined;
  const ranks = await childRanks(size, { timeoutMs }, async env => {
    run = await startRanks({ size, program: process.execPath, args: [rankChild], env, transport, graceMs: 30_000 });
  });
  return { ranks, run: run! };
}

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};
/** Of this user: another run that starts has one for a moment. */
const segments = () => readdirSync("/dev/shm").filter(f => f.startsWith(`loam-ranks-${userInfo().uid}-`));

for (const transport of transports)
  groupContract(`${transport}, as processes`, async (size, timeoutMs) => (await start(transport, size, timeoutMs)).ranks, {
    crash: rank => rank.kill("SIGKILL"),
  });

describe.each(transports)("ranks over %s", transport => {
  test("one that is slow is waited for, though it does nothing at all for longer than the dead are noticed in", async () => {
    const { ranks, run } = await start(transport, 2);
    const x = ranks.map(() => new Float32Array(3_000_000).fill(1));
    const first = ranks[0]!.allReduce(x[0]!);
    await ranks[1]!.block(7000);
    await Promise.all([first, ranks[1]!.allReduce(x[1]!)]);
    expect(x.map(a => a.at(-1))).toEqual([2, 2]);
    await Promise.all(ranks.map(r => r.close()));
    await run.ended;
  });

  test("one that is killed in the middle of a large sum is named, and is the run's error", async () => {
    const { ranks, run } = await start(transport, 3);
    const waiting = ranks.slice(0, 2).map(r => r.allReduce(new Float32Array(3_000_000)));
    for (const w of waiting) w.catch(() => {});
    ranks[2]!.kill("SIGKILL");
    for (const w of waiting) await expect(w).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 2") });
    await Promise.all(ranks.slice(0, 2).map(r => r.close()));
    await expect(run.ended).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 2") });
    await until(() => segments().length === 0);
  });

  test("all that are killed leave nothing behind", async () => {
    const { ranks, run } = await start(transport, 2);
    for (const r of ranks) r.kill("SIGKILL");
    await expect(run.ended).rejects.toMatchObject({ code: "ranks/lost" });
    await until(() => segments().length === 0);
    expect(ranks.some(r => isRunning(r.pid))).toBe(false);
  });

  test("the exit code of the first that fails is the run's, and the others end", async () => {
    const { ranks, run } = await start(transport, 3);
    await ranks[1]!.end(3);
    await Promise.all([ranks[0]!, ranks[2]!].map(r => r.close().catch(() => {})));
    await expect(run.ended).rejects.toMatchObject({ exitCode: 3, details: { rank: 1, exitCode: 3 } });
    expect(ranks.some(r => isRunning(r.pid))).toBe(false);
  });

  test("they end with the process that started them, even when that is killed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "loam-ranks-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const launcher = join(folder, "launcher.mjs");
    const options = { size: 2, program: process.execPath, args: [rankChild], transport };
    writeFileSync(
      launcher,
      `import { startRanks } from ${JSON.stringify(new URL("../../dist/src/ranks/index.js", import.meta.url).href)};
       await startRanks(${JSON.stringify(options)});`,
    );
    let killLauncher = () => {};
    const ranks = await childRanks(2, {}, async env => {
      const child = spawn(process.execPath, [launcher], { env: { ...process.env, ...env }, stdio: "inherit" });
      killLauncher = () => void child.kill("SIGKILL");
    });
    expect(ranks.every(r => isRunning(r.pid))).toBe(true);
    killLauncher();
    await until(() => !ranks.some(r => isRunning(r.pid)));
    await until(() => segments().length === 0);
  });
});

const script = (text: string): readonly string[] => ["--input-type=module", "-e", text];

test("each line that a rank writes comes with its number, and the secret stands in no argument", async () => {
  const lines: RankLine[] = [];
  const args = script(
    "console.log(process.env.LOAM_RANK, process.argv.length, process.execArgv.join().includes(process.env.LOAM_RANKS_SECRET)); console.error('é')",
  );
  const run = await startRanks({ size: 3, program: process.execPath, args, onLine: line => lines.push(line) });
  await run.ended;
  const of = (stream: string) => lines.filter(l => l.stream === stream).sort((a, b) => a.rank - b.rank);
  expect(of("stdout").map(l => `${l.rank}: ${l.line}`)).toEqual(["0: 0 1 false", "1: 1 1 false", "2: 2 1 false"]);
  expect(of("stderr").map(l => l.line)).toEqual(["é", "é", "é"]);
});

test("a rank that fails ends the others, also those that would run on, and what it said last is the error", async () => {
  const args = script("if (process.env.LOAM_RANK === '1') { console.error('no data'); process.exit(2); } setInterval(() => {}, 1000)");
  const run = await startRanks({ size: 3, program: process.execPath, args, graceMs: 50 });
  await expect(run.ended).rejects.toMatchObject({ exitCode: 2, message: "rank 1: expected exit code 0, got exit code 2: no data." });
  expect(run.pids.some(isRunning)).toBe(false);
});

test("a rank that is killed is heard of at once, while the others still run", async () => {
  const args = script("if (process.env.LOAM_RANK === '1') process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)");
  const heard: { rank: number; by: string; isOtherRunning: boolean }[] = [];
  const onKilled = (rank: number, by: string) => void heard.push({ rank, by, isOtherRunning: isRunning(run.pids[0]!) });
  const run = await startRanks({ size: 2, program: process.execPath, args, graceMs: 50, onKilled });
  await expect(run.ended).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("rank 1") });
  expect(heard[0]).toEqual({ rank: 1, by: "SIGKILL", isOtherRunning: true });
  expect(run.pids.some(isRunning)).toBe(false);
});

test("a signal to the run goes to every rank, and one that ignores it is killed", async () => {
  const control = new AbortController();
  const args = script("process.on('SIGTERM', () => {}); console.log('on'); setInterval(() => {}, 1000)");
  let on = 0;
  const run = await startRanks({ size: 2, program: process.execPath, args, graceMs: 50, signal: control.signal, onLine: () => on++ });
  await until(() => on === 2);
  control.abort();
  await expect(run.ended).rejects.toMatchObject({ code: "base/interrupted" });
  expect(run.pids.some(isRunning)).toBe(false);
});

test("a program that is not there is the error of its rank", async () => {
  const run = await startRanks({ size: 2, program: "/no/such/program" });
  await expect(run.ended).rejects.toMatchObject({ code: "ranks/lost", message: expect.stringContaining("ENOENT") });
  await expect(startRanks({ size: 0, program: "true" })).rejects.toMatchObject({ code: "ranks/argument" });
});

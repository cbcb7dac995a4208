/**
 * Sums of 40 MB over the ranks of one host: ours over shared memory, TCP and MPI's messages beside Open MPI's MPI_Allreduce over its shared memory and over
 * TCP, all of them alive at once and taking turns. And how soon a killed rank is named.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startRanks } from "../src/ranks/index.ts";
import type { RankAnswer, RankOrder } from "./allreduce-run.ts";
import { type Bar, type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const program = fileURLToPath(new URL("./allreduce-run.js", import.meta.url));
const elements = 10_000_000;

const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** Ranks of one side that wait for orders. */
class Ranks {
  readonly #sockets: Socket[];
  readonly #answers: ((answer: RankAnswer) => void)[] = [];
  readonly pids: number[] = [];
  readonly #end: () => void;

  constructor(sockets: Socket[], end: () => void) {
    this.#sockets = sockets;
    this.#end = end;
    for (const [i, s] of sockets.entries())
      createInterface({ input: s }).on("line", line => this.#answers[i]?.(JSON.parse(line) as RankAnswer));
  }

  /** Rank 0's answer first. A rank that `isLeftOut` gets no order. */
  async ask(order?: RankOrder, isLeftOut: (pid: number) => boolean = () => false): Promise<RankAnswer[]> {
    const chosen = [...this.#sockets.keys()].filter(i => !isLeftOut(this.pids[i] ?? 0));
    const answers = chosen.map(i => new Promise<RankAnswer>(resolve => (this.#answers[i] = resolve)));
    if (order) for (const i of chosen) this.#sockets[i]!.write(`${JSON.stringify(order)}\n`);
    const found = await Promise.all(answers);
    if (!order) this.pids.push(...found.map(a => a.pid));
    return found.sort((a, b) => a.rank - b.rank);
  }

  close(): void {
    for (const s of this.#sockets) s.write("close\n");
    this.#end();
  }
}

async function start(size: number, launch: (env: Readonly<Record<string, string>>) => unknown): Promise<Ranks> {
  const folder = mkdtempSync(join(tmpdir(), "loam-allreduce-"));
  const sockets: Socket[] = [];
  let full: () => void = () => {};
  const all = new Promise<void>(resolve => {
    full = resolve;
  });
  const server = createServer(s => {
    s.on("error", () => {});
    if (sockets.push(s) === size) full();
  });
  const path = join(folder, "socket");
  await new Promise<void>(resolve => server.listen(path, resolve));
  await launch({ LOAM_BENCH_SOCKET: path });
  await all;
  const ranks = new Ranks(sockets, () => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await ranks.ask();
  return ranks;
}

const own = (size: number, transport: "shared memory" | "tcp") =>
  start(size, env => startRanks({ size, program: process.execPath, args: [program], env, transport, graceMs: 60_000 }));

const mpirun = (size: number, options: readonly string[], side: string) =>
  start(size, env => {
    const asRoot = process.getuid?.() === 0 ? ["--allow-run-as-root"] : [];
    const args = [...asRoot, "--oversubscribe", ...options, "-n", String(size), process.execPath, program, side];
    spawn("mpirun", args, { env: { ...process.env, ...env }, stdio: "ignore" });
  });

interface Measured {
  readonly ms: number[];
  readonly processorMs: number[];
}

/** Every side at one number of ranks, in turns. */
async function measureAll(size: number, rounds: number, withMpi: boolean): Promise<Record<string, Measured>> {
  const sides: Record<string, Ranks> = {
    "shared memory": await own(size, "shared memory"),
    tcp: await own(size, "tcp"),
    ...(withMpi
      ? {
          "mpi messages": await mpirun(size, [], "ours"),
          "Open MPI, shared memory": await mpirun(size, [], "open-mpi"),
          "Open MPI, tcp": await mpirun(size, ["--mca", "btl", "tcp,self"], "open-mpi"),
        }
      : {}),
  };
  const processorMs: Record<string, number[]> = {};
  const turn = (name: string) => async (round: number) => {
    const answers = await sides[name]!.ask({ elements, times: 2 });
    const wrong = answers.find(a => !a.isRight || a.error !== undefined);
    if (wrong) throw new Error(`${name}, ${size} ranks: ${wrong.error ?? "a wrong sum"}`);
    const all = answers.reduce((total, a) => total + a.processorMs, 0);
    if (round >= 0) processorMs[name] = [...(processorMs[name] ?? []), all];
    return Math.max(...answers.map(a => a.ms));
  };
  const ms = await interleaved(rounds, Object.fromEntries(Object.keys(sides).map(name => [name, turn(name)])));
  const small: Record<string, Measured> = {};
  for (const name of Object.keys(sides)) {
    const answers = await sides[name]!.ask({ elements: 1, times: 200 });
    small[`${name}, 4 bytes`] = { ms: [Math.max(...answers.map(a => a.ms))], processorMs: [mean(answers.map(a => a.processorMs))] };
  }
  for (const s of Object.values(sides)) s.close();
  return { ...Object.fromEntries(Object.keys(sides).map(name => [name, { ms: ms[name]!, processorMs: processorMs[name]! }])), ...small };
}

/** Seconds from a rank's end by SIGKILL until all others have failed by its name. */
async function secondsToName(transport: "shared memory" | "tcp", times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const ranks = await own(3, transport);
    const victim = ranks.pids[i % 3]!;
    const waiting = ranks.ask({ elements, times: 1000 }, pid => pid === victim);
    // some begin before it ends, some after
    await new Promise(resolve => setTimeout(resolve, 40 * i));
    const began = performance.now();
    process.kill(victim, "SIGKILL");
    const answers = await waiting;
    if (!answers.every(a => a.error?.startsWith("rank "))) throw new Error(`${transport}: ${JSON.stringify(answers)}`);
    seconds.push((performance.now() - began) / 1000);
    ranks.close();
  }
  return seconds;
}

const pairs = [
  ["shared memory", "Open MPI, shared memory"],
  ["tcp", "Open MPI, tcp"],
] as const;

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const version = spawnSync("mpirun", ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0] ?? "";
  const withMpi = version.includes("Open MPI");
  const rounds = Math.max(3, Math.round(15 * scale));
  const [ours, peers]: [Record<string, unknown>, Record<string, unknown>] = [{}, withMpi ? { version } : {}];
  const ratios: Record<string, number> = {};
  const bars: Bar[] = [];
  for (const size of [2, 4]) {
    say(`${size} ranks`);
    const found = await measureAll(size, rounds, withMpi);
    for (const [name, { ms, processorMs }] of Object.entries(found))
      (name.startsWith("Open MPI") ? peers : ours)[`${size} ranks: ${name}`] = {
        meanMs: digits(mean(ms)),
        medianMs: digits(median(ms)),
        leastMs: digits(Math.min(...ms)),
        processorMs: digits(mean(processorMs)),
      };
    if (!withMpi) continue;
    for (const [name, peer] of pairs) {
      const got = digits(mean(found[peer]!.ms) / mean(found[name]!.ms));
      ratios[`${size} ranks: ${name}, time`] = got;
      ratios[`${size} ranks: ${name}, time, median of rounds`] = digits(medianRatio(found[peer]!.ms, found[name]!.ms));
      ratios[`${size} ranks: ${name}, processor time`] = digits(mean(found[peer]!.processorMs) / mean(found[name]!.processorMs));
      bars.push({ name: `${size} ranks over ${name}, 40 MB`, want: ">= 0.8 of Open MPI's speed", got, holds: got >= 0.8 });
    }
    ratios[`${size} ranks: tcp beside Open MPI's shared memory`] = digits(mean(found["Open MPI, shared memory"]!.ms) / mean(found.tcp!.ms));
  }
  say("killed ranks");
  for (const transport of ["shared memory", "tcp"] as const) {
    const seconds = await secondsToName(transport, Math.max(2, Math.round(6 * scale)));
    const got = digits(Math.max(...seconds));
    ours[`${transport}: seconds until a killed rank is named`] = { most: got, mean: digits(mean(seconds)), kills: seconds.length };
    bars.push({ name: `a killed rank is named, ${transport}`, want: "<= 5 s", got, holds: got <= 5 });
  }
  return {
    method: `allReduce of ${elements} float32 in place, each rank a process of this host, ${rounds} rounds of two sums, the sides in turns; the time is the slowest rank's, processor time all ranks' together`,
    ours,
    peers,
    ratios,
    bars,
    notes: [
      withMpi ? "Open MPI chooses its own algorithm and order of sums; ours are in rank order" : "without peers: install openmpi-bin",
      "TCP on loopback is not encrypted, on either side",
    ],
  };
}

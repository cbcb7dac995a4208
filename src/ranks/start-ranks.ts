/** The ranks of a run as processes of this host: started together, ended together. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { baseErrors, type ExitKind, environment, exitCodes, LoamError } from "../base/index.ts";
import { ranksErrors } from "./errors.ts";
import { rankVariables, type Transport } from "./variables.ts";

export interface RankLine {
  readonly rank: number;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export interface StartRanksOptions {
  readonly size: number;
  readonly program: string;
  readonly args?: readonly string[];
  /** Variables beside those of the caller; those that tell a rank its place are added. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default: shared memory on Linux, TCP over loopback elsewhere. */
  readonly transport?: Exclude<Transport, "mpi">;
  /** Where each line of a rank's output goes. */
  readonly onLine?: (line: RankLine) => void;
  /** Ends the run: ranks get SIGTERM. */
  readonly signal?: AbortSignal;
  /** Other ranks may end by themselves for so long after one has failed, and again after SIGTERM, before SIGKILL (default 3000). */
  readonly graceMs?: number;
  /** What ranks have after the caller's signal, before SIGKILL: time to save (default: `graceMs`). */
  readonly stopMs?: number;
  /** Hears of a rank that a signal has ended, at once: `ended` waits for the others. */
  readonly onKilled?: (rank: number, signal: NodeJS.Signals) => void;
}

export interface RanksRun {
  readonly pids: readonly number[];
  /** Resolves when all ranks have ended with exit code 0. Errors: `ranks/lost` with the exit code of the rank that failed first; `base/interrupted`. */
  readonly ended: Promise<void>;
  /** Passes a signal on to every rank. */
  kill(signal: NodeJS.Signals): void;
}

interface RankEnd {
  readonly rank: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const defaultGraceMs = 3000;
const lastWordsLength = 2000;

/** A port of loopback that nobody listens at now. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

async function placeVariables(size: number, transport: Transport): Promise<Record<string, string>> {
  return {
    [rankVariables.size]: String(size),
    [rankVariables.transport]: transport,
    [rankVariables.secret]: randomBytes(32).toString("hex"),
    [rankVariables.run]: randomUUID(),
    [rankVariables.launcher]: String(process.pid),
    ...(transport === "tcp" ? { [rankVariables.address]: `127.0.0.1:${await freePort()}` } : {}),
  };
}

/** Processes, their output by lines, and what each said last. */
class Ranks {
  readonly children: readonly ChildProcess[];
  readonly lastLines: string[];
  readonly ends: Promise<RankEnd>[];

  constructor(o: StartRanksOptions, variables: Readonly<Record<string, string>>) {
    this.lastLines = Array.from({ length: o.size }, () => "");
    this.children = this.lastLines.map((_, rank) =>
      spawn(o.program, [...(o.args ?? [])], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...environment(), ...o.env, ...variables, [rankVariables.rank]: String(rank) },
        ...(o.cwd === undefined ? {} : { cwd: o.cwd }),
      }),
    );
    this.ends = this.children.map((child, rank) => this.#watch(child, rank, o.onLine));
  }

  #watch(child: ChildProcess, rank: number, onLine: StartRanksOptions["onLine"]): Promise<RankEnd> {
    for (const stream of ["stdout", "stderr"] as const)
      createInterface({ input: child[stream]! }).on("line", line => {
        if (stream === "stderr" && line.trim() !== "") this.lastLines[rank] = line.trim().slice(-lastWordsLength);
        onLine?.({ rank, stream, line });
      });
    return new Promise(resolve => {
      child.once("error", error => {
        this.lastLines[rank] = error.message;
        resolve({ rank, code: 1, signal: null });
      });
      child.once("close", (code, signal) => resolve({ rank, code, signal }));
    });
  }

  kill(signal: NodeJS.Signals): void {
    for (const child of this.children) if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  }
}

const isFailure = ({ code }: RankEnd): boolean => code !== 0;

/** The run's error: what the rank said last, with its exit code. */
function failureOf({ rank, code, signal }: RankEnd, lastLine: string): LoamError {
  const how = signal ? `an end by ${signal}` : `exit code ${code}`;
  const kind = (Object.entries(exitCodes) as [ExitKind, number][]).find(([, n]) => n === code && n !== 0)?.[0] ?? "failure";
  const received = lastLine === "" ? how : `${how}: ${lastLine}`;
  const problem = { code: "ranks/lost", place: `rank ${rank}`, expected: "exit code 0", received };
  return new LoamError(problem, { ...ranksErrors.rows.lost, exit: kind }, { details: { rank, exitCode: code, signal } });
}

/** Waits for all; ends the rest when one has failed. Gives the end that was the first failure, if any. */
async function waitForAll(ranks: Ranks, graceMs: number, onKilled: StartRanksOptions["onKilled"]): Promise<RankEnd | undefined> {
  const failed: RankEnd[] = [];
  const timers: NodeJS.Timeout[] = [];
  let wasEnded = false;
  const onEnd = (end: RankEnd) => {
    if (!isFailure(end) || wasEnded) return;
    if (end.signal) onKilled?.(end.rank, end.signal);
    if (failed.length === 0)
      timers.push(
        // the others notice by themselves, and may save what they have
        setTimeout(() => {
          wasEnded = true;
          ranks.kill("SIGTERM");
        }, graceMs),
        setTimeout(() => ranks.kill("SIGKILL"), 2 * graceMs),
      );
    failed.push(end);
  };
  await Promise.all(ranks.ends.map(async end => onEnd(await end)));
  for (const t of timers) clearTimeout(t);
  // a rank that the system killed leaves no word, and is why the others failed even where they were seen to end first
  return failed.find(f => f.signal !== null) ?? failed[0];
}

/**
 * Starts `size` processes of one program as the ranks of a run; each calls `joinRanks`. The secret and the address reach them by environment variables, not by
 * arguments, which everybody on the host can read. When one fails, the others are ended; when this process ends, however, so do they.
 * Errors: `ranks/argument`; of `ended`: see there.
 */
export async function startRanks(o: StartRanksOptions): Promise<RanksRun> {
  const {
    size,
    signal,
    graceMs = defaultGraceMs,
    stopMs = graceMs,
    transport = process.platform === "linux" ? "shared memory" : "tcp",
  } = o;
  if (!(Number.isInteger(size) && size >= 1))
    throw ranksErrors.fail("argument", { place: "ranks", expected: "a number of ranks from 1", received: `${size}` });
  const interrupted = () => baseErrors.fail("interrupted", { place: "ranks", message: "The ranks were stopped by a signal." });
  if (signal?.aborted) throw interrupted();
  const ranks = new Ranks(o, await placeVariables(size, transport));
  let late: NodeJS.Timeout | undefined;
  const stop = () => {
    ranks.kill("SIGTERM");
    late = setTimeout(() => ranks.kill("SIGKILL"), stopMs);
  };
  signal?.addEventListener("abort", stop, { once: true });
  const ended = waitForAll(ranks, graceMs, (rank, by) => {
    // after the caller's signal that is no surprise
    if (!signal?.aborted) o.onKilled?.(rank, by);
  }).then(failure => {
    clearTimeout(late);
    signal?.removeEventListener("abort", stop);
    if (signal?.aborted) throw interrupted();
    if (failure) throw failureOf(failure, ranks.lastLines[failure.rank]!);
  });
  ended.catch(() => {});
  return { pids: ranks.children.flatMap(c => c.pid ?? []), ended, kill: s => ranks.kill(s) };
}

/**
 * One side of a comparison: a process on one core (or some) that works when it is told to, and stands still while others are measured. A line in, a
 * line of JSON out; each bench has its own words for what it asks.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

export interface Answer {
  /**
   * Processor time of the work alone, of all the process's threads: what one core needs for it. Unlike the clock it does not count what
   * others do on a shared machine.
   */
  readonly ms: number;
  /** The same by the clock, where a side tells it. */
  readonly wallMs?: number;
  readonly tokens?: number;
  /** Most memory that the work took, where a side tells it. */
  readonly peakBytes?: number;
}

/** `taskset` keeps a process, its threads included, on its cores; where there is none, processes are not bound. */
const pinned = (threads: number): readonly string[] => {
  const bind = ["taskset", "-c", `0-${threads - 1}`];
  try {
    execFileSync(bind[0]!, [...bind.slice(1), "true"], { stdio: "ignore" });
    return bind;
  } catch {
    return [];
  }
};
export const isPinned = pinned(1).length > 0;

export class Contender {
  private readonly child: ChildProcess;
  private readonly lines: Interface;
  private readonly name: string;

  constructor(name: string, command: readonly string[], threads = 1) {
    this.name = name;
    const [program, ...parameters] = [...pinned(threads), ...command];
    // so many threads each, whatever a library would start
    const isOne = threads === 1;
    const count = String(threads);
    const env = { ...process.env, RAYON_NUM_THREADS: count, TOKENIZERS_PARALLELISM: isOne ? "false" : "true", OMP_NUM_THREADS: count };
    this.child = spawn(program!, parameters, { stdio: ["pipe", "pipe", "inherit"], env });
    this.lines = createInterface({ input: this.child.stdout! });
    // whoever asks hears of its end
    this.child.stdin!.on("error", () => {});
  }

  ask(line: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`${this.name}: ended with ${code} on "${line}"`));
      if (this.child.exitCode !== null) {
        ended(this.child.exitCode);
        return;
      }
      this.child.once("exit", ended);
      this.lines.once("line", answer => {
        this.child.off("exit", ended);
        resolve(JSON.parse(answer) as Answer);
      });
      this.child.stdin!.write(`${line}\n`);
    });
  }

  close(): void {
    this.child.stdin!.end();
  }
}

export interface Contest {
  /** A scratch folder, removed at the end. */
  readonly folder: string;
  /** Starts a side, on one thread unless said otherwise. It ends with the contest. */
  start(name: string, command: readonly string[], threads?: number): Contender;
}

/** Runs a comparison; its processes and its scratch folder are gone afterwards, whatever happens. */
export async function contest<R>(name: string, compare: (c: Contest) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), `loam-bench-${name}-`));
  const open: Contender[] = [];
  try {
    return await compare({
      folder,
      start(side, command, threads) {
        const contender = new Contender(side, command, threads);
        open.push(contender);
        return contender;
      },
    });
  } finally {
    for (const contender of open) contender.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * `loam` as tests run it. `loam` and `start` run the built command line inside the test's process: the same program, arguments, streams and exit code
 * without a second of processor time for another Node. `loamProcess` and `startProcess` start bin/loam.js: for what belongs to a process (signals, a
 * crash, Node's own options, a pipe, variables that native code reads).
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { CliRun } from "../../src/cli/run-cli.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = join(root, "bin", "loam.js");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Variables beside those of the tests; "" or undefined hides one. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface ProcessOptions extends RunOptions {
  /** Options of Node itself. */
  readonly node?: readonly string[];
  /** Another program than bin/loam.js. */
  readonly program?: string;
}

const environmentOf = ({ env }: RunOptions) => ({ ...process.env, NO_COLOR: "1", ...env });

/** A command that runs, with what it has written. */
export abstract class Running {
  abstract readonly ended: Promise<Ended>;
  /** Ends it: SIGINT and SIGTERM in good order. */
  abstract kill(signal: NodeJS.Signals): void;
  protected stdout = "";
  protected stderr = "";
  protected isOver = false;
  readonly #watchers = new Set<() => void>();

  protected wake(): void {
    for (const w of this.#watchers) w();
  }

  protected write(to: "stdout" | "stderr", text: string): void {
    this[to] += text;
    this.wake();
  }

  /** Resolves with the match as soon as stdout or stderr holds it; rejects when the command ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found) return found;
      if (this.isOver) throw new Error(`ended without saying ${pattern}:\n${this.stdout}${this.stderr}`);
      await new Promise<void>(resolve => {
        const once = () => {
          this.#watchers.delete(once);
          resolve();
        };
        this.#watchers.add(once);
      });
    }
  }

  /** What it has written to stdout so far. */
  get said(): string {
    return this.stdout;
  }
}

/** The built program's entry, outside of the test runner's module graph: workers and children that it starts are found beside it. */
const loadProgram = () =>
  import(new URL("../../dist/src/cli/run-cli.js", import.meta.url).href) as Promise<{ readonly runCli: (run: CliRun) => Promise<number> }>;

class Command extends Running {
  readonly ended: Promise<Ended>;
  readonly #stop = new AbortController();

  constructor(argv: readonly string[], o: RunOptions) {
    super();
    this.ended = this.#run(argv, o);
  }

  async #run(argv: readonly string[], o: RunOptions): Promise<Ended> {
    const into = (to: "stdout" | "stderr") =>
      new Writable({
        decodeStrings: false,
        write: (text: string, _encoding, done) => {
          this.write(to, text);
          done();
        },
      });
    const { runCli } = await loadProgram();
    const code = await runCli({
      argv,
      cwd: o.cwd ?? root,
      env: environmentOf(o),
      stdin: Readable.from(o.input === undefined ? [] : [Buffer.from(o.input)]),
      stdout: into("stdout"),
      stderr: into("stderr"),
      signal: this.#stop.signal,
    });
    this.isOver = true;
    this.wake();
    return { code, signal: null, stdout: this.stdout, stderr: this.stderr };
  }

  kill(signal: NodeJS.Signals): void {
    if (signal !== "SIGINT" && signal !== "SIGTERM") throw new Error(`${signal} ends a process: use startProcess`);
    this.#stop.abort();
  }
}

export class Child extends Running {
  readonly ended: Promise<Ended>;
  readonly pid: number;
  readonly #process: ReturnType<typeof spawn>;

  constructor(args: readonly string[], o: ProcessOptions = {}) {
    super();
    this.#process = spawn(process.execPath, [...(o.node ?? []), o.program ?? program, ...args], {
      cwd: o.cwd ?? root,
      env: environmentOf(o),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout, stderr } = this.#process;
    this.pid = this.#process.pid!;
    stdout!.setEncoding("utf8").on("data", (d: string) => this.write("stdout", d));
    stderr!.setEncoding("utf8").on("data", (d: string) => this.write("stderr", d));
    stdin!.on("error", () => {});
    stdin!.end(o.input ?? "");
    this.ended = new Promise((resolve, reject) => {
      this.#process.on("error", reject);
      this.#process.on("close", (code, signal) => {
        this.isOver = true;
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.wake();
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}

/** Starts `loam` in this process and does not wait; what still runs when the test is over is stopped. */
export function start(args: readonly string[], o: RunOptions = {}): Running {
  const command = new Command(args, o);
  onTestFinished(async () => {
    command.kill("SIGTERM");
    await command.ended;
  });
  return command;
}

/** Runs `loam` in this process to its end. */
export const loam = (args: readonly string[], o: RunOptions = {}): Promise<Ended> => new Command(args, o).ended;

/** Starts `loam` as a process of its own and does not wait; what still runs when the test is over is killed. */
export function startProcess(args: readonly string[], o?: ProcessOptions): Child {
  const child = new Child(args, o);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await child.ended;
  });
  return child;
}

/** Runs `loam` as a process of its own to its end. */
export const loamProcess = (args: readonly string[], o?: ProcessOptions): Promise<Ended> => new Child(args, o).ended;

/** Every line of stdout as JSON; a line that is none is an error that shows it. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter(line => line !== "")
    .map(line => {
      try {
        return JSON.parse(line) as Record<string, unknown>;
      } catch {
        throw new Error(`not JSON: ${line}`);
      }
    });
}

/** The built command line as a user starts it: a process of its own, its lines, its exit code, and signals at chosen moments. */
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = join(root, "bin", "loam.js");

/** Brings dist/ up to date; does nothing where it is. Test files call it once, before they start children. */
export function build(): void {
  execFileSync(process.execPath, [join(root, "scripts", "build.js"), "library"], { stdio: ["ignore", "ignore", "inherit"] });
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Options of Node itself. */
  readonly node?: readonly string[];
  /** Another program than bin/loam.js. */
  readonly program?: string;
}

export class Child {
  readonly ended: Promise<Ended>;
  readonly pid: number;
  readonly #process: ReturnType<typeof spawn>;
  #stdout = "";
  #stderr = "";
  #isOver = false;
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], o: ChildOptions = {}) {
    this.#process = spawn(process.execPath, [...(o.node ?? []), o.program ?? program, ...args], {
      cwd: o.cwd ?? root,
      env: { ...process.env, NO_COLOR: "1", ...o.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdin, stdout, stderr } = this.#process;
    this.pid = this.#process.pid!;
    const wake = () => {
      for (const w of this.#watchers) w();
    };
    stdout!.setEncoding("utf8").on("data", (d: string) => {
      this.#stdout += d;
      wake();
    });
    stderr!.setEncoding("utf8").on("data", (d: string) => {
      this.#stderr += d;
      wake();
    });
    stdin!.on("error", () => {});
    stdin!.end(o.input ?? "");
    this.ended = new Promise((resolve, reject) => {
      this.#process.on("error", reject);
      this.#process.on("close", (code, signal) => {
        this.#isOver = true;
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
        wake();
      });
    });
  }

  /** Resolves with the match as soon as stdout or stderr holds it; rejects when the process ends without. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
      if (found) return found;
      if (this.#isOver) throw new Error(`ended without saying ${pattern}:\n${this.#stdout}${this.#stderr}`);
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
    return this.#stdout;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}

/** Starts `loam` and does not wait; what still runs when the test is over is killed. */
export function start(args: readonly string[], o?: ChildOptions): Child {
  const child = new Child(args, o);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await child.ended;
  });
  return child;
}

/** Runs `loam` to its end. */
export const loam = (args: readonly string[], o?: ChildOptions): Promise<Ended> => new Child(args, o).ended;

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

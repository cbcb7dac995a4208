/**
 * Programs of a model, run where they can do nothing: processes without environment, in each an interpreter in WebAssembly (`run-program.mjs`) with
 * limits on processor time, memory and stack. A program ends with its tests passed, or failed with a reason; none can hang or end the evaluation.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { prelude } from "./prelude.ts";

export interface ProgramLimits {
  /** Processor time, ms. */
  readonly timeMs: number;
  readonly memoryBytes: number;
  /**
   * What an operation gets that can only be ended with its process, ms by the clock from the program's beginning; by default far more than `timeMs`. It
   * gets that again while the machine was so busy that it had not its `timeMs` (where that can be read: Linux), ten times at most.
   */
  readonly wallMs?: number;
}

export interface ProgramVerdict {
  readonly passed: boolean;
  /** Why not. `error`: the program or its tests threw; `killed`: an operation that could only be ended with its process. */
  readonly failure?: "error" | "timeout" | "memory" | "stack" | "killed";
  /** What was thrown, shortened. */
  readonly message?: string;
}

export interface Sandbox extends Disposable {
  /** Runs a script. Errors: the signal's reason. */
  run(source: string, limits: ProgramLimits, signal?: AbortSignal): Promise<ProgramVerdict>;
}

const defaultWallMs = (timeMs: number): number => 4 * timeMs + 5000;
const mostTurns = 10;
/** What a process gets to start and to compile its interpreter, however busy the machine, ms by the clock. */
const startMs = 60_000;
/** Programs a process runs before it is replaced: what they leave behind stays small. */
const programsOfProcess = 50;

/** Processor time of another process so far, ms; none where no system tells it. */
function processorMsOf(pid: number | undefined): number | undefined {
  try {
    // fields behind the name, which stands in brackets and may hold anything; in hundredths of a second
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
}

interface Reply {
  readonly id: number;
  readonly failure?: Exclude<ProgramVerdict["failure"], undefined>;
  readonly message?: string;
  readonly isSpent?: boolean;
  /** No end yet: the program begins. */
  readonly begins?: boolean;
}

/** A program that runs: the processor time of its process when it began, and how many times it was given `wallMs`. */
interface Begun {
  readonly usedMs: number | undefined;
  readonly turn: number;
}

class Runner {
  private process: ChildProcess | undefined;
  private numRun = 0;

  private start(): ChildProcess {
    // No environment and no options of this process: what runs foreign programs needs no credentials and has no inspector.
    const made = fork(fileURLToPath(new URL("./run-program.mjs", import.meta.url)), [], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      execArgv: [],
      env: {},
    });
    made.setMaxListeners(0);
    this.numRun = 0;
    return made;
  }

  end(): void {
    this.process?.kill("SIGKILL");
    this.process = undefined;
  }

  run(
    source: string,
    { timeMs, memoryBytes, wallMs = defaultWallMs(timeMs) }: ProgramLimits,
    signal: AbortSignal | undefined,
  ): Promise<ProgramVerdict> {
    signal?.throwIfAborted();
    if (this.process && (!this.process.connected || this.numRun >= programsOfProcess)) this.end();
    this.process ??= this.start();
    const child = this.process;
    const id = ++this.numRun;
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        clearTimeout(clock);
        child.off("message", hear).off("exit", gone).off("error", gone);
        signal?.removeEventListener("abort", stop);
        then();
      };
      const hear = (reply: Reply) => {
        if (reply.id !== id) return;
        if (reply.begins) {
          clearTimeout(clock);
          clock = endAfter(wallMs, { usedMs: processorMsOf(child.pid), turn: 1 });
          return;
        }
        const { failure, message, isSpent } = reply;
        if (isSpent) this.end();
        settle(() => resolve(failure ? { passed: false, failure, message: message ?? "" } : { passed: true }));
      };
      const gone = () => {
        this.end();
        settle(() => resolve({ passed: false, failure: "killed", message: "its process ended" }));
      };
      const stop = () => {
        this.end();
        settle(() => reject(signal!.reason as Error));
      };
      const isStarved = ({ usedMs, turn }: Begun) => {
        const nowMs = processorMsOf(child.pid);
        return turn < mostTurns && usedMs !== undefined && nowMs !== undefined && nowMs - usedMs < timeMs;
      };
      const endAfter = (ms: number, begun?: Begun): NodeJS.Timeout =>
        setTimeout(() => {
          if (begun && isStarved(begun)) {
            clock = endAfter(ms, { ...begun, turn: begun.turn + 1 });
            return;
          }
          this.end();
          settle(() => resolve({ passed: false, failure: "killed", message: `no end within ${ms} ms` }));
        }, ms);
      let clock = endAfter(startMs);
      child.on("message", hear).on("exit", gone).on("error", gone);
      signal?.addEventListener("abort", stop, { once: true });
      child.send({ id, prelude, source, timeMs, memoryBytes }, error => {
        if (error) gone();
      });
    });
  }
}

/** A sandbox of so many processes; the others wait. */
export function openSandbox(processes = Math.min(4, availableParallelism())): Sandbox {
  const all = Array.from({ length: processes }, () => new Runner());
  const free = [...all];
  const waiting: ((runner: Runner) => void)[] = [];
  return {
    async run(source, limits, signal) {
      const runner = free.pop() ?? (await new Promise<Runner>(resolve => waiting.push(resolve)));
      try {
        return await runner.run(source, limits, signal);
      } finally {
        const next = waiting.shift();
        if (next) next(runner);
        else free.push(runner);
      }
    },
    [Symbol.dispose]() {
      for (const r of all) r.end();
    },
  };
}

/**
 * The engine that is always there: child processes of this one. An IPC channel, which closes however this process ends, tells a task that listens
 * (`process.once("disconnect")`) to end as well; `loam data work` and `loam tune search --worker` do.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { environment, pause } from "../base/index.ts";
import { checkJob, taskProgram } from "./check-job.ts";
import { isTaskOver, type Launcher, type LaunchJob, logBytes, type RunningJob, type TaskState } from "./launcher.ts";
import { endedBy } from "./task-end.ts";

export interface LocalOptions {
  /** Called for each line of a task's standard output; those lines are not in its log. */
  readonly onLine?: ((index: number, line: string) => void) | undefined;
}

/** A task that does not end by SIGTERM is ended by SIGKILL after so long: a trial saves a checkpoint meanwhile. */
const graceMs = 30_000;

class LocalTask {
  state: TaskState = { state: "running" };
  log = "";
  readonly pid: number | undefined;
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;

  constructor(index: number, job: LaunchJob, { onLine }: LocalOptions) {
    const missing = job.files?.find(f => !existsSync(f));
    // what a shell would say, so that every engine fails alike
    const [program, args] = missing === undefined ? [taskProgram(job), job.args] : [missing, []];
    this.#child = spawn(program, [...args], {
      cwd: job.cwd,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...environment(), ...job.env, LOAM_TASK: String(index), LOAM_TASKS: String(job.tasks) },
    });
    this.pid = this.#child.pid;
    const keep = (text: string) => {
      this.log = (this.log + text).slice(-logBytes);
    };
    this.#child.stderr!.setEncoding("utf8").on("data", keep);
    const lines = lineReader(onLine === undefined ? undefined : line => onLine(index, line), keep);
    this.#child.stdout!.setEncoding("utf8").on("data", lines.add);
    this.ended = new Promise(resolve => {
      this.#child.once("error", (error: NodeJS.ErrnoException) => {
        if (this.#child.pid !== undefined) return;
        keep(`${program}: ${existsSync(job.cwd) ? error.message : `no folder ${job.cwd}`}\n`);
        this.state = endedBy(error.code === "EACCES" ? 126 : 127);
        resolve();
      });
      this.#child.once("close", (code, signal) => {
        lines.end();
        if (!isTaskOver(this.state)) this.state = signal === null ? endedBy(code ?? 1) : { state: "killed", reason: `killed by ${signal}` };
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    if (isTaskOver(this.state)) return;
    this.#child.kill("SIGTERM");
    const over = new AbortController();
    const late = pause(graceMs, over.signal).then(
      () => this.#child.kill("SIGKILL"),
      () => {},
    );
    await this.ended;
    over.abort();
    await late;
  }
}

/** Whole lines to `onLine`, or text to `keep`. */
function lineReader(onLine: ((line: string) => void) | undefined, keep: (text: string) => void) {
  let rest = "";
  return {
    add(text: string) {
      if (onLine === undefined) return keep(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    },
    end() {
      if (rest !== "") onLine?.(rest);
      rest = "";
    },
  };
}

/** Tasks as child processes. `memoryBytes` and `cpus` are not enforced. */
export function localLauncher(options: LocalOptions = {}): Launcher {
  return {
    engine: "local",
    lookMs: 100,
    async submit(job): Promise<RunningJob> {
      checkJob(job);
      const tasks = new Map(job.indexes.map(index => [index, new LocalTask(index, job, options)] as const));
      return {
        id: [...tasks.values()].map(t => t.pid ?? "none").join(","),
        tasks: async () => new Map([...tasks].map(([index, { state }]) => [index, state])),
        logs: async index => tasks.get(index)?.log ?? "",
        cancel: async () => void (await Promise.all([...tasks.values()].map(t => t.stop()))),
        close: async () => {},
      };
    },
    close: async () => {},
  };
}

/**
 * Runs that a server starts for its project, one at a time: `loam train`, `loam tune`, `loam data run` in a process of its own, which yields to what serves.
 * It outlives the page that started it and ends with the server, as on Ctrl-C: what is done is kept. Its output is kept in a file and shown.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { setPriority } from "node:os";
import { dirname, join } from "node:path";
import { environment, privateFileMode } from "../../base/index.ts";
import { projectErrors } from "../errors.ts";
import { packageFolder } from "../package.ts";

/** From a project's folder: the output of the newest run. */
export const runLogFile = join(".loam", "console-run.log");

/** Whoever waits for a response comes before what trains. */
const niceness = 10;
/** Characters of the output that are shown, its end. */
const shownCharacters = 60_000;

export type RunOutcome = "running" | "stopping" | "done" | "failed" | "stopped";

export interface StartedRun {
  /** Counts up with each run of this server. */
  readonly id: number;
  /** Words behind `loam`. */
  readonly command: readonly string[];
  /** Of loam.yaml: what is run; empty: the whole project. */
  readonly path: string;
  readonly by: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly state: RunOutcome;
  /** Of the process; null while it runs, or where a signal ended it. */
  readonly code: number | null;
}

interface RunnerOptions {
  readonly folder: string;
  /** Notes in the log of acts who started or stopped what. */
  readonly note: (what: "run.start" | "run.stop", on: string, who: string) => Promise<void>;
  readonly now: () => number;
}

export class ProjectRunner {
  readonly #options: RunnerOptions;
  #run: StartedRun | null = null;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #output = "";
  /** Counts up with each change of state and each piece of output. */
  #revision = 0;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get run(): StartedRun | null {
    return this.#run;
  }

  /** The end of what the run has printed. */
  get output(): string {
    return this.#output;
  }

  get revision(): number {
    return this.#revision;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Errors: project/running where one runs. */
  async start(path: string, command: readonly string[], by: string): Promise<StartedRun> {
    if (this.#child)
      throw projectErrors.fail("running", {
        place: "run",
        message: `\`loam ${this.#run!.command.join(" ")}\` runs already, started by ${this.#run!.by}`,
        hint: "Stop it, or wait until it ends.",
      });
    const child = this.#spawn(command);
    this.#child = child;
    this.#output = "";
    this.#run = {
      id: (this.#run?.id ?? 0) + 1,
      command,
      path,
      by,
      startedAt: this.#options.now(),
      endedAt: null,
      state: "running",
      code: null,
    };
    this.#revision++;
    this.#ended = this.#follow(child);
    await this.#options.note("run.start", path === "" ? "project" : path, by);
    return this.#run;
  }

  #spawn(command: readonly string[]): ChildProcess {
    const { folder } = this.#options;
    const child = spawn(process.execPath, [join(packageFolder, "bin", "loam.js"), ...command, "--project", folder], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: folder,
      env: { ...environment(), NO_COLOR: "1" },
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, niceness);
    } catch {
      // it has ended already, or the system has no priorities
    }
    return child;
  }

  async #follow(child: ChildProcess): Promise<void> {
    const file = join(this.#options.folder, runLogFile);
    mkdirSync(dirname(file), { recursive: true });
    const log = createWriteStream(file, { mode: privateFileMode });
    // the page shows the output where the disk takes none
    log.on("error", () => {});
    const add = (text: string) => {
      log.write(text);
      this.#output = (this.#output + text).slice(-shownCharacters);
      this.#revision++;
    };
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", add);
    const code = await new Promise<number | null>(resolve => {
      child.once("error", error => {
        add(`loam: ${error.message}\n`);
        resolve(null);
      });
      child.once("close", resolve);
    });
    log.end();
    const wasStopped = this.#run!.state === "stopping";
    this.#run = { ...this.#run!, endedAt: this.#options.now(), code, state: wasStopped ? "stopped" : code === 0 ? "done" : "failed" };
    this.#child = undefined;
    this.#revision++;
  }

  /** Ends the run as Ctrl-C does. Errors: project/nothing where none runs. */
  async stop(by: string): Promise<StartedRun> {
    const child = this.#child;
    if (!child) throw projectErrors.fail("nothing", { place: "run", message: "no run is under way" });
    this.#run = { ...this.#run!, state: "stopping" };
    this.#revision++;
    child.kill("SIGTERM");
    await this.#options.note("run.stop", this.#run.path === "" ? "project" : this.#run.path, by);
    return this.#run;
  }

  /** Stops what runs and waits for its end. */
  async close(): Promise<void> {
    if (this.#child) {
      this.#run = { ...this.#run!, state: "stopping" };
      this.#child.kill("SIGTERM");
    }
    await this.#ended;
  }
}

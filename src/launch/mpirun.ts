/**
 * mpirun: a job is one `mpirun` of as many processes. Tasks are not programs of MPI: a script around each (task-script.ts) writes how it ended and itself ends
 * well, as mpirun would end all of them with the first that does not. Open MPI and MPICH (Hydra) both tell a process its rank by a variable.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { environment, pause } from "../base/index.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import type { Launcher, LaunchJob, RunningJob, TaskState } from "./launcher.ts";
import { noEngine, runProgram } from "./program.ts";
import { endedBy, lastSentence } from "./task-end.ts";
import { makeTaskFolder, type TaskFolder, writeTaskScript } from "./task-script.ts";

export interface MpirunOptions {
  /** As mpirun takes them: `node1:4,node2:4`; default: this machine. */
  readonly hosts?: string | undefined;
  /** Further arguments of mpirun. */
  readonly extra?: readonly string[] | undefined;
}

const hint = "Install an MPI: on Debian `apt-get install openmpi-bin`.";
/** Tasks that do not end when they are asked to are ended with mpirun after so long: a trial saves a checkpoint meanwhile. */
const graceMs = 30_000;

/** Arguments that only Open MPI has: no binding to cores, more tasks than cores, variables by name for other hosts. */
const openMpiArgs = (job: LaunchJob): string[] => [
  "--oversubscribe",
  "--bind-to",
  "none",
  ...(process.getuid?.() === 0 ? ["--allow-run-as-root"] : []),
  ...Object.keys(job.env).flatMap(name => ["-x", name]),
];

class RunningMpirun implements RunningJob {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #job: LaunchJob;
  readonly #folder: TaskFolder;
  readonly #ended: Promise<void>;
  #said = "";
  #end: string | undefined;

  constructor(child: ChildProcess, job: LaunchJob, folder: TaskFolder) {
    [this.#child, this.#job, this.#folder] = [child, job, folder];
    this.id = String(child.pid);
    const keep = (text: string) => {
      this.#said = (this.#said + text).slice(-4000);
    };
    child.stdout!.setEncoding("utf8").on("data", keep);
    child.stderr!.setEncoding("utf8").on("data", keep);
    this.#ended = new Promise(resolve =>
      child.once("close", (code, signal) => {
        this.#end = signal === null ? `ended with ${code}` : `was killed by ${signal}`;
        resolve();
      }),
    );
  }

  async tasks(): Promise<ReadonlyMap<number, TaskState>> {
    // read before the files: what is written after it was seen to run is found by the next look
    const end = this.#end;
    return new Map(this.#job.indexes.map(index => [index, this.#stateOf(index, end)] as const));
  }

  #stateOf(index: number, end: string | undefined): TaskState {
    const code = this.#folder.endOf(index);
    if (code !== undefined) return endedBy(code);
    if (end === undefined) return { state: this.#folder.hasBegun(index) ? "running" : "pending" };
    const sentence = lastSentence(this.#said.replaceAll(/^-+$/gm, "").replaceAll(/\n(?=\S)/g, " "));
    return { state: "killed", reason: `mpirun ${end}${sentence === undefined ? "" : `: ${sentence}`}` };
  }

  /** Whether mpirun gave up before it began a single task: a host that it cannot reach, slots that it does not have. */
  async refusal(): Promise<string | undefined> {
    while (this.#end === undefined && !this.#job.indexes.some(i => this.#folder.hasBegun(i))) await pause(20);
    if (this.#end === undefined || this.#job.indexes.some(i => this.#folder.hasBegun(i))) return undefined;
    return this.#said.replaceAll(/^-+$/gm, "").replaceAll(/\s+/g, " ").trim() || `mpirun ${this.#end}`;
  }

  logs = async (index: number): Promise<string> => this.#folder.log(index);

  async cancel(): Promise<void> {
    if (this.#end !== undefined) return;
    // mpirun itself would give tasks a second
    this.#folder.askToEnd();
    const over = new AbortController();
    const late = pause(graceMs, over.signal).then(
      () => this.#child.kill("SIGTERM"),
      () => {},
    );
    await this.#ended;
    over.abort();
    await late;
  }

  close = async (): Promise<void> => this.#folder.remove();
}

async function begun(job: LaunchJob, folder: TaskFolder, o: MpirunOptions): Promise<RunningMpirun> {
  const { stdout } = await runProgram("mpirun", ["--version"], { hint });
  const index = `set -- ${job.indexes.join(" ")}\nshift "\${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"\nindex=$1`;
  const script = writeTaskScript(folder, job, { index, passesOn: false });
  const args = [
    "-n",
    String(job.indexes.length),
    ...(o.hosts === undefined ? [] : ["--host", o.hosts]),
    ...(/open mpi|openrte/i.test(stdout) ? openMpiArgs(job) : []),
    ...(o.extra ?? []),
    "/bin/sh",
    script,
  ];
  const child = spawn("mpirun", args, { cwd: job.cwd, env: { ...environment(), ...job.env }, stdio: ["ignore", "pipe", "pipe"] });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", error => reject(noEngine("mpirun", hint, error)));
  });
  const running = new RunningMpirun(child, job, folder);
  const refusal = await running.refusal();
  if (refusal === undefined) return running;
  throw launchErrors.fail("refused", {
    place: "mpirun",
    message: refusal,
    hint: "`launch.mpirun` of loam.yaml has hosts and extra arguments.",
  });
}

export const mpirunLauncher = (o: MpirunOptions = {}): Launcher => ({
  engine: "mpirun",
  lookMs: 200,
  async submit(job) {
    checkJob(job);
    const folder = makeTaskFolder(job);
    try {
      return await begun(job, folder, o);
    } catch (error) {
      folder.remove();
      throw error;
    }
  },
  close: async () => {},
});

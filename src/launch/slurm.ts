/**
 * Slurm: a job is an array job. The script goes to `sbatch` by standard input, states come from `scontrol` (no accounting is needed), logs and exit codes from
 * files of a folder that nodes and this machine share. Variables of the job travel with sbatch's own environment, which Slurm keeps for root alone.
 */
import { readFileSync } from "node:fs";
import { pause } from "../base/index.ts";
import { arrayIndexes } from "./array-indexes.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { isTaskOver, type Launcher, type LaunchJob, type RunningJob, type TaskState } from "./launcher.ts";
import { type ProgramEnd, runProgram } from "./program.ts";
import { endedBy, signalName } from "./task-end.ts";
import { makeTaskFolder, type TaskFolder, writeTaskScript } from "./task-script.ts";

export interface SlurmOptions {
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
  readonly qos?: string | undefined;
  /** Time limit of a task, as sbatch takes it: `02:00:00`. */
  readonly time?: string | undefined;
  /** Further arguments of sbatch. */
  readonly extra?: readonly string[] | undefined;
}

const hint = "Run this on a machine that submits to Slurm; on Debian its programs are `apt-get install slurm-client`.";
/** A cancelled task has KillWait (30 s by default) before Slurm ends it by SIGKILL. */
const longestCancelMs = 120_000;
/** slurmd could not set a task up: its folder or its log cannot be opened on the node. */
const setUpSignal = 53;

/** What Slurm says, without its program's name. */
const sentenceOf = ({ stderr, stdout }: ProgramEnd): string =>
  (stderr || stdout)
    .trim()
    .split("\n")
    .map(l => l.replace(/^\w+: (error: )?/, ""))
    .filter(l => l !== "")
    .join("; ");

const isAway = (sentence: string): boolean =>
  /unable to contact|connection refused|connect failure|timed out|zero bytes|resolve/i.test(sentence);

async function slurm(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = "",
): Promise<ProgramEnd> {
  const end = await runProgram(program, args, { hint, env, input });
  const sentence = sentenceOf(end);
  if (end.code !== 0 && isAway(sentence))
    throw launchErrors.fail("engine", { place: program, message: sentence, hint: "Is slurmctld up? `scontrol ping` asks it." });
  return end;
}

const waiting = ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"];
const going = ["RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"];

/** One line of `scontrol --oneliner show job`. */
export function slurmState(line: string): TaskState {
  const field = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1] ?? "";
  const state = field("JobState");
  const reason = field("Reason");
  if (waiting.includes(state)) return { state: "pending", ...(reason === "None" || reason === "" ? {} : { reason: `Slurm: ${reason}` }) };
  if (going.includes(state)) return { state: "running", node: field("BatchHost") || field("NodeList") };
  if (state === "COMPLETED") return { state: "succeeded" };
  if (state !== "FAILED") return { state: "killed", reason: `Slurm: ${state}` };
  const [code = 1, signal = 0] = field("ExitCode").split(":").map(Number);
  if (signal === setUpSignal)
    return { state: "failed", exitCode: 127, reason: "Slurm could not open the task's folder or log on its node" };
  return signal > 0 ? { state: "killed", reason: `killed by ${signalName(signal)}` } : endedBy(code || 1);
}

/** Records of all tasks of an array, by index; empty where Slurm has forgotten the job (MinJobAge after its end). */
async function recordsOf(id: string): Promise<Map<number, TaskState>> {
  const end = await slurm("scontrol", ["--oneliner", "show", "job", id]);
  if (end.code !== 0) {
    if (/invalid job id/i.test(sentenceOf(end))) return new Map();
    throw launchErrors.fail("engine", { place: `scontrol show job ${id}`, message: sentenceOf(end) });
  }
  const states = new Map<number, TaskState>();
  for (const line of end.stdout.split("\n").filter(l => l.includes("JobState=")))
    for (const index of arrayIndexes(/ArrayTaskId=(\S+)/.exec(line)?.[1] ?? "")) states.set(index, slurmState(line));
  return states;
}

async function submitted(job: LaunchJob, folder: TaskFolder, o: SlurmOptions): Promise<string> {
  const script = writeTaskScript(folder, job, { index: 'index="$SLURM_ARRAY_TASK_ID"', passesOn: true });
  const args = [
    "--parsable",
    `--job-name=${job.name}`,
    `--array=${job.indexes.join(",")}`,
    `--cpus-per-task=${job.cpus}`,
    ...(job.memoryBytes === undefined ? [] : [`--mem=${Math.ceil(job.memoryBytes / 2 ** 20)}M`]),
    `--chdir=${job.cwd}`,
    `--output=${folder.path}/%a.log`,
    "--open-mode=append",
    "--export=ALL",
    ...(["partition", "account", "qos", "time"] as const).flatMap(key => (o[key] === undefined ? [] : [`--${key}=${o[key]}`])),
    ...(o.extra ?? []),
  ];
  const end = await slurm("sbatch", args, job.env, readFileSync(script, "utf8"));
  const id = /^(\d+)/m.exec(end.stdout)?.[1];
  if (end.code === 0 && id !== undefined) return id;
  throw launchErrors.fail("refused", {
    place: "sbatch",
    message: sentenceOf(end),
    hint: "`launch.slurm` of loam.yaml has partition, account, qos, time and extra arguments of sbatch.",
  });
}

function runningArray(id: string, job: LaunchJob, folder: TaskFolder): RunningJob {
  let isCancelled = false;
  const tasks = async () => {
    const records = await recordsOf(id);
    return new Map(
      job.indexes.map(index => {
        const known = records.get(index);
        if (known) return [index, known] as const;
        const code = folder.endOf(index);
        return [index, code === undefined ? { state: "killed", reason: "Slurm has no record of it any more" } : endedBy(code)] as const;
      }),
    ) as ReadonlyMap<number, TaskState>;
  };
  return {
    id,
    tasks,
    logs: async index => folder.log(index),
    async cancel() {
      if (isCancelled) return;
      isCancelled = true;
      await slurm("scancel", ["--quiet", id]);
      for (const end = performance.now() + longestCancelMs; performance.now() < end; await pause(200))
        if ([...(await tasks()).values()].every(isTaskOver)) return;
      throw launchErrors.fail("engine", {
        place: `scancel ${id}`,
        expected: "tasks that end",
        received: `some that still run after ${longestCancelMs / 1000} s`,
      });
    },
    close: async () => folder.remove(),
  };
}

export const slurmLauncher = (o: SlurmOptions = {}): Launcher => ({
  engine: "slurm",
  lookMs: 1000,
  async submit(job) {
    checkJob(job);
    const folder = makeTaskFolder(job);
    try {
      return runningArray(await submitted(job, folder, o), job, folder);
    } catch (error) {
      folder.remove();
      throw error;
    }
  },
  close: async () => {},
});

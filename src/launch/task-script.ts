/**
 * The shell script that runs one task on a node which shares the job's folder with this machine (Slurm, mpirun): it tells the task its number, keeps its output
 * and writes how it ended into files of the folder. It ends the task when a file asks for it, or when the heartbeat of whoever submitted the job stands still,
 * so that a task does not outlive it. POSIX sh; nothing secret is in it.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, makePrivateFolder, privateFileMode, privateFolderMode, writeFileAtomic } from "../base/index.ts";
import { taskProgram } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { type LaunchJob, logBytes } from "./launcher.ts";

/** A word of a shell that means itself. */
const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Lines that check a node and become the program, for a shell that is at the folder: `exec` is left to the caller. */
export const shellChecks = (job: LaunchJob, otherwise: (sentence: string) => string): string[] => [
  `cd ${shellWord(job.cwd)} || ${otherwise(`no folder ${job.cwd}`)}`,
  ...(job.files ?? []).map(f => `[ -e ${shellWord(f)} ] || ${otherwise(`no file ${f}`)}`),
];

export const shellCommand = (job: LaunchJob): string => [taskProgram(job), ...job.args].map(shellWord).join(" ");

/** Between heartbeats of the submitter, ms. */
const beatMs = 5_000;
/** Between two looks of a task at the folder, s, and looks at a heartbeat that stands still which end it: long enough for a busy event loop and for NFS. */
const lookSeconds = 2;
const mostStill = 60;

export interface TaskFolder {
  readonly path: string;
  /** Exit code of a task that has ended. */
  endOf(index: number): number | undefined;
  hasBegun(index: number): boolean;
  log(index: number): string;
  /** Asks all tasks to end, as SIGTERM would. */
  askToEnd(): void;
  /** Ends the heartbeat too. */
  remove(): void;
}

/** A folder of a job's scripts, logs and ends, for the owner alone: `.loam/launch/NAME-RANDOM` of the job's folder. Errors: launch/job where that is not here. */
export function makeTaskFolder(job: LaunchJob): TaskFolder {
  if (!existsSync(job.cwd))
    throw launchErrors.fail("job", {
      place: "job: cwd",
      expected: "a folder that this machine and the nodes share",
      received: JSON.stringify(job.cwd),
      hint: "Slurm and mpirun keep scripts and logs of tasks in it.",
    });
  makePrivateFolder(join(job.cwd, ".loam"));
  const path = join(job.cwd, ".loam", "launch", `${job.name}-${randomBytes(6).toString("hex")}`);
  makeFolder(path, privateFolderMode);
  let beats = 0;
  const beat = () => {
    try {
      writeFileSync(join(path, "beat"), String(beats++), { mode: privateFileMode });
    } catch {
      // a full disk: the next one may go through, and a task waits for many
    }
  };
  beat();
  const beating = setInterval(beat, beatMs);
  beating.unref();
  return {
    path,
    endOf(index) {
      const file = join(path, `${index}.end`);
      return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
    },
    hasBegun: index => existsSync(join(path, `${index}.log`)),
    log(index) {
      const file = join(path, `${index}.log`);
      return existsSync(file) ? readTail(file) : "";
    },
    askToEnd: () => writeFileSync(join(path, "cancel"), "", { mode: privateFileMode }),
    remove() {
      clearInterval(beating);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function readTail(file: string): string {
  const { size } = statSync(file);
  const bytes = readFileSync(file);
  return bytes.subarray(Math.max(0, size - logBytes)).toString("utf8");
}

interface TaskScript {
  /** Shell that sets `index`. */
  readonly index: string;
  /** Whether the script ends as the task did; default: with 0. */
  readonly passesOn: boolean;
}

/** Writes the script and answers its path. */
export function writeTaskScript(folder: TaskFolder, job: LaunchJob, { index, passesOn }: TaskScript): string {
  const lines = [
    "#!/bin/sh",
    "umask 077",
    index,
    `folder=${shellWord(folder.path)}`,
    'exec >>"$folder/$index.log" 2>&1',
    // whole or absent, as the other side may look at any moment
    'end() { printf "%s\\n" "$1" >"$folder/$index.part" && mv "$folder/$index.part" "$folder/$index.end"; exit ' +
      (passesOn ? '"$1"' : "0") +
      "; }",
    'rm -f "$folder/$index.end"',
    `export LOAM_TASK="$index" LOAM_TASKS=${job.tasks}`,
    ...shellChecks(job, sentence => `{ printf '%s on %s\\n' ${shellWord(sentence)} "$(uname -n)"; end 127; }`),
    `${shellCommand(job)} &`,
    "child=$!",
    "(",
    "  last= still=0",
    `  while [ ! -e "$folder/cancel" ] && [ "$still" -lt ${mostStill} ]; do`,
    `    sleep ${lookSeconds}`,
    '    now=$(cat "$folder/beat" 2>/dev/null)',
    '    if [ "$now" = "$last" ]; then still=$((still + 1)); else last=$now still=0; fi',
    "  done",
    '  kill -TERM "$child" 2>/dev/null',
    ") &",
    "watcher=$!",
    // a shell that waits for a program in the foreground hears no signal before that ends
    "trap 'kill -TERM \"$child\" 2>/dev/null' TERM INT",
    'while :; do wait "$child"; code=$?; kill -0 "$child" 2>/dev/null || break; done',
    'kill "$watcher" 2>/dev/null',
    'end "$code"',
    "",
  ];
  const path = join(folder.path, "task.sh");
  writeFileAtomic(path, lines.join("\n"), { mode: 0o700, durable: false });
  return path;
}

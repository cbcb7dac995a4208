/**
 * The contract of engines that start processes: a job is a numbered set of tasks that run one program, each told its number by `LOAM_TASK`. An engine is a
 * row of `engines.ts`; `launcher.laws.ts` is the suite that each of them passes. What tasks do, and that two of them never do the same work, is not known here.
 */

/** How far a task is. `killed`: it was ended from outside (a signal, a lost node, a time limit), and another process may do the same work. */
export type TaskState =
  | { readonly state: "pending"; readonly reason?: string }
  | { readonly state: "running"; readonly node?: string }
  | { readonly state: "succeeded" }
  | { readonly state: "killed"; readonly reason: string }
  | {
      readonly state: "failed";
      /** 126 and 127: the program could not be started. Null: the engine does not say. */
      readonly exitCode: number | null;
      readonly reason: string;
    };

export interface LaunchJob {
  /** Shown by the engine: lower-case letters, digits and `-`, at most 40 characters. */
  readonly name: string;
  /** Numbers of the tasks to start, each once. None: nothing is submitted. */
  readonly indexes: readonly number[];
  /** Tasks of the whole job, as `LOAM_TASKS`: more than `indexes` where one of them is started again. */
  readonly tasks: number;
  /** Default: the entry point of the image, where the engine has images (Kubernetes). */
  readonly program?: string | undefined;
  readonly args: readonly string[];
  /** Variables beside those that the engine gives. Never on a command line; docs/launch.md says who can read them on each engine. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder in which tasks start, as the nodes see it. */
  readonly cwd: string;
  /** Files that a node must have; a task without them ends with 127. */
  readonly files?: readonly string[];
  /** Processors a task. */
  readonly cpus: number;
  /** Memory a task, bytes; default: the engine's. */
  readonly memoryBytes?: number | undefined;
}

export interface RunningJob {
  /** The engine's own name for it. */
  readonly id: string;
  /** By index. Errors: launch/engine where the engine does not respond. */
  tasks(): Promise<ReadonlyMap<number, TaskState>>;
  /** Standard output and error of a task so far, at most the last `logBytes`; empty where it has not begun. */
  logs(index: number): Promise<string>;
  /** Ends what runs and takes back what waits; resolves when the engine has nothing left of the job. Does nothing the second time. */
  cancel(): Promise<void>;
  /** Frees what this side holds of an ended job (files, connections, objects of the engine). */
  close(): Promise<void>;
}

export interface Launcher {
  readonly engine: string;
  /** Between two looks at the tasks, ms: how soon the engine itself knows. */
  readonly lookMs: number;
  /** Errors: launch/job, launch/engine, launch/refused. */
  submit(job: LaunchJob): Promise<RunningJob>;
  close(): Promise<void>;
}

/** Of a log, what is kept for people: its end. */
export const logBytes = 256 * 1024;

/** Whether nothing comes after it. */
export const isTaskOver = ({ state }: TaskState): boolean => state === "succeeded" || state === "failed" || state === "killed";

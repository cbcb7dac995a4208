/**
 * Watches the tasks of a job until all have succeeded: one that was killed is submitted again, one that failed ends the job with the last sentence of its log,
 * an abort cancels everything. Nothing of the job is left in the engine when it returns or throws.
 */
import { pause } from "../base/index.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { isTaskOver, type Launcher, type LaunchJob, type RunningJob, type TaskState } from "./launcher.ts";
import { type PatientStates, patientStates } from "./patient-states.ts";
import { taskFailure, taskPlace } from "./task-failure.ts";

export type LaunchEvent =
  | { readonly event: "submitted"; readonly id: string; readonly indexes: readonly number[] }
  | { readonly event: "task"; readonly index: number; readonly state: TaskState }
  | { readonly event: "replaced"; readonly index: number; readonly reason: string };

export interface Supervision {
  readonly signal: AbortSignal;
  /** Killed tasks that are submitted again, in all. */
  readonly mostReplacements: number;
  /** An engine that does not respond is asked again for so long, ms; default 60,000. */
  readonly patienceMs?: number;
  readonly onEvent?: ((event: LaunchEvent) => void) | undefined;
}

export interface Supervised {
  /** Killed tasks that were submitted again. */
  readonly replaced: number;
}

/** Where each task is now: the submission that it belongs to. */
class Tasks {
  readonly #launcher: Launcher;
  readonly #job: LaunchJob;
  readonly #o: Supervision;
  readonly #submitted: RunningJob[] = [];
  readonly #at = new Map<number, RunningJob>();
  readonly #told = new Map<number, string>();
  readonly #statesOf: PatientStates;
  replaced = 0;

  constructor(launcher: Launcher, job: LaunchJob, o: Supervision) {
    [this.#launcher, this.#job, this.#o] = [launcher, job, o];
    this.#statesOf = patientStates(o.patienceMs);
  }

  async submit(indexes: readonly number[]): Promise<void> {
    if (indexes.length === 0) return;
    const running = await this.#launcher.submit({ ...this.#job, indexes });
    this.#submitted.push(running);
    for (const index of indexes) this.#at.set(index, running);
    this.#o.onEvent?.({ event: "submitted", id: running.id, indexes });
  }

  /** One look at all that are not over. Whether all have succeeded. Errors: launch/task, launch/program, launch/lost, launch/engine. */
  async look(): Promise<boolean> {
    const killed: number[] = [];
    let open = 0;
    for (const running of new Set(this.#at.values())) {
      const states = await this.#statesOf(running);
      for (const [index, at] of this.#at) {
        if (at !== running) continue;
        const state = states?.get(index);
        if (state) this.#tell(index, state);
        if (state === undefined || !isTaskOver(state)) open++;
        else if (state.state === "failed") throw await taskFailure(this.#launcher, this.#job, running, index, state);
        else if (state.state === "killed") killed.push(await this.#counted(index, state.reason));
        else this.#at.delete(index);
      }
    }
    await this.submit(killed);
    return open === 0 && killed.length === 0;
  }

  async cancel(): Promise<void> {
    const ends = await Promise.allSettled(
      this.#submitted.map(async running => {
        await running.cancel();
        await running.close();
      }),
    );
    const failed = ends.find(e => e.status === "rejected");
    if (failed) throw failed.reason;
  }

  #tell(index: number, state: TaskState): void {
    const key = JSON.stringify(state);
    if (this.#told.get(index) === key) return;
    this.#told.set(index, key);
    this.#o.onEvent?.({ event: "task", index, state });
  }

  /** Counts a killed task. Errors: launch/lost where it was one too many. */
  async #counted(index: number, reason: string): Promise<number> {
    if (this.replaced >= this.#o.mostReplacements)
      throw launchErrors.fail("lost", {
        place: taskPlace(this.#launcher, this.#job, index),
        expected: `tasks that live (${this.#o.mostReplacements} are replaced)`,
        received: reason,
        hint: "Read the engine's own log; `launch.memoryBytes` and the engine's time limit are the usual causes.",
      });
    this.replaced++;
    this.#o.onEvent?.({ event: "replaced", index, reason });
    return index;
  }
}

/** Runs a job to its end. Errors: launch/*; the signal's reason. */
export async function superviseTasks(launcher: Launcher, job: LaunchJob, o: Supervision): Promise<Supervised> {
  checkJob(job);
  o.signal.throwIfAborted();
  const tasks = new Tasks(launcher, job, o);
  let isDone = false;
  try {
    await tasks.submit(job.indexes);
    while (!(await tasks.look())) await pause(launcher.lookMs, o.signal);
    isDone = true;
    return { replaced: tasks.replaced };
  } finally {
    // the first error is the one that is thrown
    if (isDone) await tasks.cancel();
    else await tasks.cancel().catch(() => {});
  }
}

/**
 * Watches tasks that can only work together: all of them run at the same time, and the end of one that did not succeed ends all. Nothing is started again here;
 * nothing of the job is left in the engine when it returns or throws.
 */
import { pause } from "../base/index.ts";
import { checkJob } from "./check-job.ts";
import { launchErrors } from "./errors.ts";
import { isTaskOver, type Launcher, type LaunchJob, type RunningJob, type TaskState } from "./launcher.ts";
import { type PatientStates, patientStates } from "./patient-states.ts";
import type { LaunchEvent } from "./supervise-tasks.ts";
import { taskFailure } from "./task-failure.ts";

export interface GangSupervision {
  readonly signal: AbortSignal;
  /** From the moment that one task runs, so long for all others to run, ms. While none runs, the queue is waited for. */
  readonly startMs: number;
  /** After one has failed the others may end by themselves for so long, and all after an abort, ms. */
  readonly graceMs: number;
  /** An engine that does not respond is asked again for so long, ms; default 60,000. */
  readonly patienceMs?: number;
  /** Asks tasks to end by themselves, in good order; called before the engine ends them. */
  readonly askToEnd?: (() => void) | undefined;
  readonly onEvent?: ((event: Exclude<LaunchEvent, { readonly event: "replaced" }>) => void) | undefined;
}

/** The task that did not succeed, as the reason for the end of all. */
export interface GangLoss {
  readonly index: number;
  readonly state: TaskState & { readonly state: "killed" | "failed" };
  /** What its log says, where it was not killed: launch/task, launch/program. */
  readonly error: Error | undefined;
}

/** Ends that another task's end has brought about: an engine asks the rest to end. */
const isAsked = (reason: string): boolean => /SIGTERM|SIGINT/.test(reason);

class Gang {
  readonly #launcher: Launcher;
  readonly #job: LaunchJob;
  readonly #o: GangSupervision;
  readonly #statesOf: PatientStates;
  readonly #told = new Map<number, string>();
  /** Tasks that are over, in the order in which they were seen to be. */
  readonly #over = new Map<number, TaskState>();
  #states: ReadonlyMap<number, TaskState> = new Map();
  #firstRanMs: number | undefined;
  running: RunningJob | undefined;

  constructor(launcher: Launcher, job: LaunchJob, o: GangSupervision) {
    [this.#launcher, this.#job, this.#o] = [launcher, job, o];
    this.#statesOf = patientStates(o.patienceMs);
  }

  async submit(): Promise<void> {
    this.running = await this.#launcher.submit(this.#job);
    this.#o.onEvent?.({ event: "submitted", id: this.running.id, indexes: this.#job.indexes });
  }

  async look(): Promise<void> {
    this.#states = (await this.#statesOf(this.running!)) ?? this.#states;
    for (const [index, state] of this.#states) {
      this.#tell(index, state);
      if (isTaskOver(state) && !this.#over.has(index)) this.#over.set(index, state);
    }
    if ([...this.#states.values()].some(s => s.state !== "pending")) this.#firstRanMs ??= performance.now();
  }

  get isOver(): boolean {
    return this.#over.size === this.#job.indexes.length;
  }

  get hasFailed(): boolean {
    return [...this.#over.values()].some(s => s.state !== "succeeded");
  }

  /** Errors: launch/gang with the tasks that did not begin in time. */
  checkStart(): void {
    const waiting = this.#job.indexes.filter(index => (this.#states.get(index)?.state ?? "pending") === "pending");
    if (waiting.length === 0 || this.#firstRanMs === undefined || performance.now() - this.#firstRanMs < this.#o.startMs) return;
    const why = waiting.map(index => {
      const state = this.#states.get(index);
      return state?.state === "pending" && state.reason !== undefined ? `${index} (${state.reason})` : `${index}`;
    });
    throw launchErrors.fail("gang", {
      place: `${this.#job.name} (${this.#launcher.engine})`,
      expected: `all ${this.#job.indexes.length} tasks to run at the same time, ${Math.round(this.#o.startMs / 1000)} s after the first`,
      received: `${waiting.length} that still ${waiting.length === 1 ? "waits" : "wait"}: task ${why.join(", ")}`,
      hint: "Start fewer, free room on the engine, or raise `launch.startSeconds` in loam.yaml.",
    });
  }

  async loss(): Promise<GangLoss | undefined> {
    const lost = [...this.#over].flatMap(([index, state]) =>
      state.state === "killed" || state.state === "failed" ? [{ index, state }] : [],
    );
    const found =
      lost.find(l => l.state.state === "killed" && !isAsked(l.state.reason)) ?? lost.find(l => l.state.state === "failed") ?? lost[0];
    if (!found) return undefined;
    const { index, state } = found;
    const error = state.state === "failed" ? await taskFailure(this.#launcher, this.#job, this.running!, index, state) : undefined;
    return { index, state, error };
  }

  /** Looks until all that have begun are over, at most so long. */
  async settle(forMs: number): Promise<void> {
    const isOpen = () => [...this.#states.values()].some(s => s.state === "running");
    for (const end = performance.now() + forMs; isOpen() && performance.now() < end; ) {
      await pause(this.#launcher.lookMs);
      await this.look();
    }
  }

  async end(): Promise<void> {
    await this.running?.cancel();
    await this.running?.close();
  }

  #tell(index: number, state: TaskState): void {
    const key = JSON.stringify(state);
    if (this.#told.get(index) === key) return;
    this.#told.set(index, key);
    this.#o.onEvent?.({ event: "task", index, state });
  }
}

/** Waits for the end of all, or of one that did not succeed. Errors: launch/*; the signal's reason once all have ended. */
async function watch(gang: Gang, launcher: Launcher, o: GangSupervision): Promise<GangLoss | undefined> {
  await gang.submit();
  try {
    for (;;) {
      await gang.look();
      if (gang.isOver || gang.hasFailed) break;
      gang.checkStart();
      await pause(launcher.lookMs, o.signal);
    }
    // the others notice by themselves, and may save what they have; tasks that still wait join nobody
    await gang.settle(o.graceMs);
    return await gang.loss();
  } catch (error) {
    o.askToEnd?.();
    if (o.signal.aborted) await gang.settle(o.graceMs).catch(() => {});
    throw o.signal.aborted ? o.signal.reason : error;
  }
}

/** Runs a job whose tasks need each other to its end. Undefined: all have succeeded. Errors: launch/*; the signal's reason. */
export async function superviseGang(launcher: Launcher, job: LaunchJob, o: GangSupervision): Promise<GangLoss | undefined> {
  checkJob(job);
  o.signal.throwIfAborted();
  const gang = new Gang(launcher, job, o);
  let isDone = false;
  try {
    const loss = await watch(gang, launcher, o);
    isDone = true;
    return loss;
  } finally {
    // the first error is the one that is thrown
    if (isDone) await gang.end();
    else await gang.end().catch(() => {});
  }
}

/**
 * Fine-tuning jobs: kept in a folder, checked and trained by child processes in the order they came, some at once. Whatever ends (a child, this
 * process, the machine), a job goes on from its last checkpoint; pausing is the same on purpose. Trains nothing by itself: `LaunchWork` does.
 */
import { randomBytes, randomInt } from "node:crypto";
import { tuneErrors } from "../errors.ts";
import type { CheckedFiles } from "./check-files.ts";
import { checkpointsOf, versionsOf } from "./checkpoints.ts";
import { fileNames } from "./file-names.ts";
import {
  after,
  hyperparametersOf,
  isOver,
  type Job,
  type JobCheckpoint,
  type JobError,
  type JobEvent,
  type JobRequest,
  takers,
  tunedName,
  type Wish,
} from "./job.ts";
import { JobFolder, type JobRecord } from "./job-folder.ts";
import { jobMetricsFile } from "./metrics-file.ts";
import { recipeOf } from "./recipe.ts";
import type { JobWork, LaunchWork, RunningWork, StepTold, TrainedTold, WorkEnd, WorkEvent } from "./worker.ts";

export interface TuneJobsPorts {
  /** Folder of the jobs, and what it is called from the project's. */
  readonly folder: string;
  readonly shown: string;
  readonly launch: LaunchWork;
  /** The version that a request's model means: `mail-small@3`. Errors where it cannot be tuned. */
  readonly baseOf: (model: string) => Promise<string>;
  /** Keeps a result for the job's owner; gives the file's id. */
  readonly keepFile: (filename: string, content: string, owner: string | null) => string;
  /** Makes a version answer requests, at once or, where it is not urgent, at the first one. */
  readonly serve: (name: string, version: number, urgent: boolean) => Promise<void>;
  /** Takes a version out of what is served and retires it in the record. Errors where anything points at it; nothing is changed then. */
  readonly remove: (name: string, version: number) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Jobs that train at once. */
  readonly parallel: number;
  readonly checkpointSeconds: number;
  /** Ends of epochs that a job keeps as models, the newest. */
  readonly checkpoints: number;
  /** Failures that are nobody's input. */
  readonly onFailure: (error: unknown, place: string) => void;
}

/** Jobs of one owner that wait: a queue of so many is days of work. */
const mostWaiting = 100;
/** Times in a row that a child may die without one step done before its job fails. */
const mostDeaths = 3;

export class TuneJobs {
  readonly #ports: TuneJobsPorts;
  readonly #folder: JobFolder;
  readonly #records = new Map<string, JobRecord>();
  readonly #running = new Map<string, RunningWork & { readonly work: JobWork }>();
  readonly #events = new Map<string, { count: number; step: number }>();
  #isOpen = false;
  /** Owners of jobs that are being taken in. */
  readonly #taking: (string | null)[] = [];
  /** Owners in the order in which a job of theirs was begun, the last one last. */
  readonly #begun = new Set<string | null>();

  constructor(ports: TuneJobsPorts) {
    this.#ports = ports;
    this.#folder = new JobFolder(ports.folder);
    for (const record of this.#folder.all()) this.#records.set(record.job.id, record);
  }

  /** Begins to work; jobs that were under way when the last process ended go on. */
  start(): void {
    this.#isOpen = true;
    for (const { job, checkpoints } of this.#records.values()) {
      if (job.status === "running") {
        this.#change(job.id, { status: "queued" });
        this.#say(job.id, "info", "The server was started again; the job goes on from its last checkpoint.");
      }
      for (const [name, version] of versionsOf(checkpoints))
        void this.#ports.serve(name, version, false).catch(error => this.#ports.onFailure(error, job.id));
    }
    this.#wake();
  }
  /** Stops what runs at the end of its step, with a checkpoint; it goes on when somebody starts again. */
  async close(): Promise<void> {
    this.#isOpen = false;
    const all = [...this.#running.values()];
    for (const one of all) one.stop();
    await Promise.allSettled(all.map(one => one.ended));
  }

  /** Oldest first. */
  list(): readonly Job[] {
    return [...this.#records.values()].map(r => r.job);
  }
  get(id: string): Job | undefined {
    return this.#records.get(id)?.job;
  }
  ownerOf(id: string): string | null {
    return this.#records.get(id)?.owner ?? null;
  }
  /** Oldest first. */
  events(id: string): readonly JobEvent[] {
    return this.#folder.events(id);
  }
  checkpoints(id: string): readonly JobCheckpoint[] {
    return this.#records.get(id)?.checkpoints ?? [];
  }

  /** Takes a job in. Errors: tune/jobsFull, those of `baseOf`, base/diskFull and the like. */
  async create(request: JobRequest): Promise<Job> {
    const { owner } = request;
    const waiting = this.list().filter(j => !isOver(j.status) && this.ownerOf(j.id) === owner).length;
    if (waiting + this.#taking.filter(other => other === owner).length >= mostWaiting)
      throw tuneErrors.fail("jobsFull", {
        place: "training_file",
        expected: `at most ${mostWaiting} jobs of each owner that are not over`,
        received: "one more",
        hint: "Wait for one to end, or cancel one.",
      });
    this.#taking.push(owner);
    try {
      return await this.#take(request);
    } finally {
      this.#taking.splice(this.#taking.indexOf(owner), 1);
    }
  }

  async #take(request: JobRequest): Promise<Job> {
    const base = await this.#ports.baseOf(request.model);
    const id = `ftjob-${randomBytes(12).toString("hex")}`;
    await this.#folder.keepFiles(id, request);
    const job: Job = {
      id,
      object: "fine_tuning.job",
      created_at: this.#seconds(),
      finished_at: null,
      estimated_finish: null,
      model: request.model,
      fine_tuned_model: null,
      organization_id: "loam",
      status: "validating_files",
      error: null,
      training_file: request.trainingFile.id,
      validation_file: request.validationFile?.id ?? null,
      result_files: [],
      trained_tokens: null,
      seed: request.seed ?? randomInt(2 ** 31 - 1),
      method: request.method,
      hyperparameters: hyperparametersOf(request.method),
      integrations: [],
      metadata: request.metadata,
    };
    const { suffix, owner } = request;
    const record = { job, base, name: tunedName(base, suffix, id), tune: null, version: null, checkpoints: [], owner };
    this.#folder.save(record);
    this.#records.set(id, record);
    this.#say(id, "info", `Created fine-tuning job: ${id}`);
    this.#wake();
    return job;
  }

  /** Cancels, pauses or resumes. Errors: tune/job where the job's status does not take that. */
  wish(id: string, wish: Wish): Job {
    const { job, tune } = this.#record(id);
    const next = after(job.status, wish);
    if (next === undefined)
      throw tuneErrors.fail("job", {
        place: id,
        expected: `a job that is ${takers(wish).join(" or ")}`,
        received: `one that is ${job.status}`,
      });
    const status = next === "queued" && tune === null ? "validating_files" : next;
    this.#change(id, { status, estimated_finish: null, ...(status === "cancelled" ? { finished_at: this.#seconds() } : {}) });
    this.#running.get(id)?.stop();
    this.#say(id, "info", { cancel: "The job was cancelled.", pause: "The job was paused.", resume: "The job goes on." }[wish]);
    this.#wake();
    return this.#record(id).job;
  }

  /** Removes a result or a checkpoint, `NAME` or `NAME@3`, for good; false where no job made it. Errors: those of `remove`. */
  async remove(model: string): Promise<boolean> {
    for (const { job, checkpoints } of this.#records.values())
      for (const [name, version] of versionsOf(checkpoints)) {
        if (model !== name && model !== `${name}@${version}`) continue;
        await this.#ports.remove(name, version);
        const asked = `${name}@${version}`;
        this.#change(job.id, {}, { checkpoints: this.checkpoints(job.id).filter(c => c.fine_tuned_model_checkpoint !== asked) });
        this.#say(job.id, "info", `The model ${asked} was deleted.`);
        return true;
      }
    return false;
  }

  #seconds(): number {
    return Math.floor(this.#ports.now() / 1000);
  }
  #record(id: string): JobRecord {
    return this.#records.get(id)!;
  }
  #change(id: string, change: Partial<Job>, more: Partial<Omit<JobRecord, "job">> = {}): void {
    const before = this.#record(id);
    const record = { ...before, ...more, job: { ...before.job, ...change } };
    this.#records.set(id, record);
    this.#folder.save(record);
  }

  #told(id: string): { count: number; step: number } {
    let told = this.#events.get(id);
    if (!told) {
      const events = this.#folder.events(id);
      told = { count: events.length, step: events.reduce((most, e) => Math.max(most, Number(e.data.step ?? 0)), 0) };
      this.#events.set(id, told);
    }
    return told;
  }
  #say(id: string, level: JobEvent["level"], message: string, data: JobEvent["data"] = {}, type: JobEvent["type"] = "message"): void {
    const told = this.#told(id);
    const number = String(told.count++).padStart(8, "0");
    const event: JobEvent = {
      id: `ftevent-${id.slice("ftjob-".length)}-${number}`,
      object: "fine_tuning.job.event",
      created_at: this.#seconds(),
      level,
      message,
      type,
      data,
    };
    this.#folder.append(id, event);
  }

  #wake(): void {
    if (!this.#isOpen) return;
    for (const work of ["check", "train"] as const) {
      const room = { check: 1, train: this.#ports.parallel }[work];
      const status = ({ check: "validating_files", train: "queued" } as const)[work];
      for (;;) {
        const busy = [...this.#running.values()].filter(r => r.work === work).length;
        const next = busy < room ? this.#next(status) : undefined;
        if (next === undefined) break;
        const owner = this.ownerOf(next);
        if (work === "train") {
          this.#begun.delete(owner);
          this.#begun.add(owner);
        }
        void this.#run(next, work);
      }
    }
  }

  /** The oldest job of the owner of whom one was begun longest ago, so that no owner's queue keeps another's waiting. */
  #next(status: Job["status"]): string | undefined {
    const begun = [...this.#begun];
    let best: { readonly id: string; readonly order: number } | undefined;
    for (const { job } of this.#records.values()) {
      if (job.status !== status || this.#running.has(job.id)) continue;
      const order = begun.indexOf(this.ownerOf(job.id));
      if (!best || order < best.order) best = { id: job.id, order };
    }
    return best?.id;
  }

  /** One child after another until the job's work is done, stopped, or hopeless. */
  async #run(id: string, work: JobWork): Promise<void> {
    try {
      let deaths = 0;
      for (;;) {
        if (work === "train" && this.#record(id).job.status === "queued") {
          this.#change(id, { status: "running" });
          this.#say(id, "info", "Training begins.");
        }
        let said: WorkEvent | undefined;
        const child = this.#ports.launch(id, work, event => {
          said = event;
          if (event.event === "step") {
            deaths = 0;
            this.#step(id, event);
          }
        });
        this.#running.set(id, { ...child, work });
        const end = await child.ended;
        this.#running.delete(id);
        const isLost = await this.#ended(id, end, said);
        if (!isLost) return;
        if (++deaths >= mostDeaths) {
          const message = `The job's process was ended ${deaths} times by ${end.killedBy} without one step done.`;
          this.#fail(id, { code: "worker_died", message, param: null });
          return;
        }
        this.#say(id, "warn", `The job's process was ended by ${end.killedBy}; another one goes on from the last checkpoint.`);
      }
    } catch (error) {
      this.#running.delete(id);
      this.#ports.onFailure(error, id);
      this.#fail(id, { code: "internal_error", message: "The job failed in the server.", param: null });
    } finally {
      this.#wake();
    }
  }

  /** Whether the child was lost, and its work is still to be done. */
  async #ended(id: string, end: WorkEnd, said: WorkEvent | undefined): Promise<boolean> {
    const { status } = this.#record(id).job;
    if (end.code === 0 && said?.event === "checked") this.#checked(id, said);
    else if (end.code === 0 && said?.event === "trained") {
      if (status !== "cancelled") await this.#trained(id, said);
    } else if (!this.#isOpen || (status !== "running" && status !== "validating_files")) return false;
    else if (end.killedBy !== null) return true;
    else {
      const { code = "internal_error", sentence = `the job's process ended with ${end.code}` } = end.error ?? {};
      this.#fail(id, { code, message: sentence, param: null });
    }
    return false;
  }

  #checked(id: string, checked: CheckedFiles): void {
    const { job } = this.#record(id);
    if (isOver(job.status)) return;
    for (const text of checked.warnings) this.#say(id, "warn", text);
    const [first] = checked.problems;
    if (first) {
      for (const { param, line, message } of checked.problems) this.#say(id, "error", message, { param, line });
      const more = checked.problemCount > 1 ? ` And ${checked.problemCount - 1} more, each an event of the job.` : "";
      this.#fail(id, { code: `invalid_${first.param}`, message: `${first.message}${more}`, param: first.param });
      return;
    }
    const on = (name: string) => `${this.#ports.shown}/${id}/${name}`;
    const { tune, hyperparameters } = recipeOf({
      method: job.method,
      seed: job.seed,
      checked,
      on: on(fileNames.training_file),
      validationFile: job.validation_file === null ? undefined : on(fileNames.validation_file),
      checkpointSeconds: this.#ports.checkpointSeconds,
      checkpoints: this.#ports.checkpoints,
    });
    const { train, validation } = checked;
    this.#say(
      id,
      "info",
      `The files are valid: ${train} to train on${job.validation_file === null ? "" : `, ${validation} to validate`}.`,
      {
        train,
        validation,
      },
    );
    // paused meanwhile: it goes on from here
    this.#change(id, { hyperparameters, ...(job.status === "validating_files" ? { status: "queued" } : {}) }, { tune });
  }

  #step(id: string, { step, steps, loss, tokenAccuracy, validationLoss, validationTokenAccuracy, leftMs }: StepTold): void {
    const record = this.#record(id);
    this.#records.set(id, { ...record, job: { ...record.job, estimated_finish: this.#seconds() + Math.ceil(leftMs / 1000) } });
    const told = this.#told(id);
    // steps since the last checkpoint are done again by a child that goes on, with the same numbers
    if (step <= told.step) return;
    told.step = step;
    const valid = validationLoss === undefined ? {} : { valid_loss: validationLoss };
    const right = tokenAccuracy === undefined ? {} : { train_mean_token_accuracy: tokenAccuracy };
    const validRight = validationTokenAccuracy === undefined ? {} : { valid_mean_token_accuracy: validationTokenAccuracy };
    const text = `Step ${step}/${steps}: training loss=${loss.toFixed(4)}${validationLoss === undefined ? "" : `, validation loss=${validationLoss.toFixed(4)}`}`;
    this.#say(id, "info", text, { step, total_steps: steps, train_loss: loss, ...valid, ...right, ...validRight }, "metrics");
  }

  async #trained(id: string, told: TrainedTold): Promise<void> {
    const { version, trainedTokens, points } = told;
    const { job, name, owner = null } = this.#record(id);
    const result_files = [...job.result_files];
    try {
      if (result_files.length === 0) result_files.push(this.#ports.keepFile(`${id}-metrics.csv`, jobMetricsFile(points), owner));
    } catch (error) {
      this.#say(id, "warn", `The result file could not be kept: ${sentence(error)}`);
    }
    try {
      await this.#ports.serve(name, version, true);
      for (const c of told.checkpoints) await this.#ports.serve(c.name, c.version, false);
    } catch (error) {
      this.#say(id, "warn", `The model is stored and is not served: ${sentence(error)}`);
    }
    // cancelled while it was loaded
    if (isOver(this.#record(id).job.status)) return;
    this.#change(
      id,
      {
        status: "succeeded",
        finished_at: this.#seconds(),
        estimated_finish: null,
        fine_tuned_model: name,
        trained_tokens: trainedTokens,
        result_files,
      },
      { version, checkpoints: checkpointsOf(id, name, this.#seconds(), told) },
    );
    this.#say(id, "info", `New fine-tuned model: ${name}`);
    this.#say(id, "info", "The job succeeded.");
  }

  #fail(id: string, error: JobError): void {
    this.#change(id, { status: "failed", finished_at: this.#seconds(), estimated_finish: null, error });
    this.#say(id, "error", error.message, { code: error.code });
  }
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

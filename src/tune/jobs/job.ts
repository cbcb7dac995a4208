/**
 * A fine-tuning job: its fields as OpenAI writes them, what it is made from, and which wishes each status takes. Plain data; who carries it out
 * is in `jobs.ts`. Fields, statuses and bounds: OpenAI's API specification; `paused` is in its answers, though not in its list of statuses.
 */

export const jobStatuses = ["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

export type Auto<T> = T | "auto";
export interface Hyperparameters {
  readonly n_epochs: Auto<number>;
  /** Examples a step. */
  readonly batch_size: Auto<number>;
  readonly learning_rate_multiplier: Auto<number>;
}
export interface DpoHyperparameters extends Hyperparameters {
  readonly beta: Auto<number>;
}
export type JobMethod =
  | { readonly type: "supervised"; readonly supervised: { readonly hyperparameters: Hyperparameters } }
  | { readonly type: "dpo"; readonly dpo: { readonly hyperparameters: DpoHyperparameters } };

export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}

/** As it is answered; times are seconds since 1970. */
export interface Job {
  readonly id: string;
  readonly object: "fine_tuning.job";
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly estimated_finish: number | null;
  readonly model: string;
  readonly fine_tuned_model: string | null;
  readonly organization_id: string;
  readonly status: JobStatus;
  readonly error: JobError | null;
  readonly training_file: string;
  readonly validation_file: string | null;
  readonly result_files: readonly string[];
  readonly trained_tokens: number | null;
  readonly seed: number;
  readonly method: JobMethod;
  readonly hyperparameters: Hyperparameters;
  readonly integrations: readonly never[];
  readonly metadata: Readonly<Record<string, string>> | null;
}

export interface JobEvent {
  readonly id: string;
  readonly object: "fine_tuning.job.event";
  readonly created_at: number;
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly type: "message" | "metrics";
  readonly data: Readonly<Record<string, unknown>>;
}

/** Values of a job that can be served. Losses and accuracies are of the step, and of the whole validation file. */
export interface JobCheckpoint {
  readonly id: string;
  readonly object: "fine_tuning.job.checkpoint";
  readonly created_at: number;
  readonly fine_tuned_model_checkpoint: string;
  readonly fine_tuning_job_id: string;
  readonly step_number: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What somebody asks for, checked. */
export interface JobRequest {
  /** As it was asked for. */
  readonly model: string;
  readonly trainingFile: GivenFile;
  readonly validationFile: GivenFile | null;
  readonly suffix: string | null;
  /** Drawn where absent. */
  readonly seed: number | null;
  readonly method: JobMethod;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Owner of the job and of its result files; null: nobody in particular. */
  readonly owner: string | null;
}
interface GivenFile {
  readonly id: string;
  /** Where its bytes lie. */
  readonly path: string;
}

export type Wish = "cancel" | "pause" | "resume";

/** What each wish makes of a status; a status that is not named does not take it. */
const transitions: { readonly [W in Wish]: { readonly [S in JobStatus]?: JobStatus } } = {
  cancel: { validating_files: "cancelled", queued: "cancelled", running: "cancelled", paused: "cancelled" },
  pause: { validating_files: "paused", queued: "paused", running: "paused" },
  resume: { paused: "queued" },
};
/** The status that a wish leads to; undefined where the status does not take it. */
export const after = (status: JobStatus, wish: Wish): JobStatus | undefined => transitions[wish][status];
/** Statuses that take a wish. */
export const takers = (wish: Wish): string[] => Object.keys(transitions[wish]);

export const isOver = (status: JobStatus): boolean => ["succeeded", "failed", "cancelled"].includes(status);

export const hyperparametersOf = (method: JobMethod): Hyperparameters =>
  method.type === "dpo" ? method.dpo.hyperparameters : method.supervised.hyperparameters;

/** Characters of the base's name that the tuned model's bears: names have 128 at most, a suffix 64, an id 8. */
const baseCharacters = 48;
/** The name that the result is served and recorded under: `ft-mail-small-polite-3f2a9c1b`. */
export function tunedName(base: string, suffix: string | null, id: string): string {
  const root = base.split("@")[0]!.slice(0, baseCharacters);
  // an accent is dropped and its letter stays; what no letter is left of parts words
  const letters = suffix?.normalize("NFKD").replaceAll(/\p{M}/gu, "") ?? "";
  const middle = letters.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return ["ft", root, ...(middle === "" ? [] : [middle]), id.slice(-8)].join("-");
}

/** Characters of a name in the record. */
const mostCharacters = 128;
/** What the values of a step are called: `ft-mail-small-polite-3f2a9c1b-step-12`. */
export function checkpointName(tuned: string, step: number): string {
  const end = `${tuned.slice(-9)}-step-${step}`;
  return tuned.slice(0, -9).slice(0, mostCharacters - end.length) + end;
}

/** What the contract needs of whoever carries fine-tuning jobs out; objects are answered as they are given. Trains nothing. */
import type { z } from "zod";
import type { Answered } from "../../../base/index.ts";
import type { checkpoints, job, jobEvents } from "../console-answers/jobs.ts";

type Auto = number | "auto";
interface JobHyperparameters {
  readonly n_epochs: Auto;
  readonly batch_size: Auto;
  readonly learning_rate_multiplier: Auto;
}
export type FineTuningMethod =
  | { readonly type: "supervised"; readonly supervised: { readonly hyperparameters: JobHyperparameters } }
  | { readonly type: "dpo"; readonly dpo: { readonly hyperparameters: JobHyperparameters & { readonly beta: Auto } } };

export interface JobFile {
  readonly id: string;
  /** Where its bytes lie. */
  readonly path: string;
}
export interface FineTuningRequest {
  readonly model: string;
  readonly trainingFile: JobFile;
  readonly validationFile: JobFile | null;
  readonly suffix: string | null;
  readonly seed: number | null;
  readonly method: FineTuningMethod;
  readonly metadata: Readonly<Record<string, string>> | null;
  /** Owner of the job and of its result files; null: nobody in particular. */
  readonly owner: string | null;
}

export type FineTuningJobData = Answered<z.output<typeof job>>;
type EventData = Answered<z.output<typeof jobEvents>>["data"][number];
type CheckpointData = Answered<z.output<typeof checkpoints>>["data"][number];

export interface FineTuning {
  create(request: FineTuningRequest): Promise<FineTuningJobData>;
  /** Oldest first, as all lists are. */
  list(): readonly FineTuningJobData[];
  get(id: string): FineTuningJobData | undefined;
  /** Null also for a job that was created before jobs had owners. */
  ownerOf(id: string): string | null;
  /** Errors where the job's status does not take it. */
  wish(id: string, wish: "cancel" | "pause" | "resume"): FineTuningJobData;
  events(id: string): readonly EventData[];
  checkpoints(id: string): readonly CheckpointData[];
  /** Takes a model that a job made out of what is served, for good; false where no job made it. Errors: serve/inUse while anything points at it. */
  remove(model: string): Promise<boolean>;
}

/** Keeps a file for clients; gives its id. Errors: serve/filesFull, base/diskFull. */
export type KeepFile = (filename: string, content: string, owner: string | null) => string;

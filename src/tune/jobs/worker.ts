/** What a job's child process is to whoever leads it: which work it does, what it says on the way, and how it ends. Knows no process. */
import type { MetricPoint } from "../../train/index.ts";
import type { CheckedFiles } from "./check-files.ts";

/** `check` reads the files; `train` makes the model, from the newest checkpoint where there is one. */
export type JobWork = "check" | "train";

export interface StepTold {
  readonly step: number;
  readonly steps: number;
  /** Mean nats a trained token of this step; for pairs the loss of their method. */
  readonly loss: number;
  /** Share of this step's trained tokens whose target had the greatest logit; of pairs it is not measured. */
  readonly tokenAccuracy?: number;
  /** The last measured on the validation file. */
  readonly validationLoss?: number;
  readonly validationTokenAccuracy?: number;
  readonly leftMs: number;
}
export interface TrainedTold {
  /** Number of the version under the job's name. */
  readonly version: number;
  /** The step whose values were taken. */
  readonly step: number;
  readonly validationLoss: number | null;
  /** Ends of earlier epochs, as versions of names of their own; oldest first. */
  readonly checkpoints: readonly { readonly step: number; readonly name: string; readonly version: number }[];
  /** Tokens that were targets in all epochs. */
  readonly trainedTokens: number;
  readonly points: readonly MetricPoint[];
}
export type WorkEvent =
  | ({ readonly event: "checked" } & CheckedFiles)
  | ({ readonly event: "step" } & StepTold)
  | ({ readonly event: "trained" } & TrainedTold);

export interface WorkEnd {
  readonly code: number | null;
  /** The signal that ended it, where one did. */
  readonly killedBy: string | null;
  /** What it said of itself when it failed. */
  readonly error: { readonly code: string; readonly sentence: string } | undefined;
}
export interface RunningWork {
  readonly ended: Promise<WorkEnd>;
  /** Asks it to save and end, at the next step's end. */
  stop(): void;
}
export type LaunchWork = (id: string, work: JobWork, onEvent: (event: WorkEvent) => void) => RunningWork;

/** Inner door: fine-tuning jobs, which a server takes in and child processes do. */
export { type CheckedFiles, checkJobFiles, type FileProblem } from "./check-files.ts";
export {
  checkpointName,
  type DpoHyperparameters,
  type Hyperparameters,
  hyperparametersOf,
  isOver,
  type Job,
  type JobCheckpoint,
  type JobError,
  type JobEvent,
  type JobMethod,
  type JobRequest,
  type JobStatus,
  jobStatuses,
  type Wish,
} from "./job.ts";
export { JobFolder, type JobRecord } from "./job-folder.ts";
export { TuneJobs, type TuneJobsPorts } from "./jobs.ts";
export type { JobWork, LaunchWork, RunningWork, StepTold, TrainedTold, WorkEnd, WorkEvent } from "./worker.ts";

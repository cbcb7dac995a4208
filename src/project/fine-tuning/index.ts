/** Fine-tuning jobs of a project's server. */
export { type ChangeJobOptions, type FineTuningJob, JobCalls, jobRecord } from "./job-calls.ts";
export { jobsFolder } from "./open-jobs.ts";
export { workOnJob } from "./work.ts";

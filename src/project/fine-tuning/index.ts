/** Fine-tuning jobs of a project's server. */
export { jobsFolder, openJobs } from "./open-jobs.ts";

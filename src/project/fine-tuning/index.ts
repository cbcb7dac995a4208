/** Fine-tuning jobs of a project's server. */
export { jobsFolder } from "./open-jobs.ts";
export { workOnJob } from "./work.ts";

/** Tuning on several ranks. */
export { tuneHere } from "./tune-here.ts";
export { type LaunchTuning, type RanksRecipe, type TuningTask, tuneAsRank, tuningTaskSchema } from "./tuning-task.ts";

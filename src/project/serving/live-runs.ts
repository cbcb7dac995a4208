/** Runs under way that train something, and what they have logged so far: a training, a tuning, or a stage of one's own that logs. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../../base/index.ts";
import { artifactId, listRuns, type RunInfo, type Store } from "../../store/index.ts";
import { metricsFile } from "../../train/index.ts";

/** Kinds of artifacts that a training ends in. */
export const trainedKinds = ["model", "adapter"] as const;

/** Newest runs among which those under way are looked for: a search begins many while one trial goes on. */
const newest = 1000;

const logOf = (store: Store, run: RunInfo): string => join(store.scratchFolder, run.recipe, metricsFile);

/** The artifact that a run will make. A run does not know its kind; only stages named so make adapters. */
export const artifactOf = (run: RunInfo): string => artifactId(run.stage.endsWith("-adapter") ? "adapter" : "model", run.recipe);

/** The product's own are known before their first step; any other stage is one that trains as soon as it logs. */
const isTraining = (store: Store, run: RunInfo): boolean => /^(train$|tune-)/.test(run.stage) || existsSync(logOf(store, run));

/** Of these runs, those that train and have not ended. */
export const trainingRuns = (store: Store, runs: readonly RunInfo[]): RunInfo[] =>
  runs.filter(r => r.state === "running" && isTraining(store, r));

/** The run under way that will make an artifact. */
export const liveRun = async (store: Store, artifact: string): Promise<RunInfo | undefined> =>
  (await listRuns(store, { limit: newest })).find(r => r.state === "running" && artifactOf(r) === artifact);

/** Bytes that a run has logged so far. */
export const liveLogBytes = (store: Store, recipe: string): number =>
  statSync(join(store.scratchFolder, recipe, metricsFile), { throwIfNoEntry: false })?.size ?? 0;

/** The whole lines that a run has logged so far. */
export function liveLog(store: Store, run: RunInfo): string {
  const path = logOf(store, run);
  const text = existsSync(path) ? readText(path) : "";
  // a line that is being written is not yet a point
  return text.slice(0, text.lastIndexOf("\n") + 1);
}

/** Retraining loops of a project: what directs them, and what they are doing. */
export { type HeavyWorkName, heavyWorks } from "./child-work.ts";
export { type CompareOptions, compareOnTraffic, type VersionComparison } from "./compare-versions.ts";
export {
  type LoopDryRun,
  type LoopRunOptions,
  type LoopRunReport,
  type LoopWord,
  loopStatusOf,
  runModelLoop,
  tellLoopWord,
  workOnRound,
} from "./loop-runs.ts";
export type { LastLook, LoopStatus } from "./loop-status.ts";
export { openLoops, type RunningLoops } from "./serving-loops.ts";

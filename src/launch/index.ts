/** launch: numbered tasks as processes on engines that exist (this machine, mpirun, Slurm, Ray, Kubernetes), watched, replaced, cancelled. Knows nothing of models. */
export { openLauncher, podFolder } from "./engines.ts";
export { launchErrors } from "./errors.ts";
export { type FoundEngine, foundEngines } from "./found-engines.ts";
export type { Launcher, LaunchJob, RunningJob, TaskState } from "./launcher.ts";
export { type LocalOptions, localLauncher } from "./local.ts";
export { type MpirunOptions, mpirunLauncher } from "./mpirun.ts";
export { type EngineName, launchEngineNames } from "./part.ts";
export { type RayOptions, rayLauncher } from "./ray.ts";
export { type SlurmOptions, slurmLauncher } from "./slurm.ts";
export { type GangLoss, type GangSupervision, superviseGang } from "./supervise-gang.ts";
export { type LaunchEvent, type Supervised, type Supervision, superviseTasks } from "./supervise-tasks.ts";

/** All engines by name. A new one is a row, a file that passes the suite of `launcher.laws.ts`, and its part of `launch:`. */
import type { Launcher } from "./launcher.ts";
import { localLauncher } from "./local.ts";
import { mpirunLauncher } from "./mpirun.ts";
import type { EngineName, LaunchPart } from "./part.ts";
import { rayLauncher } from "./ray.ts";
import { slurmLauncher } from "./slurm.ts";

type OpenEngine = (part: LaunchPart) => Launcher | Promise<Launcher>;

const engines: { readonly [E in EngineName]: OpenEngine } = {
  local: () => localLauncher(),
  mpirun: part => mpirunLauncher(part.mpirun),
  slurm: part => slurmLauncher(part.slurm),
  ray: part => rayLauncher(part.ray),
  // its client is loaded where it is wanted
  kubernetes: async part => (await import("./kubernetes.ts")).kubernetesLauncher({ ...part.kubernetes, folder: part.folder ?? podFolder }),
};

/** Where a pod finds the project. */
export const podFolder = "/project";

/** Errors: launch/job, launch/engine, kubernetes/configuration where its options are missing or wrong. */
export const openLauncher = async (engine: EngineName, part: LaunchPart): Promise<Launcher> => engines[engine](part);

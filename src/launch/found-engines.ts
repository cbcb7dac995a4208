/** Which engines this machine could start tasks on, as far as a quick look shows: nothing is submitted. */
import { environment, isLoamError } from "../base/index.ts";
import type { EngineName } from "./part.ts";
import { runProgram } from "./program.ts";
import { rayAddress, rayRequest } from "./ray-http.ts";

export interface FoundEngine {
  readonly engine: Exclude<EngineName, "local">;
  /** `mpirun 4.1.4`, `Ray 2.60.0 at http://127.0.0.1:8265`; undefined where there is none. */
  readonly found: string | undefined;
  /** How to get it. */
  readonly hint: string;
}

/** A program or a dashboard that does not say who it is by then is not there. */
const lookMs = 3_000;

async function versionOf(program: string): Promise<string | undefined> {
  const end = await runProgram(program, ["--version"], { hint: "", timeoutMs: lookMs });
  if (end.code !== 0) return undefined;
  return /\d+(\.\d+)+/.exec(end.stdout)?.[0] ?? "of unknown version";
}

async function rayVersion(): Promise<string | undefined> {
  const address = rayAddress(undefined);
  const { status, body } = await rayRequest(address, "GET", "/api/version", undefined, lookMs);
  if (status !== 200) return undefined;
  return `Ray ${/"ray_version": ?"([\w.]+)"/.exec(body)?.[1] ?? "of unknown version"} at ${address.origin}`;
}

async function kubernetesServer(): Promise<string> {
  // its client is loaded where it is wanted
  const { openKubernetesAccount } = await import("../kubernetes/index.ts");
  const { server, namespace } = openKubernetesAccount(environment());
  return `Kubernetes at ${server}, namespace ${namespace}`;
}

const looks: { readonly [E in FoundEngine["engine"]]: { readonly look: () => Promise<string | undefined>; readonly hint: string } } = {
  mpirun: {
    look: async () => {
      const version = await versionOf("mpirun");
      return version === undefined ? undefined : `mpirun ${version}`;
    },
    hint: "apt-get install openmpi-bin",
  },
  slurm: {
    look: async () => {
      const version = await versionOf("sbatch");
      return version === undefined ? undefined : `sbatch ${version}`;
    },
    hint: "a machine that submits to Slurm (apt-get install slurm-client)",
  },
  ray: { look: rayVersion, hint: "ray start --head, or RAY_API_SERVER_ADDRESS" },
  kubernetes: { look: kubernetesServer, hint: "a kubeconfig (KUBECONFIG)" },
};

/** What there is of each engine but this machine itself. Never fails; takes a few seconds at most. */
export const foundEngines = (): Promise<readonly FoundEngine[]> =>
  Promise.all(
    Object.entries(looks).map(async ([engine, { look, hint }]) => {
      const found = await look().catch((error: unknown) => {
        if (isLoamError(error)) return undefined;
        throw error;
      });
      // the keys of the table are the engines
      return { engine: engine as FoundEngine["engine"], found, hint };
    }),
  );

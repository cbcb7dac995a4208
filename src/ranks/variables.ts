/** What the environment of a rank says: Loam's own variables, or those of mpirun, Slurm and torchrun. */
import { defined, type Environment } from "../base/index.ts";
import { ranksErrors } from "./errors.ts";

const transports = ["shared memory", "tcp", "mpi"] as const;
export type Transport = (typeof transports)[number];

/** Names of variables that `startRanks` sets and `joinRanks` reads. */
export const rankVariables = {
  rank: "LOAM_RANK",
  size: "LOAM_RANKS",
  transport: "LOAM_RANKS_TRANSPORT",
  address: "LOAM_RANKS_ADDRESS",
  secret: "LOAM_RANKS_SECRET",
  run: "LOAM_RANKS_RUN",
  launcher: "LOAM_RANKS_LAUNCHER",
} as const;

export interface RankPlace {
  readonly rank: number;
  readonly size: number;
  readonly transport: Transport;
  /** Of rank 0, HOST:PORT, where the transport needs one. */
  readonly address?: string;
  readonly secret?: string;
  /** Name of the run, where ranks share memory. */
  readonly run: string;
  /** The process that started the ranks, when that was Loam. */
  readonly launcher?: number;
}

/** Variables of launchers, the first that has both numbers counts. */
const launchers = [
  { rank: rankVariables.rank, size: rankVariables.size },
  { rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE" },
  { rank: "PMI_RANK", size: "PMI_SIZE" },
  // a batch script that srun has not started has a SLURM_PROCID, too, but is no step
  { rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS" },
  { rank: "RANK", size: "WORLD_SIZE", also: "MASTER_ADDR" },
] as const;

const mostRanks = 65_536;
/** Ports of runs that Slurm starts, by the number of the job. */
const [firstPort, ports] = [20_000, 20_000];

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const n = Number(text);
  if (!/^\d{1,9}$/.test(text) || n < least || n > most)
    throw ranksErrors.fail("argument", {
      place: name,
      expected: `a whole number from ${least} to ${most}`,
      received: JSON.stringify(text),
    });
  return n;
}

/** The first host of a list such as `node[03-05,9],other`. */
export function firstHost(list: string): string | undefined {
  const found = /^([\w.-]+?)(?:\[(\w+)[^\]]*\]([\w.-]*))?(?:,|$)/.exec(list);
  return found ? `${found[1]}${found[2] ?? ""}${found[3] ?? ""}` : undefined;
}

function addressOf(env: Environment): string | undefined {
  if (env[rankVariables.address]) return env[rankVariables.address];
  if (env.MASTER_ADDR && env.MASTER_PORT) return `${env.MASTER_ADDR}:${env.MASTER_PORT}`;
  const [host, job] = [firstHost(env.SLURM_STEP_NODELIST ?? ""), Number(env.SLURM_JOB_ID)];
  return host !== undefined && Number.isInteger(job) ? `${host}:${firstPort + (job % ports)}` : undefined;
}

/** Whether the launcher says that all ranks run on one host. */
function isOneHost(env: Environment, size: number): boolean {
  const local = env.OMPI_COMM_WORLD_LOCAL_SIZE ?? env.LOCAL_WORLD_SIZE;
  return env.SLURM_STEP_NUM_NODES === "1" || (local !== undefined && Number(local) === size);
}

function transportOf(env: Environment, size: number, isMpi: boolean): Transport {
  const name = env[rankVariables.transport];
  const known = transports.find(t => t === name);
  if (name && !known)
    throw ranksErrors.fail("argument", { place: rankVariables.transport, expected: transports.join(", "), received: JSON.stringify(name) });
  if (known) return known;
  if (isMpi) return "mpi";
  return isOneHost(env, size) && process.platform === "linux" ? "shared memory" : "tcp";
}

/** This process's place among the ranks of its run; undefined where nothing started it as a rank. Errors: `ranks/argument`. */
export function rankPlace(env: Environment): RankPlace | undefined {
  const launcher = launchers.find(l => env[l.rank] && env[l.size] && (!("also" in l) || env[l.also]));
  if (!launcher) {
    const half = [rankVariables.rank, rankVariables.size].find(name => env[name]);
    if (half)
      throw ranksErrors.fail("argument", {
        place: half,
        expected: `${rankVariables.rank} and ${rankVariables.size}`,
        received: `${half} alone`,
      });
    return undefined;
  }
  const size = wholeNumber(launcher.size, env[launcher.size]!, 1, mostRanks);
  const rank = wholeNumber(launcher.rank, env[launcher.rank]!, 0, size - 1);
  const isMpi = launcher.rank === "OMPI_COMM_WORLD_RANK";
  const [job, step] = [env.SLURM_JOB_ID, env.SLURM_STEP_ID];
  const parent = env[rankVariables.launcher];
  const run = env[rankVariables.run] ?? env.OMPI_MCA_orte_hnp_uri ?? (job ? `slurm ${job}.${step}` : undefined) ?? addressOf(env);
  return {
    rank,
    size,
    transport: transportOf(env, size, isMpi),
    run: run ?? "",
    ...defined({
      address: addressOf(env),
      secret: env[rankVariables.secret] || undefined,
      launcher: parent ? wholeNumber(rankVariables.launcher, parent, 1, 2 ** 22) : undefined,
    }),
  };
}

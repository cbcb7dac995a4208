/** How a process that was started as a rank becomes one. */
import { defined, environment } from "../base/index.ts";
import { ranksErrors } from "./errors.ts";
import { memoryGroups } from "./memory-group.ts";
import { mpiGroup } from "./mpi/index.ts";
import { endWithParent } from "./native.ts";
import type { GroupOptions, ProcessGroup } from "./process-group.ts";
import { sharedMemoryGroup } from "./shared/index.ts";
import { tcpGroup } from "./tcp/index.ts";
import { type RankPlace, rankPlace, rankVariables } from "./variables.ts";

export interface JoinOptions extends GroupOptions {
  /** Longest wait for all ranks at the start (default 60,000). */
  readonly joinTimeoutMs?: number;
}

const watchMs = 1000;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** No rank goes on without the process that started it, however that ended. */
function endWithLauncher(launcher: number): void {
  if (process.ppid === launcher && endWithParent() && process.ppid === launcher) return;
  if (!isRunning(launcher))
    throw ranksErrors.fail("lost", { place: "start of the ranks", expected: "the process that started this rank", received: "its end" });
  // a program between the two
  setInterval(() => {
    if (!isRunning(launcher)) process.kill(process.pid, "SIGKILL");
  }, watchMs).unref();
}

const missing = (variable: string, { transport }: RankPlace, hint: string) =>
  ranksErrors.fail("transport", { place: `transport ${transport}`, expected: `the variable ${variable}`, received: "none", hint });

function openGroup(place: RankPlace, options: JoinOptions): Promise<ProcessGroup> {
  const { rank, size, run, transport, secret, address } = place;
  if (transport === "mpi") return mpiGroup(options);
  if (transport === "shared memory") {
    if (run === "") throw missing(rankVariables.run, place, "Set it to the same name for all ranks, another for every run.");
    return sharedMemoryGroup({ rank, size, run, secret: secret ?? "", ...options });
  }
  if (secret === undefined) throw missing(rankVariables.secret, place, "Set it to one long random text for all ranks.");
  if (address === undefined) throw missing(rankVariables.address, place, "Set it to HOST:PORT of rank 0 for all ranks.");
  return tcpGroup({ rank, size, address, secret, ...options });
}

/**
 * The ranks of this run, from the environment that `startRanks`, mpirun, srun or torchrun gave this process; a group of one where nothing started it as
 * a rank. Call it once, before long work. Errors: `ranks/argument`, `ranks/transport`, `ranks/stuck`, `ranks/lost`.
 */
export async function joinRanks(options: JoinOptions = {}): Promise<ProcessGroup> {
  const place = rankPlace(environment());
  if (!place) return memoryGroups(1, defined({ timeoutMs: options.timeoutMs }))[0]!;
  if (place.launcher !== undefined) endWithLauncher(place.launcher);
  return openGroup(place, options);
}

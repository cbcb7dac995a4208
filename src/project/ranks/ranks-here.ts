/** Ranks as processes of this machine. */
import { join } from "node:path";
import { defined, isLoamError, LoamError } from "../../base/index.ts";
import { startRanks } from "../../ranks/index.ts";
import { writeRankTask } from "../../train/index.ts";
import { machine } from "../machine.ts";
import { packageFolder } from "../package.ts";
import { againHint, type RankStart, stopMs, withThreads } from "./rank-start.ts";

/** Ranks share the threads of the device. */
export async function runRanksHere({ project, task, size, watched, voices, onNote }: RankStart): Promise<void> {
  const { threads = machine().cores } = project.config.device;
  const path = writeRankTask(withThreads(task, Math.max(1, Math.floor(threads / size))));
  watched.progress({ stage: "train", message: `starting ${size} rank${size > 1 ? "s" : ""}` });
  const ranks = await startRanks({
    size,
    program: process.execPath,
    args: [join(packageFolder, "bin", "loam.js"), "train", "rank", path, "--project", project.folder],
    cwd: project.folder,
    stopMs,
    signal: watched.signal,
    onKilled: (rank, by) => onNote(`loam: rank ${rank} was lost (an end by ${by}).${size > 1 ? " Ending the others." : ""}`),
    onLine: ({ rank, stream, line }) => {
      if (stream === "stdout") voices.hear(rank, line);
    },
  });
  try {
    await ranks.ended;
  } catch (error) {
    if (watched.signal.aborted) throw watched.signal.reason;
    const why = voices.reason(size);
    if (why) throw why;
    if (!isLoamError(error, "ranks/lost")) throw error;
    throw new LoamError({ ...error.problem, hint: againHint }, error.row, defined({ details: error.details }));
  }
}

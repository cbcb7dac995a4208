/** One rank of a training: joins the others, sees that all have the same program, recipe and data, and trains its share. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defined, hashOf, isLoamError, LoamError } from "../../base/index.ts";
import { ownProcessorSeconds } from "../../ledger/index.ts";
import { agree, joinRanks, type ProcessGroup } from "../../ranks/index.ts";
import { openArtifact } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { type RankTask, readRankTask, trainRank } from "../../train/index.ts";
import { environmentOf } from "../environment.ts";
import { withKeptPrecisions } from "../kept-precisions.ts";
import { packageFolder } from "../package.ts";
import { findProject, withProjectStore } from "../project-file.ts";
import { keptExecutables } from "../training/kept-executables.ts";
import { type RankEvent, rankLine } from "./rank-event.ts";

export interface RankWork {
  /** Path of the task. */
  readonly task: string;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly write: (line: string) => void;
}

/** Hash of the program's files. */
function programHash(): string {
  const folder = join(packageFolder, "dist", "bundle");
  const hash = createHash("sha256");
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}

/** What the bytes of a training depend on; of the machine only where each rank updates all parameters itself, and must come to the same. */
function factsOf(task: RankTask, threads: number, device: string): Record<string, string> {
  const { node: _, processor: __, threads: ___, ...machine } = environmentOf({ name: device, threads })();
  const { folder: ____, eventsFolder: _____, threads: ______, ...lasting } = task;
  return {
    program: programHash(),
    task: hashOf(JSON.parse(JSON.stringify(lasting))),
    data: hashOf([task.shards.digest, task.tokenizer.digest]),
    ...(task.recipe.zero ? {} : { "machine code": hashOf({ ...machine, vector: [...machine.vector] }) }),
  };
}

async function work({ folder, signal, write }: RankWork, task: RankTask, group: ProcessGroup): Promise<void> {
  const file = findProject(folder);
  const { name, affinity: _, ...options } = file.config.device;
  const { threads } = task;
  const tell = (told: RankEvent) => write(rankLine(told));
  await agree(group, factsOf(task, threads, name));
  const device = openDevice(name, { ...defined(options), threads, executables: keptExecutables(file.folder) });
  await withProjectStore(file, store =>
    withKeptPrecisions(() =>
      trainRank(task, {
        group,
        device,
        open: id => openArtifact(store, id),
        progress: progress => {
          if (group.rank === 0) tell({ event: "progress", progress });
        },
        signal,
        onProblem: ({ problem }) => tell({ event: "problem", problem }),
      }),
    ),
  );
}

/** Rejects when the signal comes: a rank that waits for others at the start has nothing to save. */
const interruption = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** Carries out a rank's part of a task, to its end. Errors: train/*, ranks/*, told on standard output too. */
export async function workAsRank(o: RankWork): Promise<void> {
  let group: ProcessGroup | undefined;
  try {
    const task = readRankTask(o.task);
    group = await Promise.race([joinRanks(), interruption(o.signal)]);
    await work(o, task, group);
    o.write(rankLine({ event: "used", processorSeconds: ownProcessorSeconds(), waitedSeconds: group.waitedMs / 1000 }));
  } catch (error) {
    const known = isLoamError(error) ? error : undefined;
    const problem = known?.problem ?? { code: "base/internal", message: error instanceof Error ? error.message : String(error) };
    o.write(rankLine({ event: "error", problem, exitCode: known?.exitCode ?? 1 }));
    throw o.signal.aborted && !(error instanceof LoamError) ? o.signal.reason : error;
  } finally {
    await group?.close().catch(() => {});
  }
}

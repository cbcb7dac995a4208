/** One rank of a training: joins the others, sees that all have the same program, recipe and data, and trains its share. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { check, defined, environment, hashOf, isLoamError, LoamError, type ProgressEvent } from "../../base/index.ts";
import { ownProcessorSeconds } from "../../ledger/index.ts";
import { agree, joinRanks, meetInFolder, type ProcessGroup, ranksErrors } from "../../ranks/index.ts";
import { openArtifact } from "../../store/index.ts";
import { openDevice } from "../../tensor/index.ts";
import { checkRankTask, type RankTask, rankTaskContent, trainRank, type ZeroLevel } from "../../train/index.ts";
import { type TuningTask, tuneAsRank, tuningStages, tuningTaskSchema } from "../../tune/index.ts";
import { environmentOf } from "../environment.ts";
import { withKeptPrecisions } from "../kept-precisions.ts";
import { packageFolder } from "../package.ts";
import { findProject, withProjectStore } from "../project-file.ts";
import { keptExecutables } from "../training/kept-executables.ts";
import { surroundingsOf } from "../tuning/surroundings.ts";
import { type Meeting, readMeeting, tellCommand, watchCommand } from "./meeting-folder.ts";
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

/** What ranks carry out: a training, or a stage of tuning. */
type AnyTask = { readonly kind: "train"; readonly task: RankTask } | { readonly kind: "tune"; readonly task: TuningTask };

/** Errors: base/config for a file that is no task. */
function readTask(path: string): AnyTask {
  const content = rankTaskContent(path);
  const isTuning = typeof content === "object" && content !== null && "stage" in content;
  return isTuning ? { kind: "tune", task: check(tuningTaskSchema, content, path) } : { kind: "train", task: checkRankTask(content, path) };
}

/** Of any recipe that ranks train. */
interface RankRecipe {
  readonly zero?: ZeroLevel | undefined;
}

/** Digests of what a task reads, and its recipe. */
const readsOf = (given: AnyTask): { readonly digests: string[]; readonly recipe: RankRecipe } =>
  given.kind === "train"
    ? { digests: [given.task.shards.digest, given.task.tokenizer.digest], recipe: given.task.recipe }
    : { digests: Object.values(given.task.inputs).map(i => i.digest), recipe: given.task.options.recipe };

/** What the bytes of a training depend on; of the machine only where each rank updates all parameters itself, and must come to the same. */
function factsOf(given: AnyTask, device: string): Record<string, string> {
  const { folder: _, eventsFolder: __, threads, ...lasting } = given.task;
  const { node: ___, processor: ____, threads: _____, ...machine } = environmentOf({ name: device, threads })();
  const { digests, recipe } = readsOf(given);
  return {
    program: programHash(),
    task: hashOf(JSON.parse(JSON.stringify(lasting))),
    data: hashOf(digests),
    ...(recipe.zero ? {} : { "machine code": hashOf({ ...machine, vector: [...machine.vector] }) }),
  };
}

async function work({ folder, signal, write }: RankWork, given: AnyTask, group: ProcessGroup): Promise<void> {
  const file = findProject(folder);
  const { name, affinity: _, ...options } = file.config.device;
  const { threads } = given.task;
  const tell = (told: RankEvent) => write(rankLine(told));
  await agree(group, factsOf(given, name));
  const device = openDevice(name, { ...defined(options), threads, executables: keptExecutables(file.folder) });
  const onProblem = ({ problem }: LoamError) => tell({ event: "problem", problem });
  await withProjectStore(file, store => {
    const around = {
      open: (id: string) => openArtifact(store, id),
      progress: (progress: ProgressEvent) => {
        if (group.rank === 0) tell({ event: "progress", progress });
      },
      signal,
    };
    if (given.kind === "train") return withKeptPrecisions(() => trainRank(given.task, { ...around, group, device, onProblem }));
    const stages = tuningStages({ ...surroundingsOf(file, { device: () => device, onProblem }), ranks: group });
    return withKeptPrecisions(() => tuneAsRank(given.task, { ...around, stageOf: name => stages.find(s => s.name === name) }));
  });
}

/** Rejects when the signal comes: a rank that waits for others at the start has nothing to save. */
const interruption = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

/** This process among the ranks that an engine has started: by MPI under Open MPI's mpirun, else by the folder of the run. */
function joinElsewhere(folder: string, { size, run, secret, joinMs }: Meeting, signal: AbortSignal): Promise<ProcessGroup> {
  const variables = environment();
  const isMpi = variables.OMPI_COMM_WORLD_SIZE === String(size) && !variables.LOAM_RANKS_TRANSPORT;
  if (isMpi) return joinRanks({ joinTimeoutMs: joinMs });
  return meetInFolder({ folder, rank: taskNumber(), size, run, secret, joinTimeoutMs: joinMs, signal });
}

/** The number that the engine gave this process. Errors: ranks/argument. */
function taskNumber(): number {
  const given = environment().LOAM_TASK;
  if (given !== undefined && /^\d{1,6}$/.test(given)) return Number(given);
  throw ranksErrors.fail("argument", {
    place: "LOAM_TASK",
    expected: "the number of the rank, from 0",
    received: String(given ?? "nothing"),
  });
}

/** How a rank reaches the command that has started it. */
interface RankSeat {
  join(): Promise<ProcessGroup>;
  readonly signal: AbortSignal;
  readonly write: (line: string) => void;
  leave(): void;
}

function seatOf({ task, signal, write }: RankWork): RankSeat {
  const folder = dirname(task);
  const meeting = readMeeting(folder);
  if (meeting === undefined) return { join: () => joinRanks(), signal, write, leave: () => {} };
  const watch = watchCommand(folder);
  const stopped = AbortSignal.any([signal, watch.signal]);
  const rank = taskNumber();
  return {
    join: () => joinElsewhere(folder, meeting, stopped),
    signal: stopped,
    write: line => tellCommand(folder, rank, line),
    leave: watch.stop,
  };
}

/** A stop of another rank, by which this one has stopped too. */
const stoppedElsewhere = () =>
  ranksErrors.fail("lost", { place: "another rank", expected: "training to its end", received: "its stop by a signal" });

/** Carries out a rank's part of a task, to its end. Errors: train/*, ranks/*, written to standard output, or to the folder of the run, too. */
export async function workAsRank(o: RankWork): Promise<void> {
  const seat = seatOf(o);
  let group: ProcessGroup | undefined;
  try {
    const task = readTask(o.task);
    group = await Promise.race([seat.join(), interruption(seat.signal)]);
    await work({ ...o, signal: seat.signal, write: seat.write }, task, group);
    seat.write(rankLine({ event: "used", processorSeconds: ownProcessorSeconds(), waitedSeconds: group.waitedMs / 1000 }));
  } catch (thrown) {
    const error = !seat.signal.aborted && thrown instanceof DOMException && thrown.name === "AbortError" ? stoppedElsewhere() : thrown;
    const known = isLoamError(error) ? error : undefined;
    const problem = known?.problem ?? { code: "base/internal", message: error instanceof Error ? error.message : String(error) };
    seat.write(rankLine({ event: "error", problem, exitCode: known?.exitCode ?? 1 }));
    throw seat.signal.aborted && !(error instanceof LoamError) ? seat.signal.reason : error;
  } finally {
    seat.leave();
    await group?.close().catch(() => {});
  }
}

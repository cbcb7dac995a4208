/**
 * Starts the ranks of a training as processes of this machine and waits for them. One progress output: the first rank's. A rank that is lost is named, and the
 * training goes on without it where the recipe says so.
 */
import { join } from "node:path";
import { defined, isLoamError, LoamError, type Problem, type ProgressEvent } from "../../base/index.ts";
import { chargeElsewhere } from "../../ledger/index.ts";
import { type RankLine, startRanks } from "../../ranks/index.ts";
import { type LaunchRanks, meshSize, type RankWatch, ranksOfModel, writeRankTask } from "../../train/index.ts";
import { machine } from "../machine.ts";
import { packageFolder } from "../package.ts";
import type { ProjectFile } from "../project-file.ts";
import { openingEvent, type RankEvent } from "./rank-event.ts";

/** Ranks that the user stops finish their step and save: so long, at most, before they are killed. */
const stopMs = 120_000;

/** What the ranks of one start have said. */
class RankVoices {
  readonly errors = new Map<number, RankEvent & { readonly event: "error" }>();
  readonly #watched: RankWatch;
  /** The step of the newest progress. */
  step = 0;

  constructor(watched: RankWatch) {
    this.#watched = watched;
  }

  hear({ rank, stream, line }: RankLine): void {
    if (stream !== "stdout" || !line.startsWith(openingEvent)) return;
    const told = JSON.parse(line) as RankEvent;
    if (told.event === "error") this.errors.set(rank, told);
    else if (told.event === "used") chargeElsewhere(told.processorSeconds, { waited: told.waitedSeconds });
    else if (rank === 0 && told.event === "progress") this.#progress(told.progress);
    else if (rank === 0 && told.event === "problem") this.#watched.onProblem?.(errorOf(told.problem, 1));
  }

  #progress(event: ProgressEvent): void {
    const { step } = event.values ?? {};
    if (typeof step === "number") this.step = step;
    this.#watched.progress(event);
  }
}

const exitKinds = { 2: "usage", 3: "environment" } as const;

/** An error that a rank has told, as it would have been thrown here. */
const errorOf = (problem: Problem, exitCode: number): LoamError =>
  new LoamError(problem, { status: 500, exit: exitKinds[exitCode as keyof typeof exitKinds] ?? "failure", meaning: "An error of a rank." });

/** Errors that say what another rank has done. */
const isOfAnother = (code: string): boolean => code === "ranks/lost" || code === "ranks/stuck" || code === "train/rank";

/** The rank's error that is the reason for all others; undefined where none has told one: a rank was killed. */
function reason(voices: RankVoices, size: number): LoamError | undefined {
  const own = [...voices.errors].filter(([, e]) => !isOfAnother(e.problem.code)).sort(([a], [b]) => a - b);
  const [first] = own;
  if (!first) return undefined;
  const [rank, { problem, exitCode }] = first;
  const place = own.length === size || size === 1 ? problem.place : [`rank ${rank}`, problem.place].filter(Boolean).join(": ");
  return errorOf({ ...problem, ...defined({ place }) }, exitCode);
}

const wasLost = (error: unknown): error is LoamError => isLoamError(error, "ranks/lost");

/** The ranks of trainings of a project. `onNote` hears of a rank that is lost, at once, and of a training that goes on without it. */
export function launchRanksIn(file: ProjectFile, onNote: (message: string) => void): LaunchRanks {
  const { threads = machine().cores } = file.config.device;

  /** One start: all ranks to their end. */
  async function run(task: Parameters<LaunchRanks>[0], size: number, watched: RankWatch): Promise<void> {
    const path = writeRankTask({ ...task, threads: Math.max(1, Math.floor(threads / size)) });
    const voices = new RankVoices(watched);
    watched.progress({ stage: "train", message: `starting ${size} rank${size > 1 ? "s" : ""}` });
    const ranks = await startRanks({
      size,
      program: process.execPath,
      args: [join(packageFolder, "bin", "loam.js"), "train", "rank", path, "--project", file.folder],
      cwd: file.folder,
      stopMs,
      signal: watched.signal,
      onKilled: (rank, by) => onNote(`loam: rank ${rank} was lost (an end by ${by}).${size > 1 ? " Ending the others." : ""}`),
      onLine: line => voices.hear(line),
    });
    try {
      await ranks.ended;
    } catch (error) {
      if (watched.signal.aborted) throw watched.signal.reason;
      const why = reason(voices, size);
      if (why) throw why;
      if (!wasLost(error)) throw error;
      const kept = "Run the same command again to go on from the newest checkpoint.";
      throw new LoamError({ ...error.problem, hint: kept }, error.row, defined({ details: error.details }));
    }
  }

  return async (task, _, watched) => {
    // a rank that is lost takes those with it that have other parts of the model for the same rows
    const fewer = ranksOfModel(task.recipe.mesh);
    for (let size = meshSize(task.recipe.mesh); ; size -= fewer)
      try {
        return await run(task, size, watched);
      } catch (error) {
        if (!wasLost(error) || task.recipe.onLost !== "shrink" || size <= fewer) throw error;
        onNote(
          `loam: ${error.problem.place ?? "a rank"} was lost (${error.problem.received}). Training goes on from the newest checkpoint on ${size - fewer} of ${meshSize(task.recipe.mesh)} ranks.`,
        );
      }
  };
}

/** One start of the ranks of a training, wherever they run. */
import type { EngineName } from "../../launch/index.ts";
import type { RankWatch } from "../../train/index.ts";
import type { ProjectFile } from "../project-file.ts";
import type { RankVoices } from "./rank-voices.ts";

/** Where the ranks of trainings start. */
export interface RankEngine {
  /** Default: this machine. */
  readonly engine?: EngineName | undefined;
  /** Of Ray's dashboard. */
  readonly address?: string | undefined;
  /** A training without a mesh starts there too, as one rank. Default: it stays in this process. */
  readonly isForOne?: boolean | undefined;
}

/** What ranks carry out: plain data, with the folders that they share. */
export interface RankedTask {
  readonly folder: string;
  readonly eventsFolder?: string | undefined;
}

/** One start of ranks: all of them to their end. Errors: `ranks/lost` for one that ended, its own, the signal's reason. */
export interface RankStart extends RankEngine {
  readonly project: ProjectFile;
  readonly task: RankedTask;
  readonly size: number;
  readonly watched: RankWatch;
  readonly voices: RankVoices;
  /** Hears of a rank that is lost, at once. */
  readonly onNote: (message: string) => void;
}

/** Ranks that were asked to stop finish their step and save: so long, at most, before they are killed. */
export const stopMs = 120_000;

/** What to do after a rank was lost. */
export const againHint = "Run the same command again to go on from the newest checkpoint.";

/** A task with the threads of each rank. */
export const withThreads = (task: RankedTask, threads: number): RankedTask & { readonly threads: number } => ({ ...task, threads });

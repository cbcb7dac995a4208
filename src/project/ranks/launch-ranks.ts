/**
 * Starts the ranks of a training, as processes of this machine or on an engine, and waits for them. One progress output: the first rank's. A rank that is lost
 * is named, and the training goes on without it, or with another in its place, where the recipe says so.
 */
import { isLoamError, type LoamError } from "../../base/index.ts";
import { type LaunchRanks, meshSize, type RankWatch, ranksOfModel } from "../../train/index.ts";
import type { LaunchTuning, RanksRecipe } from "../../tune/index.ts";
import type { ProjectFile } from "../project-file.ts";
import type { RankEngine, RankedTask } from "./rank-start.ts";
import { RankVoices } from "./rank-voices.ts";
import { runRanksElsewhere } from "./ranks-elsewhere.ts";
import { runRanksHere } from "./ranks-here.ts";

/** Starts that come no step further than the one before, after which a training is not started again. */
const mostInVain = 3;

const wasLost = (error: unknown): error is LoamError => isLoamError(error, "ranks/lost");

type RunRanks = (task: RankedTask, recipe: Pick<RanksRecipe, "mesh" | "onLost">, watched: RankWatch) => Promise<void>;

/** Runs ranks of a project, one start after the other as the recipe says. `onNote` hears of a rank that is lost, at once, and of work that goes on without it. */
function runRanksIn(project: ProjectFile, onNote: (message: string) => void, where: RankEngine): RunRanks {
  const start = where.engine === undefined || where.engine === "local" ? runRanksHere : runRanksElsewhere;
  return async (task, { mesh, onLost: rule = "stop" }, watched) => {
    const whole = meshSize(mesh);
    // a rank that is lost takes those with it that have other parts of the model for the same rows
    const fewer = ranksOfModel(mesh);
    let [size, inVain, furthest] = [whole, 0, 0];
    for (;;) {
      const voices = new RankVoices(watched);
      try {
        return await start({ ...where, project, task, size, watched, voices, onNote });
      } catch (error) {
        if (!wasLost(error) || rule === "stop" || (rule === "shrink" && size <= fewer)) throw error;
        inVain = voices.step > furthest ? 0 : inVain + 1;
        furthest = Math.max(furthest, voices.step);
        if (rule === "restart" && inVain >= mostInVain) throw error;
        if (rule === "shrink") size -= fewer;
        const how = rule === "shrink" ? `on ${size} of ${whole} ranks` : `with ${size} new ranks`;
        const { place = "a rank", received } = error.problem;
        onNote(`loam: ${place} was lost (${received}). Training goes on from the newest checkpoint ${how}.`);
      }
    }
  };
}

/** The ranks of trainings of a project. `onLost` hears of a rank without which, or without whose process, a training goes on. */
export function launchRanksIn(project: ProjectFile, onLost: (message: string) => void, where: RankEngine = {}): LaunchRanks {
  const run = runRanksIn(project, onLost, where);
  return (task, _, watched) => run(task, task.recipe, watched);
}

/** The same of tunings. */
export function launchTuningIn(project: ProjectFile, onLost: (message: string) => void, where: RankEngine = {}): LaunchTuning {
  const run = runRanksIn(project, onLost, where);
  return (task, recipe, _, watched) => run(task, recipe, watched);
}

/** Ranks of a tuning as tasks of this process: the same bytes as processes give, in the memory of one. */
import { memoryGroups, type ProcessGroup } from "../../ranks/index.ts";
import type { Stage } from "../../store/index.ts";
import { meshSize } from "../../train/index.ts";
import { type LaunchTuning, tuneAsRank } from "./tuning-task.ts";

/** `stagesOf` gives the stages of tuning for a rank. */
export const tuneHere =
  (stagesOf: (ranks: ProcessGroup) => readonly Stage[]): LaunchTuning =>
  async (task, recipe, inputs, { progress, signal }) => {
    const byId = new Map(Object.values(inputs).map(input => [input.id, input] as const));
    const ranks = memoryGroups(meshSize(recipe.mesh)).map(async group => {
      const stageOf = (name: string) => stagesOf(group).find(s => s.name === name);
      try {
        await tuneAsRank(
          task,
          // the inputs of the task are those of the stage
          { stageOf, open: async id => byId.get(id)!, progress: group.rank === 0 ? progress : () => {}, signal },
        );
      } catch (error) {
        // the others would wait for this rank
        group.crash();
        throw error;
      }
    });
    await Promise.all(ranks);
  };

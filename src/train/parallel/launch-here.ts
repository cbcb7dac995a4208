/** Ranks of a training as tasks of this process: the same bytes as processes give, in the memory of one. */
import { memoryGroups } from "../../ranks/index.ts";
import type { Device } from "../../tensor/index.ts";
import type { LaunchRanks } from "../stage.ts";
import { meshSize } from "./mesh.ts";
import { trainRank } from "./rank-task.ts";

/** `device` gives what each of so many ranks computes on. */
export const launchHere =
  (device: (size: number) => Device): LaunchRanks =>
  async (task, { shards, tokenizer }, { progress, signal, onProblem = () => {} }) => {
    const size = meshSize(task.recipe.mesh);
    const shared = device(size);
    const open = async (id: string) => (id === shards.id ? shards : tokenizer);
    const ranks = memoryGroups(size).map(async group => {
      const own = group.rank === 0 ? progress : () => {};
      try {
        await trainRank({ ...task, threads: 1 }, { group, device: shared, open, progress: own, signal, onProblem });
      } catch (error) {
        // the others would wait for this rank
        group.crash();
        throw error;
      }
    });
    await Promise.all(ranks);
  };

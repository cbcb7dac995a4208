/** The state of a loop from the newest whole checkpoint in its folder, spread over the ranks that go on. */
import { type LoamError, treePaths } from "../base/index.ts";
import { type ArraysOf, loadTree } from "../nn/index.ts";
import type { Device } from "../tensor/index.ts";
import { latestCheckpoint, openCheckpoint, removeUnfinished } from "./checkpoint.ts";
import { trainErrors } from "./errors.ts";
import { isPosition, type KeptValues } from "./loop-position.ts";
import { type Optimizer, optimizerStateShapes } from "./optimizer.ts";
import { partOfFile } from "./parallel/joined-file.ts";
import { isFirstRank, stateHolder } from "./parallel/loop-ranks.ts";
import type { ParallelOptions } from "./parallel/parallel-options.ts";
import { partsOfFile } from "./parallel/split-values.ts";
import type { TrainerState } from "./trainer.ts";

interface RestoreOptions<S> {
  readonly folder: string;
  readonly identity: string;
  readonly onProblem?: ((problem: LoamError) => void) | undefined;
  readonly trainer: {
    readonly device: Device;
    readonly specs: S;
    readonly optimizer: Optimizer;
    readonly parallel?: ParallelOptions | undefined;
  };
}

/** The newest whole checkpoint. Of several ranks the first one looks for it, and the others open the same. */
async function newestCheckpoint({ folder, identity, onProblem, trainer }: RestoreOptions<unknown>) {
  const group = trainer.parallel?.group;
  const isFirst = isFirstRank(trainer.parallel);
  if (isFirst) removeUnfinished(folder);
  const found = isFirst ? await latestCheckpoint(folder, identity, p => onProblem?.(p)) : undefined;
  if (!group) return found;
  const [step] = await group.exchange(found?.step ?? null);
  return isFirst || typeof step !== "number" ? found : openCheckpoint(folder, step, identity);
}

/** What a loop goes on with: the trainer's state, and all that stands beside it. Undefined where there is no checkpoint. */
export async function restore<S>(o: RestoreOptions<S>) {
  const { device, specs, optimizer: rules } = o.trainer;
  const found = await newestCheckpoint(o);
  if (!found) return undefined;
  try {
    const { step, state } = found;
    if (!isPosition(state)) {
      const received = "one of an earlier version";
      o.onProblem?.(
        trainErrors.fail("checkpoint", { place: `checkpoint of step ${step}`, expected: "a checkpoint of this version", received }),
      );
      return undefined;
    }
    const { split, group } = o.trainer.parallel ?? {};
    const load = (prefix: string): Promise<ArraysOf<S>> => {
      if (!split) return loadTree(specs, found.arrays, device, { prefix });
      const own = partsOfFile(split, group!.rank, found.arrays, prefix);
      // parts by path in place of the tree
      return loadTree(own.specs, own.file, device, { prefix }) as Promise<unknown> as Promise<ArraysOf<S>>;
    };
    const parameters = await load("parameters");
    const holds = stateHolder(specs, o.trainer.parallel);
    const shapes = Object.fromEntries(Object.entries(optimizerStateShapes(rules, specs)).filter(([path]) => holds(path)));
    const names = new Set(treePaths(shapes).map(([path]) => `optimizer.${path}`));
    const optimizer = (await loadTree(
      shapes,
      partOfFile(found.arrays, name => names.has(name)),
      device,
      { prefix: "optimizer" },
    )) as TrainerState<S>["optimizer"];
    const best = state.best >= 0 ? await load("best") : undefined;
    const kept: KeptValues<S>[] = [];
    for (const at of state.kept ?? []) kept.push({ step: at, parameters: await load(`kept.${at}`) });
    const averaged: ArraysOf<S>[] = [];
    for (let i = 0; i < (state.averaged ?? 0); i++) averaged.push(await load(`averaged.${i}`));
    const { level, spikes, lossScale } = state;
    return { kept, averaged, state: { parameters, optimizer, step, level, spikes, lossScale }, position: state, best };
  } finally {
    await found.arrays.close();
  }
}

/** For tests of parallel training: the toy runs of `toy.laws.ts` on ranks that are tasks of this process. */
import { expect } from "vitest";
import { type Tree, treeLeaves } from "../../base/index.ts";
import { memoryGroups, type ProcessGroup } from "../../ranks/index.ts";
import { type DeviceArray, mul } from "../../tensor/index.ts";
import { likeParameter, type Rule } from "../optimizer.ts";
import { type PretrainOptions, trainerOptions, trainSource } from "../pretrain.ts";
import { microBatchesAt } from "../step-checks.ts";
import { createTrainer, type StepReport, type TrainerOptions } from "../trainer.ts";

export const leavesOf = (tree: unknown): DeviceArray[] => treeLeaves<DeviceArray>(tree as Tree<DeviceArray>);
export const valuesOf = (tree: unknown): Promise<Float64Array[]> => Promise.all(leavesOf(tree).map(a => a.numbers()));

/** The same work on so many ranks, side by side. */
export const onRanks = <T>(size: number, run: (ranks: ProcessGroup) => Promise<T>): Promise<T[]> =>
  Promise.all(memoryGroups(size, { timeoutMs: 20_000 }).map(run));

/** Some steps of one rank; the trainer is the caller's. */
export async function runSteps(
  o: PretrainOptions,
  count: number,
  changed: Partial<Pick<TrainerOptions<unknown, never>, "optimizer" | "measureNoise" | "lossScaling">> = {},
) {
  const options = { ...trainerOptions(o), ...changed };
  const trainer = await createTrainer(options);
  const source = trainSource(o);
  const reports: StepReport[] = [];
  for (let i = 0; i < count; i++) reports.push(await trainer.step(Array.from({ length: microBatchesAt(options, i) }, () => source.next())));
  return { trainer, reports };
}

/** A rule that moves nothing and keeps the gradient as it would be applied, clipped. */
export const recorder: Rule = {
  name: "recorder",
  state: likeParameter("gradient"),
  scalars: () => ({}),
  update: ({ value, gradient, gradientScale }) => ({ value, state: { gradient: mul(gradient, gradientScale) } }),
};

/** Greatest difference over greatest value, of all arrays together. */
export function relativeDifference(got: ReadonlyMap<string, Float64Array>, want: ReadonlyMap<string, Float64Array>): number {
  let [off, most] = [0, 0];
  expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
  for (const [path, values] of want) {
    expect(got.get(path)).toHaveLength(values.length);
    for (const [i, v] of values.entries()) {
      off = Math.max(off, Math.abs(v - got.get(path)![i]!));
      most = Math.max(most, Math.abs(v));
    }
  }
  return off / most;
}

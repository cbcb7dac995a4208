/**
 * ZeRO-3 (Rajbhandari et al. 2020, section 5.3): between the passes of a stage a rank has no parameters of it but its own. Owners send them before a pass, one
 * stage ahead of the one that computes; gradients go to the owners right behind the backward pass.
 */
import type { ProcessGroup } from "../../ranks/index.ts";
import { add, type Device, type DeviceArray, type PipelineStage, type StageParameters, type Tensor } from "../../tensor/index.ts";
import { notFinitePaths } from "../step-checks.ts";
import { type TreeProgram, treeProgram } from "../tree-program.ts";
import type { GradientNorm } from "./group-answers.ts";
import type { JoinedArrays } from "./joined-arrays.ts";
import type { ModelSplit, SplitParameter } from "./model-split.ts";
import type { PartArrays } from "./split-values.ts";

type Arrays = Readonly<PartArrays>;

/** Adds arrays up, in the first ones' place. */
type ArraySums = TreeProgram<PartArrays>;
export const arraySums = (device: Device): ArraySums =>
  treeProgram<PartArrays>(
    (sofar: Record<string, Tensor>, more: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(sofar).map(([path, x]) => [path, add(x, more[path]!)])),
    { device, donate: [0], name: "gradients" },
  );

interface GatheredOptions {
  readonly device: Device;
  readonly split: ModelSplit;
  readonly group: ProcessGroup;
  /** By number. */
  readonly stages: ReadonlyMap<number, PipelineStage>;
  /** Parameters that this rank owns, by path. */
  readonly owned: Arrays;
  readonly joined: JoinedArrays;
  readonly sums: ArraySums;
  readonly norm: Pick<GradientNorm, "own">;
  readonly measureNoise?: boolean | undefined;
}

/** Parameters of one step, and the gradients of those that this rank owns, by path. */
interface GatheredParameters extends StageParameters {
  gradients(): PartArrays;
  /** Parameters whose gradient was no number on this rank. */
  notFinite(): readonly string[];
  /** With `measureNoise`: the squared norm of this rank's own gradient, before sums. To be asked once, at the end. */
  squared(): Promise<number | undefined>;
}

/** The squared norm of a rank's own gradient, of its stages one after another. */
function ownGradientNorm({ device, sums, norm }: Pick<GatheredOptions, "device" | "sums" | "norm">) {
  let squared = 0;
  /** Gradients of what several stages read, added up over those. */
  let tied: PartArrays = {};
  return {
    async add(names: readonly string[], given: Arrays, isTied: (name: string) => boolean): Promise<void> {
      squared += await norm.own(Object.fromEntries(names.filter(name => !isTied(name)).map((name, i) => [i, given[name]!])));
      for (const name of names.filter(isTied)) {
        const [sofar, own] = [tied[name], given[name]!];
        if (sofar) tied = { ...tied, ...(await sums.with({}, { [name]: sofar }, { [name]: own })) };
        else tied[name] = await device.array(await own.read(), own.dtype, own.shape);
      }
    },
    async total(): Promise<number> {
      const all = squared + (await norm.own(tied));
      for (const a of Object.values(tied)) a.dispose();
      tied = {};
      return all;
    },
  };
}

export function gatheredParameters({
  device,
  split,
  group,
  stages,
  owned,
  joined,
  sums,
  norm,
  measureNoise,
}: GatheredOptions): GatheredParameters {
  const named = new Map<string, SplitParameter>(split.parameters.map(p => [`0.${p.path}`, p]));
  const own = new Set(Object.values(owned));
  let gradients: PartArrays = {};
  const notFinite: string[] = [];
  const ownNorm = measureNoise ? ownGradientNorm({ device, sums, norm }) : undefined;
  // ranks meet in one order: what is taken ahead ends before gradients go
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const run = last.then(work);
    last = run.catch(() => {});
    return run;
  };

  async function take(stage: number): Promise<Arrays> {
    const made: Record<string, DeviceArray> = {};
    for (const name of stages.get(stage)!.parameters) {
      const { path, spec, owner } = named.get(name)!;
      made[name] = owner === group.rank ? owned[path]! : await device.zeros(spec.shape, spec.dtype);
    }
    await joined.spread(Object.entries(made).map(([name, array]) => ({ array, owner: named.get(name)!.owner })));
    return made;
  }

  async function addGradients(stage: number, given: Arrays): Promise<void> {
    const mine: PartArrays = {};
    const names = stages.get(stage)!.parameters;
    await ownNorm?.add(names, given, name => named.get(name)!.stages.length > 1);
    // a sum would not tell whose number it was; blocks of the same shapes share a program
    if (!Number.isFinite(await norm.own(Object.fromEntries(names.map((name, i) => [i, given[name]!])))))
      notFinite.push(...(await notFinitePaths(given)).map(name => named.get(name)!.path));
    await joined.sumAtOwners(names.map(name => ({ array: given[name]!, owner: named.get(name)!.owner })));
    for (const name of names) {
      const { path, owner } = named.get(name)!;
      if (owner === group.rank) mine[path] = given[name]!;
      else given[name]!.dispose();
    }
    const both = Object.keys(mine).filter(path => gradients[path]);
    const pick = (from: Arrays) => Object.fromEntries(both.map(path => [path, from[path]!]));
    const summed = both.length ? await sums.with({}, pick(gradients), pick(mine)) : {};
    for (const path of both) mine[path]!.dispose();
    gradients = { ...gradients, ...mine, ...summed };
  }

  return {
    take: stage => inTurn(() => take(stage)),
    release(parameters) {
      for (const a of Object.values(parameters)) if (!own.has(a)) a.dispose();
    },
    add: (stage, given) => inTurn(() => addGradients(stage, given)),
    gradients: () => gradients,
    notFinite: () => notFinite,
    squared: async () => ownNorm?.total(),
  };
}

/**
 * The values that a run evaluates and keeps, where they are not those of its last step: an exponential moving average (as PyTorch's `AveragedModel`: the
 * first weights are copied), the mean of the latest weights at equal distances (LAWA, Kaddour 2022), or the average within a schedule-free rule.
 */
import { defined, type Tree, treeFrom, treeLeaves, treeMap } from "../base/index.ts";
import { type ArraysOf, disposeTree } from "../nn/index.ts";
import { add, type Device, type DeviceArray, mul, type Tensor } from "../tensor/index.ts";
import { evaluatedAll, evaluatesOthers, type Optimizer } from "./optimizer.ts";
import { oneRank, type StepRanks, type Updated } from "./parallel/step-ranks.ts";
import type { AverageOptions } from "./part.ts";
import type { TrainerState } from "./trainer.ts";
import { type TreeProgram, treeProgram } from "./tree-program.ts";

/** Values to evaluate: to be released, not disposed of. */
interface ShownValues<S> {
  readonly parameters: ArraysOf<S>;
  /** Are they the trainer's own? */
  readonly areTrained: boolean;
  release(): void;
}

export interface Averaging<S> {
  /** Trees that a checkpoint holds, the oldest first: what `from` takes. */
  readonly taken: readonly ArraysOf<S>[];
  /** To be called after each step. */
  take(state: TrainerState<S>): Promise<void>;
  /** Values of now. */
  values(state: TrainerState<S>): Promise<ShownValues<S>>;
  dispose(): void;
}

interface AveragingOptions {
  readonly device: Device;
  readonly optimizer: Optimizer;
  readonly specs: unknown;
  readonly steps: number;
  readonly average: AverageOptions | undefined;
  /** Lets the ranks that hold a rule's state make its values of it, and all ranks have them. Absent: one rank, which holds all. */
  readonly evaluated?: StepRanks["evaluated"];
}

type Arrays = Tree<DeviceArray>;

/** Copies values, into arrays of an earlier copy where there is one. */
export async function copyArrays<S>(device: Device, from: ArraysOf<S>, into?: ArraysOf<S>): Promise<ArraysOf<S>> {
  const source = treeLeaves<DeviceArray>(from as Arrays);
  const target = into ? treeLeaves<DeviceArray>(into as Arrays) : await Promise.all(source.map(a => device.zeros(a.shape, a.dtype)));
  for (const [i, a] of source.entries()) await target[i]!.write(await a.read());
  return into ?? (treeFrom<DeviceArray, DeviceArray>(from as Arrays, target) as ArraysOf<S>);
}

/** a x scale + b x share, leaf by leaf, in a's place. */
const blended = (device: Device): TreeProgram<Arrays> =>
  treeProgram<Arrays>(
    (a: Tree<Tensor>, b: Tree<Tensor>, scale: Tensor, share: Tensor) =>
      treeMap<Tensor, Tensor>((x, _, y) => add(mul(x, scale), mul(y!, share)), a, b),
    { device, donate: [0], fuse: true, name: "average" },
  );

/** Averages of a run; `from` are the trees of a checkpoint, which it takes over. */
export function openAveraging<S>(o: AveragingOptions, from: readonly ArraysOf<S>[] = []): Averaging<S> {
  const { device, average } = o;
  let taken = [...from];
  let [blend, inner]: [TreeProgram<Arrays> | undefined, TreeProgram<ArraysOf<S>> | undefined] = [undefined, undefined];
  const isFirst = (step: number) => step > (average?.from ?? 0) * o.steps;

  async function take({ parameters, step }: TrainerState<S>): Promise<void> {
    if (!average || !isFirst(step)) return;
    if (average.kind === "lawa") {
      if (step % average.every !== 0 && step !== o.steps) return;
      const old = taken.length >= average.keep ? taken.shift() : undefined;
      taken.push(await copyArrays<S>(device, parameters, old));
      return;
    }
    if (taken.length === 0) {
      taken = [await copyArrays<S>(device, parameters)];
      return;
    }
    blend ??= blended(device);
    taken = [(await blend.with({}, taken[0], parameters, average.decay, 1 - average.decay)) as ArraysOf<S>];
  }

  const released = (parameters: ArraysOf<S>): ShownValues<S> => ({ parameters, areTrained: false, release: () => disposeTree(parameters) });

  async function values({ parameters, optimizer }: TrainerState<S>): Promise<ShownValues<S>> {
    const [first, ...others] = taken;
    if (first && average?.kind === "ema") return { parameters: first, areTrained: false, release: () => {} };
    if (first) {
      blend ??= blended(device);
      const share = 1 / taken.length;
      let mean = (await copyArrays<S>(device, first)) as Arrays;
      for (const [i, other] of others.entries()) mean = await blend.with({}, mean, other, i === 0 ? share : 1, share);
      return released(mean as ArraysOf<S>);
    }
    if (!evaluatesOthers(o.optimizer)) return { parameters, areTrained: true, release: () => {} };
    inner ??= treeProgram<ArraysOf<S>>(
      (p: Tree<Tensor>, state: Record<string, Record<string, Tensor>>) => evaluatedAll(o.optimizer, o.specs, { parameters: p, state }),
      { device, fuse: true, name: "evaluated" },
    );
    const program = inner;
    const apply = (own: Updated) => program.with({}, own.parameters, own.optimizer);
    // a tree like the parameters, which its type cannot say of any S
    return released((await (o.evaluated ?? oneRank.evaluated)({ parameters, optimizer }, apply)) as ArraysOf<S>);
  }

  return {
    get taken() {
      return taken;
    },
    take,
    values,
    dispose() {
      for (const tree of taken) disposeTree(tree);
      for (const program of Object.values(defined({ blend, inner }))) program.dispose();
    },
  };
}

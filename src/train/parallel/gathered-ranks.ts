/** Steps of ranks under ZeRO-3: each has parameters, gradients and optimiser state of what it owns, and gets the rest for the time of a pass. */
import { type Tree, treeLeaves } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device, DeviceArray, Tensor } from "../../tensor/index.ts";
import { squaredNorm } from "../optimizer.ts";
import { treeProgram } from "../tree-program.ts";
import type { ModelSplit } from "./model-split.ts";
import { onEveryRank } from "./on-every-rank.ts";
import { gatherNumbers } from "./rank-arrays.ts";
import type { PartArrays } from "./split-values.ts";
import { documentsIn, type StepRanks } from "./step-ranks.ts";

interface GatheredRanksOptions {
  readonly device: Device;
  readonly group: ProcessGroup;
  readonly split: ModelSplit;
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);

export function gatheredRanks({ device, group, split }: GatheredRanksOptions): StepRanks {
  const owners = new Map(split.parameters.map(p => [p.path, p.owner]));
  const norm = treeProgram<DeviceArray>((gradients: Tree<Tensor>) => squaredNorm(treeLeaves<Tensor>(gradients)), {
    device,
    fuse: true,
    name: "norm",
  });
  let losses: readonly number[] = [];

  /** Squared norm of all owners' gradients, added up in rank order. */
  async function squaredOf(gradients: PartArrays): Promise<number> {
    let own = 0;
    // a rank may own nothing: there may be more ranks than parameters
    if (Object.keys(gradients).length) {
      const made = await norm.with({}, gradients);
      own = await made.item();
      made.dispose();
    }
    return sum((await gatherNumbers(group, [own])).flat());
  }

  return {
    heldBytes: 0,
    holdsState: path => owners.get(path) === group.rank,
    async agreed(own) {
      const value = group.rank === 0 ? await own() : "";
      return String((await group.exchange(value))[0]);
    },
    // drawn from one seed, or read from one checkpoint, by its owner alone
    start: async () => {},
    weigh: async (own, count) => (await onEveryRank(group, own, weights => weights, count)).numbers.flat(),
    async total(own, gradients) {
      const { numbers } = await onEveryRank(group, own, ({ loss }) => [loss], 1);
      losses = numbers.flat();
      // arrays by path, which the trainer's types cannot say
      return { loss: sum(losses), squared: await squaredOf(gradients() as PartArrays), own: [], measures: {} };
    },
    async blame(batches) {
      const documents = (await group.exchange(documentsIn(batches))) as (string | number)[][];
      const ranks = losses.flatMap((loss, rank) => (Number.isFinite(loss) ? [] : [rank]));
      return { ranks, documents: documents.flatMap((d, rank) => (ranks.length && !ranks.includes(rank) ? [] : d)).slice(0, 20) };
    },
    async update(given, gradients, apply) {
      return Object.keys(given.parameters as PartArrays).length ? apply(given, gradients) : given;
    },
    dispose: () => norm.dispose(),
  };
}

/**
 * Data parallel steps with ZeRO-1 and 2 (Rajbhandari et al. 2020): each rank computes gradients of its own rows; between them and the update, gradients are
 * added up in rank order. With `zero` 0 every rank updates everything. From 1 on a rank keeps the optimiser state of the parameters that it owns, gets their
 * gradients, updates them and sends them to the others; with 2 it lets the other gradients' memory go between gradient and update. The sums are the same at
 * each level, and so are the bytes.
 */
import { type Tree, treeMap, treePaths } from "../../base/index.ts";
import type { ProcessGroup } from "../../ranks/index.ts";
import type { Device, DeviceArray } from "../../tensor/index.ts";
import type { ZeroLevel } from "../part.ts";
import { addUp, agreedByFirst, blameFor, gradientNorm } from "./group-answers.ts";
import { joinedArrays, type OwnedArray } from "./joined-arrays.ts";
import { stateHolder } from "./loop-ranks.ts";
import { onEveryRank } from "./on-every-rank.ts";
import { ownLeaves, parameterOwners } from "./owners.ts";
import { broadcastArray, gatherNumbers } from "./rank-arrays.ts";
import type { StepRanks, StepSums, Updated } from "./step-ranks.ts";

interface GroupOptions {
  readonly device: Device;
  readonly specs: unknown;
  readonly group: ProcessGroup;
  readonly zero: ZeroLevel;
}

type Arrays = Record<string, DeviceArray>;
// trees of a trainer are trees of arrays, which its types cannot say of any specification
const pathsOf = (tree: unknown): [string, DeviceArray][] => treePaths<DeviceArray>(tree as Tree<DeviceArray>);

/** Steps of one rank among others. */
export function groupRanks({ device, specs, group, zero }: GroupOptions): StepRanks {
  const owners = parameterOwners(specs, group.size);
  const isOwn = (path: string) => owners.get(path) === group.rank;
  const ownedBy = (tree: unknown): OwnedArray[] => pathsOf(tree).map(([path, array]) => ({ array, owner: owners.get(path)! }));
  const joined = joinedArrays(group);
  const owned = (tree: unknown): Arrays => ownLeaves(tree, owners, group.rank);
  const norm = gradientNorm(device, group);
  const paths = treePaths<unknown>(specs as Tree<unknown>).map(([path]) => path);
  /** Loss and squared norm of each rank's last step, before sums. */
  let last: readonly (readonly number[])[] = [];

  async function total(own: () => Promise<StepSums>, gradients: () => unknown): Promise<StepSums> {
    const { made, numbers } = await onEveryRank(group, own, ({ loss, squared }) => [loss, squared], 2);
    last = numbers;
    const names = Object.keys(made.measures);
    const others = [...made.own, ...Object.values(made.measures)];
    const gathered = others.length ? await gatherNumbers(group, others) : [];
    const isSound = numbers.flat().every(Number.isFinite);
    if (isSound && zero === 0) await joined.sum(pathsOf(gradients()).map(([, gradient]) => gradient));
    else if (isSound) await joined.sumAtOwners(ownedBy(gradients()));
    return {
      loss: addUp(numbers.map(([loss]) => loss!)),
      squared: isSound ? await norm.all(owned(gradients())) : Number.NaN,
      own: gathered.flatMap(row => row.slice(0, made.own.length)),
      measures: Object.fromEntries(names.map((name, i) => [name, addUp(gathered.map(row => row[made.own.length + i]!))])),
    };
  }

  async function update(
    given: Updated,
    gradients: unknown,
    apply: (given: Updated, gradients: unknown) => Promise<Updated>,
  ): Promise<Updated> {
    if (zero === 0) return apply(given, gradients);
    const own = { parameters: owned(given.parameters), optimizer: given.optimizer };
    const ownGradients = owned(gradients);
    if (zero === 2) for (const [path, gradient] of pathsOf(gradients)) if (!isOwn(path)) gradient.dispose();
    // a rank may own nothing: there may be more ranks than parameters
    const next = Object.keys(own.parameters).length ? await apply(own, ownGradients) : own;
    const parameters = treeMap<DeviceArray, DeviceArray>(
      (before, path) => (next.parameters as Arrays)[path] ?? before,
      given.parameters as Tree<DeviceArray>,
    );
    await joined.spread(ownedBy(parameters));
    return { parameters, optimizer: next.optimizer };
  }

  async function evaluated({ parameters, optimizer }: Updated, apply: (own: Updated) => Promise<unknown>): Promise<unknown> {
    if (zero === 0) return apply({ parameters, optimizer });
    const own = owned(parameters);
    const made = Object.keys(own).length ? ((await apply({ parameters: own, optimizer })) as Arrays) : {};
    const all: Arrays = {};
    for (const [path, a] of pathsOf(parameters)) all[path] = made[path] ?? (await device.zeros(a.shape, a.dtype));
    const tree = treeMap<DeviceArray, DeviceArray>((_, path) => all[path]!, parameters as Tree<DeviceArray>);
    await joined.spread(ownedBy(tree));
    return tree;
  }

  return {
    heldBytes: 0,
    holdsState: stateHolder(specs, { group, zero }),
    agreed: own => agreedByFirst(group, own),
    async start(parameters) {
      for (const [, array] of pathsOf(parameters)) await broadcastArray(group, array, 0);
    },
    weigh: async (own, count) => (await onEveryRank(group, own, weights => weights, count)).numbers.flat(),
    total,
    blame: (batches, own) => blameFor(group, { batches, numbers: last, own, paths }),
    update,
    evaluated,
    dispose: () => norm.dispose(),
  };
}

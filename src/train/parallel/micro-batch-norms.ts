/**
 * Squared norms of the gradients of single micro-batches on ranks that part the model, for the gradient noise scale. Ranks that share rows hold summands of one
 * gradient: over `sequence`, and of a parameter that several stages read. Those are added up before they are squared.
 */
import type { ProcessGroup } from "../../ranks/index.ts";
import { coordinatesOf, type Device } from "../../tensor/index.ts";
import type { GradientNorm } from "./group-answers.ts";
import { type JoinedArrays, joinedArrays } from "./joined-arrays.ts";
import { holdsPart, type ModelSplit } from "./model-split.ts";
import type { PartArrays } from "./split-values.ts";

interface NormOptions {
  readonly device: Device;
  readonly group: ProcessGroup;
  readonly split: ModelSplit;
  readonly norm: Pick<GradientNorm, "own">;
}

/** A part of the squared norm that this rank tells of a micro-batch's gradient; the parts of all ranks of the same rows add up to it. Every rank calls it. */
type MicroBatchNorm = (gradients: Readonly<PartArrays>) => Promise<number>;

export async function openMicroBatchNorm({ device, group, split, norm }: NormOptions): Promise<MicroBatchNorm> {
  const { mesh } = split;
  const at = coordinatesOf(mesh, group.rank);
  /** Parameters whose summands several ranks of the same rows have, by those ranks. */
  const shared = new Map<string, { readonly members: readonly number[]; readonly paths: string[] }>();
  const alone: string[] = [];
  for (const p of split.parameters) {
    // ranks of `tensor` have the same gradient of what each has whole
    if (!holdsPart(split, p, group.rank) || (p.parts === 1 && at.tensor > 0)) continue;
    const members = Array.from({ length: mesh.ranks }, (_, rank) => rank).filter(rank => {
      const { data, tensor } = coordinatesOf(mesh, rank);
      return data === at.data && tensor === at.tensor && holdsPart(split, p, rank);
    });
    if (members.length === 1) alone.push(p.path);
    else {
      const own = shared.get(members.join()) ?? { members, paths: [] };
      shared.set(members.join(), own);
      own.paths.push(p.path);
    }
  }
  const sums: { readonly joined: JoinedArrays; readonly paths: readonly string[]; readonly isFirst: boolean }[] = [];
  for (const { members, paths } of shared.values())
    sums.push({ joined: joinedArrays(await group.subgroup(members)), paths, isFirst: members[0] === group.rank });

  return async gradients => {
    const pick = (paths: readonly string[]) => Object.fromEntries(paths.map(path => [path, gradients[path]!]));
    let squared = await norm.own(pick(alone));
    for (const { joined, paths, isFirst } of sums) {
      const copies: PartArrays = {};
      for (const path of paths)
        copies[path] = await device.array(await gradients[path]!.read(), gradients[path]!.dtype, gradients[path]!.shape);
      await joined.sumAtOwners(paths.map(path => ({ array: copies[path]!, owner: 0 })));
      if (isFirst) squared += await norm.own(copies);
      for (const a of Object.values(copies)) a.dispose();
    }
    return squared;
  };
}

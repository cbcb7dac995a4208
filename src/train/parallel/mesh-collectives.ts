/** A process group as what the ranks of a mesh do together along its axes. */
import type { ProcessGroup, RankArray, RankNumbers } from "../../ranks/index.ts";
import { type Mesh, type MeshAxis, meshGroupOf, type RankCollectives } from "../../tensor/index.ts";

/** Along the axes `tensor` and `sequence`; every rank of the group calls it. The group's ranks are those of the mesh. */
export async function meshCollectives(group: ProcessGroup, mesh: Mesh): Promise<RankCollectives> {
  const along = new Map<MeshAxis, ProcessGroup>();
  for (const axis of ["tensor", "sequence"] as const)
    if (mesh.sizes[axis] > 1) along.set(axis, await group.subgroup(meshGroupOf(mesh, group.rank, [axis])));
  const of = (axis: MeshAxis): ProcessGroup => along.get(axis)!;
  // arrays of a program are of dtypes that groups move
  return {
    allReduce: (x, axis, reduce) => of(axis).allReduce(x, reduce),
    allGather: (own, into, axis) => of(axis).allGather(own as RankArray, into as RankArray),
    reduceScatter: (x, into, axis) => of(axis).reduceScatter(x as RankNumbers, into as RankNumbers),
    send: (x, to) => group.send(x as RankArray, to),
    receive: (into, from) => group.receive(into as RankArray, from),
  };
}

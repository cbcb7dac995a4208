/** Whole arrays as the parts that ranks have, and back. Elements are copied, never computed, except that summands are added in the order of ranks. */
import type { TypedArray } from "../dtype.ts";
import { bearsSum, type ShardLayout, shapeOfLayout, shardOffsets } from "./layout.ts";
import { coordinatesOf, type Mesh, type MeshAxis, meshAxes } from "./mesh.ts";

type Elements = TypedArray | Float64Array;

/** A rank's part of a whole array. Of summands, the whole for the first rank along their axes and zeros for the others. */
export function partOfValues<A extends Elements>(whole: A, layout: ShardLayout, mesh: Mesh, rank: number): A {
  const at = coordinatesOf(mesh, rank);
  const own = shardOffsets(layout, mesh, at);
  const part = whole.slice(0, own.length) as A;
  // of the array's own kind of number
  const zero = (typeof whole[0] === "bigint" ? 0n : 0) as never;
  const isBearer = bearsSum(layout.partial, at);
  own.forEach((o, i) => {
    part[i] = isBearer ? whole[o]! : zero;
  });
  return part;
}

/** All ranks' parts of a whole array. */
export const splitValues = <A extends Elements>(whole: A, layout: ShardLayout, mesh: Mesh): A[] =>
  Array.from({ length: mesh.ranks }, (_, rank) => partOfValues(whole, layout, mesh, rank));

/** The whole array of all ranks' parts; of ranks that hold the same the first counts. */
export function joinValues<A extends Elements>(parts: readonly A[], layout: ShardLayout, mesh: Mesh): A {
  const size = shapeOfLayout(layout).reduce((n, d) => n * d, 1);
  const Made = parts[0]!.constructor as new (length: number) => A;
  const whole = new Made(size);
  const split = new Set<MeshAxis>(layout.dimensions.flatMap(d => d.flatMap(f => f.axis ?? [])));
  for (const [rank, part] of parts.entries()) {
    const at = coordinatesOf(mesh, rank);
    // one rank of those that hold the same
    if (meshAxes.some(axis => at[axis] > 0 && !split.has(axis) && !layout.partial.includes(axis))) continue;
    const own = shardOffsets(layout, mesh, at);
    if (layout.partial.length === 0)
      own.forEach((o, i) => {
        whole[o] = part[i]!;
      });
    else
      own.forEach((o, i) => {
        // sums are of floats
        whole[o] = ((whole[o] as number) + (part[i] as number)) as never;
      });
  }
  return whole;
}

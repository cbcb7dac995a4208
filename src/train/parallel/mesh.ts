/** The mesh of a recipe: how many ranks train, and what of it a result depends on. */
import { defined } from "../../base/index.ts";
import { type MeshPart, recipeAxes, type ZeroLevel } from "../part.ts";

interface RecipeMesh {
  readonly mesh?: MeshPart | undefined;
  readonly zero?: ZeroLevel | undefined;
}

/** Ranks of a mesh: the product of its axes. */
export const meshSize = (mesh: MeshPart | undefined): number => recipeAxes.reduce((product, axis) => product * (mesh?.[axis] ?? 1), 1);

/** What of the mesh enters a result's identity; nothing for one rank, whatever is written. */
export function lastingMesh({ mesh, zero }: RecipeMesh): RecipeMesh {
  if (meshSize(mesh) === 1) return {};
  const axes = Object.fromEntries(Object.entries(mesh ?? {}).filter(([, ranks = 1]) => ranks > 1));
  return { mesh: axes, ...defined({ zero: zero || undefined }) };
}

/** A recipe without its mesh: a run of it has the same batches on any mesh, and its checkpoints are read on any. */
export function withoutMesh<R extends object>(recipe: R): Omit<R, keyof RecipeMesh> {
  const { mesh: _, zero: __, ...rest } = recipe as R & RecipeMesh;
  return rest;
}

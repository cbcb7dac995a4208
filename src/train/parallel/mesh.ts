/** The mesh of a recipe: how many ranks train, who has which rows, and what of it a result depends on. */
import { defined } from "../../base/index.ts";
import { coordinatesOf, type Mesh, meshOf } from "../../tensor/index.ts";
import { trainErrors } from "../errors.ts";
import type { RowShare } from "../packing.ts";
import { type MeshPart, type PipelinePart, recipeAxes, type ZeroLevel } from "../part.ts";

interface RecipeMesh {
  readonly mesh?: MeshPart | undefined;
  readonly zero?: ZeroLevel | undefined;
  readonly pipeline?: PipelinePart | undefined;
}

/** Ranks of a mesh: the product of its axes. */
export const meshSize = (mesh: MeshPart | undefined): number => recipeAxes.reduce((product, axis) => product * (mesh?.[axis] ?? 1), 1);

/** Ranks that share one part of the rows: those of all axes but data. */
export const ranksOfModel = (mesh: MeshPart | undefined): number => meshSize({ ...mesh, data: 1 });

/**
 * The mesh of so many ranks: that of a recipe, where it parts the model, with as many parts of the rows as there are ranks for; else data alone. Errors:
 * train/mesh for a number of ranks that it cannot be.
 */
export function meshOfRanks(recipe: MeshPart | undefined, ranks: number): Mesh {
  const model = ranksOfModel(recipe);
  if (ranks % model === 0) return meshOf(defined({ ...recipe, data: ranks / model }));
  throw trainErrors.fail("mesh", { place: "train.mesh", expected: `a multiple of ${model} ranks`, received: `${ranks}` });
}

/** Which rows of a step a rank has. */
export const rowShare = (mesh: Mesh, rank: number): RowShare => ({ part: coordinatesOf(mesh, rank).data, of: mesh.sizes.data });

/** What of the mesh enters a result's identity; nothing for one rank, whatever is written. */
export function lastingMesh({ mesh, zero, pipeline }: RecipeMesh): RecipeMesh {
  if (meshSize(mesh) === 1) return {};
  const ordered = (mesh?.pipeline ?? 1) > 1 && pipeline && pipeline.schedule !== "1f1b" ? pipeline : undefined;
  const axes = Object.fromEntries(Object.entries(mesh ?? {}).filter(([, ranks = 1]) => ranks > 1));
  return { mesh: axes, ...defined({ zero: zero || undefined, pipeline: ordered }) };
}

/** A recipe without its mesh: a run of it has the same batches on any mesh, and its checkpoints are read on any. */
export function withoutMesh<R extends object>(recipe: R): Omit<R, keyof RecipeMesh> {
  const { mesh: _, zero: __, pipeline: ___, ...rest } = recipe as R & RecipeMesh;
  return rest;
}

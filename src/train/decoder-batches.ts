/** Packed rows as micro-batches of a decoder: their arrays, and which ranks have which rows. */
import type { DecoderConfig } from "../nn/index.ts";
import type { ProcessGroup } from "../ranks/index.ts";
import { type Mesh, meshOf } from "../tensor/index.ts";
import type { HostBatch } from "./batch.ts";
import type { PackedBatch, RowShare } from "./packing.ts";
import { meshOfRanks, rowShare } from "./parallel/mesh.ts";
import type { PretrainRecipe } from "./part.ts";

/** Arrays of packed rows and what their random numbers are drawn from. */
export const packedArrays = (b: Pick<PackedBatch, "tokens" | "targets" | "segments" | "positions" | "weights">, seed: number) => ({
  tokens: b.tokens,
  targets: b.targets,
  segments: b.segments,
  positions: b.positions,
  weights: b.weights,
  seed: Int32Array.of(seed),
});

export const hostBatch = (b: PackedBatch, seed: number, ids: readonly string[] | undefined, shape?: readonly number[]): HostBatch => ({
  arrays: packedArrays(b, seed),
  ...(shape ? { shapes: { tokens: shape, targets: shape, segments: shape, positions: shape, weights: shape } } : {}),
  weight: b.weights.reduce((s, w) => s + w, 0),
  documents: ids ? b.documents.map(d => ids[d]!) : b.documents,
});

interface RankOptions {
  readonly recipe: PretrainRecipe;
  readonly ranks?: ProcessGroup | undefined;
}

/** The mesh of a run's ranks; of one rank without a group, whatever mesh the recipe has. */
export const meshOfRun = ({ recipe, ranks }: RankOptions): Mesh => (ranks ? meshOfRanks(recipe.mesh, ranks.size) : meshOf({}));

/** A rank's share of a batch's rows. */
export const rowShareOf = (o: RankOptions): RowShare | undefined => o.ranks && rowShare(meshOfRun(o), o.ranks.rank);

/** Shapes and dtypes of a micro-batch of so many rows and tokens. */
export function batchSpecs({ vocab }: Pick<DecoderConfig, "vocab">, shape: readonly [rows: number, length: number]) {
  return {
    tokens: { shape, dtype: "i32", below: vocab },
    targets: { shape, dtype: "i32", below: vocab },
    segments: { shape, dtype: "i32" },
    positions: { shape, dtype: "i32" },
    weights: { shape, dtype: "f32" },
    seed: { shape: [], dtype: "i32" },
  } as const;
}

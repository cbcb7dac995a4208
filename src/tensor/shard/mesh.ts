/**
 * A mesh: ranks in a box with named axes. Plain data; who runs where and what moves the bytes is decided elsewhere. Ranks count the last axis of
 * `meshAxes` fastest, so that the ranks of a `tensor` group, which exchange most, are neighbours (Narayanan et al. 2021, "Efficient Large-Scale
 * Language Model Training on GPU Clusters", section 3). Idea of named axes: GSPMD (Xu et al. 2021) and JAX's `Mesh`.
 */
import { tensorErrors } from "../errors.ts";

/** The axes there are, the slowest first. `expert` is refused: no layer has experts. */
export const meshAxes = ["pipeline", "data", "expert", "sequence", "tensor"] as const;
export type MeshAxis = (typeof meshAxes)[number];

/** Sizes of the axes that have more than one rank; the others have one. */
export type MeshSizes = { readonly [A in MeshAxis]?: number };

export interface Mesh {
  readonly sizes: { readonly [A in MeshAxis]: number };
  /** Ranks in all. */
  readonly ranks: number;
}
export type MeshCoordinates = { readonly [A in MeshAxis]: number };

const wrong = (place: string, expected: string, received: string, hint = "") =>
  tensorErrors.fail("mesh", { place, expected, received, ...(hint ? { hint } : {}) });

/** Ranks that a mesh may have: a rank is a process, and lists of all of them are made. */
const mostRanks = 2 ** 16;

/** A mesh from the sizes of its axes: `meshOf({ data: 2, tensor: 4 })` has 8 ranks. Errors: tensor/mesh. */
export function meshOf(sizes: MeshSizes, place = "mesh"): Mesh {
  if (typeof sizes !== "object" || sizes === null) throw wrong(place, "sizes by axis: { data: 2 }", String(sizes));
  for (const [axis, size] of Object.entries(sizes)) {
    if (!(meshAxes as readonly string[]).includes(axis)) throw wrong(place, `an axis of ${meshAxes.join(", ")}`, `"${axis}"`);
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 1))
      throw wrong(`${place}.${axis}`, "a whole number from 1", String(size));
  }
  if ((sizes.expert ?? 1) > 1)
    throw wrong(`${place}.expert`, "1", `${sizes.expert}`, "No layer has experts. Use the axes data, tensor, sequence and pipeline.");
  const all = Object.fromEntries(meshAxes.map(axis => [axis, sizes[axis] ?? 1])) as Record<MeshAxis, number>;
  const ranks = meshAxes.reduce((n, axis) => n * all[axis], 1);
  if (ranks > mostRanks) throw wrong(place, `at most ${mostRanks} ranks`, `${ranks}`);
  return { sizes: all, ranks };
}

/** "data=2, tensor=4", or "one rank". */
export const showMesh = ({ sizes, ranks }: Mesh): string =>
  ranks === 1
    ? "one rank"
    : meshAxes
        .filter(axis => sizes[axis] > 1)
        .map(axis => `${axis}=${sizes[axis]}`)
        .join(", ");

/** Where a rank stands. Errors: tensor/mesh for a rank that there is not. */
export function coordinatesOf(mesh: Mesh, rank: number): MeshCoordinates {
  if (!(Number.isSafeInteger(rank) && rank >= 0 && rank < mesh.ranks))
    throw wrong("mesh: rank", `a rank from 0 to ${mesh.ranks - 1} (${showMesh(mesh)})`, String(rank));
  const found: Partial<Record<MeshAxis, number>> = {};
  let left = rank;
  for (const axis of meshAxes.toReversed()) {
    found[axis] = left % mesh.sizes[axis];
    left = Math.floor(left / mesh.sizes[axis]);
  }
  return found as MeshCoordinates;
}

/** The rank that stands somewhere. */
export const rankAt = (mesh: Mesh, at: MeshCoordinates): number => meshAxes.reduce((rank, axis) => rank * mesh.sizes[axis] + at[axis], 0);

/** The ranks that differ from one along some axes alone, itself included, in the order of their coordinates. */
export function meshGroupOf(mesh: Mesh, rank: number, axes: readonly MeshAxis[]): number[] {
  const own = coordinatesOf(mesh, rank);
  const among = meshAxes.filter(axis => axes.includes(axis));
  const walk = (i: number, at: MeshCoordinates): number[] =>
    i === among.length
      ? [rankAt(mesh, at)]
      : Array.from({ length: mesh.sizes[among[i]!] }, (_, n) => walk(i + 1, { ...at, [among[i]!]: n })).flat();
  return walk(0, own);
}

/** All groups along some axes: each rank is in one. */
export function groupsAlong(mesh: Mesh, axes: readonly MeshAxis[]): number[][] {
  const groups = Array.from({ length: mesh.ranks }, (_, rank) => meshGroupOf(mesh, rank, axes));
  return groups.filter((group, rank) => group[0] === rank);
}

/** A size of a model or a batch that an axis parts. */
export interface MeshNeed {
  /** "model.heads" */
  readonly name: string;
  readonly size: number;
  readonly axis: MeshAxis;
  /** The axis need not divide it: it may only not be larger (layers of uneven pipeline stages). */
  readonly isUneven?: boolean;
  /** What else helps. */
  readonly hint?: string;
}

/** Throws where an axis does not divide what it parts, with both numbers and the sizes of the axis that would fit. Errors: tensor/mesh. */
export function checkMeshFits(mesh: Mesh, needs: readonly MeshNeed[], place = "mesh"): void {
  for (const { name, size, axis, isUneven, hint } of needs) {
    const parts = mesh.sizes[axis];
    if (isUneven ? parts <= size : size % parts === 0) continue;
    const fitting = Array.from({ length: Math.min(size, 64) }, (_, i) => i + 1).filter(n => isUneven || size % n === 0);
    const shown = isUneven ? `1 to ${size}` : fitting.slice(-8).join(", ");
    throw wrong(
      `${place}.${axis}`,
      isUneven ? `at most ${name} (${size})` : `a divisor of ${name} (${size})`,
      `${parts}`,
      `Use ${axis}: ${shown}.${hint ? ` ${hint}` : ""}`,
    );
  }
}

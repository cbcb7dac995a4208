/**
 * Where the elements of a value lie on the ranks of a mesh. A dimension is a product of factors in row-major order, each whole on every rank or
 * parted over one axis: [B, T, C] with B over `data` and T over `sequence` may become rows [B T, C] and come back, which no single part of the
 * dimension says. What is `partial` along an axis is there on each rank as a summand. Pure arithmetic; what moves is decided in placement.ts.
 * Idea: GSPMD's shardings (Xu et al. 2021), and the sub-axes of OpenXLA's Shardy.
 */
import { tensorErrors } from "../errors.ts";
import { type Shape, showShape, stridesOf } from "../shape.ts";
import { offsets } from "../walk.ts";
import { type Mesh, type MeshAxis, type MeshCoordinates, meshAxes } from "./mesh.ts";

interface LayoutFactor {
  readonly size: number;
  readonly axis?: MeshAxis;
}
export type DimensionLayout = readonly LayoutFactor[];
export interface ShardLayout {
  readonly dimensions: readonly DimensionLayout[];
  readonly partial: readonly MeshAxis[];
}

/** How a caller says it: which dimension an axis parts. What is named nowhere is whole on every rank. */
export interface Sharding {
  readonly split?: { readonly [A in MeshAxis]?: number };
  /** Axes along which the ranks hold summands. */
  readonly partial?: readonly MeshAxis[];
}

/** Factors that say the same in one form: whole neighbours are joined, and a whole factor behind a parted one belongs to it. */
export function canonical(factors: DimensionLayout): DimensionLayout {
  const made: LayoutFactor[] = [];
  for (const f of factors) {
    const last = made.at(-1);
    if (f.size === 1 && !f.axis) continue;
    if (last && !f.axis) made[made.length - 1] = { ...last, size: last.size * f.size };
    else made.push(f);
  }
  return made;
}

const whole = (size: number): DimensionLayout => canonical([{ size }]);
export const wholeLayout = (shape: Shape): ShardLayout => ({ dimensions: shape.map(whole), partial: [] });

export const axesOfDimension = (d: DimensionLayout): MeshAxis[] => d.flatMap(f => f.axis ?? []);
export const splitAxes = (l: ShardLayout): MeshAxis[] => l.dimensions.flatMap(axesOfDimension);
export const isWhole = (l: ShardLayout): boolean => splitAxes(l).length === 0 && l.partial.length === 0;
export const isSplit = (d: DimensionLayout | undefined): boolean => (d ?? []).some(f => f.axis);

const sizeOfDimension = (d: DimensionLayout): number => d.reduce((n, f) => n * f.size, 1);
export const shapeOfLayout = (l: ShardLayout): number[] => l.dimensions.map(sizeOfDimension);

export const layoutKey = (l: ShardLayout): string =>
  `${l.dimensions.map(d => d.map(f => `${f.size}${f.axis ?? ""}`).join("*")).join(",")}+${meshAxes.filter(a => l.partial.includes(a))}`;
export const sameDimension = (a: DimensionLayout, b: DimensionLayout): boolean =>
  a.length === b.length && a.every((f, i) => f.size === b[i]!.size && f.axis === b[i]!.axis);

/** A dimension whose axes are gone, but for some. */
export const keepingAxes = (d: DimensionLayout, axes: readonly MeshAxis[]): DimensionLayout =>
  canonical(d.map(f => (f.axis && axes.includes(f.axis) ? f : { size: f.size })));

/** A layout in which an axis parts nothing. */
export const withoutAxis = (l: ShardLayout, axis: MeshAxis): ShardLayout => ({
  ...l,
  dimensions: l.dimensions.map(d =>
    keepingAxes(
      d,
      axesOfDimension(d).filter(a => a !== axis),
    ),
  ),
});
export const withDimension = (l: ShardLayout, at: number, d: DimensionLayout): ShardLayout => ({
  ...l,
  dimensions: l.dimensions.with(at, d),
});
export const withPartial = (l: ShardLayout, partial: readonly MeshAxis[]): ShardLayout => ({
  ...l,
  partial: meshAxes.filter(a => partial.includes(a)),
});

const localFactor = (f: LayoutFactor, mesh: Mesh): number => (f.axis ? f.size / mesh.sizes[f.axis] : f.size);
export const localSize = (d: DimensionLayout, mesh: Mesh): number => d.reduce((n, f) => n * localFactor(f, mesh), 1);
/** The shape of a rank's part. */
export const localShape = (l: ShardLayout, mesh: Mesh): number[] => l.dimensions.map(d => localSize(d, mesh));

/** A dimension parted over axes in one piece each, the first of them the slowest; undefined where they do not divide it. */
export function splitDimension(size: number, axes: readonly MeshAxis[], mesh: Mesh): DimensionLayout | undefined {
  const factors: LayoutFactor[] = [];
  let left = size;
  for (const [i, axis] of axes.entries()) {
    const parts = mesh.sizes[axis];
    if (left % parts) return undefined;
    factors.push(i === axes.length - 1 ? { size: left, axis } : { size: parts, axis });
    left /= parts;
  }
  return axes.length === 0 ? whole(size) : canonical(factors);
}

/** The layout that a caller means. Errors: tensor/mesh for dimensions that there are not, or that an axis does not divide. */
export function shardLayoutOf(mesh: Mesh, shape: Shape, sharding: Sharding, place: string): ShardLayout {
  const wrong = (expected: string, received: string) => tensorErrors.fail("mesh", { place, expected, received });
  const by = new Map<number, MeshAxis[]>();
  for (const axis of meshAxes) {
    const dimension = sharding.split?.[axis];
    if (dimension === undefined || mesh.sizes[axis] === 1) continue;
    if (!(Number.isSafeInteger(dimension) && dimension >= 0 && dimension < shape.length))
      throw wrong(`a dimension of ${showShape(shape)} for "${axis}"`, `${dimension}`);
    by.set(dimension, [...(by.get(dimension) ?? []), axis]);
  }
  const partial = meshAxes.filter(axis => sharding.partial?.includes(axis) && mesh.sizes[axis] > 1);
  const both = partial.find(axis => sharding.split?.[axis] !== undefined);
  if (both) throw wrong("an axis that parts a value or along which it is partial", `both for "${both}"`);
  const dimensions = shape.map((size, i) => {
    const axes = by.get(i) ?? [];
    const made = splitDimension(size, axes, mesh);
    if (made) return made;
    const parts = axes.map(a => mesh.sizes[a]).join(" x ");
    throw wrong(`dimension ${i} of ${showShape(shape)} to be a multiple of ${axes.join(" x ")} (${parts})`, `${size}`);
  });
  return { dimensions, partial };
}

/** Factors of a product of `size` from the front of a list, and what is left; an axis that stands in the way where there are none. */
function takeFactors(
  list: DimensionLayout,
  size: number,
  mesh: Mesh,
): { readonly taken: DimensionLayout; readonly rest: DimensionLayout } | { readonly stuck: MeshAxis } {
  const taken: LayoutFactor[] = [];
  let rest = list;
  let need = size;
  while (need > 1) {
    const [f, ...others] = rest as [LayoutFactor, ...LayoutFactor[]];
    const parts = f.axis ? mesh.sizes[f.axis] : 1;
    if (need % f.size === 0) {
      taken.push(f);
      need /= f.size;
      rest = others;
    } else if (f.size % need === 0 && need % parts === 0) {
      taken.push({ ...f, size: need });
      rest = [{ size: f.size / need }, ...others];
      need = 1;
    } else return { stuck: f.axis ?? others.find(o => o.axis)?.axis ?? taken.find(t => t.axis)!.axis! };
  }
  return { taken, rest };
}

/**
 * The layout of a value in another shape, with which its rows need not move; and the axes that had to go for it. Whole neighbours are cut anew
 * wherever the new shape has its borders.
 */
export function reshapedShardLayout(
  l: ShardLayout,
  shape: Shape,
  mesh: Mesh,
): { readonly layout: ShardLayout; readonly from: ShardLayout } {
  let from = l;
  for (;;) {
    let list = canonical(from.dimensions.flat());
    const dimensions: DimensionLayout[] = [];
    let stuck: MeshAxis | undefined;
    for (const size of shape) {
      const found = size === 0 ? { stuck: splitAxes(from)[0] } : takeFactors(list, size, mesh);
      if (!("taken" in found)) {
        stuck = found.stuck;
        if (stuck) break;
        return { layout: { ...wholeLayout(shape), partial: from.partial }, from };
      }
      dimensions.push(canonical(found.taken));
      list = canonical(found.rest);
    }
    if (!stuck) return { layout: { dimensions, partial: from.partial }, from };
    from = withoutAxis(from, stuck);
  }
}

/** What an operand of an element-by-element operation has to do with its result. */
interface Operand {
  readonly shape: Shape;
  readonly layout: ShardLayout;
}

/** The layout of a result whose operands broadcast to `shape`: each axis as the largest operand has it that parts something by it. */
export function unionLayout(shape: Shape, operands: readonly Operand[]): ShardLayout {
  const dimensions = shape.map(whole);
  const used = new Set<MeshAxis>();
  const sizes = (o: Operand): number => o.shape.reduce((n, d) => n * d, 1);
  for (const { shape: own, layout } of [...operands].sort((a, b) => sizes(b) - sizes(a)))
    for (const [i, d] of layout.dimensions.entries()) {
      const at = i + shape.length - own.length;
      const axes = axesOfDimension(d);
      if (axes.length === 0 || own[i] !== shape[at] || isSplit(dimensions[at]) || axes.some(a => used.has(a))) continue;
      dimensions[at] = d;
      for (const a of axes) used.add(a);
    }
  return { dimensions, partial: [] };
}

/** What an operand of `shape` needs to have where the result has `layout`. */
export const broadcastLayout = (layout: ShardLayout, shape: Shape): ShardLayout => {
  const lead = layout.dimensions.length - shape.length;
  return { dimensions: shape.map((size, i) => (size === 1 ? [] : layout.dimensions[i + lead]!)), partial: [] };
};

/** Factor by factor: the sizes of all, where a rank's part begins, and how large it is. */
interface ShardWindow {
  readonly of: Shape;
  readonly start: readonly number[];
  readonly size: Shape;
}
export function shardWindowOf(l: ShardLayout, mesh: Mesh, at: MeshCoordinates): ShardWindow {
  const factors = l.dimensions.flat();
  return {
    of: factors.map(f => f.size),
    start: factors.map(f => (f.axis ? at[f.axis] * localFactor(f, mesh) : 0)),
    size: factors.map(f => localFactor(f, mesh)),
  };
}

/** The places in the whole array of the elements of a rank's part, in the part's order. */
export function shardOffsets(l: ShardLayout, mesh: Mesh, at: MeshCoordinates): Int32Array {
  const { of, start, size } = shardWindowOf(l, mesh, at);
  const strides = stridesOf(of);
  const first = start.reduce((sum, s, i) => sum + s * strides[i]!, 0);
  return offsets(size, strides).map(o => o + first);
}

/** Is this the rank whose summand a whole value is, where the others have zeros? */
export const bearsSum = (partial: readonly MeshAxis[], at: MeshCoordinates): boolean => partial.every(axis => at[axis] === 0);

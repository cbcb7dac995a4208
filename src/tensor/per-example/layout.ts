/**
 * Where the rows of a batch lie in a tensor: each axis as a product of factors, of which one may be the row and one the token of the row. A reshape moves
 * factors between axes, a transpose moves axes; what cannot be followed is refused, so a program that mixes rows is found when it is traced.
 */
import { sizeOf } from "../dtype.ts";
import { tensorErrors } from "../errors.ts";
import type { Shape } from "../shape.ts";

interface Factor {
  readonly size: number;
  /** `row`: the example's row of the batch. `token`: its position in the row, as ids of examples are given by token. */
  readonly name: "row" | "token" | "other";
}
type AxisLayout = readonly Factor[];
export type Layout = readonly AxisLayout[];
/** Undefined: no row enters. `summed`: linear in a sum over rows, whose terms can be told apart no more. */
export type RowState = { readonly kind: "rows"; readonly layout: Layout } | { readonly kind: "summed" } | undefined;

export const stateOfRows = (layout: Layout): RowState => ({ kind: "rows", layout });
export const summedRows: RowState = { kind: "summed" };

/** Why a program's examples cannot be told apart. */
export const mixesRows = (place: string, received: string, hint?: string) =>
  tensorErrors.fail("perExample", {
    place,
    expected: "an operation that keeps the rows of the batch apart",
    received,
    ...(hint ? { hint } : {}),
  });

export const plainAxis = (size: number): AxisLayout => (size === 1 ? [] : [{ size, name: "other" }]);
export const plainLayout = (shape: Shape): Layout => shape.map(plainAxis);
const named = (size: number, name: Factor["name"]): AxisLayout => [{ size, name }];
/** Of an array of the batch [B, ...] or [B, T, ...]. */
export const batchLayout = (shape: Shape, tokens: number | undefined): Layout =>
  shape.map((size, axis) => (axis === 0 ? named(size, "row") : axis === 1 && size === tokens ? named(size, "token") : plainAxis(size)));

export const holdsFactor = (axis: AxisLayout, name: Factor["name"]): boolean => axis.some(f => f.name === name);
export const withoutTokens = (axis: AxisLayout): AxisLayout => axis.map(f => (f.name === "token" ? { ...f, name: "other" } : f));
/** An axis along which elements mix: tokens are told apart no more, and rows must not lie there. */
export function mixedAxis(place: string, axis: AxisLayout): AxisLayout {
  if (holdsFactor(axis, "row")) throw mixesRows(place, "one that mixes rows of the batch");
  return withoutTokens(axis);
}

/** Factors of a tensor regrouped for another shape of as many elements. */
export function reshapedLayout(place: string, layout: Layout, shape: Shape): Layout {
  const left = layout.flat().filter(f => f.size !== 1 || f.name !== "other");
  return shape.map((size, at) => {
    const isLast = sizeOf(shape.slice(at + 1)) === 1;
    const axis: Factor[] = [];
    let open = size;
    while (left.length > 0 && (open > 1 || (left[0]!.size === 1 && (isLast || axis.length === 0)))) {
      const next = left.shift()!;
      if (open % next.size === 0) {
        axis.push(next);
        open /= next.size;
        continue;
      }
      if (next.size % open !== 0 || next.name === "row") throw mixesRows(place, "a reshape that cuts the rows of the batch");
      axis.push({ size: open, name: "other" });
      left.unshift({ size: next.size / open, name: "other" });
      open = 1;
    }
    return axis;
  });
}

const sameSizes = (a: AxisLayout, b: AxisLayout): boolean => a.length === b.length && a.every((f, i) => f.size === b[i]!.size);

/**
 * One axis of what is computed element by element of several: rows must lie in one place. Tokens are kept where all agree, or, with `loose`, where one has
 * them: numbers and conditions have no gradient that could reach another token.
 */
function mergedAxis(place: string, axes: readonly AxisLayout[], loose: boolean): AxisLayout {
  const withRow = axes.filter(a => holdsFactor(a, "row"));
  const known = withRow.length > 0 ? withRow : axes.filter(a => a.length > 0);
  const first = known.find(a => holdsFactor(a, "token")) ?? known[0];
  if (!first) return [];
  if (!known.every(a => sameSizes(a, first))) {
    if (withRow.length > 0) throw mixesRows(place, "arrays whose rows lie in different places");
    return plainAxis(first.reduce((n, f) => n * f.size, 1));
  }
  return loose || axes.every(a => holdsFactor(a, "token")) ? first : withoutTokens(first);
}

/** Of elements of several tensors side by side, broadcast to a shape. */
export function mergedLayout(place: string, layouts: readonly Layout[], rank: number, loose = false): Layout {
  const of = (layout: Layout, axis: number): AxisLayout => layout[axis - rank + layout.length] ?? [];
  const merged = Array.from({ length: rank }, (_, axis) =>
    mergedAxis(
      place,
      layouts.map(l => of(l, axis)),
      loose,
    ),
  );
  if (merged.filter(a => holdsFactor(a, "row")).length > 1) throw mixesRows(place, "rows of the batch against other rows");
  const token = merged.findIndex(a => holdsFactor(a, "token"));
  return merged.map((axis, i) => (i === token ? axis : withoutTokens(axis)));
}

/** Which example each row, or each token, of a batch belongs to, and tensors put in the order [row, its elements, channels]. */
import { sizeOf } from "../dtype.ts";
import * as f from "../functions.ts";
import type { Tensor } from "../tensor.ts";
import { type Layout, mixesRows } from "./layout.ts";

/** How a batch divides into examples. */
export interface ExampleOwners {
  /** Number of examples; the number of rows when `of` is absent. */
  readonly count?: number;
  /** Example of each row [B], or of each token [B, T] (i32), from 0; below 0: of none. Absent: each row is one. */
  readonly of?: Tensor;
  /** Most rows side by side that an example spans (default 1: it lies within a row). */
  readonly span?: number;
}

/** The same, with the sizes of the batch. */
export interface Ownership {
  readonly rows: number;
  readonly count: number;
  readonly of: Tensor | undefined;
  readonly tokens: number | undefined;
  readonly span: number;
}

export function ownershipOf(rows: number, { of, count = rows, span = 1 }: ExampleOwners): Ownership {
  return { rows, count, of, tokens: of && of.shape.length === 2 ? of.shape[1]! : undefined, span: Math.min(span, rows) };
}

/** A tensor as [B, M, N]: row, what a row has beside channels, channels; and the example of each of [B, M], absent where rows are examples. */
interface RowMajor {
  readonly x: Tensor;
  readonly owner: Tensor | undefined;
}

const inFloats = (x: Tensor): Tensor => f.cast(x, "f32");

/** x, whose last axis is no row, in that order. */
export function rowMajor(place: string, x: Tensor, layout: Layout, examples: Ownership): RowMajor {
  const factors = layout.slice(0, -1).flat();
  const row = factors.findIndex(t => t.name === "row");
  if (row < 0) throw mixesRows(place, "a value whose rows lie along its last axis");
  const token = factors.findIndex(t => t.name === "token");
  const channels = x.shape.at(-1)!;
  const order = [row, ...(token >= 0 ? [token] : []), ...[...factors.keys()].filter(i => i !== row && i !== token), factors.length];
  const wide = f.reshape(inFloats(x), [...factors.map(t => t.size), channels]);
  const turned = order.every((from, to) => from === to) ? wide : f.transpose(wide, order);
  const inside = sizeOf(factors.map(t => t.size)) / examples.rows;
  return { x: f.reshape(turned, [examples.rows, inside, channels]), owner: ownerOf(place, examples, token >= 0, inside) };
}

function ownerOf(place: string, { of, tokens, rows }: Ownership, hasTokens: boolean, inside: number): Tensor | undefined {
  if (!of) return undefined;
  if (tokens === undefined) return f.broadcastTo(f.reshape(of, [rows, 1]), [rows, inside]);
  if (!hasTokens)
    throw mixesRows(
      place,
      "a value that several tokens of a row have part in",
      "Give one example a row (ids [B]), without packed sequences.",
    );
  return f.reshape(f.broadcastTo(f.reshape(of, [rows, tokens, 1]), [rows, tokens, inside / tokens]), [rows, inside]);
}

/** 1 where an element belongs to an example: owner [...] -> [..., E]. */
export const membership = (owner: Tensor, count: number): Tensor => f.oneHot(owner, count);

/** One number an example, spread over a tensor's elements by who they belong to: [E] -> what broadcasts against the layout's tensor. */
export function spreadNumbers(place: string, numbers: Tensor, layout: Layout, examples: Ownership): Tensor {
  const factors = layout.flat();
  const byRow = (t: Tensor): Tensor =>
    f.reshape(
      f.broadcastTo(
        f.reshape(
          t,
          factors.map(x => (x.name === "row" ? x.size : x.name === "token" && t.shape.length === 2 ? x.size : 1)),
        ),
        factors.map(x => x.size),
      ),
      layout.map(axis => sizeOf(axis.map(x => x.size))),
    );
  if (!examples.of) return byRow(numbers);
  if (examples.tokens !== undefined && !factors.some(x => x.name === "token"))
    throw mixesRows(place, "a value that several tokens of a row have part in");
  const found = ownNumbers(numbers, examples.of, examples.count);
  const [row, token] = [factors.findIndex(x => x.name === "row"), factors.findIndex(x => x.name === "token")];
  return byRow(examples.tokens !== undefined && token < row ? f.transpose(found, [1, 0]) : found);
}

/** The number of each element's example [...], 0 for those of none. */
export const ownNumbers = (numbers: Tensor, owner: Tensor, count: number): Tensor => {
  const rows = f.reshape(membership(f.reshape(owner, [-1]), count), [-1, count]);
  return f.reshape(f.matmul(rows, f.reshape(numbers, [count, 1])), owner.shape);
};

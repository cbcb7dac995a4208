/**
 * Gradients of examples that are not written out. The gradient of a matrix is a sum over an example's tokens of outer products l r^T, so products of two
 * such gradients are sums of (l . l') (r . r') over pairs of tokens ("ghost norms": Goodfellow 2015; Li et al. 2022, section 4). Where that costs more than
 * the gradients themselves, these are made, one parameter after the other (Bu et al. 2022, "mixed ghost clipping"). All sums in f32.
 */
import { sizeOf } from "../dtype.ts";
import * as f from "../functions.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { membership, type Ownership, ownNumbers } from "./examples.ts";

/** Rows of a table by number, in place of vectors with one 1. */
interface Picked {
  readonly index: Tensor;
  readonly size: number;
}
type Side = Tensor | Picked;
const isPicked = (s: Side): s is Picked => "index" in s;

/** Sum over tokens of left [K] x right [C]: sides [B, M, K] and [B, M, C]; the gradient of a matrix [K, C]. */
interface OuterTerm {
  readonly kind: "outer";
  readonly left: Side;
  readonly right: Tensor;
  readonly owner: Tensor | undefined;
}
/** Written out: [E, ...shape of the parameter]. */
interface DenseTerm {
  readonly kind: "dense";
  readonly value: Tensor;
}
export type Term = OuterTerm | DenseTerm;

const widthOf = (s: Side): number => (isPicked(s) ? s.size : s.shape[2]!);
const tokensOf = (t: OuterTerm): number => t.right.shape[1]!;
const turned = (x: Tensor): Tensor => f.transpose(x, [0, 2, 1]);

/** Products of left sides of two terms over pairs of tokens: [B, M, M']. */
function sideProducts(a: Side, b: Side): Tensor {
  if (!isPicked(a) && !isPicked(b)) return f.matmul(a, b, { transposeB: true });
  if (isPicked(a) && isPicked(b)) {
    const [rows, m] = a.index.shape as [number, number];
    return f.cast(f.equal(f.reshape(a.index, [rows, m, 1]), f.reshape(b.index, [rows, 1, b.index.shape[1]!])), "f32");
  }
  if (isPicked(a)) return turned(sideProducts(b, a));
  // b names the channels of a that count
  const { index } = b as Picked;
  const [rows, m] = a.shape as [number, number, number];
  const places = f.broadcastTo(f.reshape(index, [rows, 1, index.shape[1]!]), [rows, m, index.shape[1]!]);
  return f.takeAlong(a, places, 2);
}
const pairProducts = (a: OuterTerm, b: OuterTerm): Tensor =>
  f.mul(sideProducts(a.left, b.left), f.matmul(a.right, b.right, { transposeB: true }));

const cutRows = (x: Tensor, from: number, to: number): Tensor => (from === 0 && to === x.shape[0] ? x : f.slice(x, [from, to]));
function rowsOf(t: OuterTerm, from: number, to: number): OuterTerm {
  const left = isPicked(t.left) ? { ...t.left, index: cutRows(t.left.index, from, to) } : cutRows(t.left, from, to);
  return { ...t, left, right: cutRows(t.right, from, to), owner: t.owner && cutRows(t.owner, from, to) };
}
const addAll = (list: readonly Tensor[]): Tensor => list.reduce((a, b) => f.add(a, b));

/** Ordered pairs of terms in rows that lie `shift` apart; of one row each unordered pair is taken once, and counts twice. */
function* pairs(terms: readonly OuterTerm[], shift: number, rows: number) {
  for (const [i, a] of terms.entries())
    for (const [j, b] of terms.entries()) {
      if (shift === 0 && j < i) continue;
      yield { a: rowsOf(a, 0, rows - shift), b: rowsOf(b, shift, rows), times: shift > 0 || j > i ? 2 : 1 };
    }
}

/** Squared norms [E] of sums of outer products. */
function outerNorms(terms: readonly OuterTerm[], { rows, count, span }: Ownership): Tensor {
  const parts: Tensor[] = [];
  for (let shift = 0; shift < span; shift++)
    for (const { a, b, times } of pairs(terms, shift, rows)) {
      const products = f.mul(pairProducts(a, b), times);
      if (!a.owner || !b.owner) {
        parts.push(f.sum(products, [1, 2]));
        continue;
      }
      const [n, m] = a.owner.shape as [number, number];
      const same = f.equal(f.reshape(a.owner, [n, m, 1]), f.reshape(b.owner, [n, 1, b.owner.shape[1]!]));
      const own = f.sum(f.mul(products, f.cast(same, "f32")), 2);
      parts.push(f.reshape(f.matmul(f.reshape(own, [1, n * m]), membership(f.reshape(a.owner, [n * m]), count)), [count]));
    }
  return addAll(parts);
}

const ownersOf = (t: OuterTerm, rows: number): Tensor =>
  t.owner ?? f.broadcastTo(f.reshape(f.arange(rows, "i32"), [rows, 1]), [rows, tokensOf(t)]);

/** Products of all examples' gradients with each other: [E, E]. */
function outerDots(given: readonly OuterTerm[], { rows, count }: Ownership): Tensor {
  const terms = given.map(t => ({ ...t, owner: ownersOf(t, rows) }));
  const parts: Tensor[] = [];
  for (let shift = 0; shift < rows; shift++)
    for (const { a, b, times } of pairs(terms, shift, rows)) {
      const [own, other] = [membership(a.owner!, count), membership(b.owner!, count)];
      const found = f.sum(f.matmul(f.matmul(own, pairProducts(a, b), { transposeA: true }), other), 0);
      parts.push(times === 1 ? found : f.add(found, f.transpose(found, [1, 0])));
    }
  return addAll(parts);
}

/** A sum of outer products written out: [E, K, C]. */
function writtenOut(t: OuterTerm, { rows, count }: Ownership): Tensor {
  const [k, c] = [widthOf(t.left), t.right.shape[2]!];
  if (!t.owner && !isPicked(t.left)) return f.matmul(t.left, t.right, { transposeA: true });
  const flat = rows * tokensOf(t);
  const owner = f.reshape(ownersOf(t, rows), [flat]);
  const right = f.reshape(t.right, [flat, c]);
  if (isPicked(t.left)) {
    const isOwn = f.lessEqual(0, owner);
    const at = f.add(f.mul(f.select(isOwn, owner, 0), k), f.cast(f.reshape(t.left.index, [flat]), owner.dtype));
    const kept = f.mul(right, f.cast(f.reshape(isOwn, [flat, 1]), "f32"));
    return f.reshape(f.scatterRows(f.zeros([count * k, c]), at, kept, "add"), [count, k, c]);
  }
  const left = f.mul(f.reshape(membership(owner, count), [flat, count, 1]), f.reshape(t.left, [flat, 1, k]));
  return f.reshape(f.matmul(f.reshape(left, [flat, count * k]), right, { transposeA: true }), [count, k, c]);
}

/** [E, ...shape]. */
export const denseOf = (t: Term, shape: Shape, examples: Ownership): Tensor =>
  t.kind === "dense" ? t.value : f.reshape(writtenOut(t, examples), [examples.count, ...shape]);

const isOuter = (t: Term): t is OuterTerm => t.kind === "outer";

/** Are pairs of tokens cheaper than the gradients themselves, in multiplications and in memory? */
function isGhost(terms: readonly OuterTerm[], { span }: Ownership): boolean {
  if (terms.some(t => isPicked(t.left) || t.owner) || span > 1) return true;
  const m = terms.reduce((n, t) => n + tokensOf(t), 0);
  const [k, c] = [widthOf(terms[0]!.left), terms[0]!.right.shape[2]!];
  return m * (k + c) <= k * c || 2 * m * m <= k * c;
}

function flatDense(terms: readonly Term[], shape: Shape, examples: Ownership): Tensor {
  return f.reshape(addAll(terms.map(t => denseOf(t, shape, examples))), [examples.count, Math.max(1, sizeOf(shape))]);
}

/** Squared norm [E] of each example's gradient of one parameter. */
export function squaredNormsOf(terms: readonly Term[], shape: Shape, examples: Ownership): Tensor {
  if (terms.every(isOuter) && isGhost(terms, examples)) return outerNorms(terms, examples);
  const dense = flatDense(terms, shape, examples);
  return f.sum(f.mul(dense, dense), 1);
}

/** Dot products [E, E] of the examples' gradients of one parameter. */
export function dotsOf(terms: readonly Term[], shape: Shape, examples: Ownership): Tensor {
  if (terms.every(isOuter) && isGhost(terms, examples)) return outerDots(terms, examples);
  const dense = flatDense(terms, shape, examples);
  return f.matmul(dense, dense, { transposeB: true });
}

/** Sum over examples of weight x gradient, of the parameter's shape; weights [E]. */
export function weightedSumOf(t: Term, weights: Tensor, shape: Shape, { rows, count }: Ownership): Tensor {
  if (t.kind === "dense") {
    const flat = f.reshape(t.value, [count, Math.max(1, sizeOf(shape))]);
    return f.reshape(f.matmul(f.reshape(weights, [1, count]), flat), shape);
  }
  const m = tokensOf(t);
  const own = t.owner ? f.reshape(ownNumbers(weights, t.owner, count), [rows, m, 1]) : f.reshape(weights, [rows, 1, 1]);
  const right = f.reshape(f.mul(t.right, own), [rows * m, t.right.shape[2]!]);
  if (isPicked(t.left)) {
    const table = f.zeros([t.left.size, t.right.shape[2]!]);
    return f.reshape(f.scatterRows(table, f.reshape(t.left.index, [rows * m]), right, "add"), shape);
  }
  return f.reshape(f.matmul(f.reshape(t.left, [rows * m, widthOf(t.left)]), right, { transposeA: true }), shape);
}

/** Sums of one number a token over each example's tokens: [B, M] -> [E]. */
function ofExamples(values: Tensor, owner: Tensor | undefined, count: number): Tensor {
  if (!owner) return f.sum(values, 1);
  const n = sizeOf(values.shape);
  return f.reshape(f.matmul(f.reshape(values, [1, n]), membership(f.reshape(owner, [n]), count)), [count]);
}

/** A side's vectors times a matrix [K, N] -> [B, M, N]. */
function sideTimes(side: Side, matrix: Tensor): Tensor {
  if (isPicked(side)) return f.gather(matrix, side.index);
  const [rows, m, k] = side.shape as [number, number, number];
  return f.reshape(f.matmul(f.reshape(side, [rows * m, k]), matrix), [rows, m, matrix.shape[1]!]);
}

/** Dot product of each example's gradient of one parameter with a direction of the parameter's shape [E]: the sum over tokens of (l^T direction) . r. */
export function alongOf(t: Term, direction: Tensor, { count }: Ownership): Tensor {
  const d = f.cast(direction, "f32");
  if (t.kind === "dense") {
    const size = Math.max(1, sizeOf(d.shape));
    return f.reshape(f.matmul(f.reshape(t.value, [count, size]), f.reshape(d, [size, 1])), [count]);
  }
  const moved = sideTimes(t.left, f.reshape(d, [widthOf(t.left), t.right.shape[2]!]));
  return ofExamples(f.sum(f.mul(moved, t.right), 2), t.owner, count);
}

/** What a gradient is seen through: its rows [K, a] and its columns [C, b], where it is [K, C], C its last axis. */
export interface SketchFactors {
  readonly left: Tensor;
  readonly right: Tensor;
}

/** left^T gradient right of each example, row by row: [E, a x b]. Of outer products it is the sum over tokens of (left^T l) (right^T r)^T. */
export function termSketch(t: Term, { left, right }: SketchFactors, shape: Shape, examples: Ownership): Tensor {
  const { count } = examples;
  const [[k, a], [c, b]] = [left.shape, right.shape] as [[number, number], [number, number]];
  if (t.kind === "outer" && widthOf(t.left) === k) {
    const seen = { ...t, left: sideTimes(t.left, left), right: sideTimes(t.right, right) };
    return f.reshape(writtenOut(seen, examples), [count, a * b]);
  }
  const dense = f.reshape(denseOf(t, shape, examples), [count * k, c]);
  const columns = f.reshape(f.matmul(dense, right), [count, k, b]);
  return f.reshape(f.matmul(f.broadcastTo(f.reshape(left, [1, k, a]), [count, k, a]), columns, { transposeA: true }), [count, a * b]);
}

/** The gradient of a transposed matrix. */
export const turnedTerm = (t: Term): Term => {
  if (t.kind === "dense") return { ...t, value: turned(t.value) };
  // the picked side stays left: only dense sides change places
  return isPicked(t.left) ? t : { ...t, left: t.right, right: t.left };
};
export const canTurn = (t: Term): boolean => t.kind === "dense" || !isPicked(t.left);
export const withSides = (t: OuterTerm, sides: { readonly left?: Tensor; readonly right?: Tensor }): OuterTerm => ({ ...t, ...sides });
export const scaledTerm = (t: Term, by: Tensor | number): Term =>
  t.kind === "dense" ? { ...t, value: f.mul(t.value, by) } : { ...t, right: f.mul(t.right, by) };
export type { OuterTerm };
